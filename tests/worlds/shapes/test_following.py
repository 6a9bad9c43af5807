"""Scores of prompts: what was asked is right, what was not is wrong, by category."""

import pytest
import torch

from infotok.worlds import ShapesWorld, follows, score_generations

WORLD = ShapesWorld(nuisance=0.0, split="all")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class TestGeneration:
    prompts = WORLD.prompts(120, seeded())

    def drawn(self, prompts: list[dict]) -> torch.Tensor:
        return WORLD.render(WORLD.scenes_of([prompt["prompt"] for prompt in prompts]))

    def test_what_was_asked_is_right(self) -> None:
        scores = score_generations(self.drawn(self.prompts), self.prompts, WORLD)
        assert set(scores.values()) == {1.0}
        assert scores == WORLD.score_generations(self.drawn(self.prompts), self.prompts)

    def test_other_prompts_pictures_are_mostly_wrong(self) -> None:
        scores = score_generations(self.drawn(self.prompts[6:] + self.prompts[:6]), self.prompts, WORLD)
        assert scores["color_attr"] <= 0.1
        assert scores["overall"] < 0.4

    def test_nothing_drawn_is_nothing_right(self) -> None:
        assert score_generations(torch.full((120, 3, 32, 32), 0.5), self.prompts, WORLD)["overall"] == 0

    def test_binding_is_told_from_its_parts(self) -> None:
        prompt = next(p for p in self.prompts if p["tag"] == "color_attr")
        words = prompt["prompt"].split()
        words[2], words[6] = words[6], words[2]  # the two colours change places
        swapped = WORLD.render(WORLD.scenes_of([" ".join(words)]))
        assert score_generations(swapped, [prompt], WORLD)["color_attr"] == 0
        assert score_generations(swapped, [{**prompt, "tag": "two_object", "include": [
            {"class": entry["class"], "count": 1} for entry in prompt["include"]
        ]}], WORLD)["two_object"] == 1  # fmt: skip

    @pytest.mark.parametrize(
        ("caption", "include", "exclude", "right"),
        [
            ("top-left small red circle", [{"class": "circle", "count": 1}], [], True),
            ("top-left small red circle", [{"class": "square", "count": 1}], [], False),
            ("top-left small red circle", [{"class": "circle", "count": 1, "color": "blue"}], [], False),
            ("top-left small red circle top-right small red circle", [{"class": "circle", "count": 1}],
             [{"class": "circle", "count": 2}], False),
            ("top-left small red circle top-right small red circle", [{"class": "circle", "count": 2}],
             [{"class": "circle", "count": 3}], True),
            ("top-left small red circle bottom-right large red square", [{"class": "circle", "count": 1},
             {"class": "square", "count": 1, "position": ["right of", 0]}], [], True),
            ("top-left small red circle bottom-right large red square", [{"class": "circle", "count": 1},
             {"class": "square", "count": 1, "position": ["below", 0]}], [], True),
            ("top-left small red circle bottom-right large red square", [{"class": "circle", "count": 1},
             {"class": "square", "count": 1, "position": ["above", 0]}], [], False),
            ("top-left small red circle bottom-left large red square", [{"class": "circle", "count": 1},
             {"class": "square", "count": 1, "position": ["left of", 0]}], [], False),
            ("empty", [], [{"class": "cross", "count": 1}], True),
        ],
    )  # fmt: skip
    def test_what_follows_a_prompt(self, caption: str, include: list, exclude: list, right: bool) -> None:
        assert follows(WORLD.scenes_of([caption]).cells[0], {"include": include, "exclude": exclude}) is right

    def test_overall_is_the_mean_of_the_categories_asked(self) -> None:
        few = [p for p in self.prompts if p["tag"] in ("counting", "colors")][:10]
        images = self.drawn(few)
        images[[i for i, p in enumerate(few) if p["tag"] == "colors"]] = 0.5
        scores = score_generations(images, few, WORLD)
        assert (scores["counting"], scores["colors"], scores["overall"]) == (1, 0, 0.5)
        assert scores["position"] is None

    def test_refusals(self) -> None:
        image = torch.full((1, 3, 32, 32), 0.5)
        with pytest.raises(
            ValueError, match=r"images: got shape \(1, 3, 32, 32\), expected a tensor of shape \(2, 3, S, S\)"
        ):
            score_generations(image, self.prompts[:2], WORLD)
        with pytest.raises(ValueError, match=r"prompt\['tag'\]: got 'colour', expected one of single_object"):
            score_generations(image, [{"tag": "colour", "include": []}], WORLD)
        for entry, line in (
            ({"class": "star"}, "prompt's class: got 'star', expected one of circle"),
            ({"class": "cross", "color": "pink"}, "prompt's color: got 'pink', expected one of red"),
            ({"class": "cross", "position": ["near", 0]}, "prompt's position: got 'near', expected one of left of"),
        ):
            with pytest.raises(ValueError, match=line):
                follows(torch.tensor([47, 0, 0, 0]), {"include": [{"count": 1, **entry}]})
