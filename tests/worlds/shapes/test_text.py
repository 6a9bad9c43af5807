"""What is said of scenes: captions there and back, questions against an oracle that reads them, prompts and GenEval."""

import re
from collections import Counter, defaultdict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from shapes_oracle import objects, oracle, stands

from infotok.worlds import KINDS, Scenes, ShapesWorld, Vocabulary, follows
from infotok.worlds.shapes import scenes as law

PLAIN, NAMED = ShapesWorld(split="all"), ShapesWorld(split="all", name_offsets=True)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class TestVocabulary:
    vocabulary = PLAIN.vocabulary

    def test_special_ids_and_words(self) -> None:
        assert (self.vocabulary.pad, self.vocabulary.bos, self.vocabulary.eos) == (0, 1, 2)
        assert len(set(self.vocabulary.words)) == len(self.vocabulary)
        assert len(self.vocabulary.answer_ids.unique()) == 4 + 6 + 5 + 3

    def test_there_and_back(self) -> None:
        sentences = ["top-left small red circle", "empty", "is there a blue cross ?"]
        ids = self.vocabulary.encode(sentences)
        assert ids.shape == (3, 6)
        assert self.vocabulary.decode(ids) == sentences
        assert self.vocabulary.encode(sentences, length=9).shape == (3, 9)
        assert self.vocabulary.encode([]).shape == (0, 0)

    def test_decoding_stops_at_the_end(self) -> None:
        red, empty = self.vocabulary.ids(["red", "empty"]).tolist()
        assert self.vocabulary.decode(torch.tensor([[1, red, 0, empty, 2, red]])) == ["red empty"]

    def test_a_split_or_named_offsets_do_not_change_it(self) -> None:
        assert ShapesWorld(split="test").vocabulary.words == NAMED.vocabulary.words == Vocabulary(2).words

    def test_refusals(self) -> None:
        with pytest.raises(ValueError, match=r"word: got 'purple', expected one of the \d+ words of the vocabulary"):
            self.vocabulary.encode(["small purple circle"])
        with pytest.raises(TypeError, match="sentences: got 'str', expected a list of sentences"):
            self.vocabulary.encode("red")
        with pytest.raises(ValueError, match="length: got 1, expected 2 or above"):
            self.vocabulary.encode(["small red"], length=1)
        with pytest.raises(ValueError, match=r"ids: got 'values from 99 to 99', expected finite values in \[0, 57\]"):
            self.vocabulary.decode(torch.tensor([[99]]))
        with pytest.raises(ValueError, match=r"ids: got shape \(3,\), expected a tensor of shape \(B, T\)"):
            self.vocabulary.decode(torch.tensor([3, 4, 5]))


class TestCaptions:
    def test_they_say_what_is_there(self) -> None:
        scenes = PLAIN.sample(300, seeded())
        for caption, cells in zip(PLAIN.captions(scenes), scenes.cells, strict=True):
            assert caption == (" ".join(" ".join(o) for o in objects(cells)) or "empty")

    def test_offsets_are_named(self) -> None:
        scenes = NAMED.sample(200, seeded())
        for caption, cells, offsets in zip(NAMED.captions(scenes), scenes.cells, scenes.offsets, strict=True):
            steps = [f"x{x:+d} y{y:+d}" for (x, y), cell in zip(offsets.tolist(), cells, strict=True) if cell]
            told = [" ".join(o) + " " + step for o, step in zip(objects(cells), steps, strict=True)]
            assert caption == (" ".join(told) or "empty")

    @given(cells=st.lists(st.integers(0, 48), min_size=4, max_size=4), seed=st.integers(0, 1000))
    @settings(max_examples=100, deadline=None)
    def test_there_and_back(self, cells: list[int], seed: int) -> None:
        cells = torch.tensor([cells])
        offsets = torch.randint(-2, 3, (1, 4, 2), generator=seeded(seed)) * (cells > 0)[..., None]
        scenes = Scenes(cells, offsets, torch.full((1, 48), 2))
        for world in (PLAIN, NAMED):
            caption = world.captions(scenes)
            back = world.scenes_of(caption)
            assert torch.equal(back.cells, cells)
            assert torch.equal(back.offsets, offsets if world.name_offsets else torch.zeros_like(offsets))
            assert world.captions(back) == caption
            assert world.render(back).shape == (1, 3, 32, 32)  # a caption can be drawn

    @pytest.mark.parametrize(
        "caption",
        ["", "top-left small red", "red small circle top-left", "empty empty", "top-left small red circle empty",
         "top-right small red circle top-left small red circle", "top-left small red circle x+1 y+0",
         "top-left small red circle top-left small red circle"],
    )  # fmt: skip
    def test_what_is_no_caption_is_refused(self, caption: str) -> None:
        line = f"caption: got '{re.escape(caption)}', expected 'empty', or 4 words an object in the order of the cells"
        with pytest.raises(ValueError, match=line):
            PLAIN.scenes_of([caption])

    @pytest.mark.parametrize("world", [PLAIN, NAMED])
    def test_the_vector_says_what_the_caption_says(self, world: ShapesWorld) -> None:
        batch = world.batch(2000, seeded())
        assert batch.text.shape[1] == 4 * (23 if world.name_offsets else 13)
        assert set(batch.text.unique().tolist()) == {0.0, 1.0}
        captions = world.captions(batch.scenes)
        assert len(batch.text.unique(dim=0)) == len(set(captions))
        by_vector = {tuple(vector): caption for vector, caption in zip(batch.text.tolist(), captions, strict=True)}
        assert all(by_vector[tuple(v)] == c for v, c in zip(batch.text.tolist(), captions, strict=True))
        there = (batch.scenes.cells > 0).sum(1)
        assert torch.equal(batch.text.sum(1).long(), there * (5 if world.name_offsets else 3) + 4 - there)


class TestQuestions:
    @pytest.mark.parametrize("split", law.SPLITS)
    def test_answers_are_what_an_oracle_reads(self, split: str) -> None:
        world = ShapesWorld(nuisance=0.0, split=split)
        batch = world.batch(400, seeded(5), questions=8)
        assert batch.kinds.flatten().bincount().min() > 500
        for cells, questions, answers, kinds in zip(
            batch.scenes.cells, batch.questions, batch.answers, batch.kinds, strict=True
        ):
            answers = world.vocabulary.decode(answers[:, None])
            for question, answer, kind in zip(world.vocabulary.decode(questions), answers, kinds, strict=True):
                assert (KINDS[kind], answer) == oracle(question, objects(cells))

    def test_all_answers_are_known_words(self) -> None:
        answers = PLAIN.batch(500, seeded(), questions=8).answers.unique()
        assert set(answers.tolist()) <= set(PLAIN.vocabulary.answer_ids.tolist())
        assert len(answers) == len(PLAIN.vocabulary.answer_ids)

    def test_yes_and_no_are_about_as_frequent(self) -> None:
        batch = PLAIN.batch(4000, seeded(), questions=4)
        for kind in ("presence", "relation"):
            answers = PLAIN.vocabulary.decode(batch.answers[batch.kinds == KINDS.index(kind)][:, None])
            assert 0.4 < Counter(answers)["yes"] / len(answers) < 0.6

    @pytest.mark.parametrize(("split", "presence", "relation"), [("train", 0.47, 0.41), ("test", 0.50, 0.52)])
    def test_yes_is_said_as_often_as_the_docstring_says(self, split: str, presence: float, relation: float) -> None:
        world = ShapesWorld(split=split)
        asked = world.asked(20000, seeded(), 4)
        yes = asked.answers == int(world.vocabulary.ids(["yes"]))
        for kind, share in (("presence", presence), ("relation", relation)):
            assert yes[asked.kinds == world.kinds.index(kind)].float().mean().item() == pytest.approx(share, abs=0.015)

    def test_no_kind_is_answered_without_looking(self) -> None:
        batch = PLAIN.batch(4000, seeded(), questions=4)
        for kind, limit in (("shape", 0.35), ("colour", 0.25), ("count", 0.6)):
            answers = batch.answers[batch.kinds == KINDS.index(kind)]
            assert answers.bincount().max() / len(answers) < limit

    def test_train_never_speaks_of_what_is_held_out(self) -> None:
        held = set(law.HELD_OUT_RELATIONS) | {("square", "right of", "circle"), ("cross", "below", "triangle")}
        named = defaultdict(int)
        for split in ("train", "test"):
            world = ShapesWorld(nuisance=0.0, split=split)
            questions = world.vocabulary.decode(world.batch(2000, seeded(), questions=4).questions.flatten(0, 1))
            for question in questions:
                named[split, "pair"] += any(f"{colour} {shape}" in question for shape, colour in law.HELD_OUT_PAIRS)
                m = re.fullmatch(r"is a (\S+) (left of|right of|above|below) a (\S+) \?", question)
                named[split, "relation"] += bool(m and m.groups() in held)
        assert named["train", "pair"] == named["train", "relation"] == 0
        assert named["test", "pair"] > 100
        assert named["test", "relation"] > 50

    def test_relations_are_asked_in_all_four_words(self) -> None:
        questions = PLAIN.vocabulary.decode(PLAIN.batch(1000, seeded(), questions=4).questions.flatten(0, 1))
        words = Counter(m[1] for q in questions if (m := re.search(r"(left of|right of|above|below)", q)))
        assert len(words) == 4
        assert min(words.values()) > 0.2 * sum(words.values())


class TestPrompts:
    @pytest.mark.parametrize("split", law.SPLITS)
    def test_each_describes_a_scene_of_its_split_that_follows_it(self, split: str) -> None:
        world = ShapesWorld(split=split)
        prompts = world.prompts(120, seeded())
        assert Counter(prompt["tag"] for prompt in prompts) == dict.fromkeys(
            ("single_object", "two_object", "counting", "colors", "position", "color_attr"), 20
        )
        scenes = world.scenes_of([prompt["prompt"] for prompt in prompts])
        assert law.contains(split, scenes.cells).all()
        assert all(follows(cells, prompt) for cells, prompt in zip(scenes.cells, prompts, strict=True))

    def test_categories_ask_what_they_should(self) -> None:
        for prompt in PLAIN.prompts(300, seeded(1)):
            scene = objects(PLAIN.scenes_of([prompt["prompt"]]).cells[0])
            include, exclude = prompt["include"], prompt["exclude"]
            classes = [entry["class"] for entry in include]
            match prompt["tag"]:
                case "single_object":
                    assert include == [{"class": scene[0][3], "count": 1}]
                case "colors":
                    assert include == [{"class": scene[0][3], "count": 1, "color": scene[0][2]}]
                case "counting":
                    count = len(scene)
                    assert 2 <= count <= 4
                    assert include == [{"class": scene[0][3], "count": count}]
                    assert exclude == [{"class": scene[0][3], "count": count + 1}]
                case "two_object":
                    assert len(set(classes)) == 2
                    assert not any("color" in entry or "position" in entry for entry in include)
                case "position":
                    relation, target = include[1]["position"]
                    assert target == 0
                    assert stands(scene[1][0], relation, scene[0][0])
                    assert relation != "above", "of two objects the upper one comes first"
                case "color_attr":
                    assert [(e["color"], e["class"]) for e in include] == [o[2:] for o in scene]
                    assert len({e["color"] for e in include}) == len(set(classes)) == 2

    def test_prompts_are_captions_with_offsets_where_these_are_named(self) -> None:
        for prompt in NAMED.prompts(12, seeded()):
            assert re.search(r"x[+-]\d y[+-]\d$", prompt["prompt"])
        assert NAMED.prompts(12, seeded(3)) == NAMED.prompts(12, seeded(3))
