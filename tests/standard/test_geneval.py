"""GenEval's judge: made-up detections with known verdicts, and the verdicts of ShapesWorld, which has its own judge."""

import json
from itertools import product

import pytest
import torch

from infotok.standard import (
    Annotation,
    Detections,
    judge,
    photograph_ceiling,
    read_prompts,
    score_geneval,
    true_prompts,
)
from infotok.standard.geneval import relations
from infotok.worlds import ShapesWorld
from infotok.worlds.shapes.following import follows
from infotok.worlds.shapes.scenes import COLOURS, SHAPES, parts

IMAGE = torch.zeros(3, 32, 32)


def detections(*rows: tuple[str, float, tuple[float, float, float, float]]) -> Detections:
    labels, scores, boxes = zip(*rows, strict=True) if rows else ((), (), ())
    return Detections(torch.tensor(boxes).view(-1, 4).float(), list(labels), torch.tensor(scores))


def entry(name: str, count: int = 1, **more) -> dict:
    return {"class": name, "count": count, **more}


def prompt(tag: str, *include: dict, exclude: tuple[dict, ...] = ()) -> dict:
    return {"tag": tag, "prompt": "a photo", "include": list(include), "exclude": list(exclude)}


LEFT, RIGHT, LOW = (0, 0, 10, 10), (20, 0, 30, 10), (0, 20, 10, 30)


class TestAgainstTheWorld:
    """Scenes without jitter whose classes differ: there both judges have the same rules."""

    WORLD = ShapesWorld(jitter=0, nuisance=0.0, split="all")

    @staticmethod
    def seen(cells: torch.Tensor) -> tuple[Detections, list[str]]:
        occupied, shape, colour, _ = parts(cells)
        places = occupied.nonzero().flatten().tolist()
        corners = [(16 * (i % 2) + 2, 16 * (i // 2) + 2) for i in places]
        boxes = torch.tensor([(x, y, x + 12, y + 12) for x, y in corners]).view(-1, 4).float()
        names, colours = [SHAPES[shape[i]] for i in places], [COLOURS[colour[i]] for i in places]
        return Detections(boxes, names, torch.ones(len(places))), colours

    def test_the_verdicts_are_those_of_the_worlds_judge(self):
        generator = torch.Generator().manual_seed(0)
        prompts, scenes = self.WORLD.prompts(36, generator), self.WORLD.sample(150, generator)
        verdicts = []
        for cells in scenes.cells:
            found, colours = self.seen(cells)
            if len({*found.labels}) < len(found):
                continue
            by_box = {tuple(box.tolist()): colour for box, colour in zip(found.boxes, colours, strict=True)}

            def colour_of(image, boxes, name, by_box=by_box):
                return [by_box[tuple(box.tolist())] for box in boxes]

            for each in prompts:
                right = judge(each, found, IMAGE, colour_of).right
                assert right == follows(cells, each), (cells, each)
                verdicts.append(right)
        assert 50 < sum(verdicts) < len(verdicts) - 500, "both verdicts occur"

    def test_a_scene_follows_its_own_prompt(self):
        prompts = self.WORLD.prompts(60, torch.Generator().manual_seed(1))
        cells = self.WORLD.scenes_of([each["prompt"] for each in prompts]).cells
        for asked, (seen, colours) in zip(prompts, map(self.seen, cells), strict=True):
            named = dict(zip(seen.labels, colours, strict=True))
            verdict = judge(asked, seen, IMAGE, lambda image, boxes, name, named=named: [named[name]] * len(boxes))
            assert verdict.right, verdict.reason


class TestRules:
    def test_presence_needs_the_class_with_enough_confidence(self):
        asked = prompt("single_object", entry("cat"))
        assert judge(asked, detections(("cat", 0.31, LEFT))).right
        assert judge(asked, detections(("cat", 0.30, LEFT))).reason == "1 cat wanted, 0 found"
        assert judge(asked, detections(("cat", 0.20, LEFT)), threshold=0.1).right
        assert not judge(asked, detections(("dog", 0.99, LEFT))).right
        assert not judge(asked, detections()).right

    def test_a_count_is_exact_and_has_a_higher_threshold(self):
        asked = prompt("counting", entry("cat", 2), exclude=(entry("cat", 3),))
        cats = [("cat", 0.95, LEFT)] * 4
        assert [judge(asked, detections(*cats[:n])).right for n in range(5)] == [False, False, True, False, False]
        assert judge(asked, detections(*cats[:3])).reason == "fewer than 3 cat wanted, 3 found"
        assert not judge(asked, detections(*cats[:1], ("cat", 0.89, RIGHT))).right
        assert judge(asked, detections(*cats[:1], ("cat", 0.89, RIGHT)), counting_threshold=0.5).right

    def test_at_most_so_many_objects_of_a_class_are_kept(self):
        asked = prompt("counting", entry("cat", 2), exclude=(entry("cat", 3),))
        assert judge(asked, detections(*[("cat", 0.95, LEFT)] * 9), most=2).right

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_the_most_confident_object_has_the_colour(self, order):
        rows = [("car", 0.9, LEFT), ("car", 0.5, RIGHT)]
        found = detections(*(rows[i] for i in order))

        def colour_of(image, boxes, name):
            return ["red" if box[0] == LEFT[0] else "blue" for box in boxes]

        assert judge(prompt("colors", entry("car", color="red")), found, IMAGE, colour_of).right
        wrong = judge(prompt("colors", entry("car", color="blue")), found, IMAGE, colour_of)
        assert wrong.reason == "1 blue car wanted, red found"

    def test_colours_are_bound_to_their_objects(self):
        found = detections(("car", 0.9, LEFT), ("cup", 0.9, RIGHT))
        names = {"car": "red", "cup": "blue"}
        for first, second in product(("red", "blue"), repeat=2):
            asked = prompt("color_attr", entry("car", color=first), entry("cup", color=second))
            right = judge(asked, found, IMAGE, lambda image, boxes, name: [names[name]] * len(boxes)).right
            assert right == ((first, second) == ("red", "blue"))

    @pytest.mark.parametrize(
        ("box", "expected"),
        [
            ((20, 0, 30, 10), {"right of"}),
            ((-20, 0, -10, 10), {"left of"}),
            ((0, 20, 10, 30), {"below"}),
            ((0, -20, 10, -10), {"above"}),
            ((20, 20, 30, 30), {"right of", "below"}),
            ((1, 1, 11, 11), set()),  # within a tenth of the sides
            ((0, 0, 10, 10), set()),
            ((4, 0, 14, 10), set()),  # 4 beyond by 2, half of the distance
            ((4.1, 0, 14.1, 10), {"right of"}),
        ],
    )
    def test_relations_of_boxes(self, box, expected):
        assert relations(torch.tensor(box).float(), torch.tensor(LEFT).float(), 0.1) == expected

    def test_a_position_is_one_to_its_target(self):
        found = detections(("cat", 0.9, LEFT), ("dog", 0.9, RIGHT))
        for relation in ("left of", "right of", "above", "below"):
            asked = prompt("position", entry("cat"), entry("dog", position=[relation, 0]))
            assert judge(asked, found).right == (relation == "right of")
        alone = judge(
            prompt("position", entry("cat"), entry("dog", position=["above", 0])), detections(("dog", 1.0, LOW))
        )
        assert alone.reason == "1 cat wanted, 0 found; dog above what is not there"

    def test_scores_are_shares_by_category_and_their_mean(self):
        prompts = [prompt("single_object", entry("cat"))] * 3 + [prompt("two_object", entry("cat"), entry("dog"))]
        found = [detections(("cat", 1.0, LEFT)), detections(), detections(), detections(("cat", 1.0, LEFT))]
        scores = score_geneval(torch.zeros(4, 3, 8, 8), prompts, lambda images: found)
        assert scores == pytest.approx({"single_object": 1 / 3, "two_object": 0.0, "overall": 1 / 6, "images": 0.25})


class TestPromptFiles:
    def test_the_published_schema_is_read(self, tmp_path):
        rows = [prompt("counting", entry("cat", 2), exclude=(entry("cat", 3),)), prompt("single_object", entry("dog"))]
        path = tmp_path / "evaluation_metadata.jsonl"
        path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
        assert read_prompts(path) == rows

    @pytest.mark.parametrize(
        ("line", "fault"),
        [
            ("{", r"line 2: got .*, expected a prompt as JSON"),
            ("[1]", r"line 2: got 'list', expected a dict in GenEval's schema"),
            ('{"tag": "a", "prompt": "b"}', r"line 2: got 'tag, prompt', expected include, what must be there"),
            ('{"tag": "a", "prompt": "b", "include": [{"class": "cat"}]}', r"include\[0\], count: got None"),
            (
                '{"tag": "a", "prompt": "b", "include": [{"class": "cat", "count": 1, "position": ["above", 0]}]}',
                r"position, entry: got 0, expected the index of an earlier entry",
            ),
        ],
    )
    def test_a_bad_line_is_named(self, tmp_path, line, fault):
        path = tmp_path / "prompts.jsonl"
        path.write_text(json.dumps(prompt("single_object", entry("dog"))) + "\n" + line)
        with pytest.raises((ValueError, TypeError), match=fault) as error:
            read_prompts(path)
        assert "\n" not in str(error.value)

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"none\.jsonl"):
            read_prompts(tmp_path / "none.jsonl")


PHOTOGRAPHS = [torch.full((3, 30, 40), 0.5), torch.full((3, 30, 30), 0.2), torch.full((3, 20, 30), 0.8)]
ANNOTATIONS = [
    Annotation(torch.tensor([LEFT, RIGHT, LOW]).float(), ["cat", "dog", "cat"], ["", "black", ""]),
    Annotation(torch.tensor([LEFT, RIGHT]).float(), ["car", "cup"], ["red", "blue"]),
    Annotation(torch.tensor([LEFT]).float(), ["bird"]),
]


class Named:
    """A detector that sees nothing of the classes it knows."""

    def __init__(self, names):
        self.names = names

    def __call__(self, images):
        return [detections() for _ in images]


class TestPhotographs:
    """Annotations as a detector that never errs, and one that misses."""

    def detect(self, images):
        (index,) = [i for i, each in enumerate(PHOTOGRAPHS) if each.shape == images[0].shape]
        each = ANNOTATIONS[index]
        return [Detections(each.boxes, each.labels, torch.ones(len(each)))]

    @staticmethod
    def colour_of(image, boxes, name):
        return [{"dog": "black", "car": "red", "cup": "blue"}.get(name, "grey")] * len(boxes)

    def test_a_perfect_detector_has_a_ceiling_of_one(self):
        scores = photograph_ceiling(PHOTOGRAPHS, ANNOTATIONS, self.detect, self.colour_of)
        tags = {"single_object", "two_object", "counting", "colors", "position", "color_attr"}
        assert scores["ceiling"] == dict.fromkeys((*tags, "overall", "images"), 1.0)
        assert set(scores["shuffled"].values()) == {0.0}, "no two photographs share a class"

    def test_a_blind_detector_has_none_and_one_that_misses_less(self):
        nothing = Detections(torch.empty(0, 4), [], torch.empty(0))
        scores = photograph_ceiling(PHOTOGRAPHS, ANNOTATIONS, lambda images: [nothing])
        assert set(scores["ceiling"].values()) == {0.0}

        def misses_dogs(images):
            (seen,) = self.detect(images)
            kept = [i for i, name in enumerate(seen.labels) if name != "dog"]
            return [Detections(seen.boxes[kept], [seen.labels[i] for i in kept], seen.scores[kept])]

        scores = photograph_ceiling(PHOTOGRAPHS, ANNOTATIONS, misses_dogs)["ceiling"]
        assert 0 < scores["images"] < 1
        assert scores["counting"] == 1.0, "two cats are still two cats"

    def test_without_colours_no_prompt_asks_for_them(self):
        scores = photograph_ceiling(PHOTOGRAPHS, ANNOTATIONS, self.detect)["ceiling"]
        assert not {"colors", "color_attr"} & set(scores)

    def test_prompts_are_true_and_each_category_is_there_once(self):
        prompts = true_prompts(ANNOTATIONS[1], torch.Generator().manual_seed(0))
        assert [p["tag"] for p in prompts] == ["single_object", "two_object", "colors", "position", "color_attr"]
        (counting,) = [p for p in true_prompts(ANNOTATIONS[0], torch.Generator()) if p["tag"] == "counting"]
        assert counting["include"] == [entry("cat", 2)]
        assert counting["exclude"] == [entry("cat", 3)]

    def test_a_label_that_the_detector_does_not_know_is_refused(self):
        detector = Named(["cat", "dog", "car", "cup"])
        with pytest.raises(ValueError, match=r"^annotations\[2\]\.labels: got 'bird', expected a class of"):
            photograph_ceiling(PHOTOGRAPHS, ANNOTATIONS, detector)

    def test_one_photograph_has_no_neighbour(self):
        with pytest.raises(ValueError, match=r"^photographs: got '?1'?, expected 2 or more"):
            photograph_ceiling(PHOTOGRAPHS[:1], ANNOTATIONS[:1], self.detect)

    def test_photographs_without_objects_are_refused(self):
        nothing = [Annotation(torch.empty(0, 4), [])]
        with pytest.raises(
            ValueError, match=r"^annotations: got 'none that allows a prompt', expected photographs with"
        ):
            photograph_ceiling(PHOTOGRAPHS[:1], nothing, self.detect)
