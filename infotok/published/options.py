"""The options of `attach`."""

from typing import Annotated, Literal

from pydantic import Field

from infotok.settings import Count, NonNegative, Positive, settings

__all__ = ["AttachOptions"]


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
