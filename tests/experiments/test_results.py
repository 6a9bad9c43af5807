"""Rows of an experiment: found by settings, compared by seed."""

import pytest

from infotok.experiments.results import Cells, differences, score


def row(arm, seed, u, **settings):
    return {"host": "masked", "arm": arm, "seed": seed, "U": u, "scores": {"drawn": {"present": u / 2}}, **settings}


ROWS = [row({}, 1, 0.5), row({}, 2, 0.6), row({"consistency": 1.0}, 2, 0.9), row({}, 1, 0.1, bits=4)]


def test_what_a_row_does_not_name_is_the_default():
    cells = Cells(ROWS, {"bits": 6, "jitter": 0})
    assert {seed: found["U"] for seed, found in cells.find("masked", {}).items()} == {1: 0.5, 2: 0.6}
    assert cells.find("masked", {}, bits=6).keys() == {1, 2}
    assert cells.find("masked", {}, bits=4)[1]["U"] == 0.1
    assert not cells.find("continuous", {})
    assert not cells.find("masked", {}, jitter=1)
    assert {"host": "masked", "arm": {}, "seed": 1, "bits": 6} in cells
    assert {"host": "masked", "arm": {}, "seed": 3} not in cells


def test_a_later_row_takes_the_place_of_an_equal_one():
    cells = Cells([*ROWS, row({}, 1, 0.7, bits=6)], {"bits": 6})
    assert len(cells) == len(ROWS)
    assert cells.find("masked", {})[1]["U"] == 0.7


def test_an_unknown_setting_is_told():
    with pytest.raises(KeyError, match=r"settings: got \['bit'\], expected some of bits"):
        Cells(ROWS, {"bits": 6}).find("masked", {}, bit=4)


def test_differences_are_of_the_seeds_that_both_have():
    cells = Cells(ROWS, {"bits": 6})
    mine, bare = cells.find("masked", {"consistency": 1.0}), cells.find("masked", {})
    assert differences(mine, bare, "U") == {2: pytest.approx(0.3)}
    assert differences(mine, bare, "scores/drawn/present") == {2: pytest.approx(0.15)}


def test_a_ratio_with_nothing_below_is_none():
    assert score({"a": 1.0, "b": {"c": 0.5}}, "a : b/c") == 2.0
    assert score({"a": 1.0, "b": 0.0}, "a : b") is None
