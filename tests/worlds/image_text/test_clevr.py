"""CLEVR-CoGenT and prompts from CLEVR's scenes: what each asks is true of its scene, and GenEval's rules agree."""

import json

import pytest
import torch
from own_data import picture

from infotok.standard import Detections, judge
from infotok.worlds import ImageTextWorld
from infotok.worlds.image_text.recipes import clevr, clevr_prompts
from infotok.worlds.image_text.recipes_clevr import CLEVR_TAGS

MATERIALS, SIZES = ("rubber", "metal"), ("small", "large")
COLOURS = {
    "A": {"cube": ("gray", "blue", "brown", "yellow"), "cylinder": ("red", "green", "purple", "cyan")},
    "B": {"cube": ("red", "green", "purple", "cyan"), "cylinder": ("gray", "blue", "brown", "yellow")},
}
ALL = (*COLOURS["A"]["cube"], *COLOURS["A"]["cylinder"])


def thing(generator, condition):
    def pick(options):
        return options[int(torch.randint(len(options), (1,), generator=generator))]

    shape = pick(("cube", "sphere", "cylinder"))
    column, row = (int(torch.randint(20, high, (1,), generator=generator)) for high in (460, 300))
    return {
        "3d_coords": [0.5, -1.2, 0.7],
        "pixel_coords": [column, row, 11.5],
        "rotation": 147.4,
        "size": pick(SIZES),
        "color": pick(COLOURS[condition].get(shape, ALL)),
        "material": pick(MATERIALS),
        "shape": shape,
    }


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def cogent(folder, split, scenes=40, most=6):
    """Files of CoGenT: scenes of three to `most` objects in the colours of the split's condition."""
    generator = torch.Generator().manual_seed(len(split))
    rows, asked = [], []
    (folder / "images" / split).mkdir(parents=True)
    for i in range(scenes):
        name = f"CLEVR_{split}_{i:06d}.png"
        (folder / "images" / split / name).write_bytes(picture("white", 48, 32))
        count = int(torch.randint(3, most + 1, (1,), generator=generator))
        objects = [thing(generator, split[-1]) for _ in range(count)]
        about = {"image_index": i, "image_filename": name, "split": split}
        rows.append(about | {"objects": objects, "directions": {}, "relationships": {}})
        question = {"question": "How many things are there?", "answer": str(count), "question_family_index": 0}
        asked.append(about | question | {"program": []})
    write(folder / "scenes" / f"CLEVR_{split}_scenes.json", {"info": {"split": split}, "scenes": rows})
    write(folder / "questions" / f"CLEVR_{split}_questions.json", {"info": {"split": split}, "questions": asked})
    return rows


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cogent")
    return folder, {split: cogent(folder, split) for split in ("trainA", "valA", "valB")}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def said(scene):
    rows = sorted(scene["objects"], key=lambda row: row["pixel_coords"][0])
    return ", ".join(" ".join(row[part] for part in ("size", "color", "material", "shape")) for row in rows)


def detections(scene):
    """A perfect detector's: a box around the middle of each object."""
    boxes = torch.tensor([[x - 2, y - 2, x + 2, y + 2] for x, y, _ in (o["pixel_coords"] for o in scene["objects"])])
    return Detections(boxes.float(), [o["shape"] for o in scene["objects"]], torch.ones(len(boxes)))


def colours(scene):
    """A perfect reader of colours, by the middle of a box."""

    def colour_of(image, boxes, name):
        middles = ((boxes[:, :2] + boxes[:, 2:]) / 2).tolist()
        return [next(o["color"] for o in scene["objects"] if o["pixel_coords"][:2] == middle) for middle in middles]

    return colour_of


# --- records ----------------------------------------------------------------------------------------------------------


def test_cogent_has_its_own_splits(made):
    folder, scenes = made
    trained = ImageTextWorld(clevr(folder, "trainA"), held_out=0, max_caption=60, max_question=48)
    for split in ("valA", "valB"):
        records = clevr(folder, split)
        assert [records[i]["captions"] for i in range(40)] == [[said(scene)] for scene in scenes[split]]
        assert records[3]["questions"] == [("How many things are there?", str(len(scenes[split][3]["objects"])))]
        assert records[3]["key"] == f"images/{split}/CLEVR_{split}_000003"
        world = ImageTextWorld(records, vocabulary=trained.vocabulary, held_out=0, max_caption=60, max_question=48)
        batch = world.batch(8, seeded(), 1)
        assert trained.vocabulary.unk not in batch.captions, "condition B has no new word, only new pairs"


@pytest.mark.parametrize("split", ["test", "testA", "testB"])
def test_test_splits_have_no_scenes(tmp_path, split):
    with pytest.raises(ValueError, match=r"^split: got 'test.?', expected [^\n]*scenes of test splits are not public$"):
        clevr(tmp_path, split)
    with pytest.raises(ValueError, match=r"^split: got"):
        clevr_prompts(tmp_path, split, 5, seeded())
    with pytest.raises(ValueError, match=r"^split: got 'trainC'"):
        clevr(tmp_path, "trainC")


# --- prompts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["trainA", "valB"])
def test_prompts_are_true_of_their_scenes_by_genevals_rules(made, split):
    folder, scenes = made
    prompts = clevr_prompts(folder, split, 200, seeded())
    assert [prompt["tag"] for prompt in prompts] == [CLEVR_TAGS[i % 5] for i in range(200)]
    by_caption = {said(scene): scene for scene in scenes[split]}
    for prompt in prompts:
        scene = by_caption[prompt["prompt"]]
        verdict = judge(prompt, detections(scene), torch.zeros(3, 320, 480), colours(scene), margin=0.0)
        assert verdict.right, (prompt, verdict)


def test_prompts_are_not_true_of_other_scenes(made):
    """Half a scene, its mirror image and one with other colours fail the categories that ask for these."""
    folder, scenes = made
    by_caption = {said(scene): scene for scene in scenes["valA"]}
    failed = dict.fromkeys(CLEVR_TAGS, 0)
    for prompt in clevr_prompts(folder, "valA", 50, seeded(1)):
        objects = by_caption[prompt["prompt"]]["objects"]
        names = {entry["class"] for entry in prompt["include"]}
        if prompt["tag"] in ("two_object", "counting"):
            kept = next(i for i, o in enumerate(objects) if o["shape"] in names)
            left_out = [o for i, o in enumerate(objects) if i != kept and (o["shape"] != objects[kept]["shape"])]
            wrong = {"objects": left_out or objects[:1]}
        elif prompt["tag"] == "position":
            turned = [[480 - o["pixel_coords"][0], 320 - o["pixel_coords"][1], 9.0] for o in objects]
            wrong = {"objects": [o | {"pixel_coords": place} for o, place in zip(objects, turned, strict=True)]}
        else:
            wrong = {"objects": [o | {"color": "pink"} for o in objects]}
        verdict = judge(prompt, detections(wrong), torch.zeros(3, 320, 480), colours(wrong), margin=0.0)
        assert not verdict.right, prompt
        failed[prompt["tag"]] += 1
    assert set(failed.values()) == {10}


def test_what_each_category_asks(made):
    folder, _ = made
    for prompt in clevr_prompts(folder, "valB", 100, seeded(2)):
        words, include = prompt["prompt"].split(", "), prompt["include"]
        counts = {name: sum(word.endswith(name) for word in words) for name in ("cube", "sphere", "cylinder")}
        names = [entry["class"] for entry in include]
        if prompt["tag"] == "counting":
            ((name,), count) = names, include[0]["count"]
            assert 2 <= counts[name] == count <= 4
            assert prompt["exclude"] == [{"class": name, "count": count + 1}]
            continue
        assert prompt["exclude"] == []
        assert all(entry["count"] == 1 for entry in include)
        assert len({*names}) == len(names) == (1 if prompt["tag"] == "colors" else 2)
        if prompt["tag"] != "two_object":
            assert all(counts[name] == 1 for name in names)
        if prompt["tag"] in ("colors", "color_attr"):
            assert all(any(e["color"] in w and w.endswith(e["class"]) for w in words) for e in include)
        if prompt["tag"] == "color_attr":
            assert include[0]["color"] != include[1]["color"]
        assert ("position" in include[-1]) == (prompt["tag"] == "position")


def test_the_binding_of_condition_b_is_asked_for(made):
    """Colours of cubes in valB's prompts are those that no cube of trainA has."""
    folder, _ = made
    found = {
        split: {
            entry["color"]
            for prompt in clevr_prompts(folder, split, 300, seeded())
            for entry in prompt["include"]
            if "color" in entry and entry["class"] == "cube"
        }
        for split in ("trainA", "valB")
    }
    assert found["trainA"]
    assert found["valB"]
    assert found["trainA"] <= {*COLOURS["A"]["cube"]}
    assert found["valB"] <= {*COLOURS["B"]["cube"]}


def test_a_seed_decides_the_prompts(made):
    folder, _ = made
    one, same, other = (clevr_prompts(folder, "valA", 20, seeded(seed)) for seed in (0, 0, 1))
    assert one == same != other
    assert json.loads(json.dumps(one)) == one
    assert len(clevr_prompts(folder, "valA", 2, seeded())) == 2


def test_faults_are_one_line(tmp_path):
    rows = cogent(tmp_path, "valA", scenes=3, most=3)
    cube = {"shape": "cube", "color": "red", "size": "large", "material": "metal", "pixel_coords": [9, 9, 9.0]}
    path = tmp_path / "scenes" / "CLEVR_valA_scenes.json"
    write(path, {"scenes": [row | {"objects": [cube] * 3} for row in rows]})
    with pytest.raises(ValueError, match=r"valA: got 'no scene for two_object', expected one for each category"):
        clevr_prompts(tmp_path, "valA", 5, seeded())
    for wrong in ([], [1], ["1", 2], 3):
        write(path, {"scenes": [row | {"objects": [cube | {"pixel_coords": wrong}]} for row in rows]})
        with pytest.raises(TypeError, match=r"^[^\n]*scenes 0, pixel_coords: got [^\n]*, expected [^\n]*$"):
            clevr_prompts(tmp_path, "valA", 5, seeded())
    for n in (0, 2.5, None):
        with pytest.raises((TypeError, ValueError), match=r"^n: got"):
            clevr_prompts(tmp_path, "valA", n, seeded())
    with pytest.raises(TypeError, match=r"^generator: got"):
        clevr_prompts(tmp_path, "valA", 5, 0)
    with pytest.raises(FileNotFoundError, match=r"CLEVR_valB_scenes\.json: got 'no such file'"):
        clevr_prompts(tmp_path, "valB", 5, seeded())
