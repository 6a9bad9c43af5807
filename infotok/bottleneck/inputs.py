"""The inputs of InfoTok in one training step, checked on one rank or on all of them together.

- `Batch`            the checked inputs; `check_batch` makes one
- `Variable`         an input that tokens are compared with
- `gather`           rows of all ranks
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from infotok.bottleneck.missing import check_rows, fill_missing, present_rows
from infotok.bottleneck.options import Options
from infotok.bottleneck.padding import Padding
from infotok.bottleneck.priors.conditional import vectors
from infotok.bottleneck.terms import COMPARED_WITH
from infotok.distributed import gather_over_ranks, of_each_rank, rank_and_world
from infotok.errors import checking, require, require_finite, require_tensor

__all__ = ["Batch", "Variable", "check_batch", "gather"]

Checked = TypeVar("Checked")


class Variable(NamedTuple):
    """An input that tokens are compared with, in one batch.

    name: of the argument: "text", "answer" or "target".
    values: (B, ...), 0 in missing rows.
    present: (B,) booleans, true for rows that are not missing.
    """

    name: str
    values: Tensor
    present: Tensor


@dataclass(frozen=True)
class Batch:
    """The checked inputs of one training step.

    on: the terms that are switched on in this step, and the inputs that each reads.
    padding: which tokens are real.
    variables: what each term compares tokens with; None where it was not passed.
    condition: the text of a prior on text; None without one.
    image, posterior, host, generator, negatives: as in `InfoTok.forward`.
    training: whether the module is in training mode.
    dropped: terms that are left out of this batch, and why; estimators add to it.
    ceilings: the largest value that a term can have; estimators add to it.
    """

    on: dict[str, frozenset[str]]
    padding: Padding
    variables: dict[str, Variable | None]
    condition: Tensor | None
    image: Tensor | None
    posterior: Any
    host: Any
    generator: torch.Generator | None
    training: bool
    negatives: Tensor | None = None
    dropped: dict[str, str] = field(default_factory=dict)
    ceilings: dict[str, Tensor] = field(default_factory=dict)

    def comparable(self, least: int, least_text: int | None = None) -> dict[str, Variable]:
        """The variables with at least `least` rows over all ranks; the others' terms are dropped.

        least_text: as many for texts; None for `least`.
        """
        compared = {}
        for term, found in self.variables.items():
            if found is None:
                self.dropped[term] = f"no {COMPARED_WITH[term]} was passed"
                continue
            present = gather(found.present, self.training)
            rows = int(present.sum())
            needed = least if least_text is None or found.name != "text" else least_text
            if rows < needed:
                self.dropped[term] = f"{rows} of {len(present)} images have {found.name}; at least {needed} are needed"
            else:
                compared[term] = found._replace(present=present)
        return compared


def check_batch(
    options: Options,
    features: Tensor,
    inputs: dict[str, Any],
    mask: Tensor | None,
    text_mask: Tensor | None,
    negatives: Tensor | None,
    generator: torch.Generator | None,
    unavailable: frozenset[str],
    training: bool,
) -> Batch:
    """The batch of these arguments of `InfoTok.forward`; TypeError or ValueError, on all ranks, where one is wrong."""
    rowed = {name: inputs[name] for name in ("image", "text", "answer", "target")}

    def check() -> Batch:
        on = options.switched_on(unavailable)
        padding = check_tokens(features, options.dim, options.length, mask, training)
        check_inputs(rowed, text_mask, len(features))
        reads = on.get("compression", frozenset())
        if "posterior" in reads:
            check_posterior(inputs["posterior"], padding, options, training)
        imaged = inputs["image"] is not None or "image" not in reads
        require(imaged, "image", None, "the input images, for the compression term of HSIC")
        if negatives is not None:
            check_negatives(negatives, options, training)
        asked = {term: name for term, name in COMPARED_WITH.items() if term in on}
        if "text" in reads:
            asked["condition"] = "text"
        masks = {"text": text_mask}
        found = {
            term: None
            if inputs[name] is None
            else variable(name, inputs[name], options.widths[name], masks.get(name), training)
            for term, name in asked.items()
        }
        text = found.pop("condition", None)
        condition = None if text is None else conditioning(text, options.widths["text"], training)
        image, posterior, host = (inputs[name] for name in ("image", "posterior", "host"))
        return Batch(on, padding, found, condition, image, posterior, host, generator, training, negatives)

    if not training or rank_and_world()[1] == 1:
        return check()
    return check_on_ranks(check, features, rowed)


def check_negatives(negatives: Tensor, options: Options, training: bool) -> None:
    """TypeError or ValueError unless these are texts that InfoNCE can compare with."""
    compared = options.estimator == "variational" and options.bound == "infonce" and options.weights["consistency"]
    require(compared, "negatives", "texts", 'None: only consistency by bound="infonce" compares with them')
    check_rows("negatives", negatives)
    flat = negatives.flatten(1) if negatives.is_floating_point() and negatives.ndim > 1 else negatives
    vectors(flat, options.widths["text"], "negatives", training)


def check_posterior(posterior: Any, padding: Padding, options: Options, training: bool) -> None:
    """TypeError or ValueError unless the posterior is (B, L, codes) logits, or a mean and a log-variance (B, L, dim).

    Numbers of real tokens must be finite.
    """
    shape = (padding.size, padding.length, options.codes or options.dim)
    if options.codes:
        parts = {"posterior": posterior}
        require(posterior is not None, "posterior", None, f"log q(k|x) of shape {shape}, since codes={options.codes}")
    else:
        pair = isinstance(posterior, tuple | list) and len(posterior) == 2
        got = posterior if posterior is None else type(posterior).__name__
        require(pair, "posterior", got, f"(mean, log_variance), each of shape {shape}, since noise=None", TypeError)
        parts = dict(zip(("posterior, mean", "posterior, log_variance"), posterior, strict=True))
    for name, part in parts.items():
        require_tensor(name, part, shape)
        if checking(part, training):
            require_finite(name, padding.pack(part))


def gather(rows: Tensor, training: bool) -> Tensor:
    """The rows of every rank, in order, while several train; gradients return to the rank they came from."""
    if not training or rank_and_world()[1] == 1:
        return rows
    return gather_over_ranks(rows.byte()).bool() if rows.dtype == torch.bool else gather_over_ranks(rows)


def check_tokens(features: Tensor, dim: int, length: int | None, mask: Tensor | None, training: bool) -> Padding:
    """The padding of features (B, L, dim); TypeError or ValueError unless all real tokens are finite."""
    padded = "a padded tensor (B, L, dim) with mask=, see torch.nested.to_padded_tensor"
    require(not features.is_nested, "features", "a nested tensor", padded)
    require_tensor("features", features, ("B", "L", dim))
    require(features.numel() > 0, "features", features, f"a tensor of shape (B, L, {dim}), not empty")
    found = features.shape[1]
    require(length in (None, found), "features, tokens", found, f"length={length}, as declared")
    padding = Padding(*features.shape[:2], mask)
    if checking(features, training):
        require_finite("features", padding.pack(features.detach()), training)
    return padding


def check_inputs(inputs: dict[str, Tensor | None], text_mask: Tensor | None, size: int) -> None:
    """TypeError or ValueError unless each input has a row for each of `size` images and text_mask is (B,) booleans."""
    for name, value in (inputs | {"text_mask": text_mask}).items():
        if value is not None:
            check_rows(name, value, size)
    if text_mask is not None:
        expected = "booleans (B,), true where there is a caption"
        require(text_mask.dtype == torch.bool, "text_mask", text_mask.dtype, expected, TypeError)
        require(text_mask.ndim == 1, "text_mask", text_mask, expected)


def variable(
    name: str, values: Tensor, width: int | None, mask: Tensor | None = None, training: bool = False
) -> Variable:
    """The variable of values (B, ...), `width` numbers in each row, or labels (B,) below `width`."""
    present = present_rows(values, name, mask, training)
    if values.is_floating_point():
        values = values[:, None] if values.ndim == 1 else values  # one number in each row
        found = math.prod(values.shape[1:])
        require(width in (None, found), name, values, f"{width} numbers in each row, as {name}_dim={width}")
    elif values.ndim == 1 and width is not None and checking(values, training) and present.any():
        largest = int(values[present].max())
        require(largest < width, f"{name}, labels", largest, f"0 to {width - 1}, as {name}_dim={width}")
    return Variable(name, fill_missing(values, present), present)


def conditioning(text: Variable, width: int, training: bool) -> Tensor:
    """The text that a prior is conditioned on: 0 in missing rows, which is no condition."""
    if text.present.all():
        return text.values
    return vectors(text.values, width, text.name, training) * text.present[:, None]


def check_on_ranks(check: Callable[[], Checked], features: Tensor, inputs: dict[str, Tensor | None]) -> Checked:
    """The result of `check`; an error on every rank where one batch is wrong or where batches do not fit together.

    Otherwise one rank would raise alone and the others would wait for its rows. It takes one small all_gather.
    """
    failed, checked = None, None
    try:
        checked = check()
    except (TypeError, ValueError) as error:
        failed = error
    shape = tuple(features.shape[:2]) if failed is None else (0, 0)
    widths = [-1 if failed or value is None else math.prod(value.shape[1:]) for value in inputs.values()]
    ranks = of_each_rank([failed is not None, *shape, *widths], features.device)
    if failed is not None:
        raise failed
    bad = [str(rank) for rank, values in enumerate(ranks) if values[0]]
    require(not bad, "inputs", f"an invalid batch on rank {', '.join(bad)}", "valid inputs on all ranks")
    remedies = ["drop_last=True makes batches even", "pad to one length, with mask="]
    names = ["features, rows", "features, tokens", *(f"{name}, numbers in a row (-1: none)," for name in inputs)]
    for i, name in enumerate(names, start=1):
        found = [values[i] for values in ranks]
        remedy = f": {remedies[i - 1]}" if i <= len(remedies) else ""
        require(len(set(found)) == 1, f"{name} on each rank", found, f"as many on each{remedy}")
    return checked
