"""Trained critics: the methods of `estimate_mi` that maximise a variational bound, evaluated on held-out samples.

- `Training`        hyperparameters: steps, batch, rate, patience
- `train_critic`    AdamW on any bound of a (B, B) score matrix, with early stopping on validation samples
- `NEURAL`          the methods by name: infonce, nwj, dv (Donsker-Varadhan), mine, tuba, js, smile, interpolated (lower
  bounds, apart from smile), club, loo (upper bounds where the fitted conditional is the true one)
"""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from infotok.errors import require, require_choice, require_float, require_int
from infotok.information import bounds, upper
from infotok.information.critics import BilinearCritic, ConcatCritic, GaussianConditional, SeparableCritic, mlp
from infotok.information.isolation import seeded, undisturbed

CRITICS = {"separable": SeparableCritic, "bilinear": BilinearCritic, "concat": ConcatCritic}
HELD_OUT_BLOCK = 2000  # held-out pairs per score matrix: it bounds memory, and InfoNCE by its logarithm


@dataclass
class Training:
    """Hyperparameters of a critic's training by AdamW with a cosine schedule; the best step on validation is kept.

    steps: training steps at most
    batch: pairs in a batch
    rate: learning rate
    decay: weight decay
    every: steps between evaluations on the validation samples
    patience: evaluations without improvement before stopping
    progress: show steps on stderr
    """

    steps: int = 2000
    batch: int = 256
    rate: float = 1e-3
    decay: float = 1e-2
    every: int = 50
    patience: int = 8
    progress: bool = False

    def __post_init__(self) -> None:
        for name in ("steps", "every", "patience"):
            require_int(name, getattr(self, name))
        require_int("batch", self.batch, 4)
        require_float("rate", self.rate, "(0, inf)")
        require_float("decay", self.decay, "[0, inf)")


History = dict[str, list[float]]


def train_critic(
    critic: nn.Module,
    objective: Callable[[Tensor], Tensor],
    train: tuple[Tensor, Tensor],
    validation: tuple[Tensor, Tensor],
    plan: Training,
    seed: int,
    evaluation: Callable[[Tensor], Tensor] | None = None,
) -> History:
    """Maximise `objective(critic(x, y))` on batches; the critic keeps the weights that were best on validation.

    Args:
        critic: a module (x, y) -> scores (B, B).
        objective: a bound, scores -> nats.
        train: x (N, dx) and y (N, dy).
        validation: x and y for early stopping.
        plan: hyperparameters.
        seed: of the batches.
        evaluation: the bound that is evaluated on validation samples; `objective` by default.

    Returns:
        {"step", "train", "validation"}: at each evaluation the mean objective since the last one, and the value.

    Raises FloatingPointError with the step for a value that is not finite.
    """
    evaluation = evaluation or objective
    generator = torch.Generator().manual_seed(seed)
    x, y = train
    optimizer = torch.optim.AdamW(critic.parameters(), lr=plan.rate, weight_decay=plan.decay, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, plan.steps)
    history: History = {"step": [], "train": [], "validation": []}
    best, best_state, stale, running = -math.inf, None, 0, []
    for step in range(plan.steps + 1):
        if step % plan.every == 0 or step == plan.steps:
            with torch.no_grad():
                value = float(evaluation(critic(*validation)))
            history["step"].append(step)
            history["train"].append(float(np.mean(running)) if running else value)
            history["validation"].append(value)
            running, stale = [], stale + 1
            if plan.progress:
                print(f"\rstep {step} of {plan.steps}: {value:.3f} nats on validation", end="", file=sys.stderr)
            if value > best:
                best, stale = value, 0
                best_state = {name: tensor.detach().clone() for name, tensor in critic.state_dict().items()}
            if stale >= plan.patience or step == plan.steps:
                break
        index = torch.randperm(len(x), generator=generator)[: plan.batch].to(x.device)
        value = objective(critic(x[index], y[index]))
        if not torch.isfinite(value):
            raise FloatingPointError(f"step {step}: the bound is {value.item()}; try a lower rate")
        optimizer.zero_grad()
        (-value).backward()
        optimizer.step()
        schedule.step()
        running.append(value.item())
    if plan.progress:
        print(file=sys.stderr)
    if best_state is not None:
        critic.load_state_dict(best_state)
    return history


class WithBaseline(nn.Module):
    """TUBA's critic f(x, y) - log a(x) with a learned baseline.

    critic: the module f; dim_x: dimensions of x.
    """

    def __init__(self, critic: nn.Module, dim_x: int) -> None:
        super().__init__()
        self.critic, self.log_baseline = critic, mlp(dim_x, 64, 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Scores (B, B) of x (B, dx) and y (B, dy)."""
        return self.critic(x, y) - self.log_baseline(x)


@dataclass(frozen=True)
class Method:
    """One method of `estimate_mi`.

    objective: the bound to train on
    evaluation: the bound on held-out samples
    kind: "lower bound", "upper bound" or "point"
    options: names of further arguments of both
    """

    objective: Callable[..., Tensor]
    evaluation: Callable[..., Tensor]
    kind: str = "lower bound"
    options: tuple[str, ...] = ()


def _log_likelihood(scores: Tensor) -> Tensor:
    return scores.diagonal().mean()


_tuba = partial(bounds.tuba, log_baseline=0.0)
NEURAL: dict[str, Method] = {
    "infonce": Method(bounds.infonce, bounds.infonce),
    "nwj": Method(bounds.nwj, bounds.nwj),
    "dv": Method(bounds.donsker_varadhan, bounds.donsker_varadhan),
    "mine": Method(bounds.mine, bounds.donsker_varadhan),
    "tuba": Method(_tuba, _tuba),
    "js": Method(bounds.jensen_shannon, bounds.jensen_shannon),
    "smile": Method(bounds.smile, bounds.smile, kind="point", options=("clip",)),
    "interpolated": Method(bounds.interpolated, bounds.interpolated, options=("alpha",)),
    "club": Method(_log_likelihood, upper.club, kind="upper bound"),
    "loo": Method(_log_likelihood, upper.leave_one_out, kind="upper bound"),
}


@dataclass
class HeldOut:
    """A bound on held-out pairs in nats, its standard error by the jackknife, its ceiling and the training history."""

    nats: float
    error: float
    ceiling: float | None
    history: History = field(default_factory=dict)
    note: str = ""


@undisturbed()
def neural_mi(
    x: np.ndarray,
    y: np.ndarray,
    name: str,
    *,
    seed: int,
    device: str,
    plan: Training,
    critic: str = "separable",
    hidden: int = 128,
    layers: int = 2,
    **options: float,
) -> HeldOut:
    """Train a critic on 60 % of the samples, stop early by 20 %, evaluate the bound on 20 %.

    x: (N, dx) standardised; y: (N, dy) standardised
    name: one of `NEURAL`
    seed: of split, weights and batches
    device: where to train
    plan: hyperparameters of the training
    critic: "separable", "bilinear" or "concat"
    hidden, layers: units and number of hidden layers
    options: of the method: clip, alpha
    """
    method = NEURAL[name]
    require_choice("critic", critic, tuple(CRITICS))
    require(len(x) >= 40, "x", f"{len(x)} samples", "at least 40 to train, validate and test on")
    if name == "interpolated":
        options = {"alpha": 0.5, **options}
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(x)))
    x, y = (torch.tensor(v, dtype=torch.float32)[order].to(device) for v in (x, y))
    fifth = len(x) // 5
    parts = slice(0, fifth), slice(fifth, 2 * fifth), slice(2 * fifth, None)
    test, validation, train = ((x[part], y[part]) for part in parts)

    with seeded(seed):
        network = _network(name, critic, x.shape[1], y.shape[1], hidden, layers).to(device, torch.float32)
    conditional = name in ("club", "loo")
    evaluation = partial(method.evaluation, **options)
    objective = partial(method.objective, **options)
    if name == "mine":
        objective = partial(bounds.mine, average=bounds.MovingAverage())
    history = train_critic(network, objective, train, validation, plan, seed, objective if conditional else evaluation)
    with torch.no_grad():
        blocks = [network(a, b) for a, b in zip(*(v.tensor_split(_blocks(fifth)) for v in test), strict=True)]
    nats, error = jackknife(evaluation, blocks)
    note = _caution(name, nats, len(blocks[-1])) if conditional else ""
    return HeldOut(nats, error, _ceiling(name, len(blocks[-1]), options), history, note)


def _blocks(n: int) -> int:
    return max(1, math.ceil(n / HELD_OUT_BLOCK))


def _network(name: str, critic: str, dim_x: int, dim_y: int, hidden: int, layers: int) -> nn.Module:
    if name in ("club", "loo"):
        return GaussianConditional(dim_x, dim_y, hidden=hidden, layers=layers)
    shape = {} if critic == "bilinear" else {"hidden": hidden, "layers": layers}
    network = CRITICS[critic](dim_x, dim_y, **shape)
    return WithBaseline(network, dim_x) if name == "tuba" else network


def _ceiling(name: str, batch: int, options: dict) -> float | None:
    """The largest value in nats that the bound can have on `batch` pairs, or None."""
    if name == "infonce":
        return math.log(batch)
    if name == "interpolated" and options["alpha"] > 0:
        return 1 + math.log((batch - 1) / options["alpha"])
    return None


def _caution(name: str, nats: float, batch: int) -> str:
    """A warning where an upper bound is loose or wrong, or "".

    The marginal of y is a mixture over the other pairs of the block. Above log(B - 1) nats none of these is near y_i,
    and the value grows without limit. Below 0 the fitted conditional is too wrong for a bound.
    """
    most = math.log(batch - 1)
    if nats > most:
        return f"{name}: {nats:.2f} nats is above log(B - 1) = {most:.2f}, where this upper bound is loose"
    return f"{name}: {nats:.2f} nats is below 0; the fitted conditional is wrong" if nats < 0 else ""


def jackknife(bound: Callable[[Tensor], Tensor], matrices: list[Tensor], groups: int = 20) -> tuple[float, float]:
    """Mean of a bound over score matrices and its jackknife standard error, in nats.

    bound: scores -> nats; matrices: (B, B) score matrices; groups: of pairs that are left out one at a time.
    """
    values, variances = [], []
    for scores in matrices:
        values.append(float(bound(scores)))
        parts = torch.arange(len(scores), device=scores.device) % groups
        kept = [torch.nonzero(parts != g).squeeze(1) for g in range(min(groups, len(scores)))]
        without = np.array([float(bound(scores[k][:, k])) for k in kept])
        variances.append((len(kept) - 1) * np.var(without))
    return float(np.mean(values)), float(np.sqrt(np.mean(variances) / len(matrices)))
