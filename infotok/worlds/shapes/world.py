"""ShapesWorld: rendered scenes of known entropy with captions, questions and prompts.

    world = ShapesWorld(nuisance=0.5, split="train")
    batch = world.batch(64, torch.Generator().manual_seed(0))
    batch.images, batch.captions, batch.questions, batch.answers
    world.entropies     # {"structure": 10.22, "jitter": 6.70, "nuisance": 77.25} nats

A scene has up to four objects on a 2 x 2 grid. Their attributes and cells are the *structure*, which captions
describe. The offset of each object in its cell is the *jitter*, which captions may name (`name_offsets`) or not. The
background is the *nuisance*, which no text mentions. All three are discrete, and independent apart from empty cells,
which have no jitter. So their entropies are exact:

    structure   by counting the scenes of the split        (`scenes`)
    jitter      E[objects] 2 log(2 jitter + 1), given which cells are occupied
    nuisance    48 log levels, of the texture's coefficients   (`render`)

Pixel noise comes on top: `noise_entropy`, 3 S^2 log 5 nats, thousands, of which a tokenizer keeps little.
"""

import math
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from infotok.errors import (
    require,
    require_choice,
    require_device,
    require_flag,
    require_float,
    require_generator,
    require_instance,
    require_int,
    require_tensor,
)
from infotok.worlds.shapes.prompts import prompts
from infotok.worlds.shapes.questions import KINDS, QUESTION_LENGTH, Phrases, ask
from infotok.worlds.shapes.render import LARGEST_JITTER, NOISE_LEVELS, Renderer
from infotok.worlds.shapes.scenes import (
    COEFFICIENTS,
    PLACES,
    SPLITS,
    Scenes,
    contains,
    draw_cells,
    novelty,
    require_scenes,
    structure,
)
from infotok.worlds.shapes.text import Vocabulary, caption_ids, caption_vector, read_captions

LARGEST_SIZE = 2**14  # pixels a side
MOST_QUESTIONS = 2**16  # an image
MOST_WORDS = 2**15  # of a vocabulary

__all__ = ["KINDS", "ShapesBatch", "ShapesWorld"]


@dataclass(frozen=True)
class ShapesBatch:
    """A batch of images with scenes, captions and questions. Sentences are ids of `ShapesWorld.vocabulary`, 0 is pad.

    images: (B, 3, S, S) float32 in [0, 1]
    scenes: B scenes
    captions: (B, T) long
    questions: (B, Q, 8) long
    answers: (B, Q) long, one word each
    kinds: (B, Q) long, index into KINDS
    text: (B, W) float, the caption as 0/1 attributes
    """

    images: Tensor
    scenes: Scenes
    captions: Tensor
    questions: Tensor
    answers: Tensor
    kinds: Tensor
    text: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Tensor | slice) -> "ShapesBatch":
        return ShapesBatch(*(getattr(self, field.name)[index] for field in fields(self)))

    def to(self, device: torch.device | str) -> "ShapesBatch":
        """The batch on another device."""
        require_device("device", device)
        return ShapesBatch(*(getattr(self, field.name).to(device) for field in fields(self)))


class ShapesWorld:
    """One split of the world, a `BatchSource`.

    Samples come from a `torch.Generator`, on its device: the same seed gives the same batch, bit for bit on a CPU.

    Args:
        size: pixels per side, a multiple of 32; sprites and jitter scale with it.
        nuisance: strength of texture and pixel noise, from 0 to 1; 0 is a flat grey background.
        jitter: largest offset of an object from the centre of its cell, in steps (pixels, at size 32), 0 to 2.
        name_offsets: whether captions name the offsets.
        split: "train", "test" (combinations and scenes that train never has) or "all".
    """

    def __init__(
        self,
        size: int = 32,
        nuisance: float = 0.5,
        jitter: int = 2,
        name_offsets: bool = False,
        split: str = "train",
    ) -> None:
        require_int("size", size, 32, LARGEST_SIZE)
        require(size % 32 == 0, "size", size, "a multiple of 32")
        require_float("nuisance", nuisance, "[0, 1]"), require_int("jitter", jitter, 0, LARGEST_JITTER)
        require_flag("name_offsets", name_offsets), require_choice("split", split, SPLITS)
        self.size, self.nuisance, self.jitter = size, float(nuisance), jitter
        self.name_offsets, self.split = name_offsets, split
        self.vocabulary = Vocabulary(jitter)
        self.renderer = Renderer(size, self.nuisance, jitter)
        self.caption_length = len(PLACES) * (6 if name_offsets else 4)
        self.question_length = QUESTION_LENGTH
        self._phrases = Phrases(self.vocabulary)

    @property
    def levels(self) -> int:
        """Number of values of a coefficient of the texture."""
        return self.renderer.levels

    @property
    def entropies(self) -> dict[str, float]:
        """H(structure), H(jitter | occupied cells) and H(nuisance) of the split, in nats."""
        _, entropy, objects = structure(self.split)
        return {
            "structure": entropy,
            "jitter": objects * 2 * math.log(2 * self.jitter + 1),
            "nuisance": COEFFICIENTS * math.log(self.levels),
        }

    @property
    def noise_entropy(self) -> float:
        """Entropy of the pixel noise of one image in nats, which `entropies` leaves out."""
        return 3 * self.size**2 * math.log(NOISE_LEVELS) if self.nuisance > 0 else 0.0

    def sample(self, n: int, generator: torch.Generator) -> Scenes:
        """n random scenes of the split."""
        _check_draw(n, generator)
        device = generator.device
        kept = torch.empty(0, len(PLACES), dtype=torch.long, device=device)
        while len(kept) < n:  # about every other scene is a train scene
            cells = draw_cells(2 * n + 16 if self.split != "all" else n, generator)
            kept = torch.cat([kept, cells[contains(self.split, cells)]])
        return self._fill(kept[:n], generator)

    def redraw(self, batch: ShapesBatch, generator: torch.Generator, keep_offsets: bool = False) -> Tensor:
        """New images of the captions of `batch`, (B, 3, S, S): a draw of p(image | caption) for each.

        What captions say stays. The rest is drawn again: background, pixel noise, and offsets unless they are named.

        batch: its scenes are read.
        generator: of every random number.
        keep_offsets: whether offsets stay too, so that only background and pixel noise change.
        """
        require_batch("batch", batch), require_flag("keep_offsets", keep_offsets)
        self._check(batch.scenes), require_generator("generator", generator)
        fresh = self._fill(batch.scenes.cells, generator)
        if keep_offsets or self.name_offsets:
            fresh = Scenes(fresh.cells, batch.scenes.offsets, fresh.texture)
        return self.render(fresh, generator)

    def _fill(self, cells: Tensor, generator: torch.Generator) -> Scenes:
        """Scenes of these cells (B, 4), with random offsets and texture."""
        n, reach, device = len(cells), 2 * self.jitter + 1, generator.device
        offsets = torch.randint(reach, (n, len(PLACES), 2), generator=generator, device=device) - self.jitter
        texture = torch.randint(self.levels, (n, COEFFICIENTS), generator=generator, device=device)
        return Scenes(cells, offsets * (cells > 0)[..., None], texture)

    def render(self, scenes: Scenes, generator: torch.Generator | None = None) -> Tensor:
        """Images of scenes, (B, 3, S, S) float32 in [0, 1]; without a generator, without pixel noise."""
        self._check(scenes)
        if generator is not None:
            require_generator("generator", generator)
        return self.renderer.draw(scenes, generator)

    def foreground(self, scenes: Scenes) -> Tensor:
        """Share of each pixel that an object covers, (B, 1, S, S) in [0, 1]."""
        self._check(scenes)
        return self.renderer.alpha(scenes)

    def batch(self, n: int, generator: torch.Generator, questions: int = 4) -> ShapesBatch:
        """n random scenes with images, captions and `questions` per scene, all kinds equally likely."""
        require_int("questions", questions, 0, MOST_QUESTIONS)
        scenes = self.sample(n, generator)
        images = self.render(scenes, generator)
        asked, answers, kinds = ask(scenes.cells, self.split, self._phrases, generator, questions)
        return ShapesBatch(images, scenes, self.caption_ids(scenes), asked, answers, kinds, self.caption_vector(scenes))

    def caption_ids(self, scenes: Scenes) -> Tensor:
        """Captions as ids, (B, T) long, T = 16, or 24 with offsets; padded."""
        require_scenes("scenes", scenes, self.jitter)
        return caption_ids(scenes.cells, scenes.offsets if self.name_offsets else None, self.vocabulary)

    def caption_vector(self, scenes: Scenes) -> Tensor:
        """Captions as 0/1 attributes, (B, W) float: W = 4 x 13, and 4 x 2 (2 jitter + 1) more with offsets."""
        require_scenes("scenes", scenes, self.jitter)
        return caption_vector(scenes.cells, scenes.offsets if self.name_offsets else None, self.jitter)

    def captions(self, scenes: Scenes) -> list[str]:
        """A sentence for each scene."""
        return self.vocabulary.decode(self.caption_ids(scenes))

    def scenes_of(self, captions: list[str]) -> Scenes:
        """Scenes of captions: offsets 0 unless named, texture at the grey middle level. ValueError for no caption."""
        cells, offsets = read_captions(captions, self.jitter, self.name_offsets)
        return Scenes(cells, offsets, torch.full((len(cells), COEFFICIENTS), self.levels // 2))

    def novelty(self, scenes: Scenes) -> Tensor:
        """The part of a scene that train never shows, (B,) long: 0 none, 1 the scene, 2 a relation, 3 a pair."""
        require_scenes("scenes", scenes, self.jitter)
        return novelty(scenes.cells)

    def prompts(self, n: int, generator: torch.Generator) -> list[dict]:
        """n prompts in GenEval's schema, its six categories in turn; see `prompts`."""
        _check_draw(n, generator)
        return prompts(n, self, generator)

    def with_split(self, split: str) -> "ShapesWorld":
        """The same world with another split: "train", "test" or "all"."""
        return ShapesWorld(self.size, self.nuisance, self.jitter, self.name_offsets, split)

    def _check(self, scenes: Scenes) -> None:
        require_scenes("scenes", scenes, self.jitter, self.levels)


def require_batch(name: str, batch: Any) -> None:
    """Raise TypeError or ValueError unless `batch` is a ShapesBatch whose parts fit each other and are in range."""
    require_instance(name, batch, ShapesBatch)
    require_tensor(f"{name}.images", batch.images, ("B", 3, "S", "S"), values="[0, 1]")
    side, across = batch.images.shape[2:]
    require(side == across > 0, f"{name}.images", batch.images, "square images")
    require_scenes(f"{name}.scenes", batch.scenes)
    rows, words = len(batch), f"[0, {MOST_WORDS}]"
    require(len(batch.scenes) == rows, f"{name}.scenes", len(batch.scenes), f"one for each of the {rows} images")
    require_tensor(f"{name}.captions", batch.captions, (rows, "T"), "int64", words)
    require_tensor(f"{name}.answers", batch.answers, (rows, "Q"), "int64", words)
    shape = tuple(batch.answers.shape)
    require_tensor(f"{name}.questions", batch.questions, (*shape, QUESTION_LENGTH), "int64", words)
    require_tensor(f"{name}.kinds", batch.kinds, shape, "int64", f"[0, {len(KINDS) - 1}]")
    require_tensor(f"{name}.text", batch.text, (rows, "W"), values="[0, 1]")


def _check_draw(n: int, generator: torch.Generator) -> None:
    require_int("n", n), require_generator("generator", generator)
