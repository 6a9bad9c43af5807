"""Small colour images as text for JSON, such as the metrics of a figure: each is a PNG in base64."""

import base64
import io
from typing import Any

import numpy as np


def packed(images: Any) -> list[str]:
    """The images as N strings; values are rounded to 8 bits.

    - images: a tensor or an array (N, 3, H, W) in [0, 1]
    """
    images = images.detach().cpu().numpy() if hasattr(images, "detach") else np.asarray(images)
    pixels = np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8).transpose(0, 2, 3, 1)
    return [_string(each) for each in pixels]


def unpacked(picture: str) -> np.ndarray:
    """The image (H, W, 3), uint8, of a string from `packed`."""
    from PIL import Image  # here, since estimators and tokenizers do not need it

    return np.array(Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB"))


def _string(pixels: np.ndarray) -> str:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="png", optimize=True)
    return base64.b64encode(stream.getvalue()).decode()
