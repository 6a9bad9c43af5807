"""The key of a swept function: it changes with what the function computes from, and with nothing else."""

import linecache
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from infotok.lab import Record, explore
from infotok.lab.caching.fingerprint import fingerprint


def defined(source: str, **given):
    """What a notebook has after running `source`, its globals."""
    space = {"__name__": "__main__", **given}
    exec(compile(source, "<cell>", "exec"), space)
    return space


def key(source: str, **given) -> dict[str, str]:
    return fingerprint(defined(source, **given)["f"])


def f(result: str) -> str:
    """The function whose key is looked at, as a notebook would define it."""
    return f"def f(x): return {{'y': {result}}}"


# The same function before and after one edit.
MOVES = {
    "a constant": ("K = 3\n" + f("K * x"), "K = 4"),
    "an integer that becomes a float": ("K = 3\n" + f("K * x"), "K = 3.0"),
    "a helper": ("def h(x): return x + 1\n" + f("h(x)"), "def h(x): return x + 2"),
    "a helper of a helper": (
        "def g(x): return x\ndef h(x): return g(x)\n" + f("h(x)"),
        "def g(x): return -x",
    ),
    "a constant of a helper": ("K = 1\ndef h(x): return x + K\n" + f("h(x)"), "K = 2"),
    "a helper that calls itself": (
        "def h(x): return x and h(x - 1)\n" + f("h(x)"),
        "def h(x): return x and h(x - 2)",
    ),
    "two helpers that call each other": (
        "def g(x): return x and h(x - 1)\ndef h(x): return g(x)\n" + f("h(x)"),
        "def g(x): return x and h(x - 3)",
    ),
    "a lambda in a dict": ("WAYS = {'a': lambda x: x}\n" + f("WAYS['a'](x)"), "WAYS['a'] = lambda x: -x"),
    "the order of a dict": ("WAYS = {'a': 1, 'b': 2}\n" + f("list(WAYS)[x]"), "WAYS = {'b': 2, 'a': 1}"),
    "a global in a lambda": ("K = 1\nh = lambda x: x + K\n" + f("h(x)"), "K = 2"),
    "a global in a comprehension": ("K = 1\n" + f("[K + i for i in range(x)]"), "K = 2"),
    "a global in a generator expression": ("K = 1\n" + f("sum(K + i for i in range(x))"), "K = 2"),
    "a global in a nested function": (
        "K = 1\ndef f(x):\n    def inner():\n        return K\n    return {'y': inner()}",
        "K = 2",
    ),
    "a global in a class in it": ("K = 1\ndef f(x):\n    class A:\n        k = K\n    return {'y': A.k}", "K = 2"),
    "a global as a default argument": (
        "K = 1\ndef f(x, k=K): return {'y': k}",
        "K = 2\ndef f(x, k=K): return {'y': k}",
    ),
    "a keyword's default": ("def f(x, *, k=1): return {'y': k}", "def f(x, *, k=2): return {'y': k}"),
    "a closure": (
        "def make(k):\n    def f(x): return {'y': k * x}\n    return f\nf = make(1)",
        "f = make(2)",
    ),
    "a closure of a decorator": (
        "import functools\ndef times(k):\n    def wrap(h):\n        @functools.wraps(h)\n"
        "        def inner(x): return {'y': k * h(x)}\n        return inner\n    return wrap\n"
        "@times(2)\ndef f(x): return x",
        "@times(3)\ndef f(x): return x",
    ),
    "a decorated function": (
        "import torch\n@torch.no_grad()\n" + f("x"),
        "@torch.no_grad()\n" + f("-x"),
    ),
    "a memoised helper": (
        "from functools import cache\nK = 1\n@cache\ndef h(x): return x + K\n" + f("h(x)"),
        "K = 2",
    ),
    "an argument of a partial": (
        "from functools import partial\ndef h(x, k): return {'y': k}\nf = partial(h, k=1)",
        "f = partial(h, k=2)",
    ),
    "a method of a class": (
        "class A:\n    def y(self): return 1\n" + f("A().y()"),
        "class A:\n    def y(self): return 2",
    ),
    "a base class": (
        "class B:\n    k = 1\nclass A(B): pass\n" + f("A.k"),
        "class B:\n    k = 2\nclass A(B): pass",
    ),
    "a property, a static and a class method": (
        "class A:\n    @property\n    def p(self): return self.s() + self.c()\n    @staticmethod\n"
        "    def s(): return 1\n    @classmethod\n    def c(cls): return 1\n" + f("A().p"),
        "class A:\n    @property\n    def p(self): return self.s() + self.c()\n    @staticmethod\n"
        "    def s(): return 2\n    @classmethod\n    def c(cls): return 1",
    ),
    "a network's class": (
        "from torch import nn\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.layer = nn.Linear(2, 3)\n" + f("len(list(Net().parameters()))"),
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.layer = nn.Linear(2, 4)",
    ),
    "a dataclass's default": (
        "from dataclasses import dataclass\n@dataclass\nclass A:\n    k: int = 1\n" + f("A().k"),
        "@dataclass\nclass A:\n    k: int = 2",
    ),
    "a field of an object": (
        "class A:\n    def __init__(self, k): self.k = k\na = A(1)\n" + f("a.k"),
        "a.k = 2",
    ),
    "a bound method's object": (
        "class A:\n    def __init__(self, k): self.k = k\n    def y(self, x): return {'y': self.k}\nf = A(1).y",
        "f = A(2).y",
    ),
    "a member of an enumeration": (
        "from enum import Enum\nclass E(Enum):\n    A = 1\n    B = 2\ne = E.A\n" + f("e.value"),
        "e = E.B",
    ),
    "one number of an array": ("import numpy as np\nA = np.zeros(9)\n" + f("A[x]"), "A[4] = 1e-9"),
    "an array's type": ("import numpy as np\nA = np.zeros(9)\n" + f("A[x]"), "A = A.astype('f4')"),
    "an array's shape": ("import numpy as np\nA = np.zeros(4)\n" + f("A[x]"), "A = A.reshape(2, 2)"),
    "one number of a tensor": ("import torch\nA = torch.zeros(9)\n" + f("A[x]"), "A[4] = 1e-9"),
    "a tensor's type": ("import torch\nA = torch.zeros(9)\n" + f("A[x]"), "A = A.bfloat16()"),
    "a frame": ("import pandas as pd\nA = pd.DataFrame({'a': [1, 2]})\n" + f("A.a[x]"), "A.loc[0, 'a'] = 5"),
    "a mutated list in a dict": ("A = {'a': [1]}\n" + f("A['a'][0]"), "A['a'][0] = 2"),
    "a global that now hides a builtin": (f("abs(x)"), "def abs(x): return x"),
    "another function of an installed module": ("from math import sin as h\n" + f("h(x)"), "from math import cos as h"),
    "another class of the package": (
        "from infotok.tokenizers import SimVQ as Q\n" + f("Q(x, 2)"),
        "from infotok.tokenizers import GumbelQuantizer as Q",
    ),
}


@pytest.mark.parametrize(("before", "edit"), MOVES.values(), ids=MOVES)
def test_an_edit_of_what_the_function_computes_from_changes_the_key(before, edit):
    (first, second) = (key(before), key(before + "\n" + edit))
    assert first == key(before), "the same again"
    assert first != second
    assert first["python"] == second["python"]


STAYS = {
    "comments and line numbers": ("K = 3\n" + f("K"), "\n\nK = 3\n# a note\ndef f(x):\n    # one\n    return {'y': K}"),
    "a docstring": ("def f(x):\n    return {'y': x}", "def f(x):\n    'What it does.'\n    return {'y': x}"),
    "a helper's docstring": (
        "def h(x):\n    'one'\n    return x\n" + f("h(x)"),
        "def h(x):\n    'two'\n    return x\n" + f("h(x)"),
    ),
    "an unrelated global": ("K = 3\n" + f("x"), "K = 4\n" + f("x")),
    "the order of a set": ("K = {'a', 'b', 'c'}\n" + f("x in K"), "K = {'c', 'b', 'a'}\n" + f("x in K")),
    "equal numbers in other objects": (
        "A = [[1.5], [1.5]]\n" + f("A"),
        "a = [1.5]\nA = [a, a]\n" + f("A"),
    ),
    "an array's strides": (
        "import numpy as np\nA = np.eye(3)\n" + f("A[0]"),
        "import numpy as np\nA = np.eye(3).T\n" + f("A[0]"),
    ),
    "a cached property that was used": (
        "from infotok.worlds import JointGaussian\nA = JointGaussian.correlated(1, 0.5)\n" + f("A.dim_x"),
        "from infotok.worlds import JointGaussian\nA = JointGaussian.correlated(1, 0.5)\nA.mutual_information\n"
        + f("A.dim_x"),
    ),
}


@pytest.mark.parametrize(("one", "other"), STAYS.values(), ids=STAYS)
def test_what_cannot_change_a_result_leaves_the_key(one, other):
    assert key(one) == key(other)


REFUSED = {
    "a generator of NumPy": ("A", np.random.default_rng(0)),
    "a generator of torch": ("A", torch.Generator()),
    "a model": ("A", nn.Linear(2, 2)),
    "a model inside a list": (r"A\[1\]", [1, nn.Linear(2, 2)]),
    "an iterator": ("A", iter([1, 2])),
    "a generator": ("A", (i for i in range(2))),
    "a tensor with a graph": ("A", torch.zeros(2, requires_grad=True) * 2),
    "a record": ("A", Record()),
    "a folder": ("A", Path(__file__).parent),
    "the notebook": ("A", sys.modules["__main__"]),
}


@pytest.mark.parametrize(("where", "value"), REFUSED.values(), ids=REFUSED)
def test_what_has_no_content_is_refused_with_its_name(where, value):
    with pytest.raises(TypeError, match=rf"f\(\) reaches {where}: got .*, expected "):
        key(f("A"), A=value)


def test_an_open_file_and_a_widget_are_refused():
    with open(__file__) as stream, pytest.raises(TypeError, match=r"f\(\) reaches A: got <class '_io.TextIOWrapper'>"):
        key(f("A.read()"), A=stream)
    with pytest.raises(TypeError, match=r"f\(\) reaches A: got <class 'ipywidgets"):
        key(f("A"), A=explore(lambda n: None, n=(0, 3, 1, 1)))


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("def f(x):\n    global n\n    n = x\n    return {'y': n}", r"f\(\) reaches n: got 'a global that it sets'"),
        (f("eval('K')"), r"f\(\) reaches f: got 'eval\(\)'"),
        ("def h(): return globals()['K']\n" + f("h()"), r"f\(\) reaches h: got 'globals\(\)'"),
        ("def f(x):\n    import __main__\n    return {'y': __main__.K}", r"got 'import __main__'"),
        ("import importlib\n" + f("importlib.import_module('a').K"), r"reaches importlib"),
    ],
)
def test_code_that_cannot_be_followed_is_refused(source, line):
    with pytest.raises(TypeError, match=line):
        key(source)


def test_a_file_is_keyed_by_its_content(tmp_path):
    data = tmp_path / "data.csv"
    data.write_text("1")
    first = key(f("A.read_text()"), A=data)
    data.write_text("2")
    assert key(f("A.read_text()"), A=data) != first


def test_torchs_default_dtype_is_in_the_key():
    source = "import torch\ndef f(x): return {'y': torch.ones(3) / x}"
    single = key(source)
    try:
        torch.set_default_dtype(torch.float64)
        assert key(source) != single
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_memoised_helper_forgets_what_an_earlier_definition_gave():
    space = defined("from functools import cache\nK = 1\n@cache\ndef h(x): return x + K\n" + f("h(x)"))
    assert space["f"](1) == {"y": 2}
    space["K"] = 5
    fingerprint(space["f"])
    assert space["f"](1) == {"y": 6}


def test_the_key_of_a_lessons_function_is_computed_fast():
    source = (
        "from infotok.worlds import load_images\nimport torch\nWORLD = load_images()\ndef f(x): return {'y': WORLD}"
    )
    space = defined(source)
    fingerprint(space["f"])
    begun = time.process_time()
    for _ in range(5):
        fingerprint(space["f"])
    assert (time.process_time() - begun) / 5 < 0.05


def test_a_frame_of_text_has_a_key():
    frame = pd.DataFrame({"a": ["x", None], "b": pd.Categorical(["u", "v"]), "c": pd.to_datetime(["2020", "2021"])})
    source = "def f(x): return {'y': A.a[x]}"
    assert key(source, A=frame) == key(source, A=frame.copy())
    assert key(source, A=frame) != key(source, A=frame.assign(a=["x", "y"]))


def test_a_function_whose_lines_are_gone_has_a_key():
    linecache.clearcache()
    assert key(f("x"))["f"]
