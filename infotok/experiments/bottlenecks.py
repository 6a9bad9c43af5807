"""Programs and measurements of the lessons on bottlenecks: what a code keeps of its input, and what it discards.

- `merged_columns`      an encoder's clusters, those with the same prediction as one column (lesson 03)
- `train_decoder`       a network that reconstructs an image from a sample of its Gaussian code (lesson 04)
- `variance_shares`     reconstructed shares of the variance between classes and within them (lesson 04)
- `code_projection`     codes on their two directions of largest variance, in units of their noise (lesson 04)
- `noisy_sine`          y = sin(frequency x) + noise, and `noisy_sine_mi`, its mutual information (lesson 05)
- `fit`                 train a network on random batches (lesson 05)
- `probed_information`  a lower bound on I(tokens; labels) by a probe (lesson 05)
"""

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor, nn

from infotok.errors import require, require_float, require_int, require_numbers

__all__ = [
    "code_projection",
    "fit",
    "merged_columns",
    "noisy_sine",
    "noisy_sine_mi",
    "probed_information",
    "train_decoder",
    "variance_shares",
]


def merged_columns(
    q_t_given_x: ArrayLike, q_t: ArrayLike, q_y_given_t: ArrayLike, tolerance: float = 1e-4
) -> np.ndarray:
    """An encoder with clusters of the same prediction merged, and its columns in the order of their mean x.

    Args:
        q_t_given_x: (X, T), the encoder.
        q_t: (T,), probabilities of the clusters; those below `tolerance` are left out.
        q_y_given_t: (T, Y), predictions of the clusters.
        tolerance: two predictions closer than this in total variation are the same.

    Returns:
        (X, clusters), float64.
    """
    q, used = require_numbers("q_t_given_x", q_t_given_x, ndim=2), require_numbers("q_t", q_t, ndim=1)
    predictions = require_numbers("q_y_given_t", q_y_given_t, ndim=2)
    require(
        q.shape[1] == len(used) == len(predictions), "q_t", used.shape, f"as many clusters as q_t_given_x, {q.shape[1]}"
    )
    kept, merged = [], []
    for t in np.argsort(-used):
        if used[t] < tolerance:
            continue
        same = [i for i, other in enumerate(kept) if np.abs(other - predictions[t]).sum() / 2 < tolerance]
        if same:
            merged[same[0]] = merged[same[0]] + q[:, t]
        else:
            kept.append(predictions[t])
            merged.append(q[:, t])
    return np.stack(sorted(merged, key=lambda column: (np.arange(len(column)) @ column) / column.sum()), axis=1)


def train_decoder(
    mean: Tensor,
    log_variance: Tensor,
    images: Tensor,
    *,
    steps: int,
    batch: int = 128,
    hidden: int = 128,
    generator: torch.Generator | None = None,
) -> nn.Sequential:
    """A network that reconstructs the pixels of an image from one sample of its code, trained by squared error.

    Args:
        mean, log_variance: (N, D), the Gaussian code of each image.
        images: (N, ...), floats.
        steps: training steps, with Adam and a one-cycle schedule up to 0.01.
        batch: images in each step.
        hidden: width of its one hidden layer.
        generator: of the batches and the samples.

    Returns:
        codes (..., D) -> pixels (..., P).
    """
    require(mean.shape == log_variance.shape, "log_variance", tuple(log_variance.shape), f"shape {tuple(mean.shape)}")
    require(len(images) == len(mean), "images", len(images), f"{len(mean)}, one for each code")
    pixels, dim = images.flatten(1), mean.shape[1]
    decoder = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, pixels.shape[1]))
    optimiser = torch.optim.Adam(decoder.parameters(), fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=steps + 1)
    for _ in range(require_int("steps", steps)):
        index = torch.randint(len(pixels), (batch,), generator=generator)
        z = mean[index] + torch.exp(log_variance[index] / 2) * torch.randn(batch, dim, generator=generator)
        loss = F.mse_loss(decoder(z), pixels[index])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return decoder


def variance_shares(reconstructed: Tensor, images: Tensor, labels: Tensor) -> dict[str, float]:
    """Shares of the pixel variance between classes and within classes that a reconstruction explains.

    A share is the squared correlation of the two parts, so a reconstruction that is merely too faint loses nothing.

    Args:
        reconstructed, images: (N, P).
        labels: (N,), integers from 0; each class has one image or more.

    Returns:
        "between": of the class means; "within": of the differences from them.
    """
    require(reconstructed.shape == images.shape, "reconstructed", tuple(reconstructed.shape), f"{tuple(images.shape)}")
    require(len(labels) == len(images), "labels", len(labels), f"{len(images)}, one for each image")
    classes = F.one_hot(labels).float()  # (N, C)
    average = classes / classes.sum(0)

    def parts(x: Tensor) -> tuple[Tensor, Tensor]:
        means = average.T @ x  # (C, P)
        return means - means.mean(0), x - classes @ means

    (between, within), (true_between, true_within) = parts(reconstructed), parts(images)
    return {"between": _explained(between, true_between), "within": _explained(within, true_within)}


def _explained(guess: Tensor, truth: Tensor) -> float:
    """Squared correlation: the explained share of the variance of `truth`, at the best scale of `guess`."""
    return ((guess * truth).sum().square() / (guess.square().sum() * truth.square().sum())).item()


def code_projection(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Mean codes on their two directions of largest variance, in units of the code's own noise.

    mean, log_variance: (N, D), the Gaussian code of each image. Returns (N, 2), rounded to three digits.
    """
    scaled = mean / torch.exp(log_variance / 2).mean(0)
    scaled = scaled - scaled.mean(0)
    return (scaled @ torch.linalg.svd(scaled, full_matrices=False)[2][:2].T).round(decimals=3)


def noisy_sine(
    frequency: int, noise: float, size: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """x uniform on [0, 2 pi] and y = sin(frequency x) + noise times a standard Gaussian: (size, 1) each.

    frequency: periods in [0, 2 pi].
    noise: standard deviation of the Gaussian.
    size: number of pairs.
    generator: of both.
    """
    x = generator.uniform(0, 2 * np.pi, (size, 1))
    return x, np.sin(frequency * x) + noise * generator.normal(size=(size, 1))


def noisy_sine_mi(noise: float) -> float:
    """I(X;Y) of `noisy_sine` in nats: h(Y) - h(noise), by numerical integration. The frequency does not change it.

    noise: standard deviation of the Gaussian, from 0.01 to 100.
    """
    require_float("noise", noise, "[0.01, 100]")
    reach = 1 + 6 * noise
    grid, angle = np.linspace(-reach, reach, 4001), np.linspace(0, 2 * np.pi, 2000, endpoint=False)
    density = np.exp(-0.5 * ((grid[:, None] - np.sin(angle)) / noise) ** 2).mean(axis=1) / (noise * np.sqrt(2 * np.pi))
    entropy = -np.trapezoid(density * np.log(np.maximum(density, 1e-300)), grid)
    return float(entropy - 0.5 * np.log(2 * np.pi * np.e * noise**2))


def fit(
    network: nn.Module,
    loss: Callable[[Tensor], Tensor],
    steps: int,
    size: int,
    *,
    rate: float = 3e-3,
    batch: int = 128,
    generator: torch.Generator | None = None,
) -> None:
    """Train a network on random batches with AdamW and a cosine schedule to 0.

    Args:
        network: whose parameters are trained.
        loss: row indices (batch,) -> loss of these rows.
        steps: training steps.
        size: number of rows.
        rate: learning rate at the start.
        batch: rows in each step, drawn with replacement.
        generator: of the batches.
    """
    require_int("steps", steps), require_int("size", size), require_int("batch", batch)
    optimiser = torch.optim.AdamW(network.parameters(), rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        value = loss(torch.randint(size, (batch,), generator=generator))
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        schedule.step()


def probed_information(
    tokens: Tensor,
    labels: Tensor,
    held_tokens: Tensor,
    held_labels: Tensor,
    *,
    classes: int = 10,
    steps: int = 200,
    generator: torch.Generator | None = None,
) -> float:
    """A lower bound on I(tokens; labels) in nats, by a probe: H(Y) - cross-entropy on held-out rows.

    The probe is a network with one hidden layer of 128 units (Barber and Agakov 2003). The labels are taken to be
    equally likely. The bound is low where the probe is weak, and can fall just below 0 where there is no information.

    Args:
        tokens, held_tokens: (N, ...) and (M, ...), floats: what the probe is trained on, and evaluated on.
        labels, held_labels: (N,) and (M,), integers from 0 to classes - 1.
        classes: how many labels there are.
        steps: training steps of the probe.
        generator: of its batches.
    """
    require(len(tokens) == len(labels), "labels", len(labels), f"{len(tokens)}, one for each row of tokens")
    require(
        len(held_tokens) == len(held_labels), "held_labels", len(held_labels), f"{len(held_tokens)}, one for each row"
    )
    tokens, held_tokens = tokens.flatten(1), held_tokens.flatten(1)
    probe = nn.Sequential(nn.Linear(tokens.shape[1], 128), nn.GELU(), nn.Linear(128, classes))
    fit(
        probe,
        lambda i: F.cross_entropy(probe(tokens[i]), labels[i]),
        steps,
        len(tokens),
        rate=1e-2,
        generator=generator,
    )
    with torch.no_grad():
        return math.log(classes) - F.cross_entropy(probe(held_tokens), held_labels).item()
