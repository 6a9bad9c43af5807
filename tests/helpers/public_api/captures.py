"""Good calls of `infotok.worlds.CaptureWorld`, and of captures from folders."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from infotok import worlds as own

FOLDER = tempfile.TemporaryDirectory()
for name in ("oulu/live", "oulu/spoof", "msu/live", "msu/spoof"):
    (Path(FOLDER.name) / name).mkdir(parents=True)
    Image.fromarray(np.full((4, 4, 3), len(name), dtype=np.uint8)).save(Path(FOLDER.name) / name / "a.png")
WORLD = own.CaptureWorld()
CAPTURES = WORLD.sample(1, torch.Generator().manual_seed(0))

CALLS = {
    "CaptureWorld": (own.CaptureWorld, lambda: {"source": "digits", "gap": 0.5, "attack": 0.5}),
    "CaptureWorld.sample": (
        WORLD.sample,
        lambda: {
            "per_class": 2,
            "generator": torch.Generator().manual_seed(0),
            "split": "test",
            "domains": ["lamp", "night"],
        },
    ),
    "Captures.take": (CAPTURES.take, lambda: {"rows": torch.tensor([0, 2])}),
    "load_captures": (own.load_captures, lambda: {"folder": FOLDER.name, "domains": ["oulu", "msu"], "size": 4}),
}
