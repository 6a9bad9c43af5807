"""ShapesWorld's law: entropies by closed form, counting anew and plug-in on samples; splits that share nothing."""

import itertools
import math
from collections import Counter
from dataclasses import fields

import pytest
import torch

from infotok.worlds import COLOURS, KINDS, PLACES, SHAPES, SIZES, Scenes, ShapesBatch, ShapesWorld, leaks
from infotok.worlds.shapes import scenes as law

MANY = 40_000


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def many() -> dict[str, Scenes]:
    return {split: ShapesWorld(split=split).sample(MANY, seeded(1)) for split in law.SPLITS}


def plug_in(values: torch.Tensor) -> float:
    """Entropy of the empirical distribution in nats, with the Miller-Madow correction."""
    counts = torch.bincount(values - values.min()).double()
    counts = counts[counts > 0]
    p = counts / counts.sum()
    return -(p * p.log()).sum().item() + (len(counts) - 1) / (2 * len(values))


def words(cells: torch.Tensor) -> list[dict[str, str]]:
    """A scene's objects, in words: decoded anew, digit by digit."""
    objects = []
    for place, value in zip(PLACES, cells.tolist(), strict=True):
        if value:
            rest, size = divmod(value - 1, 2)
            shape, colour = divmod(rest, 6)
            objects.append({"place": place, "shape": SHAPES[shape], "colour": COLOURS[colour], "size": SIZES[size]})
    return objects


def shape_patterns() -> dict[tuple[int, ...], float]:
    """How likely each pattern of shapes (0 empty) is if no held-out pair or relation is in it: counted by hand."""
    chances = {}
    for pattern in itertools.product(range(5), repeat=4):
        top_left, top_right, bottom_left, bottom_right = (SHAPES[s - 1] if s else "" for s in pattern)
        circle_left_of_square = "circle" in (top_left, bottom_left) and "square" in (top_right, bottom_right)
        triangle_above_cross = "triangle" in (top_left, top_right) and "cross" in (bottom_left, bottom_right)
        if not circle_left_of_square and not triangle_above_cross:
            # five of each shape's six colours are in train
            chances[pattern] = math.prod(0.6 / 4 * 5 / 6 if s else 0.4 for s in pattern)
    return chances


class TestEntropies:
    def test_all_scenes_have_the_closed_form(self) -> None:
        h = -0.6 * math.log(0.6) - 0.4 * math.log(0.4)
        entropies = ShapesWorld(split="all", nuisance=0.7, jitter=1).entropies
        assert entropies["structure"] == pytest.approx(4 * (h + 0.6 * math.log(48)), abs=1e-12)
        assert entropies["jitter"] == pytest.approx(4 * 0.6 * math.log(9), abs=1e-12)
        assert entropies["nuisance"] == pytest.approx(48 * math.log(7), abs=1e-12)

    def test_splits_obey_the_chain_rule(self) -> None:
        (p, train, objects), (q, test, others), (one, everything, mean) = map(law.structure, law.SPLITS)
        assert p + q == pytest.approx(one, abs=1e-12)
        which = -p * math.log(p) - q * math.log(q)
        assert which + p * train + q * test == pytest.approx(everything, abs=1e-10)
        assert p * objects + q * others == pytest.approx(mean, abs=1e-10)

    @pytest.mark.parametrize("split", ["train", "test"])
    def test_structure_is_the_mean_surprise_of_samples(self, split: str, many: dict[str, Scenes]) -> None:
        objects = (many[split].cells > 0).sum(1).double()
        surprise = -objects * math.log(0.6 / 48) - (4 - objects) * math.log(0.4)
        drawn = many["all"].cells
        share = (law.novelty(drawn) == 0) == (split == "train")
        entropy = surprise.mean().item() + math.log(share.double().mean().item())
        error = 5 * (surprise.std().item() + 1.5) / math.sqrt(MANY)
        assert ShapesWorld(split=split).entropies["structure"] == pytest.approx(entropy, abs=error)

    def test_train_scenes_agree_with_counting_by_hand(self, many: dict[str, Scenes]) -> None:
        chances = shape_patterns()
        old = (law.novelty(many["all"].cells) <= 1).double().mean().item()
        assert old == pytest.approx(sum(chances.values()), abs=5 * 0.5 / math.sqrt(MANY))
        kept = law.structure("train")[0] / sum(chances.values())
        assert kept == pytest.approx(0.9, abs=0.02)  # the hash holds out a tenth, few scenes weigh much
        shape = law.parts(many["train"].cells)[1] + 1
        pattern = (shape * 5 ** torch.arange(4)).sum(1)
        p = torch.tensor(list(chances.values()), dtype=torch.double)
        p = p / p.sum()
        assert plug_in(pattern) == pytest.approx(-(p * p.log()).sum().item(), abs=0.03)

    @pytest.mark.parametrize("split", law.SPLITS)
    def test_jitter_and_nuisance_by_plug_in(self, split: str, many: dict[str, Scenes]) -> None:
        scenes, entropies = many[split], ShapesWorld(split=split).entropies
        there = scenes.cells > 0
        step = plug_in((scenes.offsets[there] * torch.tensor([1, 10])).sum(-1))
        assert step * there.sum(1).double().mean().item() == pytest.approx(entropies["jitter"], rel=0.005)
        texture = scenes.texture
        assert sum(plug_in(column) for column in texture.T) == pytest.approx(entropies["nuisance"], rel=1e-4)
        assert plug_in(texture[:, 3] * 5 + texture[:, 40]) == pytest.approx(2 * math.log(5), abs=1e-3)  # drawn apart

    def test_what_is_off_has_none(self) -> None:
        world = ShapesWorld(nuisance=0.0, jitter=0)
        assert world.entropies["jitter"] == world.entropies["nuisance"] == world.noise_entropy == 0
        assert ShapesWorld().noise_entropy == pytest.approx(3 * 32 * 32 * math.log(5))

    def test_entropy_grows_with_the_dial(self) -> None:
        nats = [ShapesWorld(nuisance=n).entropies["nuisance"] for n in (0.0, 0.25, 0.5, 0.7, 1.0)]
        assert nats == pytest.approx([48 * math.log(levels) for levels in (1, 3, 5, 7, 9)])


class TestSplits:
    def test_train_never_shows_what_is_held_out(self, many: dict[str, Scenes]) -> None:
        cells = many["train"].cells.unique(dim=0)[:4_000]
        for scene in map(words, cells):
            assert not any((o["shape"], o["colour"]) in law.HELD_OUT_PAIRS for o in scene)
            left = {o["shape"] for o in scene if o["place"].endswith("left")}
            right = {o["shape"] for o in scene if o["place"].endswith("right")}
            top = {o["shape"] for o in scene if o["place"].startswith("top")}
            bottom = {o["shape"] for o in scene if o["place"].startswith("bottom")}
            assert not ("circle" in left and "square" in right)
            assert not ("triangle" in top and "cross" in bottom)

    def test_everything_else_is_seen_in_train(self, many: dict[str, Scenes]) -> None:
        pairs = law.pair_of(many["train"].cells).unique()
        assert set(pairs.tolist()) == {-1} | set((~law.held_out_pairs()).nonzero().flatten().tolist())

    def test_no_scene_leaks(self, many: dict[str, Scenes]) -> None:
        assert leaks(many["test"], many["train"]) == leaks(many["train"], many["test"]) == 0
        assert leaks(many["test"], many["test"]) == MANY
        part = many["train"][:7]
        mixed = Scenes(*(torch.cat([getattr(part, f.name), getattr(many["test"][:5], f.name)]) for f in fields(part)))
        assert leaks(mixed, many["train"]) == 7

    def test_novelty_parts_the_splits(self, many: dict[str, Scenes]) -> None:
        world = ShapesWorld()
        assert not world.novelty(many["train"]).any()
        assert Counter(world.novelty(many["test"]).tolist()).keys() == {1, 2, 3}

    def test_relations_are_held_out_in_both_wordings(self) -> None:
        held = law.held_out_relations()
        assert held.sum() == 4
        assert held[1, SHAPES.index("square"), SHAPES.index("circle")]
        assert held[3, SHAPES.index("cross"), SHAPES.index("triangle")]

    def test_cells_are_as_likely_as_the_law_says(self, many: dict[str, Scenes]) -> None:
        counts = torch.bincount(many["all"].cells.flatten(), minlength=49).double() / (4 * MANY)
        assert counts[0] == pytest.approx(0.4, abs=0.003)
        torch.testing.assert_close(counts[1:], torch.full((48,), 0.6 / 48).double(), atol=8e-4, rtol=0)
        two = plug_in(many["all"].cells[:, 0] * 49 + many["all"].cells[:, 3])
        error = 5 * 2.4 / math.sqrt(MANY)  # surprise has a standard deviation of 2.4 nats
        assert two == pytest.approx(ShapesWorld(split="all").entropies["structure"] / 2, abs=error)


class TestBatch:
    world = ShapesWorld()

    def test_shapes_and_types(self) -> None:
        batch = self.world.batch(5, seeded(), questions=3)
        assert batch.images.shape == (5, 3, 32, 32)
        assert batch.images.dtype == batch.text.dtype == torch.float32
        assert batch.captions.shape == (5, self.world.caption_length)
        assert batch.questions.shape == (5, 3, self.world.question_length)
        assert batch.answers.shape == batch.kinds.shape == (5, 3)
        assert batch.text.shape == (5, 52)
        assert all(values.dtype == torch.long for values in (batch.captions, batch.questions, batch.answers))
        assert len(KINDS) == 5

    def test_same_seed_same_batch(self) -> None:
        a, b, c = (self.world.batch(8, seeded(seed)) for seed in (3, 3, 4))
        for name in ("images", "captions", "questions", "answers", "kinds", "text"):
            assert torch.equal(getattr(a, name), getattr(b, name))
        assert not torch.equal(a.images, c.images)

    def test_indexing_keeps_everything_in_step(self) -> None:
        batch = self.world.batch(6, seeded())
        part = batch[torch.tensor([4, 1])]
        assert isinstance(part, ShapesBatch)
        assert torch.equal(part.images[0], batch.images[4])
        assert torch.equal(part.scenes.cells[1], batch.scenes.cells[1])
        assert len(part) == 2
        assert torch.equal(batch.to("cpu").answers, batch.answers)

    def test_no_questions(self) -> None:
        assert self.world.batch(2, seeded(), questions=0).questions.shape == (2, 0, 8)

    def test_where_nothing_is_nothing_is_moved(self) -> None:
        scenes = self.world.sample(500, seeded())
        assert not scenes.offsets[scenes.cells == 0].any()
        assert scenes.offsets.abs().max() == 2

    def test_other_splits_keep_the_dials(self) -> None:
        other = ShapesWorld(size=64, nuisance=0.25, jitter=1, name_offsets=True).with_split("test")
        dials = other.size, other.nuisance, other.jitter, other.name_offsets, other.split
        assert dials == (64, 0.25, 1, True, "test")


@pytest.mark.parametrize(
    ("arguments", "error", "line"),
    [
        ({"size": 48}, ValueError, "size: got 48, expected a multiple of 32"),
        ({"size": True}, TypeError, "size: got True"),
        ({"nuisance": 1.5}, ValueError, r"nuisance: got 1.5, expected a number in \[0, 1\]"),
        ({"nuisance": float("nan")}, ValueError, "nuisance: got nan"),
        ({"jitter": 3}, ValueError, "jitter: got 3, expected an integer from 0 to 2"),
        ({"name_offsets": 1}, TypeError, "name_offsets: got 1, expected True or False"),
        ({"split": "validation"}, ValueError, "split: got 'validation', expected one of train, test, all"),
    ],
)
def test_bad_dials_are_refused(arguments: dict, error: type[Exception], line: str) -> None:
    with pytest.raises(error, match=line):
        ShapesWorld(**arguments)


def test_bad_requests_are_refused() -> None:
    world = ShapesWorld()
    with pytest.raises(ValueError, match="n: got 0, expected a positive integer"):
        world.batch(0, seeded())
    with pytest.raises(TypeError, match=r"generator: got 'int', expected a torch\.Generator"):
        world.sample(3, 0)
    with pytest.raises(ValueError, match="questions: got -1"):
        world.batch(1, seeded(), questions=-1)
    with pytest.raises(TypeError, match="scenes: got 'Tensor', expected a Scenes"):
        world.render(torch.zeros(1, 4))
    with pytest.raises(TypeError, match="b: got 'list', expected a Scenes"):
        leaks(world.sample(1, seeded()), [])
    strong = ShapesWorld(nuisance=1.0).sample(50, seeded())
    with pytest.raises(
        ValueError, match=r"scenes\.texture: got 'values from 0 to 8', expected finite values in \[0, 4\]"
    ):
        world.render(strong)
    still = ShapesWorld(jitter=1)
    with pytest.raises(
        ValueError, match=r"scenes\.offsets: got 'values from -2 to 2', expected finite values in \[-1, 1\]"
    ):
        still.render(world.sample(50, seeded()))


# --- other images of the same captions --------------------------------------------------------------------------------


def test_redraw_keeps_what_captions_say_and_draws_the_rest_again():
    flat = ShapesWorld(nuisance=0.0, jitter=2)
    batch = flat.batch(64, torch.Generator().manual_seed(0))
    same = flat.redraw(batch, torch.Generator().manual_seed(1), keep_offsets=True)
    assert torch.equal(same, batch.images)  # nothing but offsets varies in this world
    moved = flat.redraw(batch, torch.Generator().manual_seed(1))
    changed = (moved != batch.images).flatten(1).any(1)
    occupied = (batch.scenes.cells > 0).any(1)
    assert torch.equal(changed & ~occupied, torch.zeros(64, dtype=torch.bool))
    assert changed[occupied].float().mean() > 0.9
    named = ShapesWorld(nuisance=0.0, jitter=2, name_offsets=True)
    batch = named.batch(16, torch.Generator().manual_seed(0))
    assert torch.equal(named.redraw(batch, torch.Generator().manual_seed(1)), batch.images)


def test_redraw_is_a_draw_of_the_world_and_follows_its_seed():
    world = ShapesWorld(nuisance=0.5, jitter=1)
    batch = world.batch(8, torch.Generator().manual_seed(0))
    a, b, c = (world.redraw(batch, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(a, b)
    assert ((a != c).flatten(1).any(1)).all()
    one = batch[torch.zeros(2000, dtype=torch.long)]
    many = world.redraw(one, torch.Generator().manual_seed(3))
    drawn = world.with_split("all").batch(2000, torch.Generator().manual_seed(4)).images
    assert many[:, :, 0, 0].mean().item() == pytest.approx(drawn[:, :, 0, 0].mean().item(), abs=0.02)
    assert many[:, :, 0, 0].std().item() == pytest.approx(drawn[:, :, 0, 0].std().item(), rel=0.05)
