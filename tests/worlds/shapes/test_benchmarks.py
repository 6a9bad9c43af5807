"""POPE- and MME-style questions: by an oracle that reads sentences, and by counting."""

from collections import Counter

import pytest
import torch
from shapes_oracle import objects, oracle

from infotok.worlds import COLOURS, KINDS, SHAPES, ShapesBatch, ShapesWorld, mme, pope
from infotok.worlds.shapes import scenes as law
from infotok.worlds.source import NEGATIVES

WORLD = ShapesWorld(nuisance=0.0, split="all")
YES, NO = WORLD.vocabulary.ids(["yes", "no"]).tolist()


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def truths(batch: ShapesBatch, world: ShapesWorld = WORLD) -> list[list[tuple[str, str]]]:
    """(kind, answer) of each question by the oracle that reads sentences."""
    return [
        [oracle(q, objects(cells)) for q in world.vocabulary.decode(questions)]
        for cells, questions in zip(batch.scenes.cells, batch.questions, strict=True)
    ]


def named_pairs(batch: ShapesBatch) -> list[list[tuple[str, str]]]:
    """The (colour, shape) that each presence question names."""
    return [[tuple(q.split()[3:5]) for q in WORLD.vocabulary.decode(row)] for row in batch.questions]


class TestPope:
    batch = WORLD.batch(300, seeded(3))

    @pytest.mark.parametrize("negatives", NEGATIVES)
    def test_half_are_there_half_are_not(self, negatives: str) -> None:
        probe = pope(self.batch, WORLD, negatives, seeded())
        assert len(probe) == (self.batch.scenes.cells > 0).any(1).sum()
        answers = [[answer for _, answer in row] for row in truths(probe)]
        assert answers == [["yes", "no"] * 3] * len(probe)
        assert torch.equal(probe.answers, torch.tensor([YES, NO]).repeat(3).expand(len(probe), 6))
        for cells, named in zip(probe.scenes.cells, named_pairs(probe), strict=True):
            assert len(set(named[1::2])) == 3  # no absent pair twice
            assert len(set(named[0::2])) == min(3, len({o[2:] for o in objects(cells)}))  # all that is there, first

    def test_adversarial_ones_mislead(self) -> None:
        for cells, named in zip(
            self.batch.scenes.cells[(self.batch.scenes.cells > 0).any(1)],
            named_pairs(pope(self.batch, WORLD, "adversarial", seeded())),
            strict=True,
        ):
            scene = objects(cells)
            colours, shapes, there = {o[2] for o in scene}, {o[3] for o in scene}, {o[2:] for o in scene}
            traps = {(c, s) for c in colours for s in shapes} - there
            asked = named[1::2]
            assert len(traps & set(asked)) == min(3, len(traps))
            assert all(c in colours or s in shapes for c, s in asked)

    def test_frequent_ones_are_frequent(self) -> None:
        counts = Counter(pair for cells in self.batch.scenes.cells for pair in {o[2:] for o in objects(cells)})
        probe = pope(self.batch, WORLD, "frequent", seeded())
        for cells, named in zip(probe.scenes.cells, named_pairs(probe), strict=True):
            there = {o[2:] for o in objects(cells)}
            absent = sorted((counts[c, s] for c in COLOURS for s in SHAPES if (c, s) not in there), reverse=True)
            assert sorted((counts[pair] for pair in named[1::2]), reverse=True) == absent[:3]

    def test_train_probes_name_what_train_has(self) -> None:
        world = ShapesWorld(nuisance=0.0, split="train")
        probe = pope(world.batch(300, seeded()), world, "random", seeded())
        named = {(shape, colour) for row in named_pairs(probe) for colour, shape in row}
        assert not named & set(law.HELD_OUT_PAIRS)
        assert len(named) == 20

    def test_the_world_asks_the_same(self) -> None:
        asked, own = pope(self.batch, WORLD, "frequent", seeded()), WORLD.pope(self.batch, "frequent", seeded())
        assert torch.equal(asked.questions, own.questions)
        assert torch.equal(asked.answers, own.answers)

    def test_refusals(self) -> None:
        with pytest.raises(ValueError, match="negatives: got 'popular', expected one of random, frequent, adversarial"):
            pope(self.batch, WORLD, "popular", seeded())
        with pytest.raises(ValueError, match="questions: got 5, expected an even number from 2 to 20"):
            pope(self.batch, WORLD, "random", seeded(), questions=5)


class TestMme:
    @pytest.mark.parametrize("split", ["train", "all"])
    def test_pairs_are_a_yes_and_a_no_on_one_image(self, split: str) -> None:
        world = ShapesWorld(nuisance=0.0, split=split)
        batch = mme(world.batch(300, seeded(4)), world, seeded())
        assert len(batch) > 100
        for row, kinds in zip(truths(batch, world), batch.kinds, strict=True):
            assert [answer for _, answer in row] == ["yes", "no"] * 4
            assert [kind for kind, _ in row] == [KINDS[k] for k in kinds]
        for row in batch.questions:
            questions = [q.split() for q in world.vocabulary.decode(row)]
            (_, _, _, colour, shape, _), (_, _, _, other_colour, same_shape, _) = questions[2:4]
            assert (shape, colour != other_colour) == (same_shape, True)
            (_, _, _, colour, shape, _), (_, _, _, same_colour, other_shape, _) = questions[4:6]
            assert (colour, shape != other_shape) == (same_colour, True)
            assert questions[6][:3] == questions[7][:3]
            assert questions[6][-3:] == questions[7][-3:]

    def test_train_pairs_speak_of_nothing_held_out(self) -> None:
        world = ShapesWorld(nuisance=0.0, split="train")
        batch = mme(world.batch(400, seeded(4)), world, seeded())
        questions = world.vocabulary.decode(batch.questions.flatten(0, 1))
        assert not any(f"{colour} {shape}" in q for q in questions for shape, colour in law.HELD_OUT_PAIRS)

    def test_the_world_asks_the_same(self) -> None:
        batch = WORLD.batch(50, seeded(4))
        asked, own = mme(batch, WORLD, seeded()), WORLD.mme(batch, seeded())
        assert torch.equal(asked.questions, own.questions)
        assert torch.equal(asked.answers, own.answers)
