"""Noise made for the data that it protects: error-minimising, feature collapse, and class density.

Each keeps every value within eps of the image, by projected sign steps: noise <- clip(noise - step sign g, -eps, eps).

- `error_minimizing_noise`  min over noise of min over theta of the loss (Huang et al. 2021, arXiv 2101.04898)
- `feature_collapse_noise`  the features of a class collapse to their mean
- `class_density_noise`     images move to where their class is dense: our reading of a data distribution's view
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.companions.unlearnable import check_images
from infotok.errors import (
    refuse,
    require,
    require_choice,
    require_flag,
    require_float,
    require_generator,
    require_instance,
    require_int,
)
from infotok.modes import evaluating

__all__ = ["class_density_noise", "error_minimizing_noise", "feature_collapse_noise"]

SLICE = 500  # images at a time where all are passed through a network


def error_minimizing_noise(
    images: Tensor,
    labels: Tensor,
    surrogates: Sequence[nn.Module],
    *,
    eps: float,
    per: str = "class",
    steps: int = 300,
    batch: int = 100,
    step_size: float | None = None,
    learning_rate: float = 2e-3,
    generator: torch.Generator,
) -> Tensor:
    """Error-minimising noise: models are trained on images with it, and it is moved to lower their loss further.

        min over noise, |noise| <= eps, of  min over theta of  E loss(f_theta(x + noise), y)

    Each step trains every surrogate on one batch, then moves the noise of that batch by the gradient of their mean
    loss. (The original alternates whole passes.)

    images: (N, C, H, W) in [0, 1]; labels: (N,).
    surrogates: networks from images to logits; they are trained in place. Several make noise that none alone explains.
    eps: the budget, in pixel values.
    per: "class", one noise for each class, (classes, C, H, W); or "sample", one for each image, (N, C, H, W).
    steps: number of batches; batch: images in each.
    step_size: of the noise; eps / 5 by default.
    learning_rate: of the surrogates, by Adam.
    generator: of the batches.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from infotok.companions import error_minimizing_noise
        >>> generator = torch.Generator().manual_seed(0)
        >>> images, labels = torch.rand(100, 1, 8, 8, generator=generator), torch.arange(100) % 3
        >>> surrogate = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
        >>> noise = error_minimizing_noise(images, labels, [surrogate], eps=0.1, steps=20, generator=generator)
        >>> noise.shape, round(noise.abs().max().item(), 3)  # one for each class
        (torch.Size([3, 1, 8, 8]), 0.1)
    """
    images = check_images(images, labels)
    require_generator("generator", generator), require_instance("surrogates", surrogates, (list, tuple), "networks")
    require(0 < len(surrogates) == len({*map(id, surrogates)}), "surrogates", surrogates, "one or more that differ")
    for network in surrogates:
        outputs, classes = _outputs("surrogates", network, images), int(labels.max()) + 1
        require(outputs >= classes, "surrogates", f"{outputs} outputs", f"a logit for each of {classes} classes")
    require_choice("per", per, ("class", "sample"))
    require_int("steps", steps), require_int("batch", batch), require_float("learning_rate", learning_rate, "(0, inf)")
    step_size = _step_size(eps, step_size, 5)
    rows = labels if per == "class" else torch.arange(len(images))
    noise = torch.zeros(int(rows.max()) + 1, *images.shape[1:])
    weights = [weight for network in surrogates for weight in network.parameters()]
    optimiser = torch.optim.Adam(weights, learning_rate, fused=True)
    for network in surrogates:
        network.train()
    for _ in range(steps):
        chosen = torch.randint(len(images), (min(batch, len(images)),), generator=generator)
        kind, at = rows[chosen].unique(return_inverse=True)
        moved = noise[kind].requires_grad_()
        poisoned = (images[chosen] + moved[at]).clamp(0, 1)
        loss = sum(F.cross_entropy(network(poisoned), labels[chosen]) for network in surrogates) / len(surrogates)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        noise[kind] = (noise[kind] - step_size * moved.grad.sign()).clamp(-eps, eps)
    return noise


def feature_collapse_noise(
    images: Tensor,
    labels: Tensor,
    extractor: nn.Module,
    *,
    eps: float,
    spread: float = 10.0,
    steps: int = 10,
    step_size: float | None = None,
) -> Tensor:
    """Noise for each image, (N, C, H, W), under which the features of a class collapse to one point.

        minimise |f(x') - t_y|^2,   t_y = c + spread (c_y - c)

    with c_y the mean feature of class y and c of all. Within a class the features agree, between classes they are apart
    (Papyan et al. 2020, arXiv 2008.08186): any learner near f finds the label in them.

    images: (N, C, H, W) in [0, 1]; labels: (N,).
    extractor: images -> features (N, F), trained on clean images; it is left as it is, in eval mode.
    eps: the budget, in pixel values.
    spread: how far apart the points are, in units of the distances between the means; 1 for the means themselves.
    steps: sign steps of `step_size`, eps / 4 by default.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from infotok.companions import feature_collapse_noise
        >>> images, labels = torch.rand(30, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(30) % 3
        >>> extractor = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU())  # trained on clean images
        >>> noise = feature_collapse_noise(images, labels, extractor, eps=0.1)
        >>> noise.shape, round(noise.abs().max().item(), 3)  # one for each image
        (torch.Size([30, 1, 8, 8]), 0.1)
    """
    images = check_images(images, labels)
    require_int("steps", steps), require_float("spread", spread, "[0, 1e6]")
    step_size = _step_size(eps, step_size, 4)
    _outputs("extractor", extractor, images)
    with evaluating(extractor), torch.no_grad():
        features = torch.cat([extractor(part) for part in images.split(SLICE)])
    one_hot = F.one_hot(labels).to(features.dtype)
    centres = one_hot.T @ features / one_hot.sum(0).clamp(min=1)[:, None]
    targets = features.mean(0) + spread * (centres - features.mean(0))[labels]

    def direction(part: Tensor, at: slice) -> Tensor:
        moved = part.requires_grad_()
        return -torch.autograd.grad((extractor(moved) - targets[at]).square().sum(), moved)[0]

    with evaluating(extractor):
        return _climb(images, direction, eps, steps, step_size)


def class_density_noise(
    images: Tensor, labels: Tensor, *, eps: float, ratio: bool = False, steps: int = 10, step_size: float | None = None
) -> Tensor:
    """Noise for each image, (N, C, H, W), that moves it to where its class is dense: maximise log p(x' | y).

    Densities are Gaussian, with a covariance shrunk as Ledoit and Wolf do: the gradient is -S_y^(-1) (x' - m_y).

    images: (N, C, H, W) in [0, 1]; labels: (N,), two images or more of each class.
    eps: the budget, in pixel values; steps: sign steps of `step_size`, eps / 4 by default.
    ratio: maximise log p(x' | y) - log p(x') instead, the pointwise information about the label.

    Example:
        >>> import torch
        >>> from infotok.companions import class_density_noise
        >>> images, labels = torch.rand(30, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(30) % 3
        >>> noise = class_density_noise(images, labels, eps=0.1)
        >>> noise.shape, round(noise.abs().max().item(), 3)  # one for each image
        (torch.Size([30, 1, 8, 8]), 0.1)
    """
    images = check_images(images, labels)
    require_flag("ratio", ratio), require_int("steps", steps)
    step_size = _step_size(eps, step_size, 4)
    flat = images.flatten(1).double().numpy()
    counts = torch.bincount(labels)
    require(int(counts[counts > 0].min()) > 1, "labels", "a class of one image", "two images or more of each class")
    of_class = {int(k): _gaussian(flat[labels.numpy() == int(k)]) for k in labels.unique()}
    of_all = _gaussian(flat)

    def direction(part: Tensor, at: slice) -> Tensor:
        x, out = part.flatten(1).double().numpy(), np.zeros((len(part), flat.shape[1]))
        for k, (mean, precision) in of_class.items():
            own = labels[at].numpy() == k
            out[own] = -(x[own] - mean) @ precision
        if ratio:
            out += (x - of_all[0]) @ of_all[1]
        return torch.from_numpy(out).to(part.dtype).view_as(part)

    return _climb(images, direction, eps, steps, step_size)


def _climb(images: Tensor, direction, eps: float, steps: int, step_size: float) -> Tensor:
    """Sign steps along `direction(part, rows)`, a part of the images at a time."""
    noise = torch.zeros_like(images)
    for first in range(0, len(images), SLICE):
        at = slice(first, first + SLICE)
        for _ in range(steps):
            up = direction((images[at] + noise[at]).clamp(0, 1), at)
            noise[at] = (noise[at] + step_size * up.sign()).clamp(-eps, eps)
    return noise


def _gaussian(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and precision of rows (n, D)."""
    from sklearn.covariance import LedoitWolf

    fitted = LedoitWolf().fit(rows)
    return fitted.location_, fitted.get_precision()


def _outputs(name: str, network: nn.Module, images: Tensor) -> int:
    """F of a network from images to (N, F); others are refused, and those that do not take these images."""
    require_instance(name, network, nn.Module, "networks")
    try:
        with evaluating(network), torch.no_grad():
            shape = tuple(network(images[:1]).shape)
    except RuntimeError:  # of torch, for sizes that do not fit
        refuse(name, "a network of other images", f"one that takes float32 images of shape {tuple(images.shape)}")
    require(len(shape) == 2, name, f"outputs of shape {shape}", "outputs of shape (N, F)")
    return shape[1]


def _step_size(eps: float, step_size: float | None, parts: int) -> float:
    require_float("eps", eps, "(0, 1]")
    return eps / parts if step_size is None else require_float("step_size", step_size, "(0, 1]")
