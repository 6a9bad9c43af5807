"""Rows of an experiment: found by settings, compared by seed, kept."""

import json
from pathlib import Path

import pytest

from infotok.experiments.plan import COMMAND
from infotok.experiments.results import Runs, differences, keep_runs, load, score

REPORTED = Path(__file__).parents[2] / "figures" / "11_infotok" / "cells.json"


def row(variant, seed, u, **settings):
    nested = {"drawn": {"present": u / 2}}
    return {"host": "masked", "variant": variant, "seed": seed, "U": u, "scores": nested, **settings}


ROWS = [row({}, 11, 0.5), row({}, 12, 0.6), row({"consistency": 1.0}, 12, 0.9), row({}, 11, 0.1, bits=4)]


def test_what_a_row_does_not_name_is_the_default():
    runs = Runs(ROWS, {"bits": 6, "jitter": 0})
    assert {seed: found["U"] for seed, found in runs.find("masked", {}).items()} == {11: 0.5, 12: 0.6}
    assert runs.find("masked", {}, bits=6).keys() == {11, 12}
    assert runs.find("masked", {}, bits=4)[11]["U"] == 0.1
    assert not runs.find("continuous", {})
    assert not runs.find("masked", {}, jitter=1)
    assert {"host": "masked", "variant": {}, "seed": 11, "bits": 6} in runs
    assert {"host": "masked", "variant": {}, "seed": 13} not in runs


def test_a_later_row_takes_the_place_of_an_equal_one():
    runs = Runs([*ROWS, row({}, 11, 0.7, bits=6)], {"bits": 6})
    assert len(runs) == len(ROWS)
    assert runs.find("masked", {})[11]["U"] == 0.7


def test_an_unknown_setting_is_told():
    with pytest.raises(KeyError, match=r"settings: got \['bit'\], expected some of bits"):
        Runs(ROWS, {"bits": 6}).find("masked", {}, bit=4)


def test_differences_are_of_the_seeds_that_both_have():
    runs = Runs(ROWS, {"bits": 6})
    mine, bare = runs.find("masked", {"consistency": 1.0}), runs.find("masked", {})
    assert differences(mine, bare, "U") == {12: pytest.approx(0.3)}
    assert differences(mine, bare, "scores/drawn/present") == {12: pytest.approx(0.15)}


def test_a_ratio_with_nothing_below_is_none():
    assert score({"a": 1.0, "b": {"c": 0.5}}, "a : b/c") == 2.0
    assert score({"a": 1.0, "b": 0.0}, "a : b") is None


def test_kept_runs_join_those_that_are_there(tmp_path):
    path = tmp_path / "cells.json"
    first = keep_runs(path, ROWS, "abc")
    assert load(path) == first
    assert [found["package"] for found in first] == ["abc"] * len(ROWS)
    again = keep_runs(
        path, [row({}, 11, 0.123456), row({}, 101, 0.9), row({}, 13, 0.3) | {"drawn": ["a picture"]}], "def"
    )
    by_seed = Runs(again).find("masked", {})
    assert by_seed.keys() == {11, 12, 13}, "trials are not kept"
    assert by_seed[11]["U"] == 0.1235, "four digits, and the new run in the place of the old"
    assert by_seed[12]["package"] == "abc"
    assert "drawn" not in by_seed[13]
    assert json.loads(path.read_text())["command"] == COMMAND


def test_keeping_nothing_changes_no_byte_of_the_reported_file(tmp_path):
    copy = tmp_path / "cells.json"
    copy.write_bytes(REPORTED.read_bytes())
    keep_runs(copy, [], "abc")
    assert copy.read_bytes() == REPORTED.read_bytes()


def test_a_file_without_runs_is_told(tmp_path):
    with pytest.raises(ValueError, match=r"cells\.json: got 'no rows', expected the reported runs"):
        load(tmp_path / "cells.json")
