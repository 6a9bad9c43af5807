"""The checklist for a machine: a sound machine passes, and each fault fails the check that it concerns."""

import json
import sys

import pytest
import torch

from infotok.course import cli
from infotok.experiments import attached_check, machine_check
from infotok.experiments.hosts import HOSTS
from infotok.experiments.machine_check import CHECKS, Check, Machine, add_check, check_machine
from infotok.experiments.memory import peak_memory

CPU = Machine("cpu", "smoke", machine_check.SIZES["smoke"])


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(machine_check, "CHECKS", dict(CHECKS))


def only(monkeypatch, *names):
    monkeypatch.setattr(machine_check, "CHECKS", {name: CHECKS[name] for name in names})


def test_a_sound_machine_passes_every_check(monkeypatch):
    """The whole checklist at its smallest sizes, one host."""
    monkeypatch.setattr(machine_check, "HOSTS", {"masked": HOSTS["masked"]})
    seen = []
    report = check_machine("smoke", on_check=seen.append)
    assert report["passed"]
    assert report["device"] == "cpu"
    assert [check["name"] for check in report["checks"]] == [check.name for check in seen] == [
        "device", "masked: bfloat16 as float32", "masked: training steps", "masked: throughput", "masked: memory",
        "masked: resumed", "InfoTok decoder", "InfoTok infonce", "InfoTok hsic",
    ]  # fmt: skip
    assert "no GPU" in report["checks"][0]["line"]
    assert report["checks"][5]["values"] == {"largest": 0.0}
    assert json.loads(json.dumps(report)) == report


def test_the_sizes_of_a_gpu_need_one():
    report = check_machine("gpu")
    assert not report["passed"]
    assert [check["name"] for check in report["checks"]] == ["device"]


def test_a_machine_whose_bfloat16_is_wrong_fails(monkeypatch):
    only(monkeypatch, "bfloat16")
    right = machine_check.step

    def wrong(model, images, device, bf16=False):
        terms, gradient = right(model, images, device, bf16)
        return terms, gradient * (1.2 if bf16 else 1.0)

    monkeypatch.setattr(machine_check, "step", wrong)
    report = check_machine("smoke")
    assert not report["passed"]
    assert [check["passed"] for check in report["checks"]] == [True, False, False, False]


def test_a_run_that_resumes_to_other_weights_fails():
    config = machine_check.TrainConfig(steps=4, batch=8, warmup=0, save_every=2)
    whole = CPU.host("masked")
    machine_check.train(whole, machine_check.WORLD, config)
    assert machine_check.resumed(CPU, "masked", config, whole).passed
    with torch.no_grad():
        next(whole.parameters()).view(-1)[0] += 1e-6
    assert not machine_check.resumed(CPU, "masked", config, whole).passed


def test_a_device_with_other_terms_fails(monkeypatch):
    only(monkeypatch, "InfoTok")
    monkeypatch.setattr(machine_check, "apart", lambda found, expected: 0.01)
    assert [check["passed"] for check in check_machine("smoke")["checks"]] == [True, False, False, False]


def test_a_check_can_be_added_and_its_error_is_a_failure(monkeypatch):
    only(monkeypatch)

    def published(machine):
        yield Check("Chameleon: loss", machine.device == "cpu", "found", {"loss": 1.0})
        raise OSError("no weights\nof that name")

    add_check("published", published)
    found = check_machine("smoke")["checks"][1:]
    assert [(check["name"], check["passed"]) for check in found] == [("Chameleon: loss", True), ("published", False)]
    assert found[1]["line"] == "OSError: no weights"
    with pytest.raises(ValueError, match="name: got 'published', expected another than published"):
        add_check("published", published)
    with pytest.raises(ValueError, match="profile: got 'laptop', expected one of smoke, gpu"):
        check_machine("laptop")


def test_the_command_writes_the_report_and_exits_with_1_for_a_failure(monkeypatch, tmp_path, capsys):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "profiles.yaml").write_text("smoke: {}\n")
    monkeypatch.setattr(attached_check, "add_attached", lambda model: None)  # which has a test of its own
    for passes, code in ((True, 0), (False, 1)):
        monkeypatch.setattr(
            machine_check, "CHECKS", {"one": lambda machine, p=passes: iter([Check("one", p, "a line")])}
        )
        monkeypatch.setattr(sys, "argv", ["infotok", "check", "--root", str(tmp_path)])
        assert exit_code() == code
        assert ("passed  one: a line" if passes else "FAILED  one: a line") in capsys.readouterr().out
        assert json.loads((tmp_path / "runs" / "check-smoke.json").read_text())["passed"] is passes
    monkeypatch.setattr(sys, "argv", ["infotok", "check", "--profile", "large"])
    assert exit_code() == 2
    assert capsys.readouterr().err == "infotok: --profile: got 'large', expected one of smoke, gpu\n"


def exit_code():
    try:
        return cli.command()
    except SystemExit as error:
        return error.code


def test_memory_used_is_some_of_what_there_is():
    used, most = peak_memory("cpu")
    assert 2**26 < used < most


def test_a_folder_that_cannot_be_written_is_refused_before_the_checks(tmp_path, monkeypatch, capsys):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "profiles.yaml").write_text("smoke: {}\n")
    (tmp_path / "runs").write_text("a file where the folder of the report should be")
    monkeypatch.setattr(sys, "argv", ["infotok", "check", "--root", str(tmp_path)])
    assert exit_code() == 2
    said = capsys.readouterr()
    assert said.out == "", "no check has run"
    assert said.err.startswith(f"infotok: {tmp_path / 'runs'}: got 'File exists', expected")
