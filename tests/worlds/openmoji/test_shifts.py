"""OpenMojiWorld's two shifts: new objects, with exact entropies, and drawings of another style."""

import itertools
import math

import pytest
import torch

from infotok.worlds import OpenMojiWorld
from infotok.worlds.openmoji import scenes as law
from infotok.worlds.openmoji import sprites as drawing
from infotok.worlds.openmoji.objects import OBJECT_KINDS, new_objects, objects_of
from infotok.worlds.openmoji.sprites import NOTO_PLACES, NOTO_VARIABLE

MANY = 40_000
KNOWN, NEW = law.OBJECT_SPLITS
YOUNG = ("harp", "trombone", "shovel", "orca")  # emoji of Unicode 16 and 17
BEFORE = 59  # objects before the first of these


def seeded(seed: int = 900) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def font_is_there() -> bool:
    try:
        drawing._noto()
    except FileNotFoundError:
        return False
    return True


needs_font = pytest.mark.skipif(not font_is_there(), reason="no Noto Color Emoji")


def hashed(value: int) -> int:
    """The hash of the splits, in plain Python."""
    value = value * 2654435761 % 2**32
    value = (value ^ (value >> 15)) * 739790957 % 2**32
    return value // 2**16


def every_scene(objects: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(cells (n, 4), whether each is a train scene, whether it has a new object) of all scenes, by plain rules."""
    points = [ord(character) for character in objects_of(objects).characters]
    held = [[hashed(p) % 2 == 0 and hashed(p) // 2 % 4 == place for place in range(4)] for p in points]
    weight = [[hashed(p * 4 + place + 2**20) % 10 for place in range(4)] for p in points]
    held, weight = torch.tensor([[False] * 4, *held]), torch.tensor([[0] * 4, *weight])
    cells = torch.cartesian_prod(*[torch.arange(objects + 1)] * 4)
    place = torch.arange(4)
    train = ~held[cells, place].any(1) & (weight[cells, place].sum(1) % 10 != 9)
    new = torch.zeros(objects + 1, dtype=torch.bool)
    new[[1 + i for i in new_objects(objects)]] = True
    return cells, train, new[cells].any(1)


class TestNewObjects:
    @pytest.mark.parametrize("objects", [30, 32, 96, 316])
    def test_there_is_one_of_each_kind_and_most_are_known(self, objects: int) -> None:
        new, kinds = torch.tensor(new_objects(objects)), objects_of(objects).kinds
        of_kind = torch.bincount(kinds[new], minlength=len(OBJECT_KINDS))
        assert of_kind.min() >= 1
        assert (torch.bincount(kinds) - of_kind).min() >= 2
        assert len(new) == {316: 33}.get(objects, 10)
        assert set(new_objects(30)) <= set(new.tolist())

    def test_entropies_agree_with_enumeration(self) -> None:
        cells, train, new = every_scene(30)
        number = (cells > 0).sum(1)
        log_p = number * math.log(0.6 / 30) + (4 - number) * math.log(0.4)
        for split, mine in ((KNOWN, train & ~new), (NEW, new), ("train", train), ("test", ~train)):
            total, entropy, numbers = law.structure(split, 30)
            surprise, k = log_p[mine].double(), number[mine]
            mass = surprise.exp().sum()
            share = surprise.exp() / mass
            assert total == pytest.approx(mass.item(), abs=1e-6)
            assert entropy == pytest.approx(-(share * share.log()).sum().item(), abs=1e-6)
            assert numbers == pytest.approx([share[k == i].sum().item() for i in range(5)], abs=1e-6)
            assert law.scene_counts(split, 30) == tuple(torch.bincount(k, minlength=5).tolist())

    @pytest.mark.parametrize("split", [KNOWN, NEW])
    def test_contains_agrees_with_enumeration(self, split: str) -> None:
        cells, train, new = every_scene(30)
        assert torch.equal(law.contains(split, cells, 30), new if split == NEW else train & ~new)

    @pytest.mark.parametrize("objects", [32, 316])
    def test_new_scenes_have_a_closed_form(self, objects: int) -> None:
        share = 0.4 + 0.6 * (1 - len(new_objects(objects)) / objects)  # of cells without a new object
        total, entropy, _ = law.structure(NEW, objects)
        assert total == pytest.approx(1 - share**4, abs=1e-12)
        known = -0.4 * math.log(0.4) - (share - 0.4) * math.log(0.6 / objects)  # - sum p log p over one known cell
        every = law.structure("all", objects)[1]
        assert entropy == pytest.approx(math.log(total) + (every - 4 * share**3 * known) / total, abs=1e-10)

    @pytest.mark.parametrize("split", [KNOWN, NEW])
    @pytest.mark.parametrize("objects", [32, 96])
    def test_monte_carlo_agrees(self, split: str, objects: int) -> None:
        drawn = law.draw_cells(MANY, objects, seeded(1))
        mine = law.contains(split, drawn, objects)
        number = (drawn[mine] > 0).sum(1).double()
        surprise = -number * math.log(0.6 / objects) - (4 - number) * math.log(0.4)
        total, entropy, _ = law.structure(split, objects)
        assert total == pytest.approx(mine.double().mean().item(), abs=5 * 0.5 / math.sqrt(MANY))
        error = 5 * surprise.std().item() / math.sqrt(len(surprise))
        assert entropy - math.log(total) == pytest.approx(surprise.mean().item(), abs=error)
        world = OpenMojiWorld(objects, split=split)
        surplus = world.surplus(world.sample(MANY, seeded(2)))
        assert surplus.mean().item() == pytest.approx(0, abs=5 * surplus.std().item() / math.sqrt(MANY))

    def test_samples_are_of_their_split(self) -> None:
        known = OpenMojiWorld(32, split=KNOWN)
        new, train, values = known.with_split(NEW), known.with_split("train"), [1 + i for i in new_objects(32)]
        scenes = known.sample(3000, seeded())
        assert not torch.isin(scenes.cells, torch.tensor(values)).any()
        assert known.novelty(scenes).eq(0).all()
        assert train.novelty(scenes).eq(0).all()  # it is a part of train
        scenes = new.sample(3000, seeded())
        assert torch.isin(scenes.cells, torch.tensor(values)).any(1).all()
        assert new.novelty(scenes).eq(3).all()
        assert set(scenes.cells.unique().tolist()) == set(range(33))
        assert set(train.novelty(scenes).tolist()) == {0, 1, 2}

    def test_text_is_that_of_other_splits(self) -> None:
        new, every = OpenMojiWorld(32, split=NEW), OpenMojiWorld(32, split="all")
        batch = new.batch(20, seeded())
        assert new.vocabulary.words == every.vocabulary.words
        assert torch.equal(every.caption_ids(batch.scenes), batch.captions)
        assert torch.equal(new.scenes_of(new.captions(batch.scenes)).cells, batch.scenes.cells)
        scores = every.score_cells(batch.images, batch.scenes)
        assert scores == dict.fromkeys(scores, 1.0)

    @pytest.mark.parametrize("split", [KNOWN, NEW])
    def test_prompts_are_of_their_split(self, split: str) -> None:
        world = OpenMojiWorld(32, split=split)
        asked = world.prompts(50, seeded())
        scenes = world.scenes_of([prompt["prompt"] for prompt in asked])
        assert world.novelty(scenes).eq(3 if split == NEW else 0).all()
        assert {prompt["tag"] for prompt in asked} == {p["tag"] for p in OpenMojiWorld(32).prompts(5, seeded())}


class TestQuestionsOnNewObjects:
    def test_training_never_names_one(self) -> None:
        world = OpenMojiWorld(32, split=KNOWN)
        asked = world.asked(4000, seeded(), questions=4)
        names = world.vocabulary.ids([world.table.names[i] for i in new_objects(32)])
        assert not torch.isin(asked.questions, names).any()
        assert not torch.isin(asked.answers, names).any()

    def test_presence_is_not_known_from_the_words(self) -> None:
        world = OpenMojiWorld(32, split=NEW)
        asked = world.asked(20_000, seeded(), questions=8)
        rows = asked.kinds == world.kinds.index("presence")
        yes = asked.answers[rows] == world.vocabulary.ids(["yes"])
        subject = asked.questions[rows][:, 3]  # "is there a cat ?"
        for name in world.table.names:
            about = yes[subject == world.vocabulary.ids([name])].double()
            assert about.mean().item() == pytest.approx(0.5, abs=5 * 0.5 / math.sqrt(len(about)))

    def test_relations_are_balanced_over_all(self) -> None:
        world = OpenMojiWorld(32, split=NEW)
        asked = world.asked(20_000, seeded(), questions=4)
        rows = asked.kinds == world.kinds.index("relation")
        yes = (asked.answers[rows] == world.vocabulary.ids(["yes"])).double()
        assert yes.mean().item() == pytest.approx(0.5, abs=5 * 0.5 / math.sqrt(len(yes)))


@needs_font
class TestNoto:
    @pytest.mark.parametrize("nuisance", [0.0, 0.5, 0.8])
    @pytest.mark.parametrize(("objects", "images"), [(32, 60), (BEFORE, 40)])
    def test_the_reader_of_its_own_style_is_exact(self, objects: int, images: int, nuisance: float) -> None:
        world = OpenMojiWorld(objects, nuisance=nuisance, split="all", style="noto")
        drawn = world.batch(images, seeded(), questions=0)
        scores = world.score_cells(drawn.images, drawn.scenes)
        assert scores == dict.fromkeys(scores, 1.0)

    def test_only_the_drawings_differ(self) -> None:
        ours, theirs = (OpenMojiWorld(32, split="test", style=style) for style in ("openmoji", "noto"))
        one, other = (world.batch(30, seeded()) for world in (ours, theirs))
        for part in ("captions", "questions", "answers", "kinds", "text"):
            assert torch.equal(getattr(one, part), getattr(other, part))
        assert ours.prompts(10, seeded()) == theirs.prompts(10, seeded())
        assert ours.entropies == theirs.entropies
        bare = ours.foreground(one.scenes) + theirs.foreground(one.scenes) == 0
        assert torch.equal(one.images[bare.expand_as(one.images)], other.images[bare.expand_as(one.images)])
        assert theirs.with_split("train").style == "noto"

    @pytest.mark.parametrize(("images", "reader"), list(itertools.permutations(("openmoji", "noto"))))
    def test_the_other_style_is_a_shift(self, images: str, reader: str) -> None:
        """A reader that knows the drawings of one style finds few objects of the other, but every empty cell."""
        drawn = OpenMojiWorld(32, split="all", style=images).batch(60, seeded(), questions=0)
        scores = OpenMojiWorld(32, split="all", style=reader).score_cells(drawn.images, drawn.scenes)
        assert scores["empty"] == 1.0
        assert scores["present"] < 0.25

    def test_sprites_lie_within_their_alpha_and_differ(self) -> None:
        sprites = drawing.sprites(BEFORE, 16, (10, 14), "noto")
        colour, alpha = sprites[:, :, :3], sprites[:, :, 3:]
        assert (colour <= 0.95 * alpha + 1e-5).all()
        assert (colour >= 0.05 * alpha - 1e-5).all()
        seen = (colour + 0.5 * (1 - alpha))[:, 1].flatten(1)
        assert (torch.cdist(seen, seen) + 9 * torch.eye(BEFORE)).min() > 1

    def test_every_object_but_the_youngest_has_a_drawing(self) -> None:
        letters, table = drawing._letters("noto"), objects_of(316)
        lacks = [n for n, c in zip(table.names, table.characters, strict=True) if drawing._drawn(c, letters) is None]
        assert set(lacks) <= set(YOUNG)
        if "harp" in lacks:
            with pytest.raises(ValueError, match=r"^style 'noto': got 'a font without harp \(U\+1FA89\)', expected"):
                OpenMojiWorld(96, style="noto")


class TestFonts:
    def test_a_missing_font_is_one_line_that_names_the_package(self, monkeypatch, tmp_path) -> None:
        monkeypatch.setenv(NOTO_VARIABLE, str(tmp_path / "none.ttf"))
        with pytest.raises(FileNotFoundError, match="apt-get install fonts-noto-color-emoji") as caught:
            drawing.drawings(10, "noto")
        assert "none.ttf" in str(caught.value)
        assert "\n" not in str(caught.value)
        monkeypatch.delenv(NOTO_VARIABLE)
        monkeypatch.setattr(drawing, "NOTO_PLACES", (tmp_path / "none.ttf",))
        with pytest.raises(FileNotFoundError, match=r"^style 'noto': got 'no file in the usual places', expected"):
            drawing.drawings(10, "noto")

    def test_another_file_is_one_line(self, monkeypatch, tmp_path) -> None:
        (tmp_path / "words.ttf").write_text("no font")
        for path in (tmp_path / "words.ttf", drawing._font()):  # no font, and OpenMoji's
            monkeypatch.setenv(NOTO_VARIABLE, str(path))
            with pytest.raises(ValueError, match=r"^style 'noto': got .*, expected") as caught:
                drawing.drawings(96, "noto")
            assert "\n" not in str(caught.value)

    @needs_font
    def test_the_path_can_be_given(self, monkeypatch, tmp_path) -> None:
        (tmp_path / "mine.ttf").symlink_to(drawing._noto())
        monkeypatch.setenv(NOTO_VARIABLE, str(tmp_path / "mine.ttf"))
        monkeypatch.setattr(drawing, "NOTO_PLACES", ())
        assert len(drawing.drawings(10, "noto")) == 10

    def test_the_usual_places_are_absolute(self) -> None:
        assert all(place.expanduser().is_absolute() for place in NOTO_PLACES)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"style": "apple"}, "style: got 'apple', expected one of openmoji, noto"),
        ({"objects": 29, "split": NEW}, "objects: got 29, expected 30 or more with the split 'new_objects'"),
    ],
)
def test_bad_arguments_are_one_line(options: dict, line: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        OpenMojiWorld(**options)
    assert str(caught.value) == line
