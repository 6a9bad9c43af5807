"""What fits where: parameters, memory and time of a training step of each published model, one image at a time.

    what_fits(["Janus-Pro-1B"])        # [{"model": "Janus-Pro-1B", "parameters": 2.08, "weights": 4.1, ...}]

Every number is computed by `footprint`, none measured. Seconds are operations by what an H100 does at `UTILISATION` of
its peak, which is an assumption: 989 TFLOP/s in bfloat16 for the language model, 494 in TF32 for the tokenizer.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from infotok.errors import require, require_choice
from infotok.published.footprint import Footprint, footprint
from infotok.published.outlines import OUTLINES

__all__ = ["COLUMNS", "as_markdown", "what_fits"]

GIB = 2**30
UTILISATION, BF16, TF32 = 0.4, 989e12, 494e12
RANK = 16
COLUMNS = {  # of the table, in words
    "model": "model",
    "parameters": "parameters, 10⁹",
    "weights": "weights",
    "states": "gradients, AdamW",
    "language": "activations: language model",
    "encoder": "activations: encoder",
    "surrogate": "soft surrogate",
    "total": "total, GiB",
    "all": "total, all trained",
    "seconds": "seconds",
}


def what_fits(names: Sequence[str] = tuple(OUTLINES)) -> list[dict[str, Any]]:
    """A row for each model: GiB of a training step with one image, with adapters of rank 16, and with all weights.

    names: of `OUTLINES`.

    The total has the larger of the activations, which are not there at the same time: see `footprint`.

    Example:
        >>> from infotok.published import what_fits
        >>> row = what_fits(["Janus-Pro-1B"])[0]
        >>> row["parameters"], row["total"], row["all"]  # 10^9; GiB with adapters, and with all weights trained
        (2.08, 6.3, 17.3)
    """
    listed = isinstance(names, list | tuple) and len(names) > 0
    require(listed, "names", names, f"a list of some of {', '.join(OUTLINES)}", TypeError)
    for name in names:
        require_choice("names", name, tuple(OUTLINES))
    return [_row(name) for name in names]


def as_markdown(rows: Sequence[dict[str, Any]]) -> str:
    """The table as the page on published models has it."""
    lines = [list(COLUMNS.values()), ["---"] * len(COLUMNS), *([str(row[key]) for key in COLUMNS] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _row(name: str) -> dict[str, Any]:
    adapted, whole = (_computed(*OUTLINES[name], rank) for rank in (RANK, 0))
    language = (adapted.operations - adapted.encoder_operations) / (UTILISATION * BF16)
    seconds = language + adapted.encoder_operations / (UTILISATION * TF32)
    gib = {
        "weights": adapted.weights,
        "states": adapted.states,
        "language": adapted.inputs + adapted.heads + adapted.layer,
        "encoder": adapted.encoder,
        "surrogate": adapted.surrogate,
        "total": adapted.total,
        "all": whole.total,
    }
    return {
        "model": name,
        "parameters": round(whole.parameters / 1e9, 2),
        **{key: round(each / GIB, 1 if each > GIB / 4 else 2) for key, each in gib.items()},
        "seconds": round(seconds, 2),
    }


@cache
def _computed(make: Any, pixels: int, lora: int) -> Footprint:
    """The footprint of an outline; two names may have one architecture."""
    name = next(name for name, each in OUTLINES.items() if each == (make, pixels))
    return footprint(name, lora=lora, pixels=pixels)
