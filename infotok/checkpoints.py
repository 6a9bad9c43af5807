"""Checkpoints: tensors in safetensors, everything else in JSON, both under checksums. No pickle is ever read.

    save_checkpoint(folder, model.state_dict(), {"config": config, "step": 300})
    tensors, meta = load_checkpoint(folder)
    load_state(model, tensors, "model")

A checkpoint is a folder of `weights.safetensors` and `config.json`. Each is written atomically. The second holds the
SHA-256 of the first and of its own content, so that damaged files are refused, and pairs that do not belong together,
as after a power cut between the two.
"""

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from infotok.errors import message, require
from infotok.files import parse_json, read_bytes, reading, to_json, write_atomically

__all__ = ["load_checkpoint", "load_module", "load_state", "save_checkpoint"]

WEIGHTS, CONFIG = "weights.safetensors", "config.json"


def save_checkpoint(folder: str | Path, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
    """Write a checkpoint to `folder`, in place of any checkpoint there.

    - folder: made if it is missing
    - tensors: such as a `state_dict`; tied weights are written once for each name
    - meta: JSON values, such as the configuration

    Raises TypeError for a value that is not a tensor or a meta that JSON cannot hold, and ValueError for a tensor with
    NaN or infinity, before anything is written. Raises OSError, in one line, for a disk that is full or read-only.
    """
    for name, tensor in tensors.items():
        require(isinstance(tensor, Tensor), f"tensors[{name!r}]", type(tensor).__name__, "a torch.Tensor", TypeError)
    _check_finite(tensors, "tensors")
    meta = json.loads(to_json(meta, "meta"))  # as it will come back
    apart = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
    }
    weights = safetensors.torch.save(apart)
    sums = {"sha256": hashlib.sha256(weights).hexdigest(), "meta_sha256": digest(meta)}
    write_atomically(Path(folder) / WEIGHTS, weights)
    write_atomically(Path(folder) / CONFIG, to_json({**sums, "meta": meta}))


def load_checkpoint(folder: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors, on the CPU, and the meta of a checkpoint.

    - folder: where `save_checkpoint` wrote it

    Raises FileNotFoundError for a missing file; ValueError for one that is truncated, damaged or not of a checkpoint,
    and for NaN or infinity. A checkpoint of version 0.1, whose meta has no checksum, loads with a warning.
    """
    weights, config = (Path(folder) / name for name in (WEIGHTS, CONFIG))
    for path in (config, weights):
        require(os.path.exists(path), str(path), "no such file", "a checkpoint's folder", FileNotFoundError)
    content = parse_json(read_bytes(config), str(config))
    shaped = isinstance(content, dict) and content.keys() - {"meta_sha256"} == {"sha256", "meta"}
    whole = shaped and isinstance(content["meta"], dict)
    require(whole, str(config), "a damaged or foreign file", 'the JSON of a checkpoint, {"sha256": ..., "meta": {...}}')
    meta, damaged = content["meta"], "a truncated, damaged or foreign file"
    if "meta_sha256" in content:
        require(digest(meta) == content["meta_sha256"], str(config), "a damaged file", "one whose checksum is right")
    else:
        warnings.warn(f"{config}: written by version 0.1, without a checksum of its own", stacklevel=2)
    with reading(weights), weights.open("rb") as stream:
        same = hashlib.file_digest(stream, "sha256").hexdigest() == content["sha256"]
    require(same, str(weights), damaged, f"the one that {CONFIG} was written for")
    try:
        tensors = safetensors.torch.load_file(weights)
    except (SafetensorError, ValueError, KeyError) as error:  # the latter two for a type of numbers torch lacks
        raise ValueError(f"{weights}: got no tensors ({error}), expected a file in safetensors format") from error
    _check_finite(tensors, str(weights))
    return tensors, meta


def load_module(make: Callable[[], nn.Module], tensors: Mapping[str, Tensor], what: str) -> nn.Module:
    """A new module with the weights of a checkpoint, in eval mode.

    The module is first made on torch's meta device, without memory: a configuration that does not fit the weights is
    refused before anything is allocated.

    - make: a function that returns the module
    - tensors: its state
    - what: what the line of an error calls the checkpoint

    Raises ValueError, in one line, for tensors that do not fit and for a configuration that describes no module.
    """
    try:
        with torch.device("meta"):
            shapes = make()
    except ValueError:
        raise
    except Exception as error:  # such as a missing key, or a list in place of a number
        reason = f"{type(error).__name__}: {str(error).strip()}".splitlines()[0]
        raise ValueError(message(what, f"the configuration of no model ({reason})", "that of a saved one")) from error
    check_state(shapes, tensors, what)
    module = make()
    load_state(module, tensors, what)
    return module.eval()


def load_state(module: nn.Module, tensors: Mapping[str, Tensor], what: str) -> None:
    """Load the state of `module`, `tensors` by name, strictly. Floating-point numbers get the module's type.

    A name that an attribute had in an earlier version is replaced by its present one (see `_renamed`).

    Raises ValueError, in one line that begins with `what` and names the first key at fault, unless everything fits;
    nothing is loaded then.
    """
    module.load_state_dict(check_state(module, tensors, what))


def check_state(module: nn.Module, tensors: Mapping[str, Tensor], what: str) -> dict[str, Tensor]:
    """`tensors` by their present names; ValueError unless names, shapes and types are those of the module's state."""
    expected = module.state_dict()
    tensors = {name: as_vector(t, expected.get(name)) for name, t in _renamed(module, tensors, expected.keys()).items()}
    for name, own in expected.items():
        require(name in tensors, f"{what}, {name}", "no such tensor", "one: the checkpoint is of another configuration")
        check_tensor(tensors[name], own, f"{what}, {name}")
    for name in tensors:
        require(name in expected, what, name, "no such tensor: the checkpoint is of another configuration")
    return tensors


def _renamed(module: nn.Module, tensors: Mapping[str, Tensor], expected: Collection[str]) -> dict[str, Tensor]:
    """`tensors` with earlier names of attributes replaced by the present ones.

    A module class lists its renamed attributes in `renamed_keys`, {earlier name: present name}.
    """
    renamed = {}
    for path, part in module.named_modules():
        start = f"{path}." if path else ""
        renamed |= {start + old: start + new for old, new in getattr(part, "renamed_keys", {}).items()}
    named = {}
    for name, tensor in tensors.items():
        heads = (old for old in renamed if name == old or name.startswith(f"{old}."))
        present = next((renamed[old] + name[len(old) :] for old in heads), name)
        named[present if name not in expected and present in expected and present not in tensors else name] = tensor
    return named


def as_vector(tensor: Tensor, own: Tensor | None) -> Tensor:
    """A number of version 0.1 as the vector of one number that it is today: FSDP shards no scalars."""
    return tensor.reshape(1) if own is not None and own.shape == (1,) and tensor.ndim == 0 else tensor


def check_tensor(tensor: Tensor, own: Tensor, name: str) -> None:
    """ValueError unless `tensor` has the shape of `own` and, floating-point numbers apart, its dtype."""
    fits = tensor.shape == own.shape
    require(
        fits, name, tensor if tensor.ndim else "shape ()", f"shape {tuple(own.shape)}, of this module's configuration"
    )
    same = tensor.dtype == own.dtype or (tensor.is_floating_point() and own.is_floating_point())
    require(same, name, str(tensor.dtype), f"{own.dtype}, of this module's configuration")


def digest(value: Any) -> str:
    """The SHA-256 of a JSON value, whatever the order of its keys and the spaces in its file."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _check_finite(tensors: Mapping[str, Tensor], what: str) -> None:
    for name, tensor in tensors.items():
        if tensor.is_floating_point() or tensor.is_complex():
            wide = tensor.float() if tensor.element_size() == 1 else tensor  # float8 has no isfinite
            require(wide.isfinite().all(), f"{what}, {name}", "NaN or infinite numbers", "finite numbers")
