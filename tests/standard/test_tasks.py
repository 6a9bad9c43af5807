"""Worlds as tasks: what is written is what the world draws, and scores are those of the world's own judges."""

import hashlib
import json
from collections import Counter

import pytest
import torch
from pyarrow import parquet

from infotok.standard import export_tasks, read_prompts_of, read_questions, score_prompts, score_questions, world_of
from infotok.standard.scoring import read_answer
from infotok.standard.tasks import pixels_of
from infotok.worlds import OpenMojiWorld, SentenceEncoder, ShapesWorld

WORLDS = {"shapes": ShapesWorld(nuisance=0.25), "openmoji": OpenMojiWorld(objects=16, name_sizes=True)}
N, QUESTIONS, SEED = 30, 3, 5


@pytest.fixture(scope="module", params=WORLDS)
def exported(request, tmp_path_factory):
    """(a world, the folder of its tasks)."""
    world = WORLDS[request.param]
    return world, export_tasks(world, tmp_path_factory.mktemp(request.param), N, SEED, QUESTIONS)


def drawn(world):
    """The batch and the prompts that the seed stands for."""
    generator = torch.Generator().manual_seed(SEED)
    test = world.with_split("test")
    return test.batch(N, generator, QUESTIONS), test.prompts(N, generator)


class TestExport:
    def test_images_questions_and_answers_are_the_worlds(self, exported):
        world, folder = exported
        (batch, prompts), rows = drawn(world), read_questions(folder)
        assert len(rows) == N * QUESTIONS
        asked = world.vocabulary.decode(batch.questions.flatten(0, 1))
        answers = [world.vocabulary.words[i] for i in batch.answers.flatten().tolist()]
        kinds = [world.kinds[i] for i in batch.kinds.flatten().tolist()]
        assert [(row["question"], row["answer"], row["kind"]) for row in rows] == list(
            zip(asked, answers, kinds, strict=True)
        )
        for i, row in enumerate(rows):
            torch.testing.assert_close(pixels_of(row["image"]), batch.images[i // QUESTIONS], atol=0.5001 / 255, rtol=0)
            assert row["answer"] in row["choices"]
        assert read_prompts_of(folder) == json.loads(json.dumps(prompts))
        lines = (folder / "prompts.jsonl").read_text().splitlines()
        assert list(map(json.loads, lines)) == json.loads(json.dumps(prompts))

    def test_the_file_has_the_features_that_datasets_reads(self, exported):
        _, folder = exported
        schema = parquet.read_schema(folder / "questions.parquet")
        features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        assert features["image"] == {"_type": "Image"}
        assert set(features) == set(schema.names) == {"image", "question", "answer", "kind", "choices"}
        assert [field.name for field in schema.field("image").type] == ["bytes", "path"]

    def test_emoji_name_who_drew_them_and_shapes_nobody(self, exported):
        world, folder = exported
        file = folder / "ATTRIBUTION.txt"
        assert file.exists() == isinstance(world, OpenMojiWorld)
        if file.exists():
            assert "OpenMoji" in file.read_text()
            assert "CC BY-SA 4.0" in file.read_text()

    def test_another_worlds_attribution_does_not_stay(self, tmp_path):
        export_tasks(WORLDS["openmoji"], tmp_path, 4, SEED, 2)
        export_tasks(WORLDS["shapes"], tmp_path, 4, SEED, 2)
        assert not (tmp_path / "ATTRIBUTION.txt").exists()

    def test_scenes_are_held_out(self, exported):
        world, folder = exported
        assert world_of(folder).split == "test"
        scenes = world.scenes_of([prompt["prompt"] for prompt in read_prompts_of(folder)])
        novel = world.novelty(scenes) if hasattr(world, "novelty") else None
        assert novel is None or (novel > 0).all()

    def test_the_same_seed_writes_the_same_bytes(self, exported, tmp_path):
        world, folder = exported
        again, other = (export_tasks(world, tmp_path / str(seed), N, seed, QUESTIONS) for seed in (SEED, SEED + 1))
        for name in ("questions.parquet", "prompts.parquet", "prompts.jsonl", "world.json", "utils.py"):
            digests = [hashlib.sha256((each / name).read_bytes()).hexdigest() for each in (folder, again, other)]
            assert digests[0] == digests[1], name
            assert name == "utils.py" or digests[0] != digests[2], name

    def test_the_world_is_made_again(self, exported):
        world, folder = exported
        again = world_of(folder)
        batch = drawn(world)[0]
        assert torch.equal(again.batch(N, torch.Generator().manual_seed(SEED), QUESTIONS).images, batch.images)

    def test_what_cannot_be_written_is_refused(self, tmp_path):
        encoder = SentenceEncoder.__new__(SentenceEncoder)  # a function of captions, without its weights
        with pytest.raises(ValueError, match=r"^world, text: got 'a function', expected attributes"):
            export_tasks(ShapesWorld(text=encoder), tmp_path)
        with pytest.raises(FileNotFoundError, match=r"questions\.parquet: got 'no such file', expected a folder that"):
            read_questions(tmp_path)
        (tmp_path / "questions.parquet").write_bytes(b"PAR1")
        with pytest.raises(ValueError, match=r"questions\.parquet: got .*, expected a whole parquet file"):
            read_questions(tmp_path)


class TestScores:
    def test_a_perfect_answerer_scores_one_and_a_constant_one_its_share(self, exported):
        _, folder = exported
        rows = read_questions(folder)
        truth = iter([row["answer"] for row in rows])
        perfect = score_questions(folder, lambda images, questions: [next(truth) for _ in questions])
        assert set(perfect.values()) == {1.0}
        (word, count), *_ = Counter(row["answer"] for row in rows).most_common()
        constant = score_questions(folder, lambda images, questions: [word] * len(questions))
        assert constant["overall"] == pytest.approx(count / len(rows))
        for kind in {row["kind"] for row in rows}:
            own = [row["answer"] == word for row in rows if row["kind"] == kind]
            assert constant[kind] == pytest.approx(sum(own) / len(own))

    def test_the_constants_that_are_written_score_what_is_written(self, exported):
        _, folder = exported
        meta = json.loads((folder / "world.json").read_text())
        kinds = iter([row["kind"] for row in read_questions(folder)])
        scores = score_questions(folder, lambda images, asked: [meta["constant_answers"][next(kinds)] for _ in asked])
        assert scores == pytest.approx(meta["constant_scores"])

    def test_true_drawings_score_one_and_others_what_the_world_says(self, exported):
        world, folder = exported
        prompts = read_prompts_of(folder)

        def draw(sentences):
            return world.render(world.scenes_of(list(sentences)), torch.Generator().manual_seed(0))

        assert set(score_prompts(folder, draw).values()) == {1.0}
        moved = [each["prompt"] for each in prompts[1:] + prompts[:1]]
        scores = score_prompts(folder, lambda sentences: draw(moved))
        expected = world.score_generations(draw(moved), prompts)
        assert scores["overall"] == pytest.approx(expected["overall"])
        assert scores["overall"] < 1
        assert {tag: scores[tag] for tag in scores.keys() & expected.keys()} == pytest.approx(
            {tag: expected[tag] for tag in scores.keys() & expected.keys()}
        )

    def test_larger_drawings_are_resized_for_the_reader(self, exported):
        world, folder = exported

        def draw(sentences):
            images = world.render(world.scenes_of(list(sentences)))
            return torch.nn.functional.interpolate(images, scale_factor=4, mode="nearest")

        assert score_prompts(folder, draw)["images"] == 1.0


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("red", "red"),
        (" Red.", "red"),
        ("It is a red one.", "red"),
        ("red, not blue", "red, not blue"),
        ("reddish", "reddish"),
        ("2", "two"),
        ("There are 2.", "two"),
        ("", ""),
        ("dark-blue", "dark-blue"),
        ("light blue", "blue"),
    ],
)
def test_answers_are_read_from_text(said, answer):
    assert read_answer(said, ["red", "blue", "two", "three"]) == answer
