"""Recipes: known data sets, from the files that they are distributed as, to records.

- `clevr`   CLEVR v1.0 and CoGenT: scenes and questions; captions are generated from the scenes; and `clevr_prompts`
- `coco`    COCO captions with the questions and answers of VQAv2
- `cc3m`    Conceptual Captions as webdataset shards; it has no questions

Johnson et al. 2017, arXiv 1612.06890; Lin et al. 2014, arXiv 1405.0312; Goyal et al. 2017, arXiv 1612.00837; Sharma et
al. 2018. Each has a licence of its own; nothing is downloaded.
"""

from collections import defaultdict
from pathlib import Path

from infotok.errors import refuse, require_folder
from infotok.worlds.image_text.annotations import field, objects
from infotok.worlds.image_text.opening import open_records
from infotok.worlds.image_text.recipes_clevr import clevr, clevr_prompts
from infotok.worlds.image_text.records import ListRecords, Records

__all__ = ["cc3m", "clevr", "clevr_prompts", "coco"]


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


def cc3m(shards: str | Path, on_error: str = "raise") -> Records:
    """Records of Conceptual Captions as img2dataset writes it: tar shards of `.jpg`, `.txt` and `.json`.

    It has no questions, so batches have `questions=0`.

    shards: a shard, or the folder of all.
    on_error: "raise", or "skip" for shards with faults, as `open_records` has it.
    """
    return open_records(shards, on_error=on_error)
