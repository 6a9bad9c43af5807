"""What an attached model is given: a processor's batch and pixels, of which what does not fit is refused in one line.

Shapes, types and numbers of placeholders are always checked; ids and values only where `infotok.errors.checking` says
so, since reading them on an accelerator in training would wait for the device.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from infotok.errors import checking, require, require_rows, require_tensor
from infotok.published.base import Family

__all__ = ["INPUTS", "check_batch", "check_pixels", "check_placeholders", "check_prompts", "check_question"]

INPUTS = ("text", "text_mask", "answer", "target")  # what a batch may hold for InfoTok
KEYS = ("input_ids", "pixel_values", "attention_mask", "labels", "image_sizes", "prompts", "prompts_mask", *INPUTS)
NO_LABEL = -100
LARGEST = 16.0  # a pixel's number: processors give about -3 to 3, and a raw image has up to 255


def check_batch(batch: Any, family: Family, training: bool) -> dict[str, Any]:
    """The batch as a dict; TypeError or ValueError unless its parts are there and fit each other and the model.

    batch: as `Attached.loss` takes it.
    family: the parts of the model.
    training: the mode of the model.
    """
    require(isinstance(batch, Mapping), "batch", type(batch).__name__, f"a mapping of {', '.join(KEYS)}", TypeError)
    batch = dict(batch)
    unknown = sorted(set(map(str, batch)) - set(KEYS))
    require(not unknown, "batch", ", ".join(unknown), f"some of {', '.join(KEYS)}")
    pixels = require_tensor("pixel_values", batch.get("pixel_values"), ("N", 3, "S", "T"))
    words = f"[0, {family.model.get_input_embeddings().num_embeddings - 1}]"
    _check_words(batch, words, training)
    if batch.get("prompts") is not None:
        _check_drawn(batch, len(pixels), words, family, training)
    _check_sizes(batch.get("image_sizes"), len(pixels), family)
    return batch


def _check_words(batch: dict[str, Any], words: str, training: bool) -> None:
    """ValueError unless ids, labels and the mask have one shape, and ids and labels are words of the model."""
    ids, shape = batch.get("input_ids"), None
    if ids is not None:
        shape = tuple(require_tensor("input_ids", ids, ("B", "T"), "int64").shape)
        require_tensor("input_ids", ids, kind="int64", values=_if(ids, training, words))
    for name in ("labels", "attention_mask"):
        if batch.get(name) is not None:
            require(shape is not None, "input_ids", None, f"ids, since there are {name}")
            require_tensor(name, batch[name], shape, "int64" if name == "labels" else "any")
    labels, mask = batch.get("labels"), batch.get("attention_mask")
    if labels is not None and labels.numel() and checking(labels, training):
        given = labels != NO_LABEL
        read = bool(given[:, 1:].any())  # the first id of a row has nothing before it
        require(read, "labels", f"{NO_LABEL} in every place that is predicted", "an answer in one row or more")
        require_tensor("labels", labels[given], values=words, kind="int64")
    if mask is not None and mask.numel() and checking(mask, training):
        require(bool(mask.bool().any(1).all()), "attention_mask", "a row of zeros", "one real token or more in each")


def _check_drawn(batch: dict[str, Any], images: int, words: str, family: Family, training: bool) -> None:
    prompts = require_tensor("prompts", batch["prompts"], (images, "P"), "int64")
    require(prompts.shape[1] > 0, "prompts", prompts, "one token or more, the last of which begins the image")
    require_tensor("prompts", prompts, kind="int64", values=_if(prompts, training, words))
    if batch.get("prompts_mask") is not None:
        require_tensor("prompts_mask", batch["prompts_mask"], tuple(prompts.shape), "any")
    if checking(prompts, training):
        check_prompts(prompts, family)


def check_prompts(prompts: Tensor, family: Family) -> None:
    """ValueError for prompts with placeholders of an image, which are not drawn over.

    prompts: (N, P) ids.
    family: the parts of the model.
    """
    inside = bool((prompts == family.image_token).any())
    require(not inside, "prompts", "the placeholder of an image", "ids that end where the image begins")


def _check_sizes(sizes: Any, images: int, family: Family) -> None:
    if family.row_end is None:
        require(sizes is None, "image_sizes", sizes, f"none: the images of {family.kind} have one size")
        return
    given = isinstance(sizes, Tensor) and tuple(sizes.shape) == (images, 2)
    require(given, "image_sizes", sizes, f"the height and width of each of the {images} images, ({images}, 2)")


def _if(values: Tensor, training: bool, interval: str) -> str | None:
    """The interval, where numbers are looked at."""
    return interval if checking(values, training) else None


def check_pixels(pixels: Any, family: Family, training: bool) -> None:
    """TypeError or ValueError unless these are images as the model's processor gives them.

    pixels: (N, 3, S, S').
    family: the parts of the model.
    training: the mode of the model.
    """
    require_rows("pixel_values", pixels, ("N", 3, "S", "T"), training)
    whole = not any(side % family.factor for side in pixels.shape[2:])
    require(whole, "pixel_values", pixels, f"sides that are multiples of {family.factor}, the pixels of a token")
    if checking(pixels, training):
        largest = float(pixels.detach().abs().amax())
        require(largest <= LARGEST, "pixel_values", f"numbers up to {largest:.0f}", "those of the model's processor")


def check_placeholders(places: Tensor, lengths: Sequence[int]) -> None:
    """ValueError unless placeholders are as many as the images' tokens, and each image has its own within one row.

    places: (B, T) booleans, true for a placeholder.
    lengths: placeholders of each image, in the order in which they are read.
    """
    counts = places.sum(1).tolist()
    name, expected = "input_ids, placeholders of visual tokens", f"{sum(lengths)}, as the images have"
    require(sum(counts) == sum(lengths), name, sum(counts), expected)
    left = list(lengths)
    for row, count in enumerate(counts):
        wanted = 0
        while wanted < count:
            wanted += left.pop(0)
        require(wanted == count, name, f"{count} in row {row}", f"{wanted}, those of whole images")


def check_question(batch: Mapping[str, Any]) -> None:
    """ValueError for a batch that cannot be answered: with answers in it, or with padding behind the question.

    batch: checked by `check_batch`.
    """
    labels = batch.get("labels")
    require(labels is None, "labels", labels, "none: the ids of such a batch hold the answers")
    mask = batch.get("attention_mask")
    if mask is not None and checking(mask):
        left = bool(mask[:, -1].bool().all())
        require(left, "attention_mask", "padding behind a question", "padding on the left: the answer follows the ids")
