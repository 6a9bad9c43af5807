"""What a score of a hidden unit knows: its repeatability, and its rank correlation with what a removal really does.

    row = score_quality("digits", seed=20, trained=1200, batch=64)
    row["truth"]["loss with gradient norm"]     # do removals that raise |g|^2 more also raise the loss more?

The truth is found by removing units one by one, on one large set of images, times and noise that no score has seen. The
gradient of a trained network on a mini-batch is mostly noise, and so is its norm: E |g_B|^2 = |g|^2 + trace(C) / B.
"""

import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from infotok.companions import Gates, importance
from infotok.companions.pruning import train_gated
from infotok.errors import checks, require_int
from infotok.experiments import diffusion
from infotok.experiments.diffusion import load_components, make_loss, make_model
from infotok.experiments.pruning import LEARNING_RATES

__all__ = ["score_quality"]

SCORED = ("magnitude", "taylor", "fisher", "gradient_flow")
IMAGES = 8192  # drawn for a score, whatever the batch
TRUTH = 2048  # images, times and noises of the truth


def score_quality(data: str, seed: int, trained: int, batch: int, units: int = 48) -> dict:
    """Scores of one network against the truth of its units.

    data: "digits" or "fashion".
    seed: of weights and batches.
    trained: gradient steps before the scores.
    batch: images of each batch of a score; all scores see as many images.
    units: how many are removed one by one, drawn by the seed.

    Returns rank correlations: "repeats", of each criterion's scores on two sets of batches; "loss", of the scores with
    the rise of the loss; "gradient_norm", with minus the rise of |g|^2. "truth" has the correlation of the two rises,
    and the share of removals that "raise" |g|^2; "gradient" |g|^2 of the "whole" set and its mean on a "batch"; "rise"
    the quantiles 0.1, 0.25, 0.5, 0.75 and 0.9 of the rise of the loss.
    """
    require_int("trained", trained, 1), require_int("batch", batch, 1, IMAGES), require_int("units", units, 3)
    images = load_components(data)
    with checks(False):
        model = make_model(seed)
        train_gated(Gates(model), make_loss(images, "flow", seed), trained, LEARNING_RATES[0])
        gates = Gates(model)
        generator = torch.Generator().manual_seed(30_000 + seed)
        chosen = torch.randperm(gates.count, generator=generator)[:units]
        scores = {}
        for criterion in SCORED:
            halves = [make_loss(images, "flow", 40_000 + 2 * seed + half, batch) for half in (0, 1)]
            found = [importance(each, gates, criterion, batches=max(1, IMAGES // batch // 2)) for each in halves]
            scores[criterion] = [torch.cat(each)[chosen] for each in found]
        fixed = _fixed_loss(images, generator)
        loss, norm = _removals(gates, fixed, chosen)
        noise = _batch_norm(gates, make_loss(images, "flow", 50_000 + seed, batch))
    rows = {criterion: _rank(*halves) for criterion, halves in scores.items() if criterion != "magnitude"}
    means = {criterion: (halves[0] + halves[1]) / 2 for criterion, halves in scores.items()}
    return {
        "repeats": rows,
        "loss": {criterion: _rank(each, loss) for criterion, each in means.items()},
        "gradient_norm": {criterion: _rank(each, -norm) for criterion, each in means.items()},
        "truth": {"loss with gradient norm": _rank(loss, norm), "raise": float((norm > 0).double().mean())},
        "gradient": {"whole": _norm(gates, fixed), "batch": noise},
        "rise": [float(loss.quantile(q)) for q in (0.1, 0.25, 0.5, 0.75, 0.9)],
    }


def _fixed_loss(images: diffusion.Components, generator: torch.Generator):
    """The loss on one set of images, times and noise."""
    x = images.train[torch.randint(len(images.train), (TRUTH,), generator=generator)]
    noise, t = torch.randn(x.shape, generator=generator), torch.rand(TRUTH, generator=generator)

    def loss(model: nn.Module) -> Tensor:
        return diffusion.loss_at(model, "flow", x, noise, t).mean()

    return loss


def _removals(gates: Gates, loss, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """The rise of the loss and of 1/2 |g|^2 when each of the chosen units alone is removed."""
    flat = torch.cat(gates.values)
    found = []
    for unit in [None, *chosen.tolist()]:
        values = flat.clone()
        if unit is not None:
            values[unit] = 0
        value, weights = gates.evaluate(loss, gates.split(values))
        gradients = torch.autograd.grad(value, weights)
        found.append((float(value), float(sum(each.square().sum() for each in gradients)) / 2))
    rises = torch.tensor(found[1:], dtype=torch.float64) - torch.tensor(found[0], dtype=torch.float64)
    return rises[:, 0], rises[:, 1]


def _norm(gates: Gates, loss) -> float:
    value, weights = gates.evaluate(loss)
    return float(sum(each.square().sum() for each in torch.autograd.grad(value, weights)))


def _batch_norm(gates: Gates, loss) -> float:
    """The mean of |g|^2 over mini-batches."""
    return sum(_norm(gates, loss) for _ in range(16)) / 16


def _rank(a: Tensor, b: Tensor) -> float:
    return float(spearmanr(a.numpy(), b.numpy()).statistic)
