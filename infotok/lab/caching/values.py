"""Digests of values by their content: equal in every process, whatever their identity and hash."""

import collections.abc
import copyreg
import functools
import hashlib
import json
import types
from pathlib import Path
from typing import Any

import numpy as np

from infotok.errors import require

__all__ = ["ValueDigests", "digest_of"]

PLAIN = {type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented)}
LIVE = {  # classes of what changes as it is used
    "numpy.random._generator.Generator",
    "numpy.random.mtrand.RandomState",
    "torch._C.Generator",
    "random.Random",
    "torch.nn.modules.module.Module",
    "torch.optim.optimizer.Optimizer",
    "traitlets.traitlets.HasTraits",
    "infotok.lab.record.Record",
}
HELP = "a plain value, or data made of such: pass it in the cell, or make it inside the function"


def digest_of(*parts: Any) -> str:
    """Sixteen hexadecimal digits of some JSON values."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


class ValueDigests:
    """Digests what the function `function` reaches; refuses what has no content that could be digested."""

    def __init__(self, function: str) -> None:
        self.function = function
        self.open: list[int] = []  # what is being digested, to end at a value that contains itself
        self.exact = {
            list: self.sequence,
            tuple: self.sequence,
            dict: self.mapping,
            types.MappingProxyType: self.mapping,
            set: self.unordered,
            frozenset: self.unordered,
        }
        self.kinds: list = [(np.ndarray, self.array), (Path, self.path)]  # subclasses too

    def refuse(self, where: str, got: Any, expected: str = HELP) -> None:
        """Raise the TypeError that names the function and what it reaches."""
        require(False, f"{self.function}() reaches {where}", got, expected, TypeError)

    def digest(self, value: Any, where: str) -> str:
        """Sixteen digits of the content of `value`, found at `where`."""
        kind = type(value)
        if kind in PLAIN:
            return digest_of(kind.__name__, repr(value))
        if id(value) in self.open:
            return digest_of("contains itself", len(self.open) - self.open.index(id(value)))
        self.open.append(id(value))
        try:
            return digest_of(f"{kind.__module__}.{kind.__qualname__}", self.content(value, where))
        finally:
            self.open.pop()

    def content(self, value: Any, where: str) -> list:
        """What `value` is made of, as JSON."""
        kind = type(value)
        if kind in self.exact:
            return self.exact[kind](value, where)
        for known, describe in self.kinds:
            if isinstance(value, known):
                return describe(value, where)
        names = {f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__}
        if names & LIVE or isinstance(value, collections.abc.Iterator):
            self.refuse(where, kind)
        if any(name.startswith("pandas.") and name.endswith((".DataFrame", ".Series")) for name in names):
            return self.frame(value, where)
        return self.tensor(value, where) if "torch.Tensor" in names else self.pickled(value, where)

    def sequence(self, value: Any, where: str) -> list:
        if {type(item) for item in value} <= PLAIN:
            return [repr(value)]  # long lists of numbers at once
        return [self.digest(item, f"{where}[{index}]") for index, item in enumerate(value)]

    def mapping(self, value: Any, where: str) -> list:
        """In its order, which a function can see."""
        return [[self.digest(key, where), self.digest(item, f"{where}[{key!r}]")] for key, item in value.items()]

    def unordered(self, value: Any, where: str) -> list:
        return sorted(self.digest(item, where) for item in value)

    def array(self, value: Any, where: str) -> list:
        parts = [str(value.dtype), list(value.shape)]
        if isinstance(value, np.ma.MaskedArray):
            return [*parts, self.array(value.filled(), where), self.array(np.ma.getmaskarray(value), where)]
        if value.dtype.hasobject:
            return [*parts, self.digest(value.tolist(), where)]
        return [*parts, hashlib.sha256(value.tobytes()).hexdigest()]

    def tensor(self, value: Any, where: str) -> list:
        import torch

        if value.layout is not torch.strided or value.is_meta or value.grad_fn is not None:
            self.refuse(where, f"a {value.layout} tensor on {value.device} with grad_fn {value.grad_fn}")
        flat = value.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
        content = hashlib.sha256(flat.view(torch.uint8).numpy().tobytes()).hexdigest()
        return [str(value.dtype), list(value.shape), value.device.type, value.requires_grad, content]

    def frame(self, value: Any, where: str) -> list:
        """A pandas frame or series, however it is laid out in memory."""
        columns = [value] if value.ndim == 1 else [value.iloc[:, place] for place in range(value.shape[1])]
        axes = [self.digest([axis.names, axis.tolist()], where) for axis in value.axes]
        return [axes, [[repr(column.dtype), self.digest(column.tolist(), where)] for column in columns]]

    def path(self, value: Path, where: str) -> list:
        """A file by its name and content."""
        if value.is_dir():
            self.refuse(where, f"the folder {value}", "a file, or the folder's name as text in the cell")
        return [str(value), hashlib.sha256(value.read_bytes()).hexdigest() if value.is_file() else ""]

    def by_name(self, module: str, name: str) -> list:
        """What is known by its module."""
        return [module, name]

    def pickled(self, value: Any, where: str) -> list:
        """Any other object by what pickle would keep of it, less its cached properties."""
        try:
            reduce = copyreg.dispatch_table.get(type(value))
            reduced = reduce(value) if reduce else value.__reduce_ex__(4)
        except Exception:
            self.refuse(where, type(value))
        if isinstance(reduced, str):
            return self.by_name(value.__module__ or "builtins", reduced)
        make, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        if isinstance(state, dict):
            members = {name: member for base in type(value).__mro__ for name, member in vars(base).items()}
            cached = {name for name, member in members.items() if isinstance(member, functools.cached_property)}
            state = [[name, self.digest(part, f"{where}.{name}")] for name, part in state.items() if name not in cached]
        else:
            state = self.digest(state, where)
        parts = (make, arguments, list(items or ()), dict(pairs or ()))
        return [*(self.digest(part, where) for part in parts), state]
