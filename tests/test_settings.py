"""Settings: what fits is kept, what does not fit is refused in one line; notebooks and command lines likewise."""

import copy
import dataclasses
import math
import re
import subprocess
import sys
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from pydantic import Field

from infotok.errors import require, require_int
from infotok.settings import Count, NonNegative, Positive, check, check_parameters, expected, from_text, settings

Share = Annotated[float, Field(ge=0, lt=1)]
Open = Annotated[float, Field(gt=-1, le=2)]
Few = Annotated[int, Field(ge=2, le=16)]
Seeds = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=3)]
LARGEST = 2**31 - 1


@settings
class Example:
    steps: Count
    rate: Positive = 1e-3
    kind: Literal["vector", "scalar"] = "vector"
    seeds: Seeds = dataclasses.field(default_factory=lambda: [0])
    grid: Few | None = None
    flag: bool = False
    name: str = ""
    options: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        require(self.grid is None or self.grid <= self.steps, "grid", self.grid, f"at most steps, {self.steps}")


def line(error: Exception) -> str:
    """The whole message, which is one line of the usual form."""
    assert re.fullmatch(r"[^\n]+: got [^\n]*, expected [^\n]+", str(error))
    return str(error)


# --- what fits ------------------------------------------------------------------------------------------------------


def test_values_that_fit_are_kept_as_they_are():
    made = Example(10, 0.5, kind="scalar", seeds=[1, 2], grid=4, flag=True, name="a", options={"k": [1]})
    assert dataclasses.asdict(made) == {
        **{"steps": 10, "rate": 0.5, "kind": "scalar", "seeds": [1, 2]},
        **{"grid": 4, "flag": True, "name": "a", "options": {"k": [1]}},
    }
    assert dataclasses.asdict(Example(1)) == {
        **{"steps": 1, "rate": 1e-3, "kind": "vector", "seeds": [0]},
        **{"grid": None, "flag": False, "name": "", "options": {}},
    }


def test_settings_are_frozen_compared_copied_and_pickled_like_any_dataclass():
    made = Example(3, options={"a": 1})
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.steps = 4
    assert made == Example(3, options={"a": 1}) != Example(4)
    assert copy.deepcopy(made) == made == dataclasses.replace(made, steps=3)
    with pytest.raises(ValueError, match="steps: got 0, expected a positive integer"):
        dataclasses.replace(made, steps=0)
    assert [field.name for field in dataclasses.fields(Example)][:2] == ["steps", "rate"]


@settings
class Plain:
    x: float = 1.0


@given(st.integers(-(2**33), 2**33))
def test_a_count_is_an_integer_from_1_to_the_largest_size(value):
    if 1 <= value <= LARGEST:
        assert check("n", Count, value) == value
    else:
        with pytest.raises(ValueError, match=rf"^n: got {value}, expected an? "):
            check("n", Count, value)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_ranges_hold_at_every_float(value):
    for annotation, inside in (
        (Share, 0 <= value < 1),
        (Open, -1 < value <= 2),
        (Positive, 0 < value < math.inf),
        (NonNegative, 0 <= value < math.inf),
        (float, math.isfinite(value)),
    ):
        if inside:
            assert check("x", annotation, value) == value
        else:
            with pytest.raises(ValueError, match=r"^x: got .*, expected a "):
                check("x", annotation, value)


@pytest.mark.parametrize("kind", [np.int8, np.int64, np.uint16])
def test_numpy_integers_are_integers(kind):
    found = check("n", Count, kind(3))
    assert (found, type(found)) == (3, int)
    assert type(Example(steps=kind(3)).steps) is int
    assert check("seeds", Seeds, [kind(1), kind(2)]) == [1, 2]


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.int32])
def test_numpy_numbers_are_floats_where_floats_are_asked_for(kind):
    found = check("x", Positive, kind(2))
    assert (found, type(found)) == (2.0, float)


def test_an_integer_is_a_float_and_nothing_else_is_converted():
    assert check("x", Positive, 3) == 3.0
    for annotation, value in [(int, 3.0), (int, "3"), (float, "3"), (bool, 1), (int, True), (str, 3), (float, True)]:
        with pytest.raises(TypeError, match=r"^x: got .*, expected"):
            check("x", annotation, value)
    for annotation, value in [(int, np.float64(3)), (bool, np.True_), (list[int], (1, 2)), (list[int], np.arange(2))]:
        with pytest.raises(TypeError, match=r"^x: got .*, expected"):
            check("x", annotation, value)


# --- what does not --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"steps": 0}, ValueError, "steps: got 0, expected a positive integer"),
        ({"steps": 2.5}, TypeError, "steps: got 2.5, expected a positive integer"),
        ({"steps": "3"}, TypeError, "steps: got '3', expected a positive integer"),
        ({"steps": None}, TypeError, "steps: got None, expected a positive integer"),
        ({"steps": True}, TypeError, "steps: got True, expected a positive integer"),
        ({"steps": 10**12}, ValueError, f"steps: got {10**12}, expected an integer, at most {LARGEST}"),
        ({"rate": 0.0}, ValueError, "rate: got 0.0, expected a number in (0, inf)"),
        ({"rate": math.nan}, ValueError, "rate: got nan, expected a number in (0, inf)"),
        ({"rate": math.inf}, ValueError, "rate: got inf, expected a number in (0, inf)"),
        ({"kind": "vq"}, ValueError, "kind: got 'vq', expected one of vector, scalar"),
        ({"kind": 3}, ValueError, "kind: got 3, expected one of vector, scalar"),
        ({"seeds": []}, ValueError, "seeds: got [], expected a list of 1 to 3, each item a non-negative integer"),
        ({"seeds": [0, -1]}, ValueError, "seeds[1]: got -1, expected a non-negative integer"),
        ({"seeds": [0, 1, "3"]}, TypeError, "seeds[2]: got '3', expected a non-negative integer"),
        ({"seeds": 3}, TypeError, "seeds: got 3, expected a list of 1 to 3, each item a non-negative integer"),
        ({"grid": 1}, ValueError, "grid: got 1, expected an integer from 2 to 16, or None"),
        ({"grid": 17}, ValueError, "grid: got 17, expected an integer from 2 to 16, or None"),
        ({"grid": "4"}, TypeError, "grid: got '4', expected an integer from 2 to 16, or None"),
        ({"grid": 8}, ValueError, "grid: got 8, expected at most steps, 4"),
        ({"flag": 1}, TypeError, "flag: got 1, expected True or False"),
        ({"name": 3}, TypeError, "name: got 3, expected text"),
        ({"options": [1]}, TypeError, "options: got [1], expected a dict"),
        ({"stpes": 3}, TypeError, "Example: got 'an argument stpes', expected some of steps, rate, kind"),
    ],
)
def test_a_field_that_does_not_fit_is_refused_in_one_line(values, error, message):
    with pytest.raises(error) as caught:
        Example(**{"steps": 4, **values})
    assert line(caught.value).startswith(message)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None  # no second traceback


def test_positional_and_missing_fields_are_refused_by_name():
    for make, message in (
        (lambda: Example(0), "steps: got 0, expected a positive integer"),
        (lambda: Example(1, -1.0), "rate: got -1.0, expected a number in (0, inf)"),
        (lambda: Example(), "steps: got 'nothing', expected a positive integer"),
        (lambda: Plain(1.0, 2.0), "Plain: got 'an argument 1', expected some of x"),
    ):
        with pytest.raises((TypeError, ValueError)) as caught:
            make()
        assert line(caught.value) == message


def test_a_type_error_of_post_init_is_passed_on():
    @settings
    class Strict:
        x: int = 1

        def __post_init__(self):
            require_int("x", self.x, 1, 3), require(self.x != 2, "x", self.x, "another", TypeError)

    with pytest.raises(TypeError, match=r"^x: got 2, expected another$"):
        Strict(2)
    with pytest.raises(ValueError, match=r"^x: got 4, expected an integer from 1 to 3$"):
        Strict(4)


def test_long_values_are_cut_in_the_line():
    with pytest.raises(TypeError) as caught:
        check("x", int, "a" * 10_000)
    assert len(line(caught.value)) < 250


def test_a_union_of_lists_names_the_item():
    with pytest.raises(TypeError, match=r"^x\[1\]: got 'b', expected an integer$"):
        check("x", list[int] | None, [1, "b"])
    assert check("x", list[int] | None, None) is None


def test_settings_and_require_int_say_the_same():
    for low, high, value in [(1, LARGEST, 0), (0, LARGEST, -1), (2, LARGEST, 1), (2, 16, 17), (1, LARGEST, 2**40)]:
        with pytest.raises(ValueError, match=r"^n: got") as first:
            require_int("n", value, low, high)
        with pytest.raises(ValueError, match=r"^n: got") as second:
            check("n", Annotated[int, Field(ge=low, le=high)], value)
        assert str(first.value) == str(second.value)


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "an integer"),
        (Annotated[int, Field(ge=2)], "an integer, at least 2"),
        (Annotated[int, Field(gt=0, lt=10)], "an integer from 1 to 9"),
        (Annotated[int, Field(le=5)], "an integer, at most 5"),
        (float, "a finite number"),
        (Open, "a number in (-1, 2]"),
        (Annotated[float, Field(le=0)], "a number in (-inf, 0]"),
        (bool, "True or False"),
        (str, "text"),
        (str | None, "text, or None"),
        (list, "a list"),
        (Annotated[list[str], Field(max_length=2)], "a list of 0 to 2, each item text"),
        (Annotated[list[Share], Field(min_length=2)], "a list of 2 or more, each item a number in [0, 1)"),
        (tuple[int, ...], "a tuple, each item an integer"),
        (dict[str, dict], "a dict, each value a dict"),
        (dict[str, int], "a dict, each value an integer"),
        (Literal[1, 2], "one of 1, 2"),
        (Any, "Any"),
    ],
)
def test_an_annotation_in_words(annotation, words):
    assert expected(annotation) == words


# --- command lines --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (Count, "300", 300),
        (float, "3e-4", 3e-4),
        (float, "3", 3.0),
        (float, ".5", 0.5),
        (bool, "True", True),
        (bool, "false", False),
        (str, "true", "true"),
        (str, "3", "3"),
        (str | None, "None", None),
        (str | None, "null", None),
        (str | None, "none of it", "none of it"),
        (Literal["a", "b"], "a", "a"),
        (Literal["1", "2"], "1", "1"),
        (Literal[1, 2], "1", 1),
        (list[int], "[1, 2]", [1, 2]),
        (list[Literal["a", "b"]], '["a"]', ["a"]),
        (dict, '{"k": 4}', {"k": 4}),
        (Few | None, "4", 4),
    ],
)
def test_the_text_of_a_command_line(annotation, text, value):
    found = from_text("x", annotation, text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("annotation", "text", "error", "message"),
    [
        (Count, "0", ValueError, "x: got 0, expected a positive integer"),
        (Count, "2.5", TypeError, "x: got 2.5, expected a positive integer"),
        (Count, "1e2", TypeError, "x: got 100.0, expected a positive integer"),
        (Count, "many", ValueError, "x: got 'many', expected a positive integer"),
        (Count, "", ValueError, "x: got '', expected a positive integer"),
        (float, "NaN", ValueError, "x: got nan, expected a finite number"),
        (float, "Infinity", ValueError, "x: got inf, expected a finite number"),
        (bool, "1", TypeError, "x: got 1, expected True or False"),
        (bool, "yes", ValueError, "x: got 'yes', expected True or False"),
        (Literal["a", "b"], "c", ValueError, "x: got 'c', expected one of a, b"),
        (list[int], "[1, 2.5]", TypeError, "x[1]: got 2.5, expected an integer"),
        (dict[str, dict], '{"a": 3}', TypeError, "x: got 3, expected a dict, each value a dict"),
        (list[int], "1, 2", ValueError, "x: got '1, 2', expected a list, each item an integer"),
    ],
)
def test_text_that_does_not_fit_is_refused(annotation, text, error, message):
    with pytest.raises(error) as caught:
        from_text("x", annotation, text)
    assert line(caught.value) == message


@given(st.text(max_size=20))
def test_any_text_is_text(text):
    assert from_text("x", str, text) == text


# --- notebooks ------------------------------------------------------------------------------------------------------

CELL = """
from typing import Annotated, Literal
from pydantic import Field
from infotok.settings import Count, check_parameters

seed: Annotated[int, Field(ge=0)] = 0  # of every random number
steps: Count = 300
kind: Literal["vector", "scalar"] = "vector"
levels: list[Count] = [2, 3]
later: Count
"""


@pytest.fixture
def shell():
    InteractiveShell.clear_instance()
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def test_parameters_of_a_notebook_are_checked_by_their_annotations(shell):
    shell.run_cell(CELL).raise_error()
    shell.run_cell("check_parameters(globals())").raise_error()
    for injected, error, message in (
        ("seed = -1", ValueError, "seed: got -1, expected a non-negative integer"),
        ("seed = 0; steps = 100.0", TypeError, "steps: got 100.0, expected a positive integer"),
        ("steps = 100; kind = 'vq'", ValueError, "kind: got 'vq', expected one of vector, scalar"),
        ("kind = 'scalar'; levels = [2, 0]", ValueError, "levels[1]: got 0, expected a positive integer"),
    ):
        shell.run_cell(injected).raise_error()  # as papermill's cell of injected parameters
        with pytest.raises(error) as caught:
            shell.run_cell("check_parameters(globals())").raise_error()
        assert line(caught.value) == message
    shell.run_cell("levels = [4]").raise_error()
    shell.run_cell("check_parameters(globals())").raise_error()


def test_a_namespace_without_annotations_has_nothing_to_check():
    check_parameters({"steps": 0})


def test_annotations_of_a_later_python_are_read_from_the_function_that_makes_them():
    namespace = {"__annotate__": lambda form: {"steps": Count}, "steps": 0}
    with pytest.raises(ValueError, match="steps: got 0, expected a positive integer"):
        check_parameters(namespace)


def test_settings_need_no_torch():
    code = "import sys, infotok.settings; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
