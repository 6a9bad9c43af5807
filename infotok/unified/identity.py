"""The identity of a training run: what its model, data and configuration were made with, in JSON values.

A run resumes only where its identity is that of the checkpoint; `difference` names the first setting that is not.
"""

import hashlib
import inspect
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from infotok.files import plain

__all__ = ["difference", "made_with", "model_spec"]


def made_with(made: Any) -> dict[str, Any]:
    """What an object was made with, in JSON values: its attributes that have the names of its class's arguments.

    An object's own `digest`, a string, is part of it.
    """
    try:
        names = inspect.signature(type(made)).parameters
    except ValueError:  # a class of C
        names = ()
    settings = {name: _setting(getattr(made, name)) for name in names if hasattr(made, name)}
    digest = getattr(made, "digest", None)  # of what an argument held, where that is not kept
    return settings | ({"digest": digest} if isinstance(digest, str) else {})


def _setting(value: Any) -> Any:
    """A value in JSON: arrays by their SHA-256, functions by their name, other objects by their class and settings."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_setting(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _setting(item) for key, item in value.items()}
    if isinstance(value, Tensor):
        value = value.detach().cpu().reshape(-1).view(torch.uint8).numpy()
    if isinstance(value, np.ndarray):
        return _setting(value.tolist()) if value.dtype == object else hashlib.sha256(value.tobytes()).hexdigest()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, partial):
        return {"kind": "partial", **{name: _setting(getattr(value, name)) for name in ("func", "args", "keywords")}}
    if inspect.isroutine(value) or isinstance(value, type):  # by its name: what it computes is not compared
        return {"kind": type(value).__name__, "name": value.__qualname__}
    return {"kind": type(value).__name__, **made_with(value)}


def model_spec(model: nn.Module) -> Any:
    """What the model, or the tokenizer, was built from, where it can be written down."""
    config = getattr(getattr(model, "tokenizer", model), "config", None)
    if not hasattr(config, "asdict"):
        return None
    spec = plain(model.spec() if hasattr(model, "spec") else config.asdict())
    for name in ("transformers_version", "_name_or_path"):  # where the backbone came from, not what it is
        spec.get("backbone", {}).get("config", {}).pop(name, None)
    return spec


def difference(found: Any, own: Any, name: str = "") -> str:
    """The first setting in which two runs differ, "" for none."""
    if isinstance(found, dict) and isinstance(own, dict):
        differences = (difference(found.get(key), own.get(key), f"{name}.{key}") for key in {**found, **own})
        return next(filter(None, differences), "")
    same = found == own or (found != found and own != own)  # NaN
    return "" if same else f"{name[1:] + '=' if name else ''}{found} there and {own} now"
