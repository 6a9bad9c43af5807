"""Recipes: known data sets, from the files that they are distributed as, to records.

- `clevr`   CLEVR v1.0 and CoGenT: scenes and questions; captions are generated from the scenes; and `clevr_prompts`
- `coco`    COCO captions with the questions and answers of VQAv2
- `gqa`     GQA: questions and answers; captions name the objects of the scene graphs
- `cc3m`    Conceptual Captions as webdataset shards; it has no questions

Johnson et al. 2017, arXiv 1612.06890; Lin et al. 2014, arXiv 1405.0312; Goyal et al. 2017, arXiv 1612.00837; Hudson &
Manning 2019, arXiv 1902.09506; Sharma et al. 2018. Each has a licence of its own; nothing is downloaded.
"""

from collections import defaultdict
from pathlib import Path
from typing import Any

from infotok.errors import refuse, require, require_folder
from infotok.worlds.image_text.annotations import field, named_objects, objects
from infotok.worlds.image_text.opening import open_records
from infotok.worlds.image_text.recipes_clevr import clevr, clevr_prompts
from infotok.worlds.image_text.records import ListRecords, Records

__all__ = ["cc3m", "clevr", "clevr_prompts", "coco", "gqa"]


def coco(
    folder: str | Path,
    captions_json: str | Path,
    questions_json: str | Path | None = None,
    annotations_json: str | Path | None = None,
) -> Records:
    """Records of COCO: the captions of each image, and the questions of VQAv2 with their commonest answer.

    folder: of the images.
    captions_json: such as `captions_train2014.json`.
    questions_json: such as `v2_OpenEnded_mscoco_train2014_questions.json`; None for no questions.
    annotations_json: such as `v2_mscoco_train2014_annotations.json`, the answers.
    """
    require_folder("folder", folder)
    if (questions_json is None) != (annotations_json is None):
        refuse("questions_json", questions_json, "a file, and annotations_json with its answers, or neither")
    captions, pairs = defaultdict(list), defaultdict(list)
    for where, each in objects(Path(captions_json), "annotations"):
        captions[field(each, "image_id", where, int)].append(field(each, "caption", where))
    if questions_json is not None:
        answers = {
            field(each, "question_id", where, int): field(each, "multiple_choice_answer", where)
            for where, each in objects(Path(annotations_json), "annotations")
        }
        for where, each in objects(Path(questions_json), "questions"):
            number = field(each, "question_id", where, int)
            if number in answers:
                pairs[field(each, "image_id", where, int)].append([field(each, "question", where), answers[number]])
    rows = []
    for where, image in objects(Path(captions_json), "images"):
        number = field(image, "id", where, int)
        if captions[number]:
            row = {"image": field(image, "file_name", where), "captions": captions[number]}
            rows.append(row | {"questions": pairs[number]})
    return ListRecords(rows, folder)


def gqa(folder: str | Path, questions_json: str | Path, scenes_json: str | Path | None = None) -> Records:
    """Records of GQA: the images that the questions are about, in the order of their first questions.

    An image with a scene graph has one caption: the names of its objects, each once, the largest box first. "sky,
    street, man, shirt" says what is there, and neither how many nor where. Any other image has as captions the full
    answers to its questions, such as "The man is wearing a shirt.", so that its captions tell the answers. The scene
    graphs of the test splits are not public. Fields are those of the data set's download page; the files themselves
    have not been read here.

    folder: of the images, `IMAGEID.jpg`.
    questions_json: such as `train_balanced_questions.json`: {question id: {"imageId", "question", "answer",
        "fullAnswer", ...}}. It is read as a whole, which needs memory of several times its size. "train", "val" and
        "testdev" have answers, "test" and "challenge" have none.
    scenes_json: such as `train_sceneGraphs.json`: {image id: {"objects": {object id: {"name", "w", "h", ...}}, ...}};
        None for full answers alone.
    """
    require_folder("folder", folder)
    listed = {} if scenes_json is None else dict(_listed(Path(scenes_json)))
    pairs, told = defaultdict(list), defaultdict(dict)
    for where, _, each in named_objects(Path(questions_json)):
        image = field(each, "imageId", where)
        pairs[image].append([field(each, "question", where), field(each, "answer", where)])
        if not listed.get(image):
            told[image][field(each, "fullAnswer", where)] = None  # a dict keeps the order and leaves out repetitions
    require(pairs, str(questions_json), "no question", "one or more")
    rows = [
        {"image": f"{image}.jpg", "captions": listed.get(image) or list(told[image]), "questions": asked}
        for image, asked in pairs.items()
    ]
    return ListRecords(rows, folder)


def cc3m(shards: str | Path, on_error: str = "raise") -> Records:
    """Records of Conceptual Captions as img2dataset writes it: tar shards of `.jpg`, `.txt` and `.json`.

    It has no questions, so batches have `questions=0`.

    shards: a shard, or the folder of all.
    on_error: "raise", or "skip" for shards with faults, as `open_records` has it.
    """
    return open_records(shards, on_error=on_error)


def _listed(path: Path) -> list[tuple[str, str]]:
    """The image's id, and the names of its objects from the largest box to the smallest, "" for none."""
    listed = []
    for where, image, scene in named_objects(path):
        sizes: dict[str, Any] = {}
        for number, each in field(scene, "objects", where, dict).items():
            place = f"{where}, object {number}"
            area = field(each, "w", place, (int, float)) * field(each, "h", place, (int, float))
            name = field(each, "name", place)
            sizes[name] = max(area, sizes.get(name, 0))
        listed.append((image, ", ".join(sorted(sizes, key=lambda name: -sizes[name]))))
    return listed
