"""Worlds as tasks of lmms-eval: a folder of parquet files, prompts in GenEval's schema and task files in YAML.

    export_tasks(ShapesWorld(), "tasks/shapes", n=500, seed=0)

The folder holds

- `questions.parquet`   image (PNG), question, answer, kind of question, and the answers that the kind has
- `prompts.parquet`     prompt, tag, include and exclude (JSON): what must be seen; `prompts.jsonl` has the same
- `world.json`          the world, split and seed, and what the best constant answers score
- `*_questions.yaml`, `*_prompts.yaml`, `utils.py`   the two tasks in lmms-eval's schema
- `ATTRIBUTION.txt`   for emoji: who drew them, and the licence under which the folder may be shared

Scenes are of the world's split "test": combinations that training never shows. Everything follows from the seed.
Answers are exact, and drawings are judged by the world's reader, which expects drawings in the world's own style.
`infotok.standard.scoring` scores a folder without lmms-eval.
"""

import io
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from infotok.errors import require, require_choice, require_folder, require_instance, require_int
from infotok.files import read_json, write_atomically, write_json
from infotok.optional import needs
from infotok.standard.task_files import UTILS, prompts_yaml, questions_yaml
from infotok.unified.identity import made_with
from infotok.worlds import OpenMojiWorld, ShapesWorld

__all__ = ["export_tasks", "read_prompts_of", "read_questions", "world_of"]

WORLDS = {"ShapesWorld": ShapesWorld, "OpenMojiWorld": OpenMojiWorld}
NAMES = {"ShapesWorld": "infotok_shapes", "OpenMojiWorld": "infotok_openmoji"}
SPLITS = ("test", "train", "all")
KNOWN = 512  # images of the train split: they say what answers a kind of question has, and which is most frequent
QUESTIONS, PROMPTS, WORLD = "questions.parquet", "prompts.parquet", "world.json"
ATTRIBUTION = "ATTRIBUTION.txt"
MOST = 2**20  # images, and prompts
ATTRIBUTIONS = {  # of the pictures, by the style of `OpenMojiWorld`
    "openmoji": "The images are adaptations of emojis designed by OpenMoji, the open-source emoji and icon project "
    "(https://openmoji.org), reduced in size and set on coloured backgrounds. License: CC BY-SA 4.0 "
    "(https://creativecommons.org/licenses/by-sa/4.0/). Share them under this license and with this attribution.\n",
    "noto": "The images are drawn with the font Noto Color Emoji, reduced in size and set on coloured backgrounds. "
    "Copyright Google Inc.; SIL Open Font License 1.1 (http://scripts.sil.org/OFL).\n",
}


def export_tasks(
    world: ShapesWorld | OpenMojiWorld,
    folder: str | Path,
    n: int = 500,
    seed: int = 0,
    questions: int = 4,
    split: str = "test",
) -> Path:
    """Write the two tasks of a world, questions and prompts, to `folder`; returns its absolute path.

    The task files hold that path: export again where the folder moves.

    world: a `ShapesWorld` or `OpenMojiWorld`.
    folder: made if it is missing; files of an earlier export are replaced.
    n: images, and prompts.
    seed: of all of them.
    questions: about each image.
    split: of the scenes, "test" for combinations that training never shows.

    Example:
        >>> from tempfile import mkdtemp
        >>> from infotok.standard import export_tasks
        >>> from infotok.worlds import ShapesWorld
        >>> folder = export_tasks(ShapesWorld(), mkdtemp(), n=4, questions=2)
        >>> sorted(path.name for path in folder.iterdir())
        ['infotok_shapes_prompts.yaml', 'infotok_shapes_questions.yaml', 'prompts.jsonl', 'prompts.parquet',
        'questions.parquet', 'utils.py', 'world.json']
    """
    require_instance("world", world, tuple(WORLDS.values()), "a ShapesWorld or an OpenMojiWorld")
    require(isinstance(world.text, str), "world, text", "a function", "attributes: a task file can hold no function")
    require_folder("folder", folder), require_choice("split", split, SPLITS)
    n, questions = require_int("n", n, 1, MOST), require_int("questions", questions, 1, 2**10)
    seed = require_int("seed", seed, 0, 2**63 - 1)
    folder, generator = Path(folder).resolve(), torch.Generator().manual_seed(seed)
    held_out = world.with_split(split)
    batch, prompts = held_out.batch(n, generator, questions), held_out.prompts(n, generator)
    rows = _rows(batch, world)
    learned = _rows(world.with_split("train").batch(KNOWN, generator, questions), world, images=False)
    by_kind = {kind: Counter(row["answer"] for row in learned if row["kind"] == kind) for kind in world.kinds}
    choices = {kind: set(counts) for kind, counts in by_kind.items()}
    for row in rows:
        choices[row["kind"]].add(row["answer"])
    for row in rows:
        row["choices"] = json.dumps(sorted(choices[row["kind"]]))
    asked = [_prompt_row(prompt) for prompt in prompts]
    constants = {kind: counts.most_common(1)[0][0] for kind, counts in by_kind.items() if counts}
    name = NAMES[type(world).__name__]
    _write_parquet(folder / QUESTIONS, rows), _write_parquet(folder / PROMPTS, asked)
    write_atomically(folder / "prompts.jsonl", "".join(json.dumps(prompt) + "\n" for prompt in prompts))
    write_json(folder / WORLD, {
        "world": type(world).__name__,
        "options": {key: value for key, value in made_with(world).items() if key != "split"},
        **{"split": split, "seed": seed, "images": n, "questions": questions, "kinds": list(world.kinds)},
        **{"constant_answers": constants, "constant_scores": _shares(rows, constants)},
    })  # fmt: skip
    tags = list(dict.fromkeys(prompt["tag"] for prompt in prompts))
    write_atomically(folder / f"{name}_questions.yaml", questions_yaml(name, folder / QUESTIONS, world.kinds))
    write_atomically(folder / f"{name}_prompts.yaml", prompts_yaml(name, folder / PROMPTS, tags))
    write_atomically(folder / "utils.py", UTILS)
    if isinstance(world, OpenMojiWorld):
        write_atomically(folder / ATTRIBUTION, ATTRIBUTIONS[world.style])
    else:
        (folder / ATTRIBUTION).unlink(missing_ok=True)  # of an earlier export to this folder
    return folder


def read_questions(folder: str | Path) -> list[dict[str, Any]]:
    """The rows of an exported folder's questions: "image" as bytes of PNG, "question", "answer", "kind", "choices".

    folder: written by `export_tasks`.

    Example:
        >>> from tempfile import mkdtemp
        >>> from infotok.standard import export_tasks, read_questions
        >>> from infotok.worlds import ShapesWorld
        >>> folder = export_tasks(ShapesWorld(), mkdtemp(), n=4, questions=2)
        >>> rows = read_questions(folder)
        >>> len(rows), sorted(rows[0])
        (8, ['answer', 'choices', 'image', 'kind', 'question'])
    """
    rows = _read_parquet(folder, QUESTIONS)
    return [{**row, "image": row["image"]["bytes"], "choices": json.loads(row["choices"])} for row in rows]


def read_prompts_of(folder: str | Path) -> list[dict[str, Any]]:
    """The prompts of an exported folder, in GenEval's schema.

    folder: written by `export_tasks`.

    Example:
        >>> from tempfile import mkdtemp
        >>> from infotok.standard import export_tasks, read_prompts_of
        >>> from infotok.worlds import ShapesWorld
        >>> folder = export_tasks(ShapesWorld(), mkdtemp(), n=4, questions=2)
        >>> prompts = read_prompts_of(folder)
        >>> len(prompts), sorted(prompts[0])
        (4, ['exclude', 'include', 'prompt', 'tag'])
    """
    return [prompt_of(row) for row in _read_parquet(folder, PROMPTS)]


def prompt_of(row: dict[str, Any]) -> dict[str, Any]:
    """A prompt in GenEval's schema of a row of `prompts.parquet`."""
    parts = {part: json.loads(row[part]) for part in ("include", "exclude")}
    return {"tag": row["tag"], "prompt": row["prompt"], **parts}


def world_of(folder: str | Path) -> ShapesWorld | OpenMojiWorld:
    """The world that a folder was exported from, with its split.

    folder: written by `export_tasks`.

    Example:
        >>> from tempfile import mkdtemp
        >>> from infotok.standard import export_tasks, world_of
        >>> from infotok.worlds import ShapesWorld
        >>> folder = export_tasks(ShapesWorld(), mkdtemp(), n=4, questions=2)
        >>> type(world_of(folder)).__name__, world_of(folder).split
        ('ShapesWorld', 'test')
    """
    require_folder("folder", folder)
    path = Path(folder) / WORLD
    meta = read_json(path, keys=("world", "options", "split"))
    require_choice(f"{path}, world", meta["world"], tuple(WORLDS))
    return WORLDS[meta["world"]](**meta["options"], split=meta["split"])


def pixels_of(png: bytes) -> Tensor:
    """The image (3, H, W) in [0, 1] of a file's bytes."""
    with needs("data", "reading an exported image"):
        from PIL import Image
    picture = np.array(Image.open(io.BytesIO(png)).convert("RGB"))
    return torch.from_numpy(picture).permute(2, 0, 1).float() / 255


def _rows(batch: Any, world: Any, images: bool = True) -> list[dict[str, Any]]:
    """A row for each question of a batch."""
    files = [_png(image) for image in batch.images] if images else [b""] * len(batch)
    asked = world.vocabulary.decode(batch.questions.flatten(0, 1))
    answers = [world.vocabulary.words[i] for i in batch.answers.flatten().tolist()]
    kinds = [world.kinds[i] for i in batch.kinds.flatten().tolist()]
    each = batch.questions.shape[1]
    return [
        {"image": {"bytes": files[i // each], "path": f"{i // each}.png"}, "question": asked[i], "answer": answers[i]}
        | {"kind": kinds[i]}
        for i in range(len(asked))
    ]


def _prompt_row(prompt: dict[str, Any]) -> dict[str, str]:
    parts = {part: json.dumps(prompt.get(part, [])) for part in ("include", "exclude")}
    return {"prompt": prompt["prompt"], "tag": prompt["tag"], **parts}


def _shares(rows: Sequence[dict[str, Any]], constants: dict[str, str]) -> dict[str, float]:
    """What the train split's most frequent answer to each kind of question scores, by kind and "overall"."""
    right = {kind: [row["answer"] == constants[kind] for row in rows if row["kind"] == kind] for kind in constants}
    every = [each for values in right.values() for each in values]
    shares = {kind: sum(values) / len(values) for kind, values in right.items() if values}
    return {**shares, "overall": sum(every) / len(every)}


def _png(image: Tensor) -> bytes:
    with needs("data", "export_tasks"):
        from PIL import Image
    stream = io.BytesIO()
    Image.fromarray((image * 255).round().byte().permute(1, 2, 0).numpy()).save(stream, format="png")
    return stream.getvalue()


def _write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    """Rows of text, and of images as Hugging Face's `datasets` stores them."""
    with needs("data", "export_tasks"):
        import pyarrow
        from pyarrow import parquet
    image, text = {"_type": "Image"}, {"dtype": "string", "_type": "Value"}
    features = {name: image if name == "image" else text for name in rows[0]}
    table = pyarrow.Table.from_pylist(rows)
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    stream = io.BytesIO()
    parquet.write_table(table, stream, compression="zstd", row_group_size=1024)
    write_atomically(path, stream.getvalue())


def _read_parquet(folder: str | Path, name: str) -> list[dict[str, Any]]:
    with needs("data", "reading exported tasks"):
        from pyarrow import ArrowException, parquet
    require_folder("folder", folder)
    path = Path(folder) / name
    require(path.is_file(), str(path), "no such file", "a folder that export_tasks wrote", FileNotFoundError)
    try:
        return parquet.read_table(path).to_pylist()
    except ArrowException as error:
        require(False, str(path), str(error).splitlines()[0], "a whole parquet file")
