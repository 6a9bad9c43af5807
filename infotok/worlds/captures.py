"""CaptureWorld: pictures re-imaged in four capture domains, live or spoofed, for detection in an unseen domain.

    world = CaptureWorld()                                             # scikit-learn's digits; no face anywhere
    train = world.sample(100, torch.Generator().manual_seed(0))        # 100 live and 100 spoofed a domain
    train.images, train.labels, train.domains                          # (800, 3, 32, 32), 1 for live, 0 to 3

A *live* capture is a photograph of a card with a picture. A *spoof* is a photograph of a display or print of such a
card: with moire, less contrast and the edge of the device (bezel). Every domain has its own camera (tint, gamma, blur,
noise), its own background, its own displays, and its own share of live cards in a dark frame, which looks like a bezel.

    live   = camera(card),    spoof = camera(display(card)),    camera(x) = blur(tint * x^gamma) + noise

`gap` scales how far the domains are from their mean, `attack` how much a display changes. Splits use pictures of
their own. Nothing here is a real presentation attack: what holds here is a hypothesis about photographs of people.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
import torch
import torch.nn.functional as F
from torch import Tensor

from infotok.errors import require, require_choice, require_float, require_generator, require_int, require_tensor
from infotok.noise import rand, randn
from infotok.worlds.digits import load_images
from infotok.worlds.fashion import load_photographs

__all__ = ["CaptureWorld", "Captures"]

SIDE = 32  # pixels of a capture
PICTURE = 20  # of the picture on its card
SHIFT = 3  # the farthest that a card is off the centre, in pixels
SPLITS = ("train", "validation", "test")
SOURCES = ("digits", "fashion")


@dataclass(frozen=True)
class Camera:
    """A capture domain: its camera, its background and its displays."""

    tint: tuple[float, float, float]
    gamma: float
    blur: float  # standard deviation, pixels
    noise: float  # standard deviation, of a range of 1
    background: float  # brightness
    framed: float  # share of live cards in a dark frame
    bezel: float  # share of spoofs that show the edge of the device
    moire: float  # amplitude
    period: float  # of the moire, pixels
    contrast: float  # of a display, 1 for all
    glow: tuple[float, float, float]  # colour of a display's light, 1 for white


CAMERAS = {
    "lamp": Camera((1.0, 0.88, 0.68), 0.80, 0.45, 0.020, 0.30, 0.10, 0.70, 0.17, 2.8, 0.65, (0.92, 1.0, 1.12)),
    "window": Camera((0.80, 0.92, 1.0), 1.15, 0.70, 0.030, 0.65, 0.30, 0.40, 0.22, 3.6, 0.55, (0.88, 1.02, 1.08)),
    "night": Camera((0.75, 0.85, 0.90), 1.55, 0.60, 0.055, 0.10, 0.05, 0.60, 0.25, 3.2, 0.70, (0.95, 0.97, 1.15)),
    "studio": Camera((1.0, 1.0, 1.0), 1.0, 0.35, 0.012, 0.85, 0.50, 0.30, 0.14, 4.4, 0.50, (1.06, 1.0, 0.95)),
}


@dataclass(frozen=True)
class Captures:
    """Captures with their labels.

    images: (N, 3, S, S) float32 in [0, 1]
    labels: (N,) int64, 1 for live, 0 for spoof
    domains: (N,) int64, positions in `names`
    pictures: (N,) int64; captures of one picture, or frames of one video, have one number
    names: of the domains

    Example:
        >>> import torch
        >>> from infotok.worlds import CaptureWorld
        >>> captures = CaptureWorld("digits").sample(per_class=8, generator=torch.Generator().manual_seed(0))
        >>> night = captures.take(captures.domains == captures.names.index("night"))
        >>> len(night), night.labels.sum().item()  # as many live as spoofed
        (16, 8)
    """

    images: Tensor
    labels: Tensor
    domains: Tensor
    pictures: Tensor
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Tensor) -> "Captures":
        """The captures of `rows`, indices (n,), or a mask (N,) bool."""
        require(isinstance(rows, Tensor) and rows.ndim == 1, "rows", rows, "indices (n,), or a mask (N,)", TypeError)
        require_tensor("rows", rows, ("n",), "any")
        kind = rows.dtype in (torch.int64, torch.bool)
        require(kind, "rows", rows.dtype, "indices in int64, or a mask of booleans", TypeError)
        fits = len(rows) == len(self) if rows.dtype == torch.bool else ((rows >= 0) & (rows < len(self))).all()
        require(fits, "rows", rows, f"a mask of {len(self)} rows, or indices below {len(self)}")
        return Captures(*(each[rows] for each in (self.images, self.labels, self.domains, self.pictures)), self.names)


class CaptureWorld:
    """A source of live and spoofed captures of cards in four domains.

    source: "digits" of scikit-learn, or "fashion", photographs of clothing where their files are installed
    gap: from 0, one domain, to 1 and above, domains farther apart
    attack: from 0, spoofs that nothing tells from live captures, to 1 and above

    Example:
        >>> import torch
        >>> from infotok.worlds import CaptureWorld
        >>> captures = CaptureWorld("digits").sample(per_class=8, generator=torch.Generator().manual_seed(0))
        >>> captures.images.shape, captures.names  # eight live and eight spoofed ones in each domain
        (torch.Size([64, 3, 32, 32]), ('lamp', 'window', 'night', 'studio'))
    """

    names = tuple(CAMERAS)

    def __init__(self, source: str = "digits", gap: float = 1.0, attack: float = 1.0) -> None:
        require_choice("source", source, SOURCES)
        self.gap, self.attack = require_float("gap", gap, "[0, 2]"), require_float("attack", attack, "[0, 2]")
        self.source = source
        self.pictures = _digits() if source == "digits" else _photographs()

    def sample(
        self,
        per_class: int,
        generator: torch.Generator,
        split: str = "train",
        domains: Sequence[str] | None = None,
    ) -> Captures:
        """Captures of each domain, as many live as spoofed, in the order of domains and labels.

        per_class: captures of each class and domain
        generator: of everything that is drawn
        split: "train", "validation" or "test", which share no picture
        domains: which; None for all four
        """
        require_int("per_class", per_class, 1, 2**16), require_generator("generator", generator)
        require_choice("split", split, SPLITS)
        asked = self.names if domains is None else domains
        listed = isinstance(asked, Sequence) and not isinstance(asked, str) and len(asked) > 0
        require(listed, "domains", asked, f"some of {', '.join(self.names)}", TypeError)
        for name in asked:
            require_choice("domains", name, self.names)
        require(len(set(asked)) == len(asked), "domains", list(asked), "each domain once")
        parts = [
            self._captured(name, live, per_class, generator, self.pictures[split]) for name in asked for live in (1, 0)
        ]
        images, labels, numbers, rows = (torch.cat(each) for each in zip(*parts, strict=True))
        return Captures(images, labels, numbers, rows, self.names)

    def _captured(
        self, name: str, live: int, count: int, generator: torch.Generator, pictures: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        camera = self._camera(name)
        drawn = torch.randint(len(pictures), (count,), generator=generator)
        dark = _uniform(count, generator) < (camera.framed if live else self.attack * camera.bezel)
        scene = _bezel(_card(pictures[drawn], camera.background, generator), dark, generator)
        if not live:
            scene = _display(scene, camera, self.attack, generator)
        full = torch.full((count,), self.names.index(name))
        return _photograph(scene, camera, generator), torch.full((count,), live), full, drawn

    def _camera(self, name: str) -> Camera:
        """The domain's camera, `gap` times as far from the mean of all."""
        every = [_numbers(camera) for camera in CAMERAS.values()]
        mean, own = np.mean(every, axis=0), _numbers(CAMERAS[name])
        moved = np.maximum(mean + self.gap * (own - mean), 1e-3)
        tint, (gamma, blur, noise, background, framed, bezel, moire, period, contrast) = moved[:3], moved[3:-3]
        return Camera(
            tuple(np.minimum(tint, 1.2)), max(gamma, 0.4), blur, noise, min(background, 1.0), min(framed, 1.0),
            min(bezel, 1.0), moire, max(period, 2.2), min(contrast, 1.0), tuple(moved[-3:]),
        )  # fmt: skip


def _numbers(camera: Camera) -> np.ndarray:
    tint, *rest, glow = vars(camera).values()
    return np.array([*tint, *rest, *glow])


def _uniform(count: int, generator: torch.Generator, low: float = 0.0, high: float = 1.0) -> Tensor:
    return low + (high - low) * rand((count,), generator, "cpu")


def _card(pictures: Tensor, background: float, generator: torch.Generator) -> Tensor:
    """Cards (N, 3, S, S): a picture (N, 1, h, w) in coloured ink on light paper, before a sloped background."""
    count = len(pictures)
    picture = F.interpolate(pictures, (PICTURE, PICTURE), mode="bilinear", align_corners=False)
    ink = 0.05 + 0.3 * rand((count, 1, 1, 1), generator, "cpu") + 0.2 * rand((count, 3, 1, 1), generator, "cpu")
    paper = _uniform(count, generator, 0.75, 0.95)[:, None, None, None]
    card = F.pad(paper * (1 - picture) + ink * picture, (1, 1, 1, 1), value=0.8)
    row, column = torch.meshgrid(torch.linspace(-1, 1, SIDE), torch.linspace(-1, 1, SIDE), indexing="ij")
    slope = 0.15 * randn((count, 2, 1, 1), generator, "cpu")
    scene = (background + slope[:, :1] * row + slope[:, 1:] * column).expand(-1, 3, -1, -1).clone()
    side, middle = PICTURE + 2, (SIDE - PICTURE - 2) // 2
    places = middle + torch.randint(-SHIFT, SHIFT + 1, (count, 2), generator=generator)
    for i, (top, left) in enumerate(places.tolist()):
        scene[i, :, top : top + side, left : left + side] = card[i]
    return scene.clamp(0, 1)


def _bezel(scene: Tensor, there: Tensor, generator: torch.Generator) -> Tensor:
    """The scenes with a dark strip of one to three pixels at two neighbouring edges, where `there` (N,)."""
    width = torch.randint(1, 4, (len(scene),), generator=generator)[:, None, None]
    turned = torch.randint(4, (len(scene),), generator=generator).tolist()
    edge = torch.arange(SIDE)
    strip = (edge[:, None] < width) | (edge[None, :] < width)  # (N, S, S)
    strip = torch.stack([strip[i].rot90(turn) for i, turn in enumerate(turned)])
    return scene.masked_fill((strip & there[:, None, None])[:, None], 0.05)


def _display(scene: Tensor, camera: Camera, attack: float, generator: torch.Generator) -> Tensor:
    """The scenes on a display or print: less contrast, a glow in the dark, and moire along its rows or columns."""
    count = len(scene)
    contrast = 1 - attack * (1 - camera.contrast) * _uniform(count, generator, 0.4, 1.2)
    upright = torch.randint(2, (count,), generator=generator) * (math.pi / 2)  # rows or columns of the display
    angle = (upright + 0.1 * randn((count,), generator, "cpu"))[:, None, None]
    phase = _uniform(count, generator, 0, 2 * math.pi)[:, None, None]
    period = camera.period * _uniform(count, generator, 0.85, 1.15)[:, None, None]
    row, column = torch.meshgrid(torch.arange(float(SIDE)), torch.arange(float(SIDE)), indexing="ij")
    wave = torch.sin(2 * math.pi * (angle.cos() * column + angle.sin() * row) / period + phase)
    amplitude = attack * camera.moire * _uniform(count, generator, 0.3, 1.2)
    glow = 1 + attack * (torch.tensor(camera.glow, dtype=torch.float32)[:, None, None] - 1)
    shown = glow * (0.5 + contrast[:, None, None, None] * (scene - 0.5))
    return (shown + (amplitude[:, None, None] * wave)[:, None]).clamp(0, 1)


def _photograph(scene: Tensor, camera: Camera, generator: torch.Generator) -> Tensor:
    """What the domain's camera makes of the scenes, with a brightness, a gamma and a tint that vary a little."""
    count = len(scene)
    gamma = camera.gamma * _uniform(count, generator, 0.85, 1.15)[:, None, None, None]
    tint = torch.tensor(camera.tint, dtype=torch.float32)[:, None, None] * (
        1 + 0.06 * randn((count, 3, 1, 1), generator, "cpu")
    )
    bright = _uniform(count, generator, 0.85, 1.1)[:, None, None, None]
    seen = (bright * tint * scene**gamma).numpy()
    blurred = torch.from_numpy(scipy.ndimage.gaussian_filter(seen, (0, 0, camera.blur, camera.blur), mode="nearest"))
    return (blurred + camera.noise * randn(blurred.shape, generator, "cpu")).clamp(0, 1)


def _digits() -> dict[str, Tensor]:
    world = load_images("digits")
    return {split: getattr(world, split).images for split in SPLITS}


def _photographs() -> dict[str, Tensor]:
    """Photographs of clothing: those of the published test set are the split "test", a tenth of the rest validates."""
    found = load_photographs()
    images = found.images.float() / 255
    kept = found.train - found.train // 10
    ends = {"train": slice(0, kept), "validation": slice(kept, found.train), "test": slice(found.train, None)}
    return {split: images[:, part].flatten(0, 1)[:, None] for split, part in ends.items()}
