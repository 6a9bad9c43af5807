"""Learning curves of unified models, and longer runs whose curve and model are committed beside the figures.

scores = ScoresAlong(model, world, at=every_so_often(steps, 5), seed=2)
history = train(model, world, config, on_step=scores)
curve = learning_curve(history, scores.rows)
longer = reported("08_autoregressive_host")["curve"]  # the same of a run at profile `full`
"""

import copy
from pathlib import Path
from typing import Any

import torch

from infotok.errors import require, require_int, require_text
from infotok.evaluation.evaluate import answer_batch, generate_images
from infotok.evaluation.understanding import score_answers
from infotok.files import read_json, write_json
from infotok.unified import UnifiedModel
from infotok.worlds import ShapesWorld

__all__ = [
    "LOSSES", "ScoresAlong", "every_so_often", "learning_curve", "longer_trained", "report_model", "reported",
    "reported_folder",
]  # fmt: skip

LOSSES = {  # name in the curve -> term of the loss
    "understanding": "understanding",
    "generation": "generation",
    "reconstruction": "l2",
    "quantizer": "quantizer",
}


class ScoresAlong:
    """Both sides of a model on one small evaluation set, at chosen steps of training: an `on_step` for `train`.

    Each row of `rows` is {"step", "answered", "drawn"}: the mean accuracy over kinds of questions, and the share of
    occupied cells that are drawn right (shape, colour, size, in their place) from captions.

    Args:
        model: the unified model in training.
        world: where the evaluation set is drawn.
        at: the numbers of finished steps after which to score.
        n: images and captions in the evaluation set.
        seed: of the evaluation set and of the drawings.
        file: a JSON file that keeps the rows, so that a run that is resumed has them all; None keeps none.
    """

    def __init__(
        self,
        model: UnifiedModel,
        world: ShapesWorld,
        at: list[int],
        n: int = 128,
        seed: int = 0,
        file: Path | None = None,
    ) -> None:
        self.model, self.at, self.seed = model, at, require_int("seed", seed, 0, 2**63 - 1)
        self.world, self.file = world, file
        self.batch = world.batch(require_int("n", n, 2), torch.Generator().manual_seed(seed))
        self.rows: list[dict[str, float]] = read_json(file) if file and file.exists() else []

    def __call__(self, step: int, row: dict[str, float] | None = None) -> None:
        """Score the model after `step` steps, if that is one of them; `row`, the step's losses, is not used."""
        if step not in self.at:
            return
        drawn = generate_images(self.model, self.batch.captions, torch.Generator().manual_seed(self.seed))
        self.rows = [each for each in self.rows if each["step"] < step]  # a resumed run repeats its last steps
        self.rows.append({
            "step": step,
            "answered": score_answers(answer_batch(self.model, self.batch), self.batch, self.world)["mean"],
            "drawn": self.world.score_cells(drawn, self.batch.scenes)["present"],
        })  # fmt: skip
        if self.file:
            write_json(self.file, self.rows)


def every_so_often(steps: int, times: int) -> list[int]:
    """`times` numbers of steps from early to the last of `steps`, closer together at the start, where most is learned.

    >>> every_so_often(1000, 5)
    [89, 253, 465, 716, 1000]
    """
    require_int("steps", steps), require_int("times", times)
    return sorted({max(1, round(steps * (i / times) ** 1.5)) for i in range(1, times + 1)})


def learning_curve(history: list[dict[str, float]], scores: list[dict[str, float]]) -> dict[str, list]:
    """The losses of a training run, and its scores along the way, as lists.

    Args:
        history: rows as `train` returns them.
        scores: the rows of `ScoresAlong`.

    Returns:
        "step" with "understanding", "generation", "reconstruction" and "quantizer", the losses as they were weighted
        (None where there is none, as during a tokenizer's warm-up); "scored" (steps) with "answered" and "drawn",
        shares in [0, 1].
    """
    losses = {name: [_rounded(row.get(term)) for row in history] for name, term in LOSSES.items()}
    both = {name: [_rounded(row[name]) for row in scores] for name in ("answered", "drawn")}
    return {"step": [row["step"] for row in history], **losses, "scored": [row["step"] for row in scores], **both}


def reported(lesson: str, file: str = "curve.json", root: Path | None = None) -> dict[str, Any]:
    """A committed result of a longer run: figures/LESSON/FILE. It says under "command" which command made it.

    lesson: the notebook's name.
    file: a JSON file.
    root: the folder of the course; by default the working folder or the one above it, whichever has figures/.
    """
    return read_json(reported_folder(lesson, root) / file)


def reported_folder(lesson: str, root: Path | None = None) -> Path:
    """The folder figures/`lesson` of the course in `root`, by default of the working folder or the one above it."""
    require_text("lesson", lesson)
    folders = [each / "figures" for each in ([root] if root else [Path(), Path("..")])]
    found = next(filter(Path.is_dir, folders), None)
    require(found is not None, "root", str(root or Path().resolve()), "a folder with figures/ in it, or one below it")
    return found / lesson


def report_model(
    lesson: str, command: str, model: UnifiedModel, curve: dict[str, list], root: Path | None = None, **settings: Any
) -> None:
    """Make a trained model and its learning curve the reported ones of a lesson.

    Args:
        lesson: the notebook's name.
        command: the command that made the run.
        model: the trained model; it is kept in half precision, in figures/LESSON/model.
        curve: its `learning_curve`.
        root: as in `reported`.
        settings: parameters of the run that a reader must know, such as steps and seed.
    """
    folder = reported_folder(lesson, root)
    copy.deepcopy(model).half().save_pretrained(folder / "model")
    write_json(folder / "curve.json", {"command": command, **settings, "curve": curve})


def longer_trained(model: UnifiedModel, lesson: str, root: Path | None = None, **settings: Any) -> UnifiedModel:
    """The reported model of a lesson if it was trained for more steps than `model`, on the same world; else `model`.

    lesson, root: as in `reported`.
    settings: of `model`, by the names that `report_model` was given: steps, and whatever changes the world.
    """
    source = reported(lesson, root=root)
    differs = any(source[name] != value for name, value in settings.items() if name != "steps")
    if differs or settings["steps"] >= source["steps"]:
        return model
    return type(model).from_pretrained(reported_folder(lesson, root) / "model")


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
