"""What lmms-eval calls for an exported task, by the `utils.py` beside it; lmms-eval itself is not imported.

A document is a row of the parquet file, with its image as `datasets` opens it: a picture of Pillow. A model that draws
returns JSON, {"text": ..., "images": [paths]}, as lmms-eval's own drawing models do.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from infotok.errors import require
from infotok.standard.hosts import resized
from infotok.standard.scoring import asked, follows, read_answer
from infotok.standard.tasks import pixels_of, prompt_of, world_of

__all__ = ["drawing_scorer", "no_visual", "prompt", "question", "score_answer", "visual"]

Document = Mapping[str, Any]


def visual(document: Document, _: Any = None) -> list[Any]:
    """The image of a question's document."""
    return [document["image"].convert("RGB")]


def no_visual(document: Document, _: Any = None) -> list[Any]:
    """Nothing: a prompt has no image."""
    return []


def question(document: Document, _: Any = None) -> str:
    """The question, and on a second line the words that may answer it."""
    return asked(document["question"], json.loads(document["choices"]))


def prompt(document: Document, _: Any = None) -> str:
    """The prompt of an image."""
    return document["prompt"]


def score_answer(document: Document, results: Sequence[str]) -> dict[str, float]:
    """1 for a right answer, as "overall" and under its kind of question."""
    right = float(read_answer(results[0], json.loads(document["choices"])) == document["answer"])
    return {"overall": right, document["kind"]: right}


def drawing_scorer(folder: Path) -> Callable[[Document, Sequence[str]], dict[str, float]]:
    """The function that scores drawings of a folder's prompts by the reader of its world.

    folder: written by `export_tasks`.
    """
    world = world_of(folder)

    def score_drawing(document: Document, results: Sequence[str]) -> dict[str, float]:
        try:
            paths = json.loads(results[0])["images"]
        except (ValueError, TypeError, KeyError):
            paths = []
        require(len(paths) > 0, "answer", results[0], 'JSON with "images", paths of what was drawn')
        image = resized([pixels_of(Path(paths[0]).read_bytes())], world.size)[0]
        right = float(follows(world, image, prompt_of(dict(document))))
        return {"images": right, document["tag"]: right}

    return score_drawing
