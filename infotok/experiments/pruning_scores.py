"""What a score of a hidden unit knows: its repeatability, and its rank correlation with what a removal really does.

    row = score_quality("digits", seed=20, trained=1000, batches=[64, 1024])
    row["together"]     # do removals that raise |g|^2 more also raise the loss more?

The truth is found by removing units one by one, on one large set of images, times and noise that no score has seen. The
gradient of a trained network on a mini-batch is mostly noise, and so is its norm: E |g_B|^2 = |g|^2 + trace(C) / B. On
the large set a part of the norm is noise too: `noise_share`.
"""

import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from infotok.companions import Gates, importance
from infotok.errors import checks, require_float, require_int
from infotok.experiments import diffusion
from infotok.experiments.diffusion import load_components, make_loss, make_model, train
from infotok.experiments.pruning import LEARNING_RATES
from infotok.settings import check

__all__ = ["noise_share", "score_quality"]

SCORED = ("magnitude", "taylor", "fisher", "gradient_flow")
IMAGES = 8192  # drawn for a score, whatever the batch
TRUTH = 2048  # images, times and noises of the truth


def score_quality(data: str, seed: int, trained: int, batches: list[int], units: int = 48) -> dict:
    """Scores of one network against the truth of its units.

    data: "digits" or "fashion".
    seed: of weights and batches.
    trained: gradient steps before the scores.
    batches: images of each batch of a score; with any of them all scores see as many images.
    units: how many are removed one by one, drawn by the seed.

    Returns, by batch, rank correlations: "repeats", of each criterion's scores on two sets of batches; "loss", of the
    scores with the rise of the loss; "gradient_norm", with minus the rise of |g|^2; and "noise", the mean |g|^2 of a
    batch over that of the 2048 images of the truth. Of the network: "together", the rank correlation of the two rises,
    "raise", the share of removals that raise |g|^2, and "rise", quantiles 0.1, 0.25, 0.5, 0.75 and 0.9 of the rise of
    the loss.
    """
    require_int("trained", trained, 1), require_int("units", units, 3)
    for batch in check("batches", list[int], batches):
        require_int("batches", batch, 1, IMAGES // 2)
    images = load_components(data)
    with checks(False):
        model = make_model(seed)
        train(model, make_loss(images, "flow", seed), trained, LEARNING_RATES[0])
        gates = Gates(model)
        generator = torch.Generator().manual_seed(30_000 + seed)
        chosen = torch.randperm(gates.count, generator=generator)[:units]
        fixed = _fixed_loss(images, generator)
        loss, norm = _removals(gates, fixed, chosen)
        rises = {"loss": loss, "gradient_norm": -norm}
        found = {
            str(batch): _quality(gates, images, seed, batch, chosen, rises, _norm(gates, fixed)) for batch in batches
        }
    rise = [float(loss.quantile(q)) for q in (0.1, 0.25, 0.5, 0.75, 0.9)]
    together = {"together": _rank(loss, norm), "raise": float((norm > 0).double().mean())}
    return {"by_batch": found, "rise": rise} | together


def noise_share(ratio: float, batch: int) -> float:
    """The share of noise, s, in |g|^2 on the 2048 images of the truth, from that of a batch over it.

    With E |g_B|^2 = |g|^2 + trace(C) / B the ratio is 1 - s + s 2048 / B. So it is 2048 / B at most, whatever |g|^2 is.

    ratio: "noise" of `score_quality`.
    batch: images of the batch, B, fewer than 2048.

    Example:
        >>> from infotok.experiments.pruning_scores import noise_share
        >>> noise_share(ratio=32.0, batch=64), noise_share(ratio=1.0, batch=64)  # noise alone, and no noise
        (1.0, 0.0)
    """
    require_float("ratio", ratio, "[0, inf)"), require_int("batch", batch, 1, TRUTH - 1)
    return (ratio - 1) / (TRUTH / batch - 1)


def _quality(
    gates: Gates,
    images: diffusion.Components,
    seed: int,
    batch: int,
    chosen: Tensor,
    rises: dict[str, Tensor],
    whole: float,
) -> dict:
    """Repeatability and rank correlations of the scores on batches of one size."""
    found: dict = {"repeats": {}, "loss": {}, "gradient_norm": {}}
    for criterion in SCORED:
        halves = [make_loss(images, "flow", 40_000 + 2 * seed + half, batch) for half in (0, 1)]
        scores = [importance(each, gates, criterion, batches=IMAGES // batch // 2) for each in halves]
        first, second = (torch.cat(each)[chosen] for each in scores)
        if criterion != "magnitude":
            found["repeats"][criterion] = _rank(first, second)
        for name, rise in rises.items():
            found[name][criterion] = _rank(first + second, rise)
    drawn = make_loss(images, "flow", 50_000 + seed, batch)
    return found | {"noise": sum(_norm(gates, drawn) for _ in range(8)) / 8 / whole}


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
        found.append((float(value.detach()), float(sum(each.square().sum() for each in gradients)) / 2))
    rises = torch.tensor(found[1:], dtype=torch.float64) - torch.tensor(found[0], dtype=torch.float64)
    return rises[:, 0], rises[:, 1]


def _norm(gates: Gates, loss) -> float:
    value, weights = gates.evaluate(loss)
    return float(sum(each.square().sum() for each in torch.autograd.grad(value, weights)))


def _rank(a: Tensor, b: Tensor) -> float:
    return float(spearmanr(a.numpy(), b.numpy()).statistic)
