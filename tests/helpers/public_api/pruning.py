"""Good calls of pruning, in `infotok.companions`."""

import torch
from torch import nn

from infotok import companions as own
from public_api.worlds import seeded

X = torch.randn(6, 3, generator=seeded())


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def loss(model: nn.Module) -> torch.Tensor:
    return model(X).square().mean()


def gates() -> own.Gates:
    return own.Gates(network())


def pruner() -> own.GradientFlowPruner:
    return own.GradientFlowPruner(gates(), 0.5, 3)


CALLS = {
    "Gates": (own.Gates, lambda: {"model": network(), "structured": True}),
    "Gates.set": (lambda values: gates().set(values), lambda: {"values": [torch.full((4,), 0.5)]}),
    "Gates.evaluate": (
        lambda loss, values: gates().evaluate(loss, values),
        lambda: {"loss": loss, "values": [torch.full((4,), 0.5)]},
    ),
    "Gates.split": (lambda flat: gates().split(flat), lambda: {"flat": torch.ones(4)}),
    "GradientFlowPruner": (
        own.GradientFlowPruner,
        lambda: {"gates": gates(), "sparsity": 0.5, "steps": 3, "criterion": "fisher", "flip": False,
                 "per_layer": False, "rate": 0.1,
                 "temperature": 0.5, "seed": 0},
    ),
    "GradientFlowPruner.step": (lambda loss: pruner().step(loss), lambda: {"loss": loss}),
    "importance": (
        own.importance,
        lambda: {"loss": loss, "gates": gates(), "criterion": "fisher", "batches": 1, "flip": False, "seed": 0},
    ),
    "gradient_norm_flow": (own.gradient_norm_flow, lambda: {"loss": loss, "gates": gates()}),
    "prune": (
        own.prune,
        lambda: {"model": network(), "loss": loss, "sparsity": 0.5, "criterion": "fisher", "schedule": "iterative",
                 "structured": True, "steps": 2, "scoring": loss, "batches": 1, "rounds": 2, "flip": False,
                 "per_layer": False, "learning_rate": 1e-3, "seed": 0, "on_step": lambda step, gates, value: None},
    ),
    "shrink": (own.shrink, lambda: {"model": network()}),
    "soft_top_k": (
        own.soft_top_k,
        lambda: {"scores": torch.tensor([0.3, -0.2, 0.8]), "keep": 1.5, "temperature": 0.1},
    ),
    "cubic_sparsity": (own.cubic_sparsity, lambda: {"progress": 0.5, "final": 0.8, "initial": 0.1}),
}  # fmt: skip
