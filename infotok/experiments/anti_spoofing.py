"""One run of lesson 18: features learned on three capture domains, and a detector judged on the fourth.

    row = detect("masked contrastive", target="night", seed=20)
    row["hter"]["source"], row["auc"], row["nats"]["domain"]

Every variant has the same encoder, initial weights, captures and steps; a logistic regression on its frozen features
is the detector. Its threshold is that of equal errors on *source* validation captures. What a threshold from the
target's own test captures would report is kept beside it, and so is the best of several moments of training.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from infotok.companions import MCAE, MaskedAutoencoder, equal_error_threshold, half_total_error_rate
from infotok.errors import require_choice, require_float, require_int
from infotok.experiments.bottlenecks import fit
from infotok.information import probe_mi
from infotok.modes import evaluating
from infotok.worlds.captures import Captures, CaptureWorld

__all__ = ["VARIANTS", "SmallCNN", "detect", "fourier_energy"]

CROSS_ENTROPY, CONTRASTIVE, MASKED = "cross-entropy", "contrastive", "masked"
MASKED_CONTRASTIVE, WITHIN, SHUFFLED = "masked contrastive", "positives within a domain", "shuffled domains"
MASKED_CROSS_ENTROPY = "masked cross-entropy"
FOURIER, CNN, UNTRAINED = "Fourier energy", "small CNN", "untrained"
VARIANTS: dict[str, dict[str, Any]] = {  # what differs from `MCAE` as it is by default
    CROSS_ENTROPY: {"contrast": 0.0, "reconstruction": 0.0, "classification": 1.0, "ratio": 0.0},
    MASKED_CROSS_ENTROPY: {"contrast": 0.0, "classification": 1.0},
    CONTRASTIVE: {"reconstruction": 0.0, "ratio": 0.0},
    MASKED: {"contrast": 0.0},
    MASKED_CONTRASTIVE: {},
    "positives of all spoofs": {"positives": "all"},
    "live positives only": {"positives": "live"},
    WITHIN: {"positives": "within"},
    SHUFFLED: {},
    UNTRAINED: {},
    FOURIER: {},
    CNN: {},
}
VALIDATION, TEST = 50, 100  # captures of each class and domain
HIDDEN, LAYERS = 32, 1  # of the encoder
BATCH, RATE = 48, 5e-3
BINS = 12  # rings of spatial frequency


def detect(
    variant: str,
    target: str,
    seed: int,
    *,
    pictures: int = 100,
    labelled: int = 0,
    gap: float = 1.0,
    attack: float = 1.0,
    source: str = "digits",
    steps: int = 200,
    rate: float = RATE,
    moments: int = 3,
    probe: bool = True,
) -> dict[str, Any]:
    """Train features on all domains but `target`, and detect spoofs in it.

    variant: one of VARIANTS
    target: the domain that training does not see, one of `CaptureWorld.names`
    seed: of captures, weights, batches and masks
    pictures: training captures of each class and source domain
    labelled: how many of them have labels; 0 for all. The others serve reconstruction alone
    gap, attack, source: of `CaptureWorld`
    steps: of training, 48 captures each
    rate: learning rate at the start
    moments: at how many moments of training the detector is judged, the end included
    probe: whether to estimate the information in the features, which takes as long as half the training

    Returns "hter" with the threshold from "source" validation or "target" test captures, and of the "known" domains;
    "auc"; "accuracy" on source validation; "best_moment", the lowest HTER of all moments with the target's threshold;
    "explained", the share of the variance of hidden patches that is predicted; "nats" of "class" and "domain".
    """
    require_choice("variant", variant, tuple(VARIANTS)), require_choice("target", target, CaptureWorld.names)
    require_int("seed", seed, 0, 2**32), require_int("pictures", pictures, 2, 2**16)
    require_int("labelled", labelled, 0, pictures), require_int("steps", steps), require_int("moments", moments, 1)
    require_float("rate", rate, "(0, 1]")
    world, generator = CaptureWorld(source, gap, attack), torch.Generator().manual_seed(seed)
    known = [name for name in world.names if name != target]
    train = world.sample(pictures, generator, "train", known)
    validation = world.sample(VALIDATION, generator, "validation", known)
    test = world.sample(TEST, generator, "test", [target])
    few = train.take((torch.arange(len(train)) % pictures) < (labelled or pictures))
    torch.manual_seed(seed)
    network, features, loss = _learner(variant, few, train, generator)
    judged = []

    def judge() -> None:
        judged.append(_judge(features, few, validation, test))

    if loss is not None:
        at, done = {round(steps * k / moments) for k in range(1, moments)}, 0

        def step(index: Tensor) -> Tensor:
            nonlocal done
            if done in at:
                judge()
            done += 1
            return loss(index)

        fit(network, step, steps, len(train), rate=rate, batch=BATCH, generator=generator)
    judge()
    row = judged[-1] | {"best_moment": min(each["hter"]["target"] for each in judged), "explained": None, "nats": None}
    if isinstance(network, MCAE) and network.weights["reconstruction"] and loss is not None:
        parts = {"source": validation, "target": test}
        row["explained"] = {name: explained(network, part.images, generator) for name, part in parts.items()}
    if probe:
        row["nats"] = _nats(features, validation, seed)
    return row


def _learner(variant: str, few: Captures, train: Captures, generator: torch.Generator) -> tuple[Any, Any, Any]:
    """The network, its features as a function of images, and its loss as a function of rows; None for what it lacks."""
    if variant == FOURIER:
        return None, fourier_energy, None
    if variant == CNN:
        network = SmallCNN()
        return network, network.features, lambda i: network(few.images[i % len(few)], few.labels[i % len(few)])
    model = MCAE(MaskedAutoencoder(few.images.shape[-1], hidden=HIDDEN, layers=LAYERS), **VARIANTS[variant])
    order = torch.randperm(len(few), generator=generator)
    domains = few.domains[order] if variant == SHUFFLED else few.domains
    unlabelled = len(few) < len(train) and model.weights["reconstruction"] > 0

    def loss(index: Tensor) -> Tensor:
        rows, more = index % len(few), train.images[index] if unlabelled else None
        return model(few.images[rows], few.labels[rows], domains[rows], generator, more).loss

    return model, model.features, None if variant == UNTRAINED else loss


def fourier_energy(images: Tensor) -> Tensor:
    """Log energy (B, BINS) of the grey image (B, 3, S, S) in rings of spatial frequency, from low to high."""
    grey = images.mean(1)
    energy = torch.fft.fft2(grey - grey.mean((1, 2), keepdim=True)).abs().square()
    frequency = torch.fft.fftfreq(grey.shape[-1])
    radius = (frequency[:, None].square() + frequency.square()).sqrt() / 0.5**0.5  # 1 in the corner
    hot = F.one_hot((radius * BINS).long().clamp(max=BINS - 1), BINS).float()  # (S, S, BINS)
    return torch.log(torch.einsum("bij,ijk->bk", energy, hot) / hot.sum((0, 1)) + 1e-6)


class SmallCNN(nn.Module):
    """Three convolutions and a linear classifier, trained by cross-entropy; its features are the pooled last maps."""

    def __init__(self) -> None:
        super().__init__()
        widths = [(3, 16), (16, 32), (32, 64)]
        blocks = [(nn.Conv2d(a, b, 3, stride=2, padding=1), nn.BatchNorm2d(b), nn.ReLU()) for a, b in widths]
        self.layers = nn.Sequential(*(layer for block in blocks for layer in block))
        self.classifier = nn.Linear(widths[-1][1], 2)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """The cross-entropy of `images` (B, 3, S, S) with `labels` (B,)."""
        return F.cross_entropy(self.classifier(self.layers(images).mean((2, 3))), labels)

    def features(self, images: Tensor) -> Tensor:
        """Features (B, 64) of `images` (B, 3, S, S), without gradient."""
        with torch.no_grad(), evaluating(self):
            return self.layers(images).mean((2, 3))


def scores(features: Callable[[Tensor], Tensor], train: Captures, *judged: Captures) -> list[Any]:
    """Scores of captures, higher for live, by a logistic regression on features that is fitted to `train`."""
    detector = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    detector.fit(features(train.images).numpy(), train.labels.numpy())
    return [detector.decision_function(features(each.images).numpy()) for each in judged]


def _judge(
    features: Callable[[Tensor], Tensor], train: Captures, validation: Captures, test: Captures
) -> dict[str, Any]:
    known, new = scores(features, train, validation, test)
    y, new_y = validation.labels.numpy(), test.labels.numpy()
    source, target = equal_error_threshold(known, y), equal_error_threshold(new, new_y)
    return {
        "hter": {
            "source": half_total_error_rate(new, new_y, source),
            "target": half_total_error_rate(new, new_y, target),
            "known": half_total_error_rate(known, y, source),
        },
        "auc": float(roc_auc_score(new_y, new)),
        "accuracy": float(((known >= source) == (y == 1)).mean()),
    }


def explained(model: MCAE, images: Tensor, generator: torch.Generator) -> float:
    """Share of the variance of hidden patches, half of all, that the visible ones predict: 1 - error / variance."""
    with torch.no_grad(), evaluating(model):
        error = model.autoencoder(images, 0.5, generator).error.mean()
    return float(1 - error / (images - images.mean((0, 2, 3), keepdim=True)).square().mean())


def _nats(features: Callable[[Tensor], Tensor], validation: Captures, seed: int) -> dict[str, float]:
    """Probed nats of the features about the class, and about the domain of live captures, by three folds."""
    z, live = features(validation.images).numpy(), (validation.labels == 1).numpy()
    return {
        "class": probe_mi(z, validation.labels.numpy(), seed=seed, folds=3).nats,
        "domain": probe_mi(z[live], validation.domains.numpy()[live], seed=seed, folds=3).nats,
    }
