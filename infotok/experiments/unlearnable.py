"""The experiment of lesson 17: does protection transfer to learners that its maker never saw, and through bottlenecks?

    rows = sweep(protect, plan(), cache=record.cells)       # the reported runs
    find(rows, "digits", "patches")                         # those of one noise, by seed

A row is one noise on one data set and one seed, and what was done about it: `treatment` is "none" (all victims),
a countermeasure, or a bottleneck with its setting. Training images are poisoned, test images are clean. Sizes, the
world's clutter and the makers' settings were chosen on seed 0 of clothing and digits; no reported seed was among them.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from infotok.bottleneck import reverse_waterfilling
from infotok.companions.unlearnable import (
    class_patterns,
    kept_share,
    linear_directions,
    orthogonal_projection,
    poison,
    shortcut_share,
    without_convergence_warnings,
)
from infotok.companions.unlearnable_noise import class_density_noise, error_minimizing_noise, feature_collapse_noise
from infotok.companions.unlearnable_victims import (
    VICTIMS,
    Network,
    blur,
    fit_network,
    fit_vae,
    fit_vib,
    gaussian_channel,
    train_victim,
)
from infotok.errors import require_choice, require_float, require_folder, require_int
from infotok.experiments.results import load, write_rows
from infotok.worlds import ClutterWorld

__all__ = ["COMMAND", "COUNTERS", "NOISES", "REPORTED_SEEDS", "find", "keep", "make_noise", "plan", "protect"]

EPS = 8 / 255
NOISES = ("none", "random", "class sign", "patches", "positive half", "min-min, class", "min-min, sample",
          "feature collapse", "class density", "density ratio")  # fmt: skip
COUNTERS = ("blur", "projection", "adversarial", "VIB", "VAE", "water-filling", "fraction")
REPORTED_SEEDS, FRESH_SEEDS = range(20, 25), 1000
DATA = ("digits", "fashion")
COMMAND = "infotok run 17_unlearnable_examples --profile full -p keep=true"
CORE = ("none", "random", "class sign", "patches", "feature collapse", "class density")
Row = dict[str, Any]


def protect(
    pictures: str, noise: str, seed: int, treatment: str = "none", value: float = 0.0, eps: float = EPS,
    images: int = 1500, held_out: int = 600,
) -> Row:  # fmt: skip
    """One run: make the noise, poison, treat, train victims that the maker never saw, and score them.

    pictures: "digits" or "fashion"; noise: one of `NOISES`; seed: of images, noise and victims.
    treatment: "none" or one of `COUNTERS`; value: its setting, the width of the blur in pixels, the radius of
        adversarial training, beta of the VIB, bits of the VAE or of water-filling, or the fraction poisoned.
    eps: the budget in pixel values; images, held_out: how many are for training and for the scores.

    Returns "accuracy", "follows" and "content" by victim: on clean images, and where noise and content disagree; of
    "none" also "bits", of the label in the CNN's features on poisoned and on clean images; of a bottleneck its "rate"
    in bits and the share of the noise that it "kept", with the "theory" of reverse water-filling.
    """
    require_choice("noise", noise, NOISES), require_choice("treatment", treatment, ("none", *COUNTERS))
    require_float("value", value, "[0, inf)")
    world = ClutterWorld(pictures)
    x, y = world.sample(images, _stream(seed, 0))
    test, truth = world.sample(held_out, _stream(seed, 1), "test")
    made = make_noise(noise, x, y, eps=eps, seed=seed)
    fraction = value if treatment == "fraction" else 1.0
    poisoned = poison(x, y, made, fraction=fraction, generator=_stream(seed, 3))

    def score(predict: Callable[[Tensor], Tensor]) -> dict[str, float]:
        of_noise = y if len(made) == len(x) else None
        share = shortcut_share(predict, test, truth, made, of_noise, generator=_stream(seed, 4))
        accuracy = float((predict(test) == truth).double().mean())
        return {"accuracy": accuracy, "follows": share.noise, "content": share.content}

    if treatment == "none":
        scores = {name: score(train_victim(name, poisoned, y, seed=seed)) for name in VICTIMS if name != "CNN"}
        network = _network(seed)
        scores["CNN"] = score(fit_network(network, poisoned, y, generator=_stream(seed, 5)))
        bits = {"clean": _bits(network, test, truth)}
        if len(made) != len(x):
            bits["poisoned"] = _bits(network, poison(test, truth, made), truth)
        return _by_key(scores) | {"bits": bits}
    scored, found = _treated(treatment, value, poisoned, y, made, test, seed)
    return _by_key({"CNN": score(scored)}) | found


def make_noise(name: str, images: Tensor, labels: Tensor, *, eps: float = EPS, seed: int = 0) -> Tensor:
    """A noise by its name: (classes, C, H, W) of each class, or (N, C, H, W) of each image. Its models are its own."""
    require_choice("name", name, NOISES), require_int("seed", seed, 0, 2**31)
    shape, classes, generator = images.shape[1:], 10, _stream(seed, 2)
    if name == "none":
        return torch.zeros(classes, *shape)
    if name == "random":  # of each image, and independent of its label
        return eps * (2.0 * torch.randint(0, 2, images.shape, generator=generator) - 1)
    if name in ("class sign", "positive half", "patches"):
        kind = "patch" if name == "patches" else "sign"
        signs = class_patterns(shape, classes, eps, kind, generator=generator)
        return signs.clamp(min=0) if name == "positive half" else signs  # as clip(noise, 0, 1) leaves it
    if name in ("class density", "density ratio"):
        return class_density_noise(images, labels, eps=eps, ratio=name == "density ratio")
    torch.manual_seed(10_000 + seed)
    narrow = Network(shape[0], width=8, norm=False)  # victims are wider and normalised
    if name == "feature collapse":
        fit_network(narrow, images, labels, generator=generator)
        return feature_collapse_noise(images, labels, narrow.features, eps=eps)
    size = math.prod(shape)
    perceptron = nn.Sequential(nn.Flatten(), nn.Linear(size, 128), nn.ReLU(), nn.Linear(128, classes))
    if name == "min-min, class":
        return error_minimizing_noise(images, labels, [narrow, perceptron], eps=eps, generator=generator)
    steps = 20 * len(images) // 100  # every image twenty times
    per_sample = {"eps": eps, "per": "sample", "steps": max(steps, 1), "generator": generator}
    return error_minimizing_noise(images, labels, [perceptron], **per_sample)


def plan(part: str = "all", pictures: Sequence[str] = DATA, seeds: Iterable[int] = REPORTED_SEEDS) -> list[Row]:
    """The runs of one part, or of "all", as arguments of `protect`.

    "transfer": the noises on all victims; "bottlenecks": VIB, VAE and water-filling on two noises; "more": further
    noises, countermeasures, and fractions.
    """
    require_choice("part", part, ("all", "transfer", "bottlenecks", "more"))
    parts: dict[str, list[Row]] = {"transfer": [{"noise": noise} for noise in CORE], "bottlenecks": [], "more": []}
    for noise in ("none", "class sign", "patches"):
        treated = [("VIB", 0.3), ("VAE", 14.0)]
        treated += [("VAE", 80.0), ("water-filling", 20.0), ("water-filling", 80.0)] if noise != "none" else []
        parts["bottlenecks"] += [{"noise": noise, "treatment": name, "value": value} for name, value in treated]
    parts["more"] = [{"noise": noise} for noise in NOISES if noise not in CORE]
    counters = [("blur", 1.0), ("projection", 0.0), ("adversarial", EPS), ("fraction", 0.8)]
    parts["more"] += [{"noise": "class sign", "treatment": name, "value": value} for name, value in counters]
    chosen = [run for name, runs in parts.items() if part in ("all", name) for run in runs]
    return [{"pictures": which, "seed": seed, **run} for run in chosen for which in pictures for seed in seeds]


def find(rows: Iterable[Row], pictures: str, noise: str, treatment: str = "none", value: float = 0.0) -> dict[int, Row]:
    """Rows of one setting, by seed."""
    wanted = (pictures, noise, treatment, value)
    return {row["seed"]: row for row in rows if _setting(row)[:-1] == wanted}


def keep(path: str | Path, rows: Iterable[Row]) -> list[Row]:
    """Add finished runs to the file of reported runs and return all of its rows.

    path: the file, made if it is not there.
    rows: as `sweep` returns them; each takes the place of one of the same setting and seed.
    """
    path = Path(path)
    require_folder("path", path.parent)
    known = load(path) if path.exists() else []
    kept = [*{_setting(row): row for row in [*known, *rows]}.values()]
    write_rows(path, kept, COMMAND)
    return kept


def _setting(row: Row) -> tuple[Any, ...]:
    """What a row was made by: its data set, noise, treatment with its value, and seed."""
    row = {"treatment": "none", "value": 0.0} | row
    return tuple(row[key] for key in ("pictures", "noise", "treatment", "value", "seed"))


def _treated(treatment: str, value: float, poisoned: Tensor, y: Tensor, made: Tensor, test: Tensor, seed: int):
    """Predictions of a CNN after a treatment, and what was measured of it."""
    network, generator = _network(seed), _stream(seed, 5)
    if treatment in ("fraction", "adversarial"):
        attack = value if treatment == "adversarial" else 0.0
        return fit_network(network, poisoned, y, attack=attack, generator=generator), {}
    if treatment == "VIB":
        model = fit_vib(poisoned, y, value, seed=seed)
        return model.predict, {"rate": model.bits(poisoned)}
    found: dict[str, Any] = {}
    if treatment == "blur":
        change = lambda images: blur(images, value)  # noqa: E731
    elif treatment == "projection":
        directions = linear_directions(poisoned, y)
        change = lambda images: orthogonal_projection(images, directions)  # noqa: E731
    else:
        change, found = _channel(treatment, value, poisoned, made, test, seed)
    predict = fit_network(network, change(poisoned), y, generator=generator)
    return (lambda images: predict(change(images))), found


def _channel(treatment: str, bits: float, poisoned: Tensor, made: Tensor, test: Tensor, seed: int):
    """A rate limit that sees no labels: images through a VAE, or through the optimal Gaussian code, at a rate."""
    covariance = torch.cov(poisoned.flatten(1).T.double()).numpy()
    code, noise = reverse_waterfilling(covariance, bits), _stream(seed, 6)
    classwise = len(made) != len(poisoned) and bool(made.any())
    found = {"theory": kept_share(made, code)} if classwise else {}
    if treatment == "water-filling":
        return (lambda images: gaussian_channel(images, code, noise).clamp(0, 1)), found | {"rate": bits}
    model = fit_vae(poisoned, code, seed=seed)
    if classwise:
        found["kept"] = _kept(model, test, made)
    return (lambda images: model(images, noise).clamp(0, 1)), found | {"rate": model.bits(poisoned)}


@torch.no_grad()
def _kept(model: nn.Module, images: Tensor, made: Tensor) -> float:
    """How much of a class pattern the mean code carries: the slope of decoded(x + p) - decoded(x) on p."""
    patterns = made - made.mean(0)
    total = 0.0
    for pattern in patterns:
        ends = (model.decode(model.code(images + sign * pattern, None).mean) for sign in (0.5, -0.5))
        total += float(((next(ends) - next(ends)) * pattern).flatten(1).sum(1).mean())
    return total / float(patterns.square().sum())


def _bits(network: Network, images: Tensor, labels: Tensor) -> float:
    """Bits of the label in the network's features, H(Y) - cross-entropy of a probe, a lower bound of I(f(X); Y)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.preprocessing import StandardScaler

    network.eval()
    with torch.no_grad():
        features = StandardScaler().fit_transform(network.features(images).numpy())
    half = len(labels) // 2
    with without_convergence_warnings():
        probe = LogisticRegression(C=0.01, max_iter=100).fit(features[:half], labels[:half].numpy())
    surprise = log_loss(labels[half:].numpy(), probe.predict_proba(features[half:]), labels=probe.classes_)
    return math.log2(10) - surprise / math.log(2)


def _network(seed: int) -> Network:
    torch.manual_seed(seed)
    return Network()


def _by_key(scores: dict[str, dict[str, float]]) -> Row:
    return {key: {name: found[key] for name, found in scores.items()} for key in ("accuracy", "follows", "content")}


def _stream(seed: int, part: int) -> torch.Generator:
    """Images, test images, noise, the poisoned, conflicts, batches and channels have streams of their own."""
    return torch.Generator().manual_seed(100 * seed + part)
