"""Learning curves of unified models, and results of longer runs that are committed beside the figures.

scores = ScoresAlong(model, world, at=every_so_often(steps, 5), seed=2)
history = train(model, world, config, on_step=scores)
curve = learning_curve(history, scores.rows)
longer = reported("08_autoregressive_host", "curve.json")["curve"]     # the same of a run at profile `full`
"""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from infotok.errors import require, require_int, require_text
from infotok.evaluation.evaluate import answer_batch, generate_images
from infotok.evaluation.parser import score_cells
from infotok.evaluation.understanding import score_answers
from infotok.files import read_json, write_json
from infotok.worlds import ShapesWorld

__all__ = ["LOSSES", "ScoresAlong", "every_so_often", "learning_curve", "reported"]

LOSSES = {"understanding": "understanding", "generation": "generation", "reconstruction": "l2"}  # curve -> term


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
        self, model: nn.Module, world: ShapesWorld, at: list[int], n: int = 128, seed: int = 0, file: Path | None = None
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
            "answered": score_answers(answer_batch(self.model, self.batch), self.batch)["mean"],
            "drawn": score_cells(drawn, self.batch.scenes, self.world)["present"],
        })  # fmt: skip
        if self.file:
            write_json(self.file, self.rows)


def every_so_often(steps: int, times: int) -> list[int]:
    """`times` step numbers from early to the last, closer together at the start, where most is learned.

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
        "step" with "understanding", "generation" (None during a tokenizer's warm-up) and "reconstruction", the losses
        as they were weighted; "scored" (steps) with "answered" and "drawn", shares in [0, 1].
    """
    losses = {name: [_rounded(row.get(term)) for row in history] for name, term in LOSSES.items()}
    both = {name: [_rounded(row[name]) for row in scores] for name in ("answered", "drawn")}
    return {"step": [row["step"] for row in history], **losses, "scored": [row["step"] for row in scores], **both}


def reported(lesson: str, file: str, content: dict[str, Any] | None = None, root: Path | None = None) -> dict[str, Any]:
    """A committed result, figures/LESSON/FILE; where `content` is given it is written there first.

    Args:
        lesson: the notebook's name.
        file: the name of a JSON file.
        content: what becomes the committed result; it says under "command" which command made it.
        root: the folder of the course; by default the working folder or the one above it, whichever has figures/.
    """
    require_text("lesson", lesson), require_text("file", file)
    roots = [root] if root else [Path(), Path("..")]
    found = next((each / "figures" for each in roots if (each / "figures").is_dir()), None)
    require(found is not None, "root", str(root or Path().resolve()), "a folder with figures/ in it, or one below it")
    path = found / lesson / file
    if content is not None:
        require("command" in content, "content", sorted(content), "a result that names the command that made it")
        write_json(path, content)
    return read_json(path)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
