"""OpenMojiWorld: scenes of real emoji drawings with their Unicode names; entropies are exact.

    world = OpenMojiWorld(objects=96, nuisance=0.5, split="train")
    batch = world.batch(64, torch.Generator().manual_seed(0))
    batch.images, batch.captions, batch.questions, batch.answers
    world.entropies     # {"structure": 12.52, "jitter": 6.47, "nuisance": 77.25} nats

A scene has up to four objects on a 2 x 2 grid. Which object is in which cell is the *structure*, which captions
describe. Size and offset of each object in its cell are the *jitter*; captions may name sizes (`name_sizes`). The
background is the *nuisance*, which no text mentions. All three are discrete, and independent apart from empty cells,
which have no jitter. So their entropies are exact:

    structure   by counting the scenes of the split        (`scenes`)
    jitter      E[objects] (2 log(2 jitter + 1) + log sizes), given which cells are occupied
    nuisance    48 log levels, of the texture's coefficients   (`render`)

Splits depend on the structure alone, so the other two keep their distributions in every split. Pixel noise comes on
top: `noise_entropy`, 3 S^2 log 5 nats. Drawing needs the extra `pictures`: Pillow and OpenMoji's font.

Two shifts between training and test, where everything else stays the same:

    world = OpenMojiWorld(32)                              # training
    OpenMojiWorld(32, split="test", style="noto")          # the same objects as Noto Color Emoji draws them
    world = OpenMojiWorld(32, split="known_objects")       # training: a part of "train" that lacks ten objects of 32
    world.with_split("new_objects")                        # every scene has one of these ten or more
"""

import math
from typing import Any

import torch
from torch import Tensor

from infotok.errors import require, require_choice, require_flag, require_float, require_generator, require_int
from infotok.worlds.captions import Text, require_text
from infotok.worlds.openmoji.batch import OpenMojiBatch, require_batch
from infotok.worlds.openmoji.evaluated import Evaluated
from infotok.worlds.openmoji.objects import FEWEST, MOST, WITH_NEW, objects_of
from infotok.worlds.openmoji.prompts import prompts
from infotok.worlds.openmoji.questions import KINDS, QUESTION_LENGTH, Phrases, ask
from infotok.worlds.openmoji.render import CELL, Renderer
from infotok.worlds.openmoji.scenes import (
    COEFFICIENTS,
    OBJECT_SPLITS,
    PLACES,
    SPLITS,
    OpenMojiScenes,
    expected_objects,
    split_cells,
    structure,
)
from infotok.worlds.openmoji.sprites import OPENMOJI, STYLES
from infotok.worlds.openmoji.text import OpenMojiVocabulary, caption_ids, caption_vector, read_captions
from infotok.worlds.shapes.drawing import DrawsScenes
from infotok.worlds.shapes.render import NOISE_LEVELS
from infotok.worlds.shapes.scenes import SIZES

__all__ = ["OpenMojiWorld"]

LARGEST_SIZE = 256  # pixels a side: beyond, the drawings would be enlarged
LARGEST_JITTER = 3
SMALLEST = 6  # pixels of an object


class OpenMojiWorld(Evaluated, DrawsScenes):
    """One split of the world, a `World` and a `BatchSource`.

    Samples come from a `torch.Generator`, on its device: the same seed gives the same batch, bit for bit on a CPU.

    Args:
        objects: N, how many different emoji there are, the first of the table, 10 (one of each kind) to 316 (all).
        size: pixels per side, a multiple of 32 up to 256; sprites and jitter scale with it.
        nuisance: strength of texture and pixel noise, from 0 to 1; 0 is a flat grey background.
        jitter: largest offset of an object from the centre of its cell, in pixels at size 32, 0 to 3.
        scales: longer side of the objects in pixels at size 32: one size, or a small and a large one, at most
            16 - 2 jitter; None for (12 - 2 jitter, 16 - 2 jitter).
        name_sizes: whether captions name the sizes.
        split: "train", "test" (pairs of object and place, and scenes, that train never has) or "all"; or of objects,
            from 30 on, "known_objects" (train without the new objects, a few of each kind) and "new_objects".
        text: `batch.text`, "attributes" or a function of a list of captions, such as `SentenceEncoder()`.
        style: of the drawings, "openmoji" or "noto", which needs the font of Debian's fonts-noto-color-emoji.

    Example:
        >>> import torch
        >>> from infotok.worlds import OpenMojiWorld
        >>> world = OpenMojiWorld(objects=32)
        >>> world.batch(4, torch.Generator().manual_seed(0)).images.shape, len(world.table.names)
        (torch.Size([4, 3, 32, 32]), 32)
    """

    batch_type = OpenMojiBatch
    kinds = KINDS

    def __init__(
        self,
        objects: int = 96,
        size: int = 32,
        nuisance: float = 0.5,
        jitter: int = 1,
        scales: tuple[int, ...] | None = None,
        name_sizes: bool = False,
        split: str = "train",
        text: Text = "attributes",
        style: str = OPENMOJI,
    ) -> None:
        objects, size = require_int("objects", objects, FEWEST, MOST), require_int("size", size, 32, LARGEST_SIZE)
        require(size % 32 == 0, "size", size, "a multiple of 32")
        require_float("nuisance", nuisance, "[0, 1]"), require_int("jitter", jitter, 0, LARGEST_JITTER)
        self.scales = _require_scales(scales, jitter)
        require_flag("name_sizes", name_sizes), require_choice("style", style, STYLES)
        _require_split(split, objects)
        self.objects, self.size, self.nuisance, self.jitter = objects, size, float(nuisance), int(jitter)
        self.style, self.name_sizes, self.split, self.text = style, name_sizes, split, require_text("text", text)
        self.table = objects_of(objects)
        self.vocabulary = OpenMojiVocabulary(objects)
        self.renderer = Renderer(objects, size, self.nuisance, self.jitter, self.scales, style)
        self.levels = self.renderer.levels
        self.caption_length = len(PLACES) * (3 if name_sizes else 2)
        self.question_length = QUESTION_LENGTH
        self._phrases = Phrases(objects, self.vocabulary)

    @property
    def entropies(self) -> dict[str, float]:
        """H(structure), H(jitter | occupied cells) and H(nuisance) of the split, in nats."""
        each = 2 * math.log(2 * self.jitter + 1) + math.log(len(self.scales))
        return {
            "structure": structure(self.split, self.objects)[1],
            "jitter": expected_objects(self.split, self.objects) * each,
            "nuisance": COEFFICIENTS * math.log(self.levels),
        }

    @property
    def noise_entropy(self) -> float:
        """Entropy of the pixel noise of one image in nats, which `entropies` leaves out."""
        return 3 * self.size**2 * math.log(NOISE_LEVELS) if self.nuisance > 0 else 0.0

    def sample(self, n: int, generator: torch.Generator) -> OpenMojiScenes:
        """`n` random scenes of the split, drawn by `generator`."""
        require_int("n", n), require_generator("generator", generator)
        return self._fill(split_cells(n, self.split, self.objects, generator), generator)

    def _fill(self, cells: Tensor, generator: torch.Generator) -> OpenMojiScenes:
        """Scenes of these cells (B, 4), with random sizes, offsets and texture."""

        def uniform(high: int, *shape: int) -> Tensor:
            return torch.randint(high, (len(cells), *shape), generator=generator, device=generator.device)

        there = cells > 0
        sizes = uniform(len(self.scales), len(PLACES)) * there
        offsets = (uniform(2 * self.jitter + 1, len(PLACES), 2) - self.jitter) * there[..., None]
        return OpenMojiScenes(cells, sizes, offsets, uniform(self.levels, COEFFICIENTS))

    def redraw(self, batch: OpenMojiBatch, generator: torch.Generator, keep_offsets: bool = False) -> Tensor:
        """New images of the captions of `batch`, (B, 3, S, S): a draw of p(image | caption) for each.

        What captions say stays. The rest is drawn again: background, pixel noise, offsets, and sizes unless named.

        batch: its scenes are read.
        generator: of every random number.
        keep_offsets: whether sizes and offsets stay too, so that only background and pixel noise change.
        """
        require_batch("batch", batch), require_flag("keep_offsets", keep_offsets)
        scenes = self._checked(batch.scenes, "batch.scenes")
        require_generator("generator", generator)
        fresh = self._fill(scenes.cells, generator)
        sizes = scenes.sizes if keep_offsets or self.name_sizes else fresh.sizes
        offsets = scenes.offsets if keep_offsets else fresh.offsets
        return self.render(OpenMojiScenes(scenes.cells, sizes, offsets, fresh.texture), generator)

    def render(self, scenes: OpenMojiScenes, generator: torch.Generator | None = None) -> Tensor:
        """Images of `scenes`, (B, 3, S, S) float32 in [0, 1]; without a `generator`, without pixel noise."""
        self._checked(scenes)
        if generator is not None:
            require_generator("generator", generator)
        return self.renderer.draw(scenes, generator)

    def foreground(self, scenes: OpenMojiScenes) -> Tensor:
        """Share of each pixel that an object covers in each of B `scenes`, (B, 1, S, S) in [0, 1]."""
        return self.renderer.layer(self._checked(scenes))[:, 3:]

    def _ask(self, scenes: OpenMojiScenes, generator: torch.Generator, questions: int) -> tuple[Tensor, Tensor, Tensor]:
        return ask(scenes.cells, self.split, self.objects, self._phrases, generator, questions)

    def caption_ids(self, scenes: OpenMojiScenes) -> Tensor:
        """Captions of B `scenes` as ids, (B, T) long, T = 8, or 12 with sizes; padded."""
        self._checked(scenes)
        return caption_ids(scenes.cells, scenes.sizes if self.name_sizes else None, self.vocabulary)

    def caption_vector(self, scenes: OpenMojiScenes) -> Tensor:
        """Captions of B `scenes` as 0/1 attributes, (B, W) float: W = 4 (N + 1), or 4 (N + 1 + sizes) with sizes."""
        self._checked(scenes)
        named = scenes.sizes if self.name_sizes else None
        return caption_vector(scenes.cells, named, self.objects, len(self.scales))

    def captions(self, scenes: OpenMojiScenes) -> list[str]:
        """A sentence for each of `scenes`."""
        return self.vocabulary.decode(self.caption_ids(scenes))

    def scenes_of(self, captions: list[str]) -> OpenMojiScenes:
        """Scenes of `captions`: sizes 0 unless named, offsets 0, texture at the grey middle level."""
        named = SIZES[: len(self.scales)] if self.name_sizes else ()
        cells, sizes = read_captions(captions, self.table.names, named)
        texture = torch.full((len(cells), COEFFICIENTS), self.levels // 2)
        return OpenMojiScenes(cells, sizes, torch.zeros(*cells.shape, 2, dtype=torch.long), texture)

    def prompts(self, n: int, generator: torch.Generator) -> list[dict]:
        """`n` prompts in GenEval's schema, five categories in turn, drawn by `generator`; see `prompts`."""
        require_int("n", n), require_generator("generator", generator)
        return prompts(n, self, generator)

    def with_split(self, split: str) -> "OpenMojiWorld":
        """The same world with another `split`: "train", "test", "all", "known_objects" or "new_objects"."""
        own = (self.objects, self.size, self.nuisance, self.jitter, self.scales, self.name_sizes)
        return OpenMojiWorld(*own, split, self.text, self.style)


def _require_split(split: Any, objects: int) -> None:
    require_choice("split", split, (*SPLITS, *OBJECT_SPLITS))
    enough = split not in OBJECT_SPLITS or objects >= WITH_NEW  # then every kind has a new object
    require(enough, "objects", objects, f"{WITH_NEW} or more with the split {split!r}")


def _require_scales(scales: Any, jitter: int) -> tuple[int, ...]:
    largest = CELL - 2 * jitter
    if scales is None:
        return largest - 4, largest
    few = isinstance(scales, tuple | list) and 1 <= len(scales) <= len(SIZES)
    require(few, "scales", scales, "one size or two", TypeError)
    sizes = tuple(require_int("scales", scale, SMALLEST, largest) for scale in scales)
    require(sizes == tuple(sorted(set(sizes))), "scales", scales, "a small size, then a larger one")
    return sizes
