"""Checkpoints: tensors in safetensors, everything else in JSON, never half of either. No pickle is ever read.

    save_checkpoint(folder, model.state_dict(), {"config": config, "step": 300})
    tensors, meta = load_checkpoint(folder)
    load_state(model, tensors, "model")

A checkpoint is a folder of `weights.safetensors` and `config.json`. Each is written beside its place and renamed into
it, and the second carries the SHA-256 of the first: a pair that does not belong together, as after a power cut between
the two, is refused like one that was cut short or damaged.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from infotok.errors import require
from infotok.files import to_json, write_atomically

__all__ = ["load_checkpoint", "load_state", "save_checkpoint"]

WEIGHTS, CONFIG = "weights.safetensors", "config.json"


def save_checkpoint(folder: str | Path, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
    """Write `tensors` and `meta` (JSON values) to `folder`, in place of any checkpoint there.

    Tied weights are written once for each name. Raises TypeError for a value that is no tensor or a meta that JSON
    cannot hold, before anything is written.
    """
    for name, tensor in tensors.items():
        require(isinstance(tensor, Tensor), f"tensors[{name!r}]", type(tensor).__name__, "a torch.Tensor", TypeError)
    apart = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
    }
    weights = safetensors.torch.save(apart)
    config = to_json({"sha256": hashlib.sha256(weights).hexdigest(), "meta": dict(meta)})
    write_atomically(Path(folder) / WEIGHTS, weights)
    write_atomically(Path(folder) / CONFIG, config)


def load_checkpoint(folder: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `save_checkpoint` wrote, tensors on the CPU.

    Raises FileNotFoundError for a missing file; ValueError for one that is truncated, damaged or no checkpoint's.
    """
    weights, config = (Path(folder) / name for name in (WEIGHTS, CONFIG))
    for path in (config, weights):
        require(path.is_file(), str(path), "no such file", "a checkpoint's folder", FileNotFoundError)
    try:
        content = json.loads(config.read_bytes())
    except ValueError:
        content = None
    whole = isinstance(content, dict) and content.keys() == {"sha256", "meta"} and isinstance(content["meta"], dict)
    require(whole, str(config), "a damaged or foreign file", 'the JSON of a checkpoint, {"sha256": ..., "meta": {...}}')
    with weights.open("rb") as stream:
        same = hashlib.file_digest(stream, "sha256").hexdigest() == content["sha256"]
    damaged = "a truncated, damaged or foreign file"
    require(same, str(weights), damaged, f"the one that {CONFIG} was written for")
    try:
        return safetensors.torch.load_file(weights), content["meta"]
    except SafetensorError as error:
        raise ValueError(f"{weights}: got no tensors ({error}), expected a file in safetensors format") from error


def load_state(module: nn.Module, tensors: Mapping[str, Tensor], what: str) -> None:
    """`module.load_state_dict(tensors)`, strictly; any mismatch is one line that names the first key at fault.

    Nothing is loaded unless everything fits.
    """
    expected = module.state_dict()
    for name, own in expected.items():
        require(name in tensors, f"{what}, {name}", "no such tensor", "one: the checkpoint is of another configuration")
        fits = tensors[name].shape == own.shape
        require(fits, f"{what}, {name}", tensors[name], f"shape {tuple(own.shape)}, of this module's configuration")
    for name in tensors:
        require(name in expected, what, name, "no such tensor: the checkpoint is of another configuration")
    module.load_state_dict(dict(tensors))
