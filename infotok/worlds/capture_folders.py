"""Captures from folders: frames of the usual sets for anti-spoofing, or of any other detection across domains.

    captures = load_captures("faces", domains=("oulu", "casia", "replay", "msu"))

    faces/oulu/live/video_1/frame_001.png      a folder below live or spoof is one video, whose frames stay together
    faces/casia/spoof/photo.jpg                or single pictures

OULU-NPU, CASIA-FASD, Replay-Attack and MSU-MFSD are videos that their owners give out under their own terms; none comes
with this package. Cut their frames, and crop the faces, with tools of your own.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from infotok.errors import refuse, require, require_folder, require_int, require_text
from infotok.worlds.captures import Captures
from infotok.worlds.image_text.pixels import decode

__all__ = ["load_captures"]

CLASSES = {"live": 1, "spoof": 0}
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".webp")


def load_captures(folder: str | Path, domains: Sequence[str] | None = None, size: int = 32) -> Captures:
    """Captures (N, 3, size, size) of DOMAIN/live and DOMAIN/spoof below a folder, in the order of their paths.

    folder: that has a folder for each domain
    domains: names of the folders to read; None for all
    size: pixels a side, of the square in the middle of each picture

    `Captures.pictures` is one number for each video, so that a split can keep its frames together.

    Raises FileNotFoundError for a folder that is missing, ValueError in one line for one without pictures, a file of
    another kind, and a picture that is damaged or has more than 2^26 pixels.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import mkdtemp
        >>> from PIL import Image
        >>> from infotok.worlds import load_captures
        >>> folder = Path(mkdtemp())
        >>> for name in ("phone/live", "phone/spoof", "webcam/live", "webcam/spoof"):
        ...     (folder / name).mkdir(parents=True)
        ...     Image.new("RGB", (64, 48)).save(folder / name / "frame.png")
        ...
        >>> captures = load_captures(folder)
        >>> captures.images.shape, captures.names, captures.labels
        (torch.Size([4, 3, 32, 32]), ('phone', 'webcam'), tensor([1, 0, 1, 0]))
    """
    require_folder("folder", folder), require_int("size", size, 1, 2**12)
    root = Path(folder)
    if not root.is_dir():
        refuse("folder", str(root), "a folder with one folder for each domain", FileNotFoundError)
    names = _names(root, domains)
    images, labels, numbers, videos = [], [], [], {}
    pictures = []
    for number, name in enumerate(names):
        for label, code in CLASSES.items():
            for path in _files(root / name / label):
                images.append(_image(path, size))
                labels.append(code), numbers.append(number)
                alone = path.parent.name == label  # a single picture is a video of its own
                pictures.append(videos.setdefault(str(path if alone else path.parent), len(videos)))
    stacked = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
    return Captures(stacked, *(torch.tensor(each) for each in (labels, numbers, pictures)), names)


def _names(root: Path, domains: Sequence[str] | None) -> tuple[str, ...]:
    if domains is not None:
        listed = isinstance(domains, Sequence) and not isinstance(domains, str) and len(domains) > 0
        require(listed, "domains", type(domains).__name__, "names of folders", TypeError)
        for name in domains:
            require_text("domains", name)
            if not name or not (root / name).is_dir():
                refuse("domains", f"{name}, which is no folder of {root}", "a folder", FileNotFoundError)
        require(len(set(domains)) == len(domains), "domains", list(domains), "each domain once")
        return tuple(domains)
    found = tuple(sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")))
    require(found, "folder", str(root), "a folder with one folder for each domain")
    return found


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        refuse("folder", f"no {folder}", "the folders live and spoof in each domain", FileNotFoundError)
    found = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    for path in found:
        require(path.suffix.lower() in ENDINGS, str(path), f"a file {path.suffix or 'without an ending'}",
                f"a picture: {', '.join(ENDINGS)}")  # fmt: skip
    require(found, str(folder), "no pictures", "one picture or more")
    return found


def _image(path: Path, size: int) -> np.ndarray:
    try:
        return decode(path.read_bytes(), str(path), size)
    except OSError as error:
        refuse(str(path), str(error).splitlines()[0], "a file that can be read")
