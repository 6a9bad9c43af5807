"""Lesson 15 on a checkpoint and on one's own images: tiny checkpoints in the hub's layout, and a tiny folder."""

import pytest
import torch
from courses import copy_of_the_clone, infotok
from published_folders import checkpoint, pictures

from infotok.course.course import Course
from infotok.experiments import attached, attached_plan
from infotok.experiments.attached_setting import open_setting, score_checkpoint, train_checkpoint
from infotok.published import hub_folder, open_model, open_processor

NAMES = ("janus", "emu3")
INFOTOK = {"consistency": 1.0, "compression": 0.001}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("hub")
    for name in NAMES:
        checkpoint(name, root / name)
    pictures(root / "pictures")
    return root


def opened(folders, name, own=True):
    return open_setting(str(folders / name), str(folders / "pictures") if own else "")


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("name", NAMES)
class TestSetting:
    def test_a_batch_is_the_processors(self, folders, name, own):
        setting = opened(folders, name, own)
        drawn = setting.drawn(3, seed=1)
        questions, answers, captions = setting.sentences(drawn)
        batch = setting.batch(3, seed=1)
        assert batch["pixel_values"].shape == (3, 3, 32, 32)
        words = setting.processor.tokenizer
        for row in range(3):
            labels = batch["labels"][row]
            expected = words(answers[row] + words.eos_token, add_special_tokens=False)["input_ids"]
            assert labels[labels != -100].tolist() == expected
        assert {"prompts", "text"} <= batch.keys()
        assert len(questions) == len(captions) == 3
        assert "labels" not in setting.batch(3, seed=1, answered=False)

    def test_the_answers_reach_the_whole_encoder_by_a_surrogate_alone(self, folders, name, own):
        setting = opened(folders, name, own)
        losses = []
        for through, expected in (("none", False), ("linear", True), ("soft", True)):
            made = setting.attach(through, {})
            made.zero_grad()
            loss = made.loss(setting.batch(3, seed=0))["understanding"]
            loss.backward()
            moved = [p.grad is not None and bool(p.grad.any()) for p in made.family.vq.encoder.parameters()]
            assert all(moved) if expected else not any(moved)
            losses.append(loss.item())
        assert len(set(losses)) == 1


def test_held_out_records_are_scored(folders):
    setting = opened(folders, "janus")
    train = {int(each) for each in setting.drawn(200, 0).scenes}
    test = {int(each) for each in setting.drawn(200, 0, test=True).scenes}
    assert test
    assert not train & test


@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_is_trained_and_scored(folders, name):
    sizes = {"data": str(folders / "pictures"), "images": 4, "held_out": 4, "lora": 2, "learning_rate": 1e-2}
    row = train_checkpoint(str(folders / name), "soft", INFOTOK, 0, steps=8, **sizes)
    assert row["before"].keys() == row["after"].keys() == {"right", "understanding", "generation", "bits"}
    assert row["after"]["understanding"] < row["before"]["understanding"] - 0.2
    assert row["curve"][-1] < row["curve"][0]
    assert 0 <= row["before"]["bits"] <= 4
    assert row["seconds"] > 0


def test_a_run_of_a_checkpoint_repeats(folders):
    sizes = {"data": str(folders / "pictures"), "steps": 2, "images": 2, "held_out": 2, "lora": 2}
    rows = [train_checkpoint(str(folders / "janus"), "soft", INFOTOK, 0, **sizes) for _ in range(2)]
    assert all(rows[0][key] == rows[1][key] for key in ("before", "after", "curve"))


def test_the_table_has_a_line_for_each_run():
    planned = attached_plan.checkpoint_runs("tiny/janus", 1, 2, ["none", "soft + InfoTok"], steps=3)
    assert [(run["model"], run["seed"], run["steps"]) for run in planned] == [("tiny/janus", 1001, 3)] * 2 + [
        ("tiny/janus", 1002, 3)
    ] * 2
    scores = {"right": 0.5, "understanding": 1.0, "generation": 2.0, "bits": 3.0}
    rows = [run | {"before": scores, "after": scores, "seconds": 1.0, "bytes": 2**30} for run in planned]
    lines = attached_plan.before_and_after(rows)
    assert [line["variant"] for line in lines[:2]] == ["none", "soft + InfoTok"]
    assert lines[0]["answers right, before"] == 0.5
    assert lines[0]["GiB"] == 1.0


@pytest.mark.parametrize("name", NAMES)
def test_files_in_bfloat16_stay_so_beside_a_tokenizer_in_float32(folders, name, tmp_path):
    open_model(folders / name).bfloat16().save_pretrained(tmp_path / name)
    open_processor(folders / name).save_pretrained(tmp_path / name)
    setting = open_setting(str(tmp_path / name), str(folders / "pictures"))
    batch = setting.batch(2, 0)
    asked = {key: each for key, each in batch.items() if not key.startswith(("prompts", "text"))}
    assert setting.model(**asked).loss.isfinite(), "as published"
    made = setting.attach("soft", INFOTOK, lora=2).train()
    terms = made.loss(batch, torch.Generator().manual_seed(0))
    sum(terms.values()).backward()
    assert made.model.lm_head.weight.dtype == torch.bfloat16
    assert all(p.grad.dtype == torch.float32 for p in made.family.vq.encoder.parameters())


def test_scores_are_those_of_the_loss(folders):
    """Means over images whatever the size of a pass."""
    setting = opened(folders, "janus")
    made = setting.attach("none", {})
    found = score_checkpoint(setting, made, 4, seed=3)
    terms = made.eval().loss(setting.read(setting.drawn(4, 3, test=True)))
    assert found["understanding"] == pytest.approx(float(terms["understanding"].detach()), rel=1e-5)
    assert found["generation"] == pytest.approx(float(terms["generation"].detach()), rel=1e-5)


def test_the_tiny_model_trains_on_own_images(folders):
    row = attached.train_attached(
        "soft", attached_plan.INFOTOK, 0, steps=2, held_out=16, data=str(folders / "pictures")
    )
    assert 0 <= row["U"] <= 1
    assert row["scores"].keys() == {"question", "overall", "mean"}
    setting = open_setting(data=str(folders / "pictures"))
    assert setting.batch(2, 0)["pixel_values"].shape == (2, 3, 32, 32)
    assert setting.attach("soft", {}).loss(setting.batch(2, 0))["understanding"].isfinite()


class TestHub:
    def test_a_name_is_fetched_without_code_and_pickles(self, folders, monkeypatch):
        import huggingface_hub

        asked = {}

        def fetch(name, repo_type, allow_patterns):
            asked[repo_type] = name, allow_patterns
            return str(folders / ("pictures" if repo_type == "dataset" else "janus"))

        monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
        setting = open_setting("tiny/janus", "tiny/pictures")
        assert setting.batch(2, 0)["labels"].shape[0] == 2
        assert asked["model"][0] == "tiny/janus"
        assert asked["dataset"][0] == "tiny/pictures"
        patterns = {pattern for _, each in asked.values() for pattern in each}
        assert not any(pattern.endswith((".py", ".bin", ".pt", ".pth", ".pkl", "*")) for pattern in patterns)

    def test_what_is_not_there_is_one_line(self, folders, monkeypatch):
        import huggingface_hub

        def fail(*_, **__):
            raise OSError("no network\nat all")

        monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
        with pytest.raises(
            ValueError, match=r"^model tiny/janus: got 'no model \(no network\)', expected a checkpoint$"
        ):
            open_setting("tiny/janus")
        with pytest.raises(ValueError, match=r"^name: got 'nowhere', expected a model's folder, or its owner/name"):
            open_setting("nowhere")
        with pytest.raises(ValueError, match=r"^model: got '', expected the folder of a checkpoint"):
            train_checkpoint("", "soft", {}, 0)
        with pytest.raises(ValueError, match=r"^processor .*pictures: got .no model"):
            open_processor(folders / "pictures")
        assert hub_folder(folders / "janus") == folders / "janus"


def test_a_folder_with_code_of_its_own_is_refused(folders, tmp_path):
    import json
    import shutil

    shutil.copytree(folders / "janus", tmp_path / "own")
    path = tmp_path / "own" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"auto_map": {"AutoModel": "code.Model"}}))
    with pytest.raises(ValueError, match="code of the folder's own"):
        open_setting(str(tmp_path / "own"))


def test_gradients_are_finite_in_every_tensor_of_the_encoder(folders):
    made = opened(folders, "emu3").attach("soft", INFOTOK, lora=2).train()
    terms = made.loss(opened(folders, "emu3").batch(2, 0), torch.Generator().manual_seed(0))
    sum(terms.values()).backward()
    assert all(p.grad.isfinite().all() for p in made.family.vq.encoder.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_lesson_runs_on_a_checkpoint(folders, name, tmp_path):
    values = ["-p", f"model={folders / name}", "-p", f"data={folders / 'pictures'}", "-p", 'sized=["Janus-Pro-1B"]']
    root = copy_of_the_clone(tmp_path)
    ended = infotok(root, "run", "15_published_models", "--profile", "smoke", *values)
    assert ended.returncode == 0, ended.stderr
    (folder,) = Course(root).run_folders("smoke", "15_published_models")
    table = (folder / "tables" / "checkpoint.csv").read_text()
    assert table.count("\n") == 3, "a line for each of the two variants, below the names"
    reached = (folder / "tables" / "reached.csv").read_text()
    assert "soft" in reached
