"""Images from bytes: checked, centre-cropped to a square and resized, by Pillow."""

import io
from typing import Any

import numpy as np

from infotok.optional import needs
from infotok.worlds.image_text.faults import BadRecord, fault, reason

__all__ = ["FORMATS", "MAX_PIXELS", "decode"]

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
MAX_PIXELS = 2**26


def decode(content: bytes, where: str, size: int, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """The image as (size, size, 3) uint8: turned as its EXIF data says, the square at its centre, bicubic.

    Transparent parts are white; of several frames the first is taken. JPEG files are decoded at a half, a quarter or an
    eighth of their size where that is at least twice `size`. BadRecord, in one line that begins with `where`, for what
    is no image of the `FORMATS`, truncated, damaged or of more than `max_pixels`.

    content: the file.
    where: of the record.
    size: pixels per side.
    max_pixels: of the file, which its header says before anything is decoded.
    """
    image_module, ops = _pillow()
    expected = f"a whole image, one of {', '.join(FORMATS)}"
    try:
        with image_module.open(io.BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
            if width * height > max_pixels:
                fault(where, f"{width} x {height} pixels", f"at most {max_pixels} pixels")
            image.draft("RGB", (2 * size, 2 * size))
            square = _square(ops.exif_transpose(_colours(image, image_module)), size, image_module)
    except BadRecord:
        raise
    except image_module.UnidentifiedImageError:
        fault(where, f"{len(content)} bytes of another kind, or a damaged header", expected)
    except image_module.DecompressionBombError:
        fault(where, "more pixels than Pillow allows", f"at most {max_pixels} pixels")
    except Exception as error:  # Pillow's plugins raise what their parsers happen to raise
        fault(where, reason(error), expected)
    return square


def _colours(image: Any, module: Any) -> Any:
    """The image in RGB, on white where it is transparent; 16 bits become 8."""
    if image.mode.startswith("I"):
        grey = np.asarray(image).astype(np.int64) // 257
        return module.fromarray(grey.clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = module.alpha_composite(module.new("RGBA", image.size, "white"), image)
    exif = image.info.get("exif")
    image = image if image.mode == "RGB" else image.convert("RGB")
    if exif is not None:
        image.info["exif"] = exif
    return image


def _square(image: Any, size: int, module: Any) -> np.ndarray:
    side = min(image.size)
    left, top = ((length - side) / 2 for length in image.size)
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((size, size), module.Resampling.BICUBIC, box, reducing_gap=3.0))


def _pillow() -> tuple[Any, Any]:
    """Pillow's modules Image and ImageOps; imported here, so that the package does not need it."""
    with needs("data", "ImageTextWorld"):
        from PIL import Image, ImageOps
    return Image, ImageOps
