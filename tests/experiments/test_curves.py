"""Scores along training, learning curves, and the longer run that is committed beside them."""

import pytest
import torch

from infotok.experiments.curves import (
    ScoresAlong,
    every_so_often,
    learning_curve,
    longer_trained,
    report_model,
    reported,
    reported_folder,
)
from infotok.files import read_json
from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.unified import AutoregressiveModel, Backbone, TrainConfig, train
from infotok.worlds import ShapesWorld

WORLD = ShapesWorld(nuisance=0.0, jitter=0)


def make_model():
    torch.manual_seed(0)
    tokenizer = SharedTokenizer.from_config(TokenizerConfig(dim=4, quantizer_options={"codebook_size": 8}))
    return AutoregressiveModel(tokenizer, Backbone.tiny(len(WORLD.vocabulary), layers=1, heads=2), WORLD.vocabulary)


def trained(along=None, steps=4):
    model = make_model()
    scores = ScoresAlong(model, WORLD, **along) if along else None
    config = TrainConfig(steps=steps, batch=4, questions=2, log_every=2)
    return model, scores, train(model, WORLD, config, on_step=scores)


@pytest.mark.parametrize(("steps", "times"), [(1000, 10), (12, 1), (3, 5), (1, 1)])
def test_evaluations_end_with_the_last_step(steps, times):
    at = every_so_often(steps, times)
    assert at[-1] == steps
    assert at == sorted(set(at))
    assert at[0] >= 1
    assert len(at) <= times


def test_scores_along_change_nothing_and_are_kept(tmp_path):
    file = tmp_path / "along.json"
    model, scores, history = trained({"at": [2, 4], "n": 4, "seed": 1, "file": file})
    plain, _, same = trained()
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), plain.state_dict().values(), strict=True))
    assert [row["loss"] for row in history] == [row["loss"] for row in same]
    assert [row["step"] for row in scores.rows] == [2, 4]
    assert all(0 <= row[name] <= 1 for row in scores.rows for name in ("answered", "drawn"))
    assert read_json(file) == scores.rows


def test_a_resumed_run_repeats_its_last_steps(tmp_path):
    file = tmp_path / "along.json"
    model, scores, _ = trained({"at": [2, 4], "n": 4, "file": file})
    again = ScoresAlong(model, WORLD, [2, 4], n=4, file=file)
    assert again.rows == scores.rows
    again(3)
    again(4)
    assert [row["step"] for row in again.rows] == [2, 4]


def test_a_learning_curve_has_no_generation_during_warm_up():
    history = [{"step": 10, "understanding": 1.0, "l2": 0.5}, {"step": 20, "understanding": 0.5, "l2": 0.25,
                                                              "generation": 2.0}]  # fmt: skip
    curve = learning_curve(history, [{"step": 20, "answered": 0.5, "drawn": None}])
    assert curve["generation"] == [None, 2.0]
    assert curve["reconstruction"] == [0.5, 0.25]
    assert (curve["step"], curve["scored"], curve["drawn"]) == ([10, 20], [20], [None])


def test_the_reported_model_is_the_longer_trained(tmp_path):
    (tmp_path / "figures").mkdir()
    model, _, history = trained()
    curve = learning_curve(history, [])
    report_model("a", "a command", model, curve, root=tmp_path, steps=4, jitter=0)
    assert reported("a", root=tmp_path) == {"command": "a command", "steps": 4, "jitter": 0, "curve": curve}
    short = make_model()
    longer = longer_trained(short, "a", root=tmp_path, steps=3, jitter=0)
    assert longer is not short
    for name, value in model.state_dict().items():
        torch.testing.assert_close(longer.state_dict()[name], value, rtol=1e-3, atol=1e-6)  # kept in half precision
    assert longer_trained(short, "a", root=tmp_path, steps=4, jitter=0) is short, "it is as long"
    assert longer_trained(short, "a", root=tmp_path, steps=3, jitter=2) is short, "another world"


def test_a_folder_without_figures_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"root: got .*expected a folder with figures/ in it"):
        reported_folder("a", tmp_path)
