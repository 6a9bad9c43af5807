"""Colour images: the check of a set of them, and small ones as text for JSON, each a PNG in base64.

- `require_images`      images are floats in [0, 1] of a shape
- `packed`, `unpacked`  images as strings, such as those in the metrics of a figure, and back
"""

import base64
import io
from typing import Any

import numpy as np

from infotok.errors import require, require_tensor


def require_images(name: str, images: Any, shape: tuple[int | str, ...]) -> None:
    """Raise TypeError or ValueError unless `images` are floats in [0, 1] of this shape, one or more."""
    require_tensor(name, images, shape, values="[0, 1]")
    require(images.numel() > 0, name, images, "one image or more, of one pixel or more")


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
