"""Recipes: small files of the schema of CLEVR, COCO, GQA and Conceptual Captions become records."""

import json
import tarfile
from io import BytesIO

import pytest
import torch
from own_data import picture

from infotok.worlds import ImageTextWorld
from infotok.worlds.image_text.recipes import cc3m, clevr, coco, gqa


def drawn(records, questions):
    world = ImageTextWorld(records, held_out=0, max_caption=60, max_question=48)
    return world, world.batch(12, torch.Generator().manual_seed(0), questions)


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def clevr_files(folder, broken=False):
    """Two images of CLEVR, with the fields of its files that matter and some of the others."""
    names = [f"CLEVR_val_{i:06d}.png" for i in range(2)]
    (folder / "images" / "val").mkdir(parents=True)
    for name in names:
        (folder / "images" / "val" / name).write_bytes(picture("red", 48, 32))
    cube = {"size": "large", "color": "red", "material": "metal", "shape": "cube", "pixel_coords": [300, 100, 9.5]}
    ball = {"size": "small", "color": "blue", "material": "rubber", "shape": "sphere", "pixel_coords": [20, 90, 11.0]}
    if broken:
        del ball["color"]
    scenes = [
        {"image_index": i, "image_filename": name, "split": "val", "objects": [cube, ball][: 2 - i]}
        for i, name in enumerate(names)
    ]
    asked = [
        {"image_filename": names[0], "question": "How many cubes are there?", "answer": "1", "program": []},
        {"image_filename": names[0], "question": "Is there a red cube?", "answer": "yes", "program": []},
        {"image_filename": names[1], "question": "What is it made of?", "answer": "metal", "program": []},
    ]
    write(folder / "scenes" / "CLEVR_val_scenes.json", {"info": {}, "scenes": scenes})
    write(folder / "questions" / "CLEVR_val_questions.json", {"info": {}, "questions": asked})
    return folder


def test_clevr(tmp_path):
    records = clevr(clevr_files(tmp_path), "val")
    assert [records[i]["captions"] for i in range(2)] == [
        ["small blue rubber sphere, large red metal cube"],
        ["large red metal cube"],
    ]
    assert records[0]["questions"] == [("How many cubes are there?", "1"), ("Is there a red cube?", "yes")]
    world, batch = drawn(records, 3)
    assert {world.vocabulary.words[i] for i in batch.answers.unique()} == {"1", "yes", "metal"}
    assert batch.images.shape == (12, 3, 32, 32)


def test_clevr_without_a_field_names_it(tmp_path):
    with pytest.raises(TypeError, match=r"CLEVR_val_scenes\.json, scenes 0, color: got None, expected a str$"):
        clevr(clevr_files(tmp_path, broken=True), "val")


def coco_files(folder):
    """Three images of COCO, one without captions; two questions of VQAv2, one without an answer."""
    images = [{"id": 9 + i, "file_name": f"COCO_val2014_{9 + i:012d}.jpg", "width": 48, "height": 32} for i in range(3)]
    for image in images:
        (folder / image["file_name"]).write_bytes(picture("blue", 48, 32, "JPEG"))
    captions = [{"image_id": 9, "id": 1, "caption": "A blue wall."}, {"image_id": 10, "id": 2, "caption": "A wall."},
                {"image_id": 9, "id": 3, "caption": "The sea"}]  # fmt: skip
    questions = [{"image_id": 9, "question": "What is blue?", "question_id": 90},
                 {"image_id": 10, "question": "Is it day?", "question_id": 100},
                 {"image_id": 10, "question": "Who?", "question_id": 101}]  # fmt: skip
    answers = [{"question_id": 90, "image_id": 9, "multiple_choice_answer": "the wall", "answers": []},
               {"question_id": 100, "image_id": 10, "multiple_choice_answer": "yes", "answers": []}]  # fmt: skip
    return (
        write(folder / "captions.json", {"images": images, "annotations": captions}),
        write(folder / "questions.json", {"questions": questions}),
        write(folder / "annotations.json", {"annotations": answers}),
    )


def test_coco(tmp_path):
    files = coco_files(tmp_path)
    records = coco(tmp_path, *files)
    assert len(records) == 2
    assert records[0]["captions"] == ["A blue wall.", "The sea"]
    assert records[1]["questions"] == [("Is it day?", "yes")]
    world, batch = drawn(records, 2)
    assert {world.vocabulary.words[i] for i in batch.answers.unique()} == {"the wall", "yes"}
    assert drawn(coco(tmp_path, files[0]), 0)[1].questions.shape == (12, 0, 48)
    with pytest.raises(ValueError, match=r"^questions_json: got "):
        coco(tmp_path, files[0], files[1])
    with pytest.raises(ValueError, match="without annotations"):
        coco(tmp_path, files[1])


GQA_OBJECTS = {
    "271881": {"name": "chair", "x": 220, "y": 310, "w": 50, "h": 80, "attributes": ["brown"],
               "relations": [{"name": "on", "object": "275312"}]},
    "275312": {"name": "floor", "x": 0, "y": 200, "w": 640, "h": 280, "attributes": [], "relations": []},
    "279472": {"name": "chair", "x": 20, "y": 310, "w": 70, "h": 90, "attributes": [], "relations": []},
    "279473": {"name": "coffee table", "x": 20, "y": 310, "w": 60, "h": 90, "attributes": [], "relations": []},
}  # fmt: skip


def gqa_files(folder, broken=()):
    """Three images of GQA: with a scene graph, with an empty one and without; and the questions on them."""
    for image in ("2407890", "n161313", "1"):
        (folder / f"{image}.jpg").write_bytes(picture("green", 48, 32, "JPEG"))
    asked = [("02930152", "2407890", "What is the chair on?", "floor", "The chair is on the floor."),
             ("07333408", "n161313", "Is it overcast?", "no", "No, it is clear."),
             ("07333405", "2407890", "Is there a chair?", "yes", "Yes, there is a chair."),
             ("15736264", "1", "Who is wearing the dress?", "woman", "The woman is wearing a dress."),
             ("111007521", "1", "Who wears the dress?", "woman", "The woman is wearing a dress."),
             ("0972129", "1", "What is it?", "dress", "It is a dress.")]  # fmt: skip
    names = ("imageId", "question", "answer", "fullAnswer")
    rows = {
        number: {**dict(zip(names, row, strict=True)), "isBalanced": True, "semantic": [], "groups": {}}
        for number, *row in asked
    }
    for name in broken:
        del rows["07333408"][name]
    scenes = {
        "2407890": {"width": 640, "height": 480, "location": "living room", "objects": GQA_OBJECTS},
        "n161313": {"width": 640, "height": 480, "objects": {}},
        "5": {"width": 640, "height": 480, "objects": GQA_OBJECTS},  # nobody asks about it
    }
    return write(folder / "val_balanced_questions.json", rows), write(folder / "val_sceneGraphs.json", scenes)


def test_gqa(tmp_path):
    questions, scenes = gqa_files(tmp_path)
    records = gqa(tmp_path, questions, scenes)
    assert [records[i]["key"] for i in range(len(records))] == ["2407890", "n161313", "1"]
    assert [records[i]["captions"] for i in range(3)] == [
        ["floor, chair, coffee table"],
        ["No, it is clear."],
        ["The woman is wearing a dress.", "It is a dress."],
    ]
    assert records[0]["questions"] == [("What is the chair on?", "floor"), ("Is there a chair?", "yes")]
    world, batch = drawn(records, 3)
    assert {world.vocabulary.words[i] for i in batch.answers.unique()} == {"floor", "yes", "no", "woman", "dress"}
    assert batch.images.shape == (12, 3, 32, 32)


def test_gqa_without_scene_graphs_has_full_answers(tmp_path):
    records = gqa(tmp_path, gqa_files(tmp_path)[0])
    assert records[0]["captions"] == ["The chair is on the floor.", "Yes, there is a chair."]
    assert len(records) == 3


def test_gqa_names_what_is_missing(tmp_path):
    questions, scenes = gqa_files(tmp_path, ["answer"])
    line = r"val_balanced_questions\.json, '07333408', answer: got None, expected a str$"
    with pytest.raises(TypeError, match=line):
        gqa(tmp_path, questions, scenes)
    questions, scenes = gqa_files(tmp_path, ["fullAnswer"])
    with pytest.raises(TypeError, match=r"'07333408', fullAnswer: got None, expected a str$"):
        gqa(tmp_path, questions, scenes)
    write(scenes, {"5": {"objects": {"7": {"name": "cup", "w": 3}}}})
    with pytest.raises(TypeError, match=r"val_sceneGraphs\.json, '5', object 7, h: got None, expected [^\n]*$"):
        gqa(tmp_path, questions, scenes)
    write(questions, [])
    with pytest.raises(TypeError, match=r"val_balanced_questions\.json: got 'list', expected a dict$"):
        gqa(tmp_path, questions)
    write(questions, {})
    with pytest.raises(ValueError, match=r"val_balanced_questions\.json: got [^\n]*no question"):
        gqa(tmp_path, questions)


def test_cc3m(tmp_path):
    with tarfile.open(tmp_path / "00000.tar", "w") as tar:
        for i in range(3):
            about = {"caption": "a wall", "url": "x", "key": f"{i:09d}", "status": "success", "width": 48}
            for ending, content in (
                ("jpg", picture("green", 48, 32, "JPEG")),
                ("txt", b"a green wall"),
                ("json", json.dumps(about).encode()),
            ):
                member = tarfile.TarInfo(f"{i:09d}.{ending}")
                member.size = len(content)
                tar.addfile(member, BytesIO(content))
    records = cc3m(tmp_path)
    assert [records[i]["key"] for i in range(3)] == [f"{i:09d}" for i in range(3)]
    world, batch = drawn(records, 0)
    assert world.vocabulary.decode(batch.captions[:1]) == ["a green wall"]
