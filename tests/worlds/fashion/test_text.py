"""FashionWorld's text: questions answered again from the words; captions; prompts."""

import pytest
import torch
from clothes import small_folder

from infotok.worlds import FashionWorld
from infotok.worlds.fashion.photographs import NAMES
from infotok.worlds.openmoji.scoring import follows

PLACES = ("top-left", "top-right", "bottom-left", "bottom-right")
NUMBERS = ("zero", "one", "two", "three", "four")
RELATIONS = {
    "left of": lambda a, b: a % 2 < b % 2,
    "right of": lambda a, b: a % 2 > b % 2,
    "above": lambda a, b: a // 2 < b // 2,
    "below": lambda a, b: a // 2 > b // 2,
}
TAGS = ["single_object", "two_object", "counting", "position", "binding"]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module", params=["train", "test", "all"])
def world(request, tmp_path_factory) -> FashionWorld:
    return FashionWorld(split=request.param, folder=small_folder(tmp_path_factory.mktemp("clothes")))


def seen_in(cells: list[int]) -> dict[int, str]:
    """{place: name} of a scene."""
    return {place: NAMES[value - 1] for place, value in enumerate(cells) if value}


def answered(question: str, scene: dict[int, str]) -> str:
    """The answer, worked out from the words."""
    words = [word for word in question.removesuffix(" ?").split() if word != "a"]
    if words[:3] == ["what", "is", "at"]:
        return scene.get(PLACES.index(words[3]), "empty")
    if words[:2] == ["is", "there"]:
        return "yes" if words[2] in scene.values() else "no"
    if words[:2] == ["how", "many"]:
        return NUMBERS[sum(words[2] in ("objects", name) for name in scene.values())]
    first, relation, second = words[1], " ".join(words[2:-1]), words[-1]
    pairs = [(p, q) for p, a in scene.items() for q, b in scene.items() if a == first and b == second]
    return "yes" if any(RELATIONS[relation](p, q) for p, q in pairs) else "no"


class TestQuestions:
    def test_answers_follow_from_the_scenes(self, world: FashionWorld) -> None:
        batch = world.batch(400, seeded(), questions=6)
        asked = world.vocabulary.decode(batch.questions.flatten(0, 1))
        answers = [world.vocabulary.words[i] for i in batch.answers.flatten()]
        scenes = [seen_in(cells) for cells in batch.scenes.cells.tolist() for _ in range(6)]
        for question, answer, scene in zip(asked, answers, scenes, strict=True):
            assert answer == answered(question, scene), (question, scene)
        assert torch.isin(batch.answers, world.vocabulary.answer_ids).all()
        assert not any("a trousers" in question for question in asked)

    def test_kinds_are_equally_frequent_and_named_rightly(self, world: FashionWorld) -> None:
        batch = world.batch(2_000, seeded(1), questions=2)
        shares = torch.bincount(batch.kinds.flatten(), minlength=4) / 4_000
        assert shares == pytest.approx(torch.full((4,), 0.25), abs=0.035)
        begins = ("what is at", "is there", "how many", "is ")
        for question, kind in zip(world.vocabulary.decode(batch.questions[:100, 0]), batch.kinds[:100, 0], strict=True):
            assert question.startswith(begins[kind])
            assert question.endswith(" ?")

    def test_yes_and_no_are_equally_frequent(self, world: FashionWorld) -> None:
        batch = world.batch(4_000, seeded(2), questions=3)
        yes = batch.answers == int(world.vocabulary.ids(["yes"]))
        for kind in ("presence", "relation"):
            share = yes[batch.kinds == world.kinds.index(kind)].float().mean().item()
            assert share == pytest.approx(0.5, abs=0.04)


class TestCaptions:
    def test_they_say_what_is_where_and_can_be_read_back(self, world: FashionWorld) -> None:
        scenes = world.sample(300, seeded())
        captions = world.captions(scenes)
        for caption, cells in zip(captions, scenes.cells.tolist(), strict=True):
            words = [f"{PLACES[place]} {name}" for place, name in seen_in(cells).items()]
            assert caption == (" ".join(words) or "empty")
        back = world.scenes_of(captions)
        assert torch.equal(back.cells, scenes.cells)
        first = 6 if world.split == "test" else 0  # a photograph that the split may show
        assert torch.equal(back.photographs, first * (scenes.cells > 0))
        ids = world.caption_ids(scenes)
        assert ids.shape == (300, world.caption_length)
        assert torch.equal(world.vocabulary.encode(captions, world.caption_length), ids)

    def test_vectors_are_one_hot_cells(self, world: FashionWorld) -> None:
        scenes = world.sample(50, seeded(2))
        vector = world.caption_vector(scenes).view(50, 4, 11)
        assert torch.equal(vector.argmax(-1), scenes.cells)
        assert torch.equal(vector.sum(-1), torch.ones(50, 4))

    @pytest.mark.parametrize(
        "caption", ["top-left", "bag top-left", "bottom-left bag top-left bag", "", "top-left cat"]
    )
    def test_what_is_no_caption_is_refused(self, world: FashionWorld, caption: str) -> None:
        with pytest.raises(ValueError, match=r"^caption: got .*, expected 'empty', or 2 words an object"):
            world.scenes_of([caption])

    def test_the_vocabulary_has_each_word_once(self, world: FashionWorld) -> None:
        vocabulary = world.vocabulary
        assert len(set(vocabulary.words)) == len(vocabulary)
        assert vocabulary.words[:3] == ("<pad>", "<bos>", "<eos>")


class TestPrompts:
    def test_their_own_scene_follows_them_and_is_of_the_split(self, world: FashionWorld) -> None:
        asked = world.prompts(100, seeded())
        scenes = world.scenes_of([prompt["prompt"] for prompt in asked])
        assert [p["tag"] for p in asked[:5]] == TAGS
        assert all(follows(c, p, world.table) for c, p in zip(scenes.cells, asked, strict=True))
        novel = world.novelty(scenes) > 0
        assert world.split == "all" or (novel == (world.split == "test")).all()

    def test_another_scene_does_not_follow_them(self, world: FashionWorld) -> None:
        asked = world.prompts(200, seeded(1))
        cells = world.scenes_of([p["prompt"] for p in asked]).cells
        turned = cells[:, [3, 2, 1, 0]]  # every object at the opposite place
        for tag, expected in (("binding", 0.3), ("position", 0.0)):
            right = [follows(c, p, world.table) for c, p in zip(turned, asked, strict=True) if p["tag"] == tag]
            assert sum(right) / len(right) <= expected
        fewer = cells * (torch.arange(4) != (cells > 0).float().argmax(1)[:, None])
        assert not any(follows(c, p, world.table) for c, p in zip(fewer, asked, strict=True))

    def test_counting_asks_for_exactly_the_number_of_a_kind(self, world: FashionWorld) -> None:
        for prompt in (p for p in world.prompts(100, seeded(2)) if p["tag"] == "counting"):
            (entry,), (more,) = prompt["include"], prompt["exclude"]
            value, count = 1 + NAMES.index(entry["class"]), entry["count"]
            assert more == {"class": entry["class"], "count": count + 1}
            for n in range(5):
                assert follows(torch.tensor([value] * n + [0] * (4 - n)), prompt, world.table) == (n == count)

    @pytest.mark.parametrize("entry", [{"class": "sofa", "count": 1}, {"kind": "animal", "count": 1}])
    def test_what_the_world_has_not_is_refused(self, world: FashionWorld, entry: dict) -> None:
        prompt = {"tag": "binding", "prompt": "top-left bag", "include": [entry], "exclude": []}
        with pytest.raises(ValueError, match=r"prompt's (class|kind): got '(sofa|animal)', expected"):
            world.score_generations(torch.zeros(1, 3, 32, 32), [prompt])
