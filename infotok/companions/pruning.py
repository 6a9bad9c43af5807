"""Gradient-flow iterative pruning of a generative network, with the usual criteria beside it.

    gates = prune(head, loss, 0.75, "fisher", "one_shot", steps=600)     # mask, then 600 steps of training
    shrink(head)                                                        # smaller layers, the same outputs

The method is a companion of InfoTok by the same authors (arXiv 2501.09464). Only its abstract is reachable: a mask
that stays continuous and moves along the gradient flow of an energy, and a criterion that prunes the parameters whose
removal raises the gradient norm of the loss. What is here is our reading of it:

    E(m) = -1/2 |grad L(m * theta)|^2,    da/dt = -dE/dm = theta . Hg,    m = sigmoid((a - lambda) / T),

with lambda set by the budget (`soft_top_k`), the budget shrinking by `cubic_sparsity`, and T annealed until the mask is
0 or 1. Masks follow the conventions of `torch.nn.utils.prune`.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from infotok.companions.gates import Gates, Loss, hard_top_k
from infotok.companions.importance import CRITERIA, importance
from infotok.companions.soft_mask import cubic_sparsity, soft_top_k
from infotok.errors import (
    require,
    require_choice,
    require_flag,
    require_float,
    require_function,
    require_instance,
    require_int,
)

__all__ = ["SCHEDULES", "GradientFlowPruner", "prune"]

SCHEDULES = ("one_shot", "iterative", "soft")
RAMP = 0.25  # the share of the steps in which the budget shrinks
COLDEST = 0.02  # the temperature at the end, as a share of that at the beginning


class GradientFlowPruner:
    """A soft mask that moves along a score: da/dt = score / rms(score), m = sigmoid((a - lambda) / T).

    gates: of the network; `step` sets them.
    sparsity: the share of gates to remove in the end, in (0, 1).
    steps: how many calls of `step` there will be.
    criterion: the score: "gradient_flow", the velocity theta . Hg, or another of `CRITERIA`.
    flip: the score's opposite sign.
    per_layer: a budget, and a multiplier, for each layer; scores are divided by their rms in it.
    rate: the size of a step in a.
    temperature: T at the beginning, in the unit of a.
    seed: of "random".

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from infotok.companions import Gates, GradientFlowPruner
        >>> head, x = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3)), torch.randn(100, 8)
        >>> pruner = GradientFlowPruner(Gates(head), sparsity=0.75, steps=10)
        >>> sparsity = [pruner.step(lambda model: model(x).square().mean()) for _ in range(10)]
        >>> round(sparsity[0], 2), round(sparsity[-1], 2), pruner.harden()[0].sum().item()  # eight units stay
        (0.2, 0.75, 8.0)
    """

    def __init__(
        self,
        gates: Gates,
        sparsity: float,
        steps: int,
        criterion: str = "gradient_flow",
        *,
        flip: bool = False,
        per_layer: bool = False,
        rate: float = 0.1,
        temperature: float = 0.5,
        seed: int = 0,
    ) -> None:
        require_instance("gates", gates, Gates), require_choice("criterion", criterion, CRITERIA)
        require_flag("flip", flip), require_flag("per_layer", per_layer), require_int("seed", seed, 0, 2**63 - 1)
        self.gates, self.criterion, self.flip, self.seed = gates, criterion, flip, seed
        self.sparsity, self.steps = require_float("sparsity", sparsity, "(0, 1)"), require_int("steps", steps)
        self.rate = require_float("rate", rate, "[1e-6, 1e6]")
        self.temperature = require_float("temperature", temperature, "[1e-6, 1e6]")
        self.done = 0
        self.per_layer = per_layer
        sizes = [gate.numel() for gate in gates.values] if per_layer else [gates.count]
        self.potentials = [torch.zeros(size, device=gates.values[0].device) for size in sizes]  # a, for each budget
        self.rate_weights: list[float] = []  # lambda, in the unit of a, for each budget, after the first step

    def step(self, loss: Loss) -> float:
        """Move the mask once, by one batch of `loss` and one Hessian-vector product; returns the sparsity now."""
        require(self.done < self.steps, "step", f"call {self.done + 1}", f"at most {self.steps} calls (steps)")
        scores = importance(loss, self.gates, self.criterion, batches=1, flip=self.flip, seed=self.seed)
        scores = _flat(scores).split([each.numel() for each in self.potentials])
        for potential, score in zip(self.potentials, scores, strict=True):
            size = score.square().mean().sqrt()
            potential += self.rate * score / size if size > 0 else 0.0
        self.done += 1
        progress = self.done / self.steps
        share, cold = 1 - cubic_sparsity(progress, self.sparsity), self.temperature * COLDEST**progress
        found = [soft_top_k(potential, share * len(potential), cold) for potential in self.potentials]
        self.rate_weights = [rate_weight for _, rate_weight in found]
        self.gates.set(self.gates.split(torch.cat([mask for mask, _ in found])))
        return self.gates.sparsity

    def harden(self) -> list[Tensor]:
        """Set every gate to 0 or 1, keeping the largest a; returns the mask."""
        scores = self.gates.split(torch.cat(self.potentials))
        self.gates.set(_hard(scores, self.sparsity, self.per_layer))
        return self.gates.values


def prune(
    model: nn.Module,
    loss: Loss,
    sparsity: float,
    criterion: str = "gradient_flow",
    schedule: str = "one_shot",
    structured: bool = True,
    *,
    steps: int = 0,
    scoring: Loss | None = None,
    batches: int = 8,
    rounds: int = 8,
    flip: bool = False,
    per_layer: bool = False,
    learning_rate: float = 1e-3,
    seed: int = 0,
    on_step: Callable[[int, Gates, float], None] | None = None,
) -> Gates:
    """Remove a share of a network's hidden units or weights, train the rest, and leave masks on the network.

    model: a network without masks, changed in place; `shrink(model)` cuts the removed units out.
    loss: a function of the network to a scalar, which draws its own batch.
    sparsity: the share to remove, in (0, 1); each layer keeps its best unit.
    criterion: one of `CRITERIA`: "gradient_flow", "magnitude", "taylor", "fisher", "grasp", "random".
    schedule: "one_shot" scores once; "iterative" scores and removes in `rounds` during the first quarter of the steps;
        "soft" moves a continuous mask during that quarter (`GradientFlowPruner`).
    structured: hidden units and channels; False for single weights.
    steps: of training by Adam, the learning rate falling linearly to 0; those after the mask, or around it.
    scoring: the loss for scores, if it is another one, such as on larger batches.
    batches: of each score; a soft mask takes one a step.
    rounds: of "iterative".
    flip: the opposite sign of the score.
    per_layer: remove the share of each layer, not of all together.
    learning_rate: at the beginning.
    seed: of "random".
    on_step: called after each step with its number, the gates and the loss.

    Raises TypeError or ValueError for a network without such units, and for a share or steps out of range.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from infotok.companions import prune
        >>> head, x = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3)), torch.randn(100, 8)
        >>> gates = prune(head, lambda model: model(x).square().mean(), sparsity=0.75, criterion="gradient_flow")
        >>> gates.sparsity, gates.values[0].sum().item()  # eight of 32 hidden units stay
        (0.75, 8.0)
    """
    require_choice("schedule", schedule, SCHEDULES), require_choice("criterion", criterion, CRITERIA)
    (
        require_float("sparsity", sparsity, "(0, 1)"),
        require_int("steps", steps, 0),
        require_int("rounds", rounds, 1, 2**16),
    )
    require_float("learning_rate", learning_rate, "(0, 10]"), require_int("batches", batches, 1, 2**20)
    require_function("loss", loss, "a function of the network")
    for name, function in (("scoring", scoring), ("on_step", on_step)):
        if function is not None:
            require_function(name, function, "a function, or None")
    soft = schedule == "soft"
    require(not soft or steps >= 2, "steps", steps, "an integer, at least 2, with a soft schedule")
    gates, scoring = Gates(model, structured), scoring or loss
    require_flag("per_layer", per_layer)
    options = {"flip": flip, "seed": seed}
    ramp = math.ceil(RAMP * steps)
    pruner = GradientFlowPruner(gates, sparsity, ramp, criterion, per_layer=per_layer, **options) if soft else None
    cuts = {i * ramp // rounds: (i + 1) / rounds for i in range(rounds)} if schedule == "iterative" else {0: 1.0}

    def before(step: int) -> None:
        """What happens to the mask before a step of training."""
        if pruner is not None:
            pruner.step(scoring) if step < ramp else pruner.harden() if step == ramp else None
        elif step in cuts:
            scores = importance(scoring, gates, criterion, batches=batches, **options)
            alive = [each.masked_fill(gate == 0, -torch.inf) for each, gate in zip(scores, gates.values, strict=True)]
            gates.set(_hard(alive, cubic_sparsity(cuts[step], sparsity), per_layer))

    if steps == 0:
        cuts = {0: 1.0}
        before(0)
    train_gated(gates, loss, steps, learning_rate, before, on_step)
    gates.apply()
    return gates


def train_gated(
    gates: Gates,
    loss: Loss,
    steps: int,
    learning_rate: float,
    before: Callable[[int], None] | None = None,
    on_step: Callable[[int, Gates, float], None] | None = None,
) -> None:
    """Train a network under its gates by Adam, the learning rate falling linearly to 0.

    before: called with the number of each step before it; on_step: with the number, the gates and the loss after it.
    """
    parameters = [each for each in gates.model.parameters() if each.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=learning_rate, fused=True)
    for step in range(steps):
        if before is not None:
            before(step)
        optimizer.param_groups[0]["lr"] = learning_rate * (1 - step / steps)
        value, _ = gates.evaluate(loss)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        if on_step is not None:
            on_step(step, gates, float(value.detach()))


def _hard(scores: list[Tensor], sparsity: float, per_layer: bool) -> list[Tensor]:
    """The mask that removes the lowest scores, of all layers together or of each; of each layer one stays at least."""
    groups = [[each] for each in scores] if per_layer else [scores]
    counts = [sum(each.numel() for each in group) for group in groups]
    kept = [max(len(group), round((1 - sparsity) * n)) for group, n in zip(groups, counts, strict=True)]
    return [mask for group, keep in zip(groups, kept, strict=True) for mask in hard_top_k(group, keep)]


def _flat(parts: list[Tensor]) -> Tensor:
    return torch.cat([each.flatten() for each in parts])
