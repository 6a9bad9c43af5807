"""Every public function against bad inputs: one argument after the other is replaced by values it cannot take.

A cell of this table is a clear line, or a documented answer (`public_api.answers`). To see the faults of areas, and the
counts: `PYTHONPATH=.:tests/helpers python -P tests/test_bad_inputs.py [AREA ...]`.
"""

import inspect
import os
import re
import signal
import sys
import tempfile
import traceback
import warnings
from fnmatch import fnmatch
from functools import cache
from typing import Any

import numpy as np
import pytest
from public_api import AREAS, public_names
from public_api.answers import ANSWERS
from public_api.bad_values import HALF, SAME, bad_values
from torch import Tensor, nn

pytestmark = pytest.mark.slow

LINE = re.compile(r"[^\n]+: got [^\n]*, expected [^\n]+")
PIXELS = ("images", "image", "others", "reconstructions", "generated", "real")
PATIENCE = 5  # seconds of processor time a cell, however busy the machine is
COUNTS: dict[str, int] = {"clear line": 0, "documented answer": 0}


@cache
def _good(area: str, name: str) -> list[float]:
    """The numbers of the good call."""
    function, arguments = AREAS[area][name]
    return _numbers(function(**arguments()))


def _late(*_):
    raise TimeoutError(f"no answer in {PATIENCE} s")


signal.signal(signal.SIGPROF, _late)


def cells(area: str, name: str) -> list[tuple[str, str, Any]]:
    """(argument, name of the bad value, bad value) of one call."""
    arguments = AREAS[area][name][1]()
    defaults = _defaults(AREAS[area][name][0])
    found = []
    for argument, good in arguments.items():
        for bad, value in bad_values(good).items():
            default = value is None and defaults.get(argument, ...) is None
            if not default and (bad != "0 to 255" or argument in PIXELS):
                found.append((argument, bad, value))
    return found


def verdict(area: str, name: str, argument: str, bad: str, value: Any) -> str:
    """ "clear line" or "documented answer"; anything else is a fault, in words."""
    function, arguments = AREAS[area][name]
    cell = f"{area}.{name}"
    signal.setitimer(signal.ITIMER_PROF, PATIENCE)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = function(**(arguments() | {argument: value}))
    except Exception as error:
        return _refused(cell, argument, bad, error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    leaked = [str(w.message).splitlines()[0] for w in caught]
    reason = next(
        (why for why, places in ANSWERS.items() for place in places if _matches(place, cell, argument, bad)), None
    )
    numbers = _numbers(result)
    if reason is None and bad.startswith((SAME, HALF)):
        good, close = _good(area, name), 1e-3 if bad.startswith(SAME) else 0.1
        if len(good) != len(numbers) or not np.allclose(good, numbers, rtol=close, atol=close):
            return "another answer for the same numbers"
        reason = "the same answer"
    if leaked and not (reason or "").startswith("warns"):
        return f"a warning: {leaked[0]}"
    if reason is None:
        shown = ", ".join(f"{n:.4g}" for n in numbers[:4])
        return f"an answer that no table names: {type(result).__name__} [{shown}]"
    if not np.isfinite(numbers).all() and not reason.startswith(("NaN and inf are passed on", "infinite is")):
        return f"not finite: {type(result).__name__}"
    return "documented answer"


def _refused(cell: str, argument: str, bad: str, error: Exception) -> str:
    text = str(error)
    clear = isinstance(error, ValueError | TypeError) and LINE.fullmatch(text)
    raised = traceback.extract_tb(error.__traceback__)[-1].filename.endswith("errors.py")
    if clear and raised:
        return "clear line"
    if any(fnmatch(cell, place) and isinstance(error, kind) and "\n" not in text for place, kind in OTHER_ERRORS):
        return "clear line"
    first = (text.splitlines() or [""])[0]
    return f"{type(error).__name__}: {first[:100]}"


OTHER_ERRORS = (("unified.read_metrics", FileNotFoundError), ("worlds.load_images", FileNotFoundError),
                ("worlds.FashionWorld", FileNotFoundError), ("worlds.ClutterWorld", FileNotFoundError),
                ("worlds.load_captures", FileNotFoundError), ("worlds.TokenVocabulary.load", FileNotFoundError),
                ("published.*", FileNotFoundError), ("standard.*", FileNotFoundError),
                ("*.from_pretrained", FileNotFoundError), ("unified.load_weights", FileNotFoundError))  # fmt: skip


def _matches(place: str, cell: str, argument: str, bad: str) -> bool:
    where, what, kinds = (part.strip() for part in place.split("|"))
    return (
        fnmatch(cell, where)
        and any(fnmatch(argument, w.strip()) for w in what.split(","))
        and any(fnmatch(bad, k.strip()) for k in kinds.split(","))
    )


def _defaults(function: Any) -> dict[str, Any]:
    function = function.forward if isinstance(function, nn.Module) else function
    return {k: p.default for k, p in inspect.signature(function).parameters.items()}


def _numbers(value: Any, depth: int = 4) -> list[float]:
    """Every number in a result."""
    if value is None or isinstance(value, nn.Module | str | bytes | type) or depth == 0:
        return []
    if isinstance(value, Tensor):
        value = value.detach()
        return (
            [0.0]
            if value.is_meta
            else (value.double() if not value.is_complex() else value.abs().double())
            .cpu()
            .to_dense()
            .flatten()
            .tolist()
        )
    if isinstance(value, np.ndarray):
        value = np.ma.filled(value.astype(float), np.nan) if isinstance(value, np.ma.MaskedArray) else value
        return (
            np.abs(value).ravel().tolist()
            if value.dtype.kind == "c"
            else value.astype(float).ravel().tolist()
            if value.dtype.kind in "biuf"
            else []
        )
    if isinstance(value, bool | int | float | np.number):
        return [float(value)] if abs(value) < 1e308 else [float("inf")]
    if isinstance(value, dict):
        return [n for each in value.values() for n in _numbers(each, depth - 1)]
    if isinstance(value, list | tuple):
        return [n for each in value for n in _numbers(each, depth - 1)]
    return [n for each in getattr(value, "__dict__", {}).values() for n in _numbers(each, depth - 1)]


def faults(area: str, name: str) -> list[str]:
    found = []
    for argument, bad, value in cells(area, name):
        what = verdict(area, name, argument, bad, value)
        if what in COUNTS:
            COUNTS[what] += 1
        else:
            found.append(f"{area}.{name}({argument} = {bad}): {what}")
    return found


UNDER_TEST = [(area, name) for area, calls in AREAS.items() for name in calls]


@pytest.mark.parametrize("area", AREAS)
def test_every_public_name_has_a_good_call(area):
    missing = sorted(public_names(area) - set(AREAS[area]))
    assert not missing, f"tests/helpers/public_api/{area}.py has no good call of {', '.join(missing)}"


@pytest.mark.parametrize(("area", "name"), UNDER_TEST)
def test_bad_inputs_end_in_a_clear_line_or_a_documented_answer(area, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some of the bad values are names of files
    found = faults(area, name)
    assert not found, "\n" + "\n".join(found)


if __name__ == "__main__":
    asked = [(area, name) for area in sys.argv[1:] for name in AREAS[area]] or UNDER_TEST
    for area, name in asked:
        os.chdir(tempfile.mkdtemp())  # a file that one call writes is in the way of the next
        for fault in faults(area, name):
            print(fault)
    print({"calls": len(asked), **COUNTS})
