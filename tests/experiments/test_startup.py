"""Imports and kernels are timed in processes of their own, in turns, each by its own clock."""

import pytest

from infotok.experiments import startup
from infotok.experiments.startup import import_seconds, kernel_seconds, start_ratios


def test_the_statements_take_turns(monkeypatch):
    ran, clock = [], iter([1.0, 2.0, 3.0, 4.0])
    monkeypatch.setattr(startup, "_of_import", lambda statement: (ran.append(statement), next(clock))[1])
    assert import_seconds(["import a", "import b"], 2) == {"import a": [1.0, 3.0], "import b": [2.0, 4.0]}
    assert ran == ["import a", "import b"] * 2


def test_the_kernels_take_turns_with_a_bare_one(monkeypatch):
    ran, clock = [], iter([1.0, 2.0, 3.0, 4.0])
    monkeypatch.setattr(startup, "_of_kernel", lambda statement: (ran.append(statement), next(clock))[1])
    assert kernel_seconds(["import a"], 2) == {"bare kernel": [1.0, 3.0], "import a": [2.0, 4.0]}
    assert ran == ["1 + 1", "import a"] * 2


def test_the_ratios_are_of_the_other_over_ours(monkeypatch):
    seconds = {"import torch": 2.0, "import infotok": 0.5, "from infotok.bottleneck import InfoTok": 4.0}
    monkeypatch.setattr(startup, "_of_import", seconds.get)
    monkeypatch.setattr(startup, "_of_kernel", {"1 + 1": 0.5, "import infotok": 1.0}.get)
    assert start_ratios(2) == [
        ("import infotok", "import torch", 4.0, 4.0, 4.0, True),
        ("from infotok.bottleneck import InfoTok", "import torch", 0.5, 0.5, 0.5, True),
        ("kernel with import infotok", "bare kernel", 0.5, 0.5, 0.5, False),
    ]


def test_an_import_is_timed_without_the_start_of_python():
    work = "sum(range(3_000_000))"
    (nothing,), (some,) = import_seconds(["pass", work], 1).values()
    assert 0 <= nothing < some


def test_a_statement_that_fails_is_one_line():
    with pytest.raises(RuntimeError, match=r"^import infotok.nothing: ModuleNotFoundError: No module named"):
        import_seconds(["import infotok.nothing"], 1)
    with pytest.raises(RuntimeError, match=r"^1 / 0: ZeroDivisionError: division by zero$"):
        kernel_seconds(["1 / 0"], 1)
    with pytest.raises(ValueError, match="statements: got"):
        import_seconds([], 1)
    with pytest.raises(ValueError, match="repetitions: got 0"):
        kernel_seconds(["import infotok"], 0)
