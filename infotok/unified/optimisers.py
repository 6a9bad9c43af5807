"""The optimisers of a model in training, and their state as named tensors that are checked before they are loaded."""

from typing import Any

import torch
from torch import Tensor, nn

from infotok.checkpoints import as_vector, check_tensor
from infotok.errors import require
from infotok.unified.muon import Muon
from infotok.unified.sharding import full, like

__all__ = ["check_optimisers", "load_optimisers", "make_optimisers", "optimiser_tensors", "stated"]

STATES = {torch.optim.AdamW: ("step", "exp_avg", "exp_avg_sq"), Muon: ("momentum_buffer",)}  # of each parameter


def make_optimisers(model: nn.Module, config: Any) -> list[torch.optim.Optimizer]:
    """AdamW, and for the matrices of the language model's layers Muon; matrices decay and vectors do not.

    Muon (Jordan et al. 2024) makes the singular values of a matrix's step about equal, so that a small model of random
    weights learns sooner to attend. Its steps are scaled to the size of AdamW's (Liu et al. 2025, arXiv 2502.16982):
    one learning rate serves both.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    inner = {id(p) for p in model.backbone.matrices} if config.muon and hasattr(model, "backbone") else set()
    rest = [p for p in trained if id(p) not in inner]
    groups = [
        {"params": [p for p in rest if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimisers = [torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.95), fused=True)]
    if matrices := [p for p in trained if id(p) in inner]:
        same = {"lr": config.learning_rate, "weight_decay": config.weight_decay}
        optimisers.append(Muon(matrices, **same, adjust_lr_fn="match_rms_adamw"))
    return optimisers


def optimiser_tensors(optimisers: list[torch.optim.Optimizer], keep: bool = True) -> dict[str, Tensor]:
    """The state of optimisers as flat names: "0.3.exp_avg" of the first one's parameter 3.

    States of a sharded model are made whole one by one, by all processes together, and kept where `keep` is true.
    """
    found = {}
    for which, optimiser in enumerate(optimisers):
        for index, own in optimiser.state_dict()["state"].items():
            for name, value in own.items():
                value = torch.as_tensor(value)
                if hasattr(value, "full_tensor"):
                    value = full(value).cpu()
                if keep:
                    found[f"{which}.{index}.{name}"] = value
    return found


def stated(tensors: dict[str, Tensor]) -> list[str]:
    """The parameters that have a state, "0.3" for the first optimiser's parameter 3; others had no gradient yet."""
    return sorted({name.rpartition(".")[0] for name in tensors})


def check_optimisers(
    optimisers: list[torch.optim.Optimizer], tensors: dict[str, Tensor], what: str, parameters: list[str] | None
) -> dict[str, Tensor]:
    """The states; ValueError unless they are complete and of these optimisers' parameters, which torch does not check.

    A state of another shape would be written out of bounds, and a missing one would silently start at zero.
    parameters: those that must have a state, as `stated` listed them; None without such a list: then some must.
    """
    shapes = {}
    for which, optimiser in enumerate(optimisers):
        own = [p for group in optimiser.param_groups for p in group["params"]]
        names = STATES[type(optimiser)]
        shapes |= {
            f"{which}.{i}": {name: torch.zeros(()) if name == "step" else p for name in names}
            for i, p in enumerate(own)
        }
    vectors = {}
    for name, tensor in tensors.items():
        parameter, _, key = name.rpartition(".")
        require(key in shapes.get(parameter, ()), what, name, "no such state: the checkpoint is of another model")
        vectors[name] = as_vector(tensor, shapes[parameter][key])
        check_tensor(vectors[name], shapes[parameter][key], f"{what}, {name}")
    found = stated(tensors)
    wanted = found if parameters is None else parameters
    for parameter in wanted:
        for key in shapes.get(parameter, {"": None}):
            require(f"{parameter}.{key}" in tensors, f"{what}, {parameter}.{key}", "no such state", "one")
    extra = next((parameter for parameter in found if parameter not in wanted), None)
    require(extra is None, what, extra, "no state of this parameter, which had no gradient")
    for which in range(len(optimisers)) if parameters is None else ():
        some = any(parameter.startswith(f"{which}.") for parameter in found)
        require(some, f"{what}, {which}", "no state at all", "that of the steps before")
    return vectors


def load_optimisers(optimisers: list[torch.optim.Optimizer], tensors: dict[str, Tensor]) -> None:
    """Put back what `optimiser_tensors` gave; nothing is loaded of what `check_optimisers` refuses."""
    tensors = check_optimisers(optimisers, tensors, "optimiser", stated(tensors))
    own = [[p for group in optimiser.param_groups for p in group["params"]] for optimiser in optimisers]
    states: list[dict[int, dict[str, Tensor]]] = [{} for _ in optimisers]
    for name, value in tensors.items():
        which, index, key = name.split(".", 2)
        value = value if key == "step" else like(value, own[int(which)][int(index)])
        states[int(which)].setdefault(int(index), {})[key] = value
    for optimiser, state in zip(optimisers, states, strict=True):
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
