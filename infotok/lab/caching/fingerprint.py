"""What a function computes from, besides its arguments: its code and everything that the code reaches.

    fingerprint(train)    # {"train": "9b1c…", "steps": "5e03…", "helper": "…", "module infotok.errors": "…", ...}

Reached are the globals of the notebook that it uses, by value; its closure and default arguments; the functions and
classes that the notebook defines, by their bytecode, so that comments, docstrings and line numbers do not matter; and
modules, by `sources`. Two processes with the same code get the same digests.

Not seen are files that the function opens by a name given as text, environment variables, and the number of threads,
which moves results by rounding at most.
"""

import dis
import functools
import sys
import types
from collections.abc import Callable
from typing import Any

from infotok.errors import require
from infotok.lab.caching.sources import constants_set, is_local, sources
from infotok.lab.caching.values import ValueDigests, digest_of

__all__ = ["fingerprint"]

DYNAMIC = ("eval", "exec", "globals", "__import__")  # builtins by which code reaches what its bytecode does not name
WITHOUT_MEANING = ("CACHE", "EXTENDED_ARG", "NOP", "PRECALL", "RESUME")
BOOKKEEPING = (  # of classes
    "__module__",
    "__doc__",
    "__dict__",
    "__weakref__",
    "__firstlineno__",
    "__static_attributes__",
    "__dataclass_fields__",  # their names and defaults are in the generated __init__
    "_abc_impl",
)
DESCRIPTORS = (
    types.MethodWrapperType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
)
WRAPPERS = (staticmethod, classmethod, property, functools.cached_property)


def fingerprint(function: Callable) -> dict[str, str]:
    """A digest of each thing that `function` reaches, by its name: itself, globals, modules, and settings.

    Functions of the notebook that remember their results (`functools.cache`) forget them: what they remember may come
    from an earlier definition of something they use.

    Raises:
        TypeError: for what cannot be keyed (an open file, a generator, a model, a widget), for a function that sets
            globals, and for one that uses eval, exec or globals().
        ValueError: for a module whose file was edited after it was imported.
    """
    written = not isinstance(function, (type, types.BuiltinFunctionType))
    require(written, "function", function, "a function whose source can be read, to key its cache by", TypeError)
    reach = _Reach(name_of(function))
    found = {reach.function: reach.digest(function, reach.function)}
    return found | reach.settled()


def name_of(function: Callable) -> str:
    """The name of a function, of the one below a partial, or of a callable object's class."""
    return getattr(getattr(function, "func", function), "__name__", type(function).__name__)


class _Reach(ValueDigests):
    """One walk; `globals` and `modules` collect what it reaches."""

    def __init__(self, function: str) -> None:
        super().__init__(function)
        self.globals: dict[str, str] = {}
        self.modules: set[tuple[str, str]] = set()
        self.spaces: dict[int, str] = {}  # a prefix for the globals of each namespace
        self.exact[types.FunctionType] = self.function_
        self.exact[types.BuiltinFunctionType] = self.builtin
        self.kinds += [
            (types.ModuleType, self.module),
            (type, self.class_),
            (DESCRIPTORS, self.descriptor),
            (WRAPPERS, self.wrapper),
            (functools._lru_cache_wrapper, self.memoised),
        ]

    def settled(self) -> dict[str, str]:
        """Globals, the sources of the modules, and the settings that these depend on."""
        found = dict(self.globals)
        modules: dict[str, str] = {}
        for wanted in sorted(self.modules):
            modules |= sources(*wanted)
        for module in sorted(modules):
            for name, value in constants_set(module).items():
                found[f"{module}.{name}"] = self.digest(value, f"{module}.{name}")
        found["python"] = f"{sys.version_info.major}.{sys.version_info.minor}"
        if "torch" in modules:
            import torch

            device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else "cpu"
            found["torch settings"] = f"{torch.get_default_dtype()}, {getattr(device, 'type', device)}"
        return found | {f"module {name}": digest for name, digest in modules.items()}

    def function_(self, function: types.FunctionType, where: str) -> list:
        """A function of the notebook by its code and what that reaches; one of a module by the module."""
        code, space = function.__code__, function.__globals__
        scope = space.get("__name__", "")
        if _importable(scope, space):
            top = code.co_qualname.partition(".")[0]
            self.modules.add((scope, top if top.isidentifier() else ""))
            if "<" not in code.co_qualname:
                return [scope, code.co_qualname]
            space = None  # made at run time: its closure tells it from others, and the module has the rest
        parts: list = [self.code(code, space, where)]
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            parts.append([name, self.cell(cell, f"{where}, {name}")])
        attributes = {name: value for name, value in vars(function).items() if name != "__wrapped__"}
        rest = (function.__defaults__, function.__kwdefaults__, attributes)
        return [*parts, *(self.digest(part, where) for part in rest)]

    def cell(self, cell: types.CellType, where: str) -> str:
        try:
            value = cell.cell_contents
        except ValueError:
            return "empty"
        return self.digest(value, where)

    def code(self, code: types.CodeType, space: dict | None, where: str) -> str:
        """The instructions with what they name; globals are followed if their namespace is given."""
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        parts: list = [names, code.co_posonlyargcount, code.co_argcount, code.co_flags, code.co_exceptiontable.hex()]
        steps = [step for step in dis.get_instructions(code) if step.opname not in WITHOUT_MEANING]
        for place, step in enumerate(steps):
            value = step.argval
            if isinstance(value, types.CodeType):
                value = self.code(value, space, where)
            elif step.opcode in dis.hasconst:
                value = self.digest(value, where)
            elif space is not None:
                self.follow(steps, place, space, where)
            parts.append([step.opname, repr(value)])
        return digest_of(*parts)

    def follow(self, steps: list[dis.Instruction], place: int, space: dict, where: str) -> None:
        """What one instruction reaches outside its function."""
        name, kind = steps[place].argval, steps[place].opname
        if kind in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"):
            attributes = []
            for step in steps[place + 1 :]:
                if step.opname not in ("LOAD_ATTR", "LOAD_METHOD"):
                    break
                attributes.append(step.argval)
            self.global_(name, attributes, space, where)
        elif kind == "IMPORT_NAME":
            if name.partition(".")[0] in ("__main__", "importlib"):
                self.refuse(where, f"import {name}", "names spelt out, which can be followed")
            taken = steps[place - 1].argval or ("",)
            self.modules |= {(name, item if item != "*" else "") for item in taken}
        elif kind in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            self.refuse(name, "a global that it sets", "none: no cell may depend on the cells before it")

    def global_(self, name: str, attributes: list[str], space: dict, where: str) -> None:
        """A global, or an attribute of a local module that is one."""
        if name not in space:
            if name in DYNAMIC:
                self.refuse(where, f"{name}()", "names spelt out, which can be followed")
            return  # another builtin, or a name that is not there
        value = space[name]
        for attribute in attributes:
            if not (isinstance(value, types.ModuleType) and is_local(value.__name__) and hasattr(value, attribute)):
                break
            value, name = getattr(value, attribute), f"{name}.{attribute}"
        again = f"{space.get('__name__', '')} {len(self.spaces) + 1}: " if self.spaces else ""
        key = self.spaces.setdefault(id(space), again) + name
        if key not in self.globals:
            self.globals[key] = ""  # a helper that comes back to itself ends here
            self.globals[key] = self.digest(value, name)

    def module(self, value: types.ModuleType, where: str) -> list:
        if not _importable(value.__name__) or value.__name__ == "importlib":
            self.refuse(where, value, "a module with a file, whose names are spelt out")
        self.modules.add((value.__name__, ""))
        return [value.__name__]

    def class_(self, value: type, where: str) -> list:
        """A class of the notebook by its members; one of a module by the module."""
        if _importable(value.__module__) and not ("<" in value.__qualname__ and is_local(value.__module__)):
            return self.by_name(value.__module__, value.__qualname__)
        bases = [self.digest(base, where) for base in (type(value), *value.__bases__)]
        members = {name: member for name, member in vars(value).items() if name not in BOOKKEEPING}
        notes = [[name, repr(note)] for name, note in members.pop("__annotations__", {}).items()]
        described = [[name, self.digest(member, f"{where}.{name}")] for name, member in sorted(members.items())]
        return [value.__qualname__, bases, notes, described]

    def by_name(self, module: str, name: str) -> list:
        self.modules.add((module, name.partition(".")[0]))
        return [module, name]

    def builtin(self, value: types.BuiltinFunctionType, where: str) -> list:
        owner = value.__self__
        if owner is None or isinstance(owner, types.ModuleType):
            return self.by_name(value.__module__ or "builtins", value.__qualname__)
        return [value.__name__, self.digest(owner, where)]

    def descriptor(self, value: Any, where: str) -> list:
        return [value.__name__, self.digest(value.__objclass__, where)]

    def wrapper(self, value: Any, where: str) -> list:
        names = ("__func__", "fget", "fset", "fdel", "func")
        return [[name, self.digest(getattr(value, name), where)] for name in names if hasattr(value, name)]

    def memoised(self, value: Any, where: str) -> list:
        if not _importable(value.__module__):
            value.cache_clear()
        return [self.digest(value.__wrapped__, where), repr(value.cache_parameters())]


def _importable(module: str, space: dict | None = None) -> bool:
    """Whether a module is known by its file or version; `space` must be its namespace."""
    loaded = sys.modules.get(module)
    there = loaded is not None and module != "__main__" and getattr(loaded, "__spec__", None) is not None
    return there and (space is None or vars(loaded) is space)
