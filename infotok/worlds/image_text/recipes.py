"""Recipes: known data sets, from the files that they are distributed as, to records.

- `clevr`   CLEVR v1.0: scenes and questions; captions are generated from the scenes
- `coco`    COCO captions with the questions and answers of VQAv2
- `cc3m`    Conceptual Captions as webdataset shards; it has no questions

Johnson et al. 2017, arXiv 1612.06890; Lin et al. 2014, arXiv 1405.0312; Goyal et al. 2017, arXiv 1612.00837; Sharma et
al. 2018. Each has a licence of its own; nothing is downloaded.
"""

from collections import defaultdict
from pathlib import Path
from typing import Any

from infotok.errors import refuse, require_choice, require_folder, require_instance
from infotok.files import read_json
from infotok.worlds.image_text.opening import open_records
from infotok.worlds.image_text.records import ListRecords, Records

__all__ = ["cc3m", "clevr", "coco"]


def clevr(folder: str | Path, split: str = "train") -> Records:
    """Records of CLEVR v1.0: a caption of all objects from left to right, questions and answers.

    "large red metal cube, small blue rubber sphere": up to ten objects of five words, so `max_caption=60`; questions
    have up to 45 words, `max_question=48`.

    folder: has `images/SPLIT`, `scenes/CLEVR_SPLIT_scenes.json` and `questions/CLEVR_SPLIT_questions.json`.
    split: of CLEVR, "train" or "val"; the scenes of "test" are not public.
    """
    require_folder("folder", folder), require_choice("split", split, ("train", "val"))
    folder = Path(folder)
    path = folder / "questions" / f"CLEVR_{split}_questions.json"
    asked = defaultdict(list)
    for where, each in _rows(path, "questions"):
        asked[_get(each, "image_filename", where)].append([_get(each, "question", where), _get(each, "answer", where)])
    rows = []
    for where, scene in _rows(folder / "scenes" / f"CLEVR_{split}_scenes.json", "scenes"):
        name = _get(scene, "image_filename", where)
        objects = _get(scene, "objects", where, list)
        left_to_right = sorted(objects, key=lambda each: _left(each, where))
        said = ", ".join(
            " ".join(_get(each, part, where) for part in ("size", "color", "material", "shape"))
            for each in left_to_right
        )
        rows.append({"image": f"images/{split}/{name}", "captions": said or "empty", "questions": asked[name]})
    return ListRecords(rows, folder)


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
    for where, each in _rows(Path(captions_json), "annotations"):
        captions[_get(each, "image_id", where, int)].append(_get(each, "caption", where))
    if questions_json is not None:
        answers = {
            _get(each, "question_id", where, int): _get(each, "multiple_choice_answer", where)
            for where, each in _rows(Path(annotations_json), "annotations")
        }
        for where, each in _rows(Path(questions_json), "questions"):
            number = _get(each, "question_id", where, int)
            if number in answers:
                pairs[_get(each, "image_id", where, int)].append([_get(each, "question", where), answers[number]])
    rows = []
    for where, image in _rows(Path(captions_json), "images"):
        number = _get(image, "id", where, int)
        if captions[number]:
            row = {"image": _get(image, "file_name", where), "captions": captions[number]}
            rows.append(row | {"questions": pairs[number]})
    return ListRecords(rows, folder)


def cc3m(shards: str | Path, on_error: str = "raise") -> Records:
    """Records of Conceptual Captions as img2dataset writes it: tar shards of `.jpg`, `.txt` and `.json`.

    It has no questions, so batches have `questions=0`.

    shards: a shard, or the folder of all.
    on_error: "raise", or "skip" for shards with faults, as `open_records` has it.
    """
    return open_records(shards, on_error=on_error)


def _rows(path: Path, name: str) -> list[tuple[str, Any]]:
    """The objects of a list in a JSON file, each with its place."""
    rows = read_json(path, (name,))[name]
    require_instance(f"{path}, {name}", rows, list)
    return [(f"{path}, {name} {number}", row) for number, row in enumerate(rows)]


def _get(row: Any, name: str, where: str, kind: type = str) -> Any:
    value = row.get(name) if isinstance(row, dict) else None
    require_instance(f"{where}, {name}", value, kind)
    return value


def _left(row: Any, where: str) -> float:
    """The column of an object's middle."""
    pixels = _get(row, "pixel_coords", where, list)
    require_instance(f"{where}, pixel_coords", pixels[0] if pixels else None, (int, float))
    return pixels[0]
