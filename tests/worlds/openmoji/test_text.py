"""OpenMojiWorld's text: captions and prompts read back word by word, questions answered anew from their words."""

import itertools

import pytest
import torch

from infotok.worlds import OpenMojiWorld
from infotok.worlds.openmoji.objects import OBJECT_KINDS
from infotok.worlds.openmoji.questions import KINDS
from infotok.worlds.openmoji.scenes import novelty
from infotok.worlds.openmoji.scoring import follows

PLACES = ("top-left", "top-right", "bottom-left", "bottom-right")
NUMBERS = ("zero", "one", "two", "three", "four")
RELATIONS = {
    "left of": lambda a, b: a % 2 < b % 2,
    "right of": lambda a, b: a % 2 > b % 2,
    "above": lambda a, b: a // 2 < b // 2,
    "below": lambda a, b: a // 2 > b // 2,
}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def seen_in(caption: str) -> dict[str, str]:
    """{place: name} of a caption without sizes."""
    words = caption.split()
    return {} if caption == "empty" else dict(zip(words[::2], words[1::2], strict=True))


def answered(question: str, scene: dict[str, str], kind_of: dict[str, str]) -> str:
    """The answer, worked out from the words."""
    words = question.removesuffix(" ?").split()
    if words[:3] == ["what", "is", "at"]:
        return scene.get(words[3], "empty")
    if words[:4] == ["what", "kind", "is", "at"]:
        return kind_of[scene[words[4]]] if words[4] in scene else "empty"
    if words[:2] == ["is", "there"]:
        return "yes" if words[3] in scene.values() else "no"
    if words[:2] == ["how", "many"]:
        counted = [name for name in scene.values() if words[2] in ("objects", kind_of[name])]
        return NUMBERS[len(counted)]
    first, relation, second = words[2], " ".join(words[3:-2]), words[-1]
    places = [(PLACES.index(place), name) for place, name in scene.items()]
    pairs = [(p, q) for p, a in places for q, b in places if a == first and b == second and p != q]
    return "yes" if any(RELATIONS[relation](p, q) for p, q in pairs) else "no"


@pytest.fixture(scope="module", params=[(10, "train"), (96, "train"), (96, "test"), (316, "all")], ids=str)
def world(request) -> OpenMojiWorld:
    objects, split = request.param
    return OpenMojiWorld(objects, split=split)


class TestQuestions:
    def test_answers_follow_from_the_words(self, world: OpenMojiWorld) -> None:
        batch = world.batch(400, seeded(), questions=6)
        kind_of = {n: OBJECT_KINDS[k] for n, k in zip(world.table.names, world.table.kinds.tolist(), strict=True)}
        asked = world.vocabulary.decode(batch.questions.flatten(0, 1))
        answers = [world.vocabulary.words[i] for i in batch.answers.flatten()]
        scenes = [seen_in(caption) for caption in world.captions(batch.scenes) for _ in range(6)]
        for question, answer, scene in zip(asked, answers, scenes, strict=True):
            assert answer == answered(question, scene, kind_of), (question, scene)
        assert torch.isin(batch.answers, world.vocabulary.answer_ids).all()

    def test_kinds_are_equally_frequent_and_named_rightly(self, world: OpenMojiWorld) -> None:
        batch = world.batch(2_000, seeded(1), questions=2)
        shares = torch.bincount(batch.kinds.flatten(), minlength=5) / 4_000
        assert shares == pytest.approx(torch.full((5,), 0.2), abs=0.035)
        begins = ("what is at", "what kind is at", "is there", "how many", "is a")
        for question, kind in zip(world.vocabulary.decode(batch.questions[:100, 0]), batch.kinds[:100, 0], strict=True):
            assert question.startswith(begins[kind])
            assert question.endswith(" ?")

    def test_yes_and_no_are_equally_frequent(self, world: OpenMojiWorld) -> None:
        batch = world.batch(4_000, seeded(2), questions=3)
        yes = batch.answers == int(world.vocabulary.ids(["yes"]))
        for kind in ("presence", "relation"):
            share = yes[batch.kinds == KINDS.index(kind)].float().mean().item()
            assert share == pytest.approx(0.5, abs=0.04)

    @pytest.mark.parametrize("objects", [10, 12])
    def test_no_train_answer_is_known_from_the_words_alone(self, objects: int) -> None:
        """Of any two objects, some train scenes of both have each relation and some do not; by enumeration."""
        every = torch.cartesian_prod(*[torch.arange(objects + 1)] * 4)
        train = every[novelty(every, objects) == 0]
        for a, b in itertools.permutations(range(1, objects + 1), 2):
            both = train[(train == a).any(1) & (train == b).any(1)]
            for relation in RELATIONS.values():
                pairs = [(both[:, p] == a) & (both[:, q] == b) for p in range(4) for q in range(4) if relation(p, q)]
                holds = torch.stack(pairs).any(0)
                assert holds.any()
                assert not holds.all()

    def test_some_places_are_empty(self) -> None:
        world = OpenMojiWorld(32, split="all")
        batch = world.batch(4_000, seeded(4), questions=1)
        at = batch.kinds <= 1
        share = (batch.answers == int(world.vocabulary.ids(["empty"])))[at].float().mean().item()
        assert share == pytest.approx(0.25 * 0.4 + 0.75 * 0.4**4, abs=0.03)


class TestCaptions:
    @pytest.mark.parametrize("name_sizes", [False, True])
    def test_they_are_one_to_one_with_scenes(self, name_sizes: bool) -> None:
        world = OpenMojiWorld(316, name_sizes=name_sizes)
        scenes = world.sample(300, seeded())
        back = world.scenes_of(world.captions(scenes))
        assert torch.equal(back.cells, scenes.cells)
        if name_sizes:
            assert torch.equal(back.sizes, scenes.sizes)
        ids = world.caption_ids(scenes)
        assert ids.shape == (300, world.caption_length)
        assert torch.equal(world.vocabulary.encode(world.captions(scenes), world.caption_length), ids)

    def test_they_say_what_is_where(self) -> None:
        world = OpenMojiWorld(96, split="all")
        scenes = world.sample(50, seeded(1))
        for caption, cells in zip(world.captions(scenes), scenes.cells.tolist(), strict=True):
            seen = {PLACES[i]: world.table.names[value - 1] for i, value in enumerate(cells) if value}
            assert seen_in(caption) == seen

    @pytest.mark.parametrize("name_sizes", [False, True])
    def test_vectors_are_attributes_of_the_cells(self, name_sizes: bool) -> None:
        world = OpenMojiWorld(32, name_sizes=name_sizes)
        scenes = world.sample(50, seeded(2))
        vector = world.caption_vector(scenes).view(50, 4, -1)
        assert vector.shape[2] == 33 + 2 * name_sizes
        assert torch.equal(vector[..., :33].argmax(-1), scenes.cells)
        assert torch.equal(vector[..., :33].sum(-1), torch.ones(50, 4))
        assert torch.equal(vector[..., 33:].sum(-1), (scenes.cells > 0).float() * name_sizes)

    @pytest.mark.parametrize(
        "caption", ["top-left", "ant top-left", "bottom-left ant top-left ant", "", "top-left dog"]
    )
    def test_what_is_no_caption_is_refused(self, caption: str) -> None:
        with pytest.raises(ValueError, match=r"^caption: got .*, expected 'empty', or 2 words an object"):
            OpenMojiWorld(10).scenes_of([caption])

    def test_the_vocabulary_has_each_word_once(self) -> None:
        vocabulary = OpenMojiWorld(316).vocabulary
        assert len(set(vocabulary.words)) == len(vocabulary)
        assert vocabulary.words[:3] == ("<pad>", "<bos>", "<eos>")


class TestPrompts:
    def test_their_own_scene_follows_them_and_is_of_the_split(self, world: OpenMojiWorld) -> None:
        asked = world.prompts(100, seeded())
        scenes = world.scenes_of([prompt["prompt"] for prompt in asked])
        assert [p["tag"] for p in asked[:5]] == ["single_object", "two_object", "counting", "position", "binding"]
        assert all(follows(c, p, world.table) for c, p in zip(scenes.cells, asked, strict=True))
        novel = world.novelty(scenes) > 0
        assert world.split == "all" or (novel == (world.split == "test")).all()

    def test_another_scene_does_not_follow_them(self) -> None:
        world = OpenMojiWorld(96)
        asked = world.prompts(200, seeded(1))
        cells = world.scenes_of([p["prompt"] for p in asked]).cells
        turned = cells[:, [3, 2, 1, 0]]  # every object at the opposite place
        for tag, expected in (("binding", 0.3), ("position", 0.0)):
            right = [follows(c, p, world.table) for c, p in zip(turned, asked, strict=True) if p["tag"] == tag]
            assert sum(right) / len(right) <= expected
        fewer = cells * (torch.arange(4) != (cells > 0).float().argmax(1)[:, None])
        assert not any(follows(c, p, world.table) for c, p in zip(fewer, asked, strict=True))

    def test_counting_takes_exactly_the_number(self) -> None:
        world = OpenMojiWorld(96)
        animals = [i + 1 for i, kind in enumerate(world.table.kinds.tolist()) if kind == 0]
        prompt = {"include": [{"kind": "animal", "count": 2}], "exclude": [{"kind": "animal", "count": 3}]}
        for count in range(5):
            cells = torch.tensor(animals[:count] + [0] * (4 - count))
            assert follows(cells, prompt, world.table) == (count == 2)

    @pytest.mark.parametrize(
        ("entry", "line"),
        [
            ({"class": "sofa", "count": 1}, "prompt's class: got 'sofa'"),
            ({"class": "ant"}, "prompt's count: got None"),
            ({"count": 1}, "prompt's entry: got "),
            ({"kind": "thing", "count": 1}, "prompt's kind: got 'thing'"),
            ({"class": "ant", "count": 1, "place": "middle"}, "prompt's place: got 'middle'"),
            ({"class": "ant", "count": 1, "position": ["near", 0]}, "prompt's position: got near|'near'"),
        ],
    )
    def test_what_is_no_prompt_is_refused(self, entry: dict, line: str) -> None:
        world = OpenMojiWorld(10)
        prompt = {"tag": "binding", "prompt": "top-left ant", "include": [entry], "exclude": []}
        with pytest.raises((ValueError, TypeError), match=line):
            world.score_generations(torch.zeros(1, 3, 32, 32), [prompt])
