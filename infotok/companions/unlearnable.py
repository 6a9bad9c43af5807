"""Unlearnable examples: images with a bounded noise that keeps a model trained on them from learning their content.

    noise = class_patterns((1, 20, 20), classes=10, eps=8 / 255, generator=generator)
    protected = poison(images, labels, noise)               # |protected - images| <= eps, in [0, 1]
    shortcut_share(predict, test_images, test_labels, noise, generator=generator)     # what a victim learned instead

Noise that depends on the label is a *shortcut*: I(X'; Y) rises, to all of H(Y), and what a learner can use on clean
images falls. The companion paper (arXiv 2305.11191) makes such noise transfer between learners "from the perspective of
data distribution"; only its abstract is reachable, so the methods here are our reading. See also Huang et al. 2021
(arXiv 2101.04898) and Yu et al. 2022 (arXiv 2111.00898).

- `unlearnable_noise`    noise that is made for the data: error-minimising, feature collapse, class density
- `unlearnable_victims`  learners, and what they may do against it

The experiment of lesson 17 is `infotok.experiments.unlearnable`.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from infotok.bottleneck import ReverseWaterfilling
from infotok.errors import (
    require,
    require_choice,
    require_float,
    require_function,
    require_generator,
    require_instance,
    require_int,
    require_tensor,
)

__all__ = [
    "ShortcutShare",
    "class_patterns",
    "kept_share",
    "linear_directions",
    "orthogonal_projection",
    "poison",
    "shortcut_share",
]

IMAGES = ("N", "C", "H", "W")
AT_ONCE = 2**24  # pairs of an image and a row of noise


def class_patterns(
    shape: tuple[int, int, int], classes: int, eps: float, kind: str = "sign", patch: int = 4, *,
    generator: torch.Generator,
) -> Tensor:  # fmt: skip
    """One random pattern of signs for each class, (classes, C, H, W), every entry -eps or eps: no model is needed.

    Classes are linearly separable by such patterns (Yu et al. 2022).

    shape: (C, H, W) of an image.
    classes: number of patterns.
    eps: the budget, in pixel values from 0 to 1: 8/255 is usual.
    kind: "sign", a sign for each value; "patch", one for each square of `patch` x `patch` pixels, which a filter of
        low resolution keeps.
    generator: of the signs.

    Example:
        >>> import torch
        >>> from infotok.companions import class_patterns
        >>> patterns = class_patterns((3, 32, 32), classes=10, eps=8 / 255, generator=torch.Generator().manual_seed(0))
        >>> patterns.shape, patterns.unique().mul(255).round().tolist()
        (torch.Size([10, 3, 32, 32]), [-8.0, 8.0])
    """
    sized = isinstance(shape, tuple | list | torch.Size) and len(shape) == 3
    require(sized, "shape", shape, "three sizes (C, H, W)")
    channels, height, width = (require_int("shape", size) for size in shape)
    require_int("classes", classes), require_float("eps", eps, "[0, 1]"), require_int("patch", patch)
    require_choice("kind", kind, ("sign", "patch")), require_generator("generator", generator)
    side = patch if kind == "patch" else 1
    rows, columns = -(-height // side), -(-width // side)
    signs = 2.0 * torch.randint(0, 2, (classes, channels, rows, columns), generator=generator) - 1
    signs = signs.repeat_interleave(side, 2).repeat_interleave(side, 3)[..., :height, :width]
    return eps * signs


def poison(
    images: Tensor, labels: Tensor, noise: Tensor, *, fraction: float = 1.0, generator: torch.Generator | None = None
) -> Tensor:
    """Images with their noise: clip(x + noise, 0, 1), so that no value moves by more than the noise does.

    images: (N, C, H, W) floats in [0, 1].
    labels: (N,) int64.
    noise: (N, C, H, W) of each image, or (classes, C, H, W) of each class. N rows are of classes if the largest label
        is N - 1, and else of images.
    fraction: of the images that are poisoned, drawn at random; the others stay as they are.
    generator: of the draw, needed below a fraction of 1.

    Example:
        >>> import torch
        >>> from infotok.companions import class_patterns, poison
        >>> generator = torch.Generator().manual_seed(0)
        >>> images, labels = torch.rand(100, 1, 8, 8, generator=generator), torch.arange(100) % 10
        >>> poisoned = poison(images, labels, class_patterns((1, 8, 8), 10, 0.1, generator=generator))
        >>> poisoned.shape, round((poisoned - images).abs().max().item(), 3)
        (torch.Size([100, 1, 8, 8]), 0.1)
    """
    images = check_images(images, labels)
    moved = require_tensor("noise", noise, ("K", *images.shape[1:]), values="[-1, 1]")
    classes = int(labels.max()) + 1
    require(len(noise) == len(images) or len(noise) >= classes, "noise", noise, f"{len(images)} rows, or one a class")
    require_float("fraction", fraction, "[0, 1]")
    if len(noise) != len(images) or len(noise) == classes:
        moved = noise[labels]
    if fraction < 1:
        require(generator is not None, "generator", None, "a torch.Generator, for a fraction below 1", TypeError)
        require_generator("generator", generator)
        chosen = torch.randperm(len(images), generator=generator)[: round(fraction * len(images))]
        moved = torch.zeros_like(moved).index_copy(0, chosen, moved[chosen])
    return (images + moved).clamp(0, 1)


@dataclass(frozen=True)
class ShortcutShare:
    """What predictions follow where noise and content disagree.

    noise: share of the images that get the label of their noise.
    content: share that get their own label.

    Example:
        >>> import torch
        >>> from infotok.companions import class_patterns, shortcut_share
        >>> generator = torch.Generator().manual_seed(0)
        >>> images, labels = torch.rand(100, 1, 8, 8, generator=generator), torch.arange(100) % 10
        >>> noise = class_patterns((1, 8, 8), 10, 0.1, generator=generator)
        >>> share = shortcut_share(lambda images: labels, images, labels, noise, generator=generator)
        >>> share.content, share.noise  # of a victim that always knows the content
        (1.0, 0.0)
    """

    noise: float
    content: float


def shortcut_share(
    predict: Callable[[Tensor], Tensor],
    images: Tensor,
    labels: Tensor,
    noise: Tensor,
    noise_labels: Tensor | None = None,
    *,
    generator: torch.Generator,
) -> ShortcutShare:
    """Whether a victim follows the noise or the content: each image gets noise of another class than its own.

    predict: images (N, C, H, W) -> predicted labels (N,).
    images: (N, C, H, W), clean ones that the victim has not seen; labels: (N,).
    noise: (K, C, H, W); noise_labels: (K,) their classes, 0 to K - 1 by default.
    generator: of the choice of noise, uniform over the rows of other classes.

    Example:
        >>> import torch
        >>> from infotok.companions import class_patterns, shortcut_share
        >>> generator = torch.Generator().manual_seed(0)
        >>> images, labels = torch.full((100, 1, 8, 8), 0.5), torch.arange(100) % 10
        >>> noise = class_patterns((1, 8, 8), 10, 0.1, generator=generator)
        >>> def victim(images):  # it reads the noise and nothing else
        ...     return ((images - 0.5).flatten(1) @ noise.flatten(1).T).argmax(1)
        ...
        >>> shortcut_share(victim, images, labels, noise, generator=generator)
        ShortcutShare(noise=1.0, content=0.0)
    """
    require_function("predict", predict, "a function of images")
    images = check_images(images, labels)
    require_generator("generator", generator)
    require_tensor("noise", noise, ("K", *images.shape[1:]), values="[-1, 1]")
    if noise_labels is None:
        noise_labels = torch.arange(len(noise))
    require_tensor("noise_labels", noise_labels, (len(noise),), "int64", values="[0, 65535]")
    drawn = []
    for part in labels.split(max(1, AT_ONCE // len(noise))) if len(noise) else [labels]:
        other = (part[:, None] != noise_labels).float()  # (part of N, K)
        require((other.sum(1) > 0).all(), "noise", f"{len(noise)} rows", "for each image a row of another class")
        drawn.append(torch.multinomial(other, 1, generator=generator)[:, 0])
    drawn = torch.cat(drawn)
    predicted = predict((images + noise[drawn]).clamp(0, 1))
    require_instance("predict", predicted, Tensor, "a function that gives a tensor of labels")
    require(predicted.shape == labels.shape, "predict", predicted, f"labels of shape {tuple(labels.shape)}")
    shares = ((predicted == wanted).double().mean() for wanted in (noise_labels[drawn], labels))
    return ShortcutShare(*(float(share) for share in shares))


def orthogonal_projection(images: Tensor, directions: Tensor) -> Tensor:
    """Images without their part along some directions, x - Q Q^T (x - mean): a countermeasure to linear shortcuts.

    images: (N, ...); directions: (K, D), of any length, D numbers per image; Q is an orthonormal basis of their span.
    The mean is kept. Source: Sandoval-Segura et al. 2023 (arXiv 2305.19254), with `linear_directions`.

    Example:
        >>> import torch
        >>> from infotok.companions import orthogonal_projection
        >>> images = torch.tensor([[1.0, 0.0], [3.0, 5.0]])  # rows of pixels
        >>> orthogonal_projection(images, directions=torch.tensor([[1.0, 0.0]]))  # the mean is kept
        tensor([[2., 0.],
                [2., 5.]])
    """
    require_tensor("images", images, values="(-inf, inf)")
    require(images.ndim >= 2 and len(images) > 0, "images", images, "one row or more, (N, ...)")
    flat = images.flatten(1)
    require_tensor("directions", directions, ("K", flat.shape[1]), values="(-inf, inf)")
    require(directions.numel() > 0, "directions", directions, "one direction or more")
    flat = flat.double()
    u, scale, _ = torch.linalg.svd(directions.T.double(), full_matrices=False)
    basis = u[:, scale > scale.max() * 1e-6]
    return (flat - (flat - flat.mean(0)) @ basis @ basis.T).view_as(images).to(images.dtype)


def linear_directions(images: Tensor, labels: Tensor) -> Tensor:
    """The weights of a logistic regression on pixels, (classes, D): where a linear shortcut lies, learned without it.

    images: (N, C, H, W); labels: (N,), two classes or more.

    Example:
        >>> import torch
        >>> from infotok.companions import class_patterns, linear_directions, poison
        >>> generator = torch.Generator().manual_seed(0)
        >>> labels = torch.arange(100) % 3
        >>> noise = class_patterns((1, 8, 8), 3, 0.1, generator=generator)
        >>> found = linear_directions(poison(torch.rand(100, 1, 8, 8, generator=generator), labels, noise), labels)
        >>> found.shape, bool(torch.cosine_similarity(found, noise.flatten(1) - noise.flatten(1).mean(0)).min() > 0.5)
        (torch.Size([3, 64]), True)
    """
    from sklearn.linear_model import LogisticRegression

    images = check_images(images, labels)
    require(len(labels.unique()) > 1, "labels", "one class", "two classes or more")
    with without_convergence_warnings():
        fitted = LogisticRegression(C=1.0, max_iter=60).fit(images.flatten(1).numpy(), labels.numpy())
    weights = torch.from_numpy(fitted.coef_).float()
    return weights if len(weights) > 1 else torch.cat([-weights, weights]) / 2  # one row stands for two classes


def kept_share(noise: Tensor, code: ReverseWaterfilling) -> float:
    """The share of class noise that a Gaussian code keeps: tr(P G P^T) / tr(P P^T), P the centred patterns.

    noise: (classes, C, H, W); code: of `reverse_waterfilling` of the poisoned images' covariance, whose gain is G.
    A direction of variance v keeps 1 - theta / v, and nothing where the distortion theta is above v.

    Example:
        >>> import numpy as np
        >>> import torch
        >>> from infotok.bottleneck import reverse_waterfilling
        >>> from infotok.companions import class_patterns, kept_share
        >>> noise = class_patterns((1, 4, 4), 3, 0.1, generator=torch.Generator().manual_seed(0))
        >>> codes = [reverse_waterfilling(np.eye(16), bits) for bits in (0.0, 8.0, 16.0)]
        >>> [round(kept_share(noise, code), 2) for code in codes]  # 1 - 2^(-bits / 8)
        [0.0, 0.5, 0.75]
    """
    require_instance("code", code, ReverseWaterfilling)
    require_tensor("noise", noise, ("K", "C", "H", "W"), values="[-1, 1]")
    patterns = noise.detach().flatten(1).double().numpy()
    patterns = patterns - patterns.mean(0)
    dim = len(code.variances)
    require(patterns.shape[1] == dim, "noise", noise, f"patterns of {dim} values, as the code's covariance")
    power = np.square(patterns).sum()
    require(power > 0, "noise", "the same pattern for every class", "patterns that differ")
    return float((patterns @ code.gain * patterns).sum() / power)


@contextmanager
def without_convergence_warnings() -> Iterator[None]:
    """The number of passes of scikit-learn's learners is a setting here: no warning that it was reached."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def check_images(images: Tensor, labels: Tensor) -> Tensor:
    """Images (N, C, H, W) in [0, 1] as float32 without a gradient; refuses others, and labels that are not (N,)."""
    require_tensor("images", images, IMAGES, values="[0, 1]")
    require(images.numel() > 0, "images", images, "one image or more")
    require_tensor("labels", labels, (len(images),), "int64", values="[0, 65535]")
    return images.detach().float()
