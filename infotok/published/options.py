"""The options of `attach`, and the batch that `Attached.loss` takes."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field
from torch import Tensor

from infotok.errors import require, require_tensor
from infotok.settings import Count, NonNegative, Positive, settings

__all__ = ["AttachOptions", "check_batch"]

INPUTS = ("text", "text_mask", "answer", "target")  # what a batch may hold for InfoTok
KEYS = ("input_ids", "pixel_values", "attention_mask", "labels", "image_sizes", "prompts", "prompts_mask", *INPUTS)


@settings
class AttachOptions:
    """The options of `attach`, which describes them."""

    through: Literal["soft", "linear", "none"] = "soft"
    near: Count = 32
    temperature: Positive | None = None
    path: Literal["vq", "siglip"] = "vq"
    frozen: bool = False
    lora: Annotated[int, Field(ge=0, le=2**14)] = 0
    understanding: NonNegative = 1.0
    generation: NonNegative = 1.0
    quantizer: NonNegative = 1.0
    generation_gradient: bool = True


def check_batch(batch: Any, sized: bool) -> dict[str, Any]:
    """The batch as a dict; TypeError or ValueError unless its parts are there and fit each other.

    sized: whether the model needs `image_sizes`.
    """
    require(isinstance(batch, Mapping), "batch", type(batch).__name__, f"a mapping of {', '.join(KEYS)}", TypeError)
    batch = dict(batch)
    unknown = sorted(set(map(str, batch)) - set(KEYS))
    require(not unknown, "batch", ", ".join(unknown), f"some of {', '.join(KEYS)}")
    pixels = require_tensor("pixel_values", batch.get("pixel_values"), ("N", 3, "S", "T"))
    ids, shape = batch.get("input_ids"), None
    if ids is not None:
        shape = tuple(require_tensor("input_ids", ids, ("B", "T"), "int64").shape)
    for name in ("labels", "attention_mask"):
        if batch.get(name) is not None:
            require(shape is not None, "input_ids", None, f"ids, since there are {name}")
            require_tensor(name, batch[name], shape, "int64" if name == "labels" else "any")
    if batch.get("prompts") is not None:
        prompts = require_tensor("prompts", batch["prompts"], (len(pixels), "P"), "int64")
        require(prompts.shape[1] > 0, "prompts", prompts, "one token or more, the last of which begins the image")
        if batch.get("prompts_mask") is not None:
            require_tensor("prompts_mask", batch["prompts_mask"], tuple(prompts.shape), "any")
    if sized:
        sizes = batch.get("image_sizes")
        given = isinstance(sizes, Tensor) and tuple(sizes.shape) == (len(pixels), 2)
        require(
            given, "image_sizes", sizes, f"the height and width of each of the {len(pixels)} images, ({len(pixels)}, 2)"
        )
    return batch
