"""The checks of an attached model: a sound machine passes, each fault fails its check, and --model takes a folder."""

import json
import sys

import pytest
import torch
from published_folders import checkpoint

from infotok.course import cli
from infotok.experiments import attached_check, machine_check
from infotok.experiments.attached_check import Trial, add_attached, attached_checks
from infotok.experiments.machine_check import SIZES, Machine

CPU = Machine("cpu", "smoke", SIZES["smoke"])
NAMES = ["a step", "bfloat16 as float32", "memory", "resumed"]


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(machine_check, "CHECKS", {})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return checkpoint("janus", tmp_path_factory.mktemp("hub") / "janus")


def test_a_sound_machine_passes():
    found = list(attached_checks(CPU))
    assert [check.name for check in found] == [f"attached tiny Emu3: {name}" for name in NAMES]
    assert all(check.passed for check in found)
    assert found[0].values["reached"] == found[0].values["of"] > 50
    assert 0 < found[1].values["gradient"] < attached_check.HALF_GRADIENT
    assert found[3].values["largest"] == 0.0


def test_a_checkpoint_is_checked_by_the_command(folder, monkeypatch, tmp_path, capsys):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "profiles.yaml").write_text("smoke: {}\n")
    monkeypatch.setattr(sys, "argv", ["infotok", "check", "--model", str(folder), "--root", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        raise SystemExit(cli.command())
    assert not ended.value.code
    report = json.loads((tmp_path / "runs" / "check-smoke.json").read_text())
    assert [check["name"] for check in report["checks"][1:]] == [f"attached janus: {name}" for name in NAMES]
    assert report["passed"]
    assert "passed  attached janus: a step: loss" in capsys.readouterr().out


def test_a_gradient_that_stops_fails(monkeypatch):
    right = Trial.new

    def stopped(model, device, dtype):
        trial = right(model, device, dtype)
        trial.attached.options = type(trial.attached.options)(through="none")
        return trial

    monkeypatch.setattr(Trial, "new", stopped)
    first = next(attached_checks(CPU))
    assert not first.passed
    assert first.values["reached"] == 0


def test_another_number_in_bfloat16_fails(monkeypatch):
    right = Trial.new

    def wrong(model, device, dtype):
        trial = right(model, device, dtype)
        if dtype == torch.bfloat16:
            trial.attached.model.lm_head.weight.data *= 1.5
        return trial

    monkeypatch.setattr(Trial, "new", wrong)
    checks = attached_checks(CPU)
    assert next(checks).passed
    assert not next(checks).passed


def test_a_run_that_resumes_to_other_weights_fails(monkeypatch):
    right = Trial.train

    def wrong(self, begin, end, folder=None):
        right(self, begin, end, folder)
        if folder is not None:
            next(p for p in self.attached.parameters() if p.requires_grad).data += 1e-6

    monkeypatch.setattr(Trial, "train", wrong)
    assert not attached_check._resumed("tiny", "", "cpu").passed


def test_a_model_that_is_not_there_is_a_failed_check():
    add_attached("nowhere")
    report = machine_check.check_machine("smoke")
    assert not report["passed"]
    assert report["checks"][-1]["line"].startswith("ValueError: name: got 'nowhere', expected a model's folder")
    add_attached("elsewhere")
    with pytest.raises(TypeError, match=r"^model: got 'int', expected a checkpoint's folder"):
        add_attached(3)
    assert list(machine_check.CHECKS) == ["attached"], "the later in the place of the earlier"
