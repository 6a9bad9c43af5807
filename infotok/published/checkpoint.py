"""Checkpoints of attached models: InfoTok and the trained weights, without what stays as published.

A checkpoint is a folder of `infotok.checkpoints`. Its JSON holds the family, the options of `attach` and those of
InfoTok, so that `load` needs the published model and the folder alone.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from infotok.checkpoints import check_state, check_tensor, load_checkpoint, save_checkpoint
from infotok.distributed import rank_and_world
from infotok.errors import require, require_folder, require_instance, require_int
from infotok.unified.optimisers import check_optimisers, load_optimisers, optimiser_tensors, stated
from infotok.unified.sharding import full, like

__all__ = ["KIND", "read_checkpoint", "restore", "save"]

KIND = "published"
OWN = ("scale", "temperature", "linear")  # buffers
SAMPLED = 4  # numbers of each frozen weight, by which another published model is told
ROUNDING = 2**-7  # a relative difference, four times that of rounding to bfloat16: the type may be another


def trained(model: nn.Module) -> dict[str, Tensor]:
    """The published model's weights that have a gradient, by name; InfoTok's apart, where it is installed."""
    named = model.named_parameters()
    return {name: p for name, p in named if p.requires_grad and not name.startswith("infotok.")}


def frozen(model: nn.Module) -> Tensor:
    """A few numbers of every weight without a gradient, in their order, as float32 on the CPU."""
    weights = [p.detach().flatten() for p in model.parameters() if not p.requires_grad]
    found = [each[:: max(1, len(each) // SAMPLED)][:SAMPLED] for each in weights if len(each)]
    return torch.cat([each.float() for each in found]).cpu() if found else torch.zeros(0)


def save(attached: Any, folder: str | Path, optimiser: torch.optim.Optimizer | None, step: int) -> None:
    """Write the checkpoint of an `Attached`; its `save` describes the arguments."""
    require_folder("folder", folder), require_int("step", step, 0)
    first = rank_and_world()[0] == 0
    tensors = {f"model.{name}": full(p.detach()) for name, p in trained(attached.model).items()}
    if attached.infotok is not None:
        tensors |= {f"infotok.{name}": full(each) for name, each in attached.infotok.state_dict().items()}
    tensors |= {f"own.{name}": getattr(attached, name) for name in OWN if hasattr(attached, name)}
    tensors["own.frozen"] = attached.frozen_sample
    meta = {"kind": KIND, "family": attached.family.kind, "options": asdict(attached.options), "step": step}
    meta |= {"infotok": attached.infotok_options, "has_infotok": attached.infotok is not None}
    if optimiser is not None:
        _check_optimiser(optimiser)
        states = optimiser_tensors([optimiser], keep=first)
        tensors |= {f"optimiser.{name}": each for name, each in states.items()}
        meta["stated"] = stated(states)
    if first:
        save_checkpoint(folder, tensors, meta)
    if rank_and_world()[1] > 1:
        torch.distributed.barrier()  # nobody reads it before it is whole


def read_checkpoint(
    folder: str | Path, family: str | None = None
) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
    """The tensors of a checkpoint by their owner ("model", "infotok", "own", "optimiser"), and its meta.

    folder: written by `save`.
    family: the class of the published model that it must be of; None for any.

    Raises FileNotFoundError or ValueError, in one line, for a folder without a whole checkpoint of this kind. Only
    safetensors and JSON are read.
    """
    require_folder("folder", folder)
    tensors, meta = load_checkpoint(folder)
    require(meta.get("kind") == KIND, f"{folder}, kind", meta.get("kind"), KIND)
    require(family in (None, meta.get("family")), f"{folder}, family", meta.get("family"), f"{family}, as the model")
    split: dict[str, dict[str, Tensor]] = {"model": {}, "infotok": {}, "own": {}, "optimiser": {}}
    for name, tensor in tensors.items():
        owner, _, key = name.partition(".")
        require(owner in split, f"{folder}", name, f"tensors of {', '.join(split)}")
        split[owner][key] = tensor
    return split, meta


def restore(attached: Any, folder: str | Path, optimiser: torch.optim.Optimizer | None = None) -> int:
    """Load a checkpoint into an `Attached`, all or nothing; its `restore` describes the arguments."""
    split, meta = read_checkpoint(folder, attached.family.kind)
    options = asdict(attached.options)
    for name, value in meta["options"].items():
        require(options.get(name) == value, f"{folder}, {name}", value, f"{options.get(name)}, as this model")
    infotok = attached.infotok
    require(
        (infotok is not None) == meta["has_infotok"], f"{folder}, infotok", meta["has_infotok"], "that of this model"
    )
    saved_frozen = split["own"].pop("frozen", None)
    own = {name: getattr(attached, name) for name in OWN if hasattr(attached, name)}
    for owner, expected in (("model", trained(attached.model)), ("own", own)):
        for name in {**expected, **split[owner]}:
            there = name in expected and name in split[owner]
            require(there, f"{folder}, {owner}", f"{name} in one of the two", "the same trained weights")
            check_tensor(split[owner][name], expected[name], f"{folder}, {name}")
    _check_frozen(attached.frozen_sample, saved_frozen, str(folder))
    if infotok is not None:
        regulariser = check_state(infotok, split["infotok"], f"{folder}, infotok")
    if optimiser is not None:
        _check_optimiser(optimiser)
        check_optimisers([optimiser], split["optimiser"], f"{folder}, optimiser", meta.get("stated"))
    with torch.no_grad():
        for owner, expected in (("model", trained(attached.model)), ("own", own)):
            for name, tensor in expected.items():
                tensor.copy_(like(split[owner][name], tensor))
    if infotok is not None:
        own = infotok.state_dict()
        infotok.load_state_dict({name: like(each, own[name]) for name, each in regulariser.items()})
    if optimiser is not None:
        load_optimisers([optimiser], split["optimiser"])
    return require_int(f"{folder}, step", meta.get("step"), 0)


def _check_frozen(own: Tensor, saved: Tensor | None, folder: str) -> None:
    """ValueError where weights that the checkpoint leaves to the published model are not those that it was saved with.

    Checkpoints of earlier versions have no numbers to compare.
    """
    if saved is not None:
        same = saved.shape == own.shape and torch.allclose(saved.float(), own, rtol=ROUNDING, atol=1e-6)
        require(same, f"{folder}, model", "what was trained on another published model", "that model")


def _check_optimiser(optimiser: Any) -> None:
    require_instance(
        "optimiser", optimiser, torch.optim.AdamW, "a torch.optim.AdamW, whose state is written and checked"
    )
