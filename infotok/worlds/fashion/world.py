"""FashionWorld: scenes of real photographs of clothing; entropies are exact.

    world = FashionWorld(nuisance=0.5, split="train")
    batch = world.batch(64, torch.Generator().manual_seed(0))
    batch.images, batch.captions, batch.questions, batch.answers
    world.entropies     # {"structure": 7.54, "jitter": 4.96, "nuisance": 77.25, "photographs": 19.65} nats

A scene has up to four objects on a 2 x 2 grid, each one of ten kinds of clothing shown by a photograph of that kind.
Which kind is in which cell is the *structure*, which captions describe. Offsets are the *jitter*. The background is the
*nuisance*, and so is which photograph shows a kind: no text mentions either. All are discrete and uniform given the
structure, so their entropies are exact:

    structure     by counting the scenes of the split, of ten kinds in four cells   (`infotok.worlds.grid`)
    jitter        E[objects] 2 log(2 jitter + 1), given which cells are occupied
    nuisance      48 log levels, of the texture's coefficients
    photographs   E[objects] log(photographs of a kind), given the structure: log 6000 or, in the split "test", log 1000

The nuisance of a scene is the sum of the last two. They are apart because probes (`factors`) take the first only.

The splits "train" and "all" draw from Fashion-MNIST's training photographs, "test" from its test photographs, which
those never show; the structures of "train" and "test" share none either. Pixel noise comes on top: `noise_entropy`,
3 S^2 log 5 nats. The photographs are read from files: Debian's package dataset-fashion-mnist, or a folder.
"""

import math
from pathlib import Path

import torch
from torch import Tensor

from infotok.errors import require, require_choice, require_flag, require_float, require_generator, require_int
from infotok.worlds import grid
from infotok.worlds.captions import Text, require_text
from infotok.worlds.fashion.batch import FashionBatch, require_batch
from infotok.worlds.fashion.evaluated import Evaluated
from infotok.worlds.fashion.photographs import load_photographs
from infotok.worlds.fashion.questions import KINDS, QUESTION_LENGTH, FashionPhrases, ask
from infotok.worlds.fashion.render import FashionRenderer
from infotok.worlds.fashion.scenes import CODES, COEFFICIENTS, PLACES, SPLITS, FashionScenes
from infotok.worlds.fashion.text import FashionVocabulary
from infotok.worlds.openmoji.prompts import propose, worded
from infotok.worlds.openmoji.text import caption_ids, caption_vector, read_captions
from infotok.worlds.shapes.drawing import DrawsScenes

__all__ = ["FashionWorld"]

LARGEST_SIZE = 64  # pixels a side: beyond, photographs would be enlarged
LARGEST_JITTER = 3


class FashionWorld(Evaluated, DrawsScenes):
    """One split of the world, a `World` and a `BatchSource`.

    Samples come from a `torch.Generator`, on its device: the same seed gives the same batch, bit for bit on a CPU.

    Args:
        size: pixels per side, 32 or 64; photographs and jitter scale with it.
        nuisance: strength of texture and pixel noise, from 0 to 1; 0 is a flat grey background.
        jitter: largest offset of an object from the centre of its cell, in pixels at size 32, 0 to 3.
        split: "train", "test" (test photographs; pairs of kind and place, and scenes, that train never has) or "all"
            (all structures, of training photographs).
        folder: of the photographs, see `load_photographs`; None for Debian's package, or torchvision's files in data/.
        text: `batch.text`, "attributes" or a function of a list of captions, such as `SentenceEncoder()`.

    Raises FileNotFoundError where there are no photographs.

    Example:
        >>> import torch  # doctest: +SKIP
        >>> from infotok.worlds import FashionWorld  # doctest: +SKIP
        >>> world = FashionWorld()  # of Debian's package dataset-fashion-mnist, or folder=  # doctest: +SKIP
        >>> images = world.batch(4, torch.Generator().manual_seed(0)).images  # (4, 3, 32, 32)  # doctest: +SKIP
    """

    batch_type = FashionBatch
    kinds = KINDS
    caption_length = 2 * len(PLACES)
    question_length = QUESTION_LENGTH

    def __init__(
        self,
        size: int = 32,
        nuisance: float = 0.5,
        jitter: int = 1,
        split: str = "train",
        folder: str | Path | None = None,
        text: Text = "attributes",
    ) -> None:
        size = require_int("size", size, 32, LARGEST_SIZE)
        require(size % 32 == 0, "size", size, "a multiple of 32")
        require_float("nuisance", nuisance, "[0, 1]"), require_int("jitter", jitter, 0, LARGEST_JITTER)
        require_choice("split", split, SPLITS)
        self.size, self.nuisance, self.jitter = size, float(nuisance), int(jitter)
        self.split, self.folder, self.text = split, folder, require_text("text", text)
        self.photographs = load_photographs(folder)
        self.vocabulary = FashionVocabulary()
        self.renderer = FashionRenderer(self.photographs, size, self.nuisance, self.jitter)
        self.levels = self.renderer.levels
        self._phrases = FashionPhrases(self.vocabulary)

    @property
    def bank(self) -> tuple[int, int]:
        """(first, how many) photographs of each kind the split draws from."""
        train, test = self.photographs.train, self.photographs.test
        return (train, test) if self.split == "test" else (0, train)

    @property
    def entropies(self) -> dict[str, float]:
        """H of structure, jitter, nuisance (the texture) and photographs of the split, in nats."""
        objects = grid.expected_objects(self.split, CODES)
        return {
            "structure": grid.structure(self.split, CODES)[1],
            "jitter": objects * 2 * math.log(2 * self.jitter + 1),
            "nuisance": COEFFICIENTS * math.log(self.levels),
            "photographs": objects * math.log(self.bank[1]),
        }

    def sample(self, n: int, generator: torch.Generator) -> FashionScenes:
        """`n` random scenes of the split, drawn by `generator`."""
        require_int("n", n), require_generator("generator", generator)
        return self._fill(grid.split_cells(n, self.split, CODES, generator), generator)

    def _fill(self, cells: Tensor, generator: torch.Generator) -> FashionScenes:
        """Scenes of these cells (B, 4), with random photographs, offsets and texture."""

        def uniform(high: int, *shape: int) -> Tensor:
            return torch.randint(high, (len(cells), *shape), generator=generator, device=generator.device)

        there, (first, many) = cells > 0, self.bank
        photographs = (first + uniform(many, len(PLACES))) * there
        offsets = (uniform(2 * self.jitter + 1, len(PLACES), 2) - self.jitter) * there[..., None]
        return FashionScenes(cells, photographs, offsets, uniform(self.levels, COEFFICIENTS))

    def redraw(self, batch: FashionBatch, generator: torch.Generator, keep_offsets: bool = False) -> Tensor:
        """New images of the captions of `batch`, (B, 3, S, S): a draw of p(image | caption) for each.

        What captions say stays. The rest is drawn again: photographs, background, pixel noise and offsets.

        batch: its scenes are read.
        generator: of every random number.
        keep_offsets: whether photographs and offsets stay too, so that only background and pixel noise change.
        """
        require_batch("batch", batch), require_flag("keep_offsets", keep_offsets)
        scenes = self._checked(batch.scenes, "batch.scenes")
        require_generator("generator", generator)
        fresh = self._fill(scenes.cells, generator)
        kept = scenes if keep_offsets else fresh
        return self.render(FashionScenes(scenes.cells, kept.photographs, kept.offsets, fresh.texture), generator)

    def render(self, scenes: FashionScenes, generator: torch.Generator | None = None) -> Tensor:
        """Images of `scenes`, (B, 3, S, S) float32 in [0, 1]; without a `generator`, without pixel noise."""
        self._checked(scenes)
        if generator is not None:
            require_generator("generator", generator)
        return self.renderer.draw(scenes, generator)

    def foreground(self, scenes: FashionScenes) -> Tensor:
        """Share of each pixel that an object covers in each of B `scenes`, (B, 1, S, S) in [0, 1]."""
        return self.renderer.layer(self._checked(scenes))[:, 3:]

    def _ask(self, scenes: FashionScenes, generator: torch.Generator, questions: int) -> tuple[Tensor, Tensor, Tensor]:
        return ask(scenes.cells, self.split, self._phrases, generator, questions)

    def caption_ids(self, scenes: FashionScenes) -> Tensor:
        """Captions of B `scenes` as ids, (B, 8) long; padded."""
        return caption_ids(self._checked(scenes).cells, None, self.vocabulary)

    def caption_vector(self, scenes: FashionScenes) -> Tensor:
        """Captions of B `scenes` as 0/1 attributes, (B, 44) float: of each cell, empty or its kind."""
        return caption_vector(self._checked(scenes).cells, None, len(self.table), 0)

    def captions(self, scenes: FashionScenes) -> list[str]:
        """A sentence for each of `scenes`."""
        return self.vocabulary.decode(self.caption_ids(scenes))

    def scenes_of(self, captions: list[str]) -> FashionScenes:
        """Scenes of `captions`: each kind's first photograph of the split, offsets 0, texture at the grey middle."""
        cells, _ = read_captions(captions, self.table.names, ())
        texture = torch.full((len(cells), COEFFICIENTS), self.levels // 2)
        offsets = torch.zeros(*cells.shape, 2, dtype=torch.long)
        return FashionScenes(cells, self.bank[0] * (cells > 0), offsets, texture)

    def prompts(self, n: int, generator: torch.Generator) -> list[dict]:
        """n prompts in GenEval's schema, five categories in turn, as OpenMojiWorld's; "counting" counts a kind.

        n: number of prompts. generator: of every random number.
        """
        require_int("n", n), require_generator("generator", generator)
        tag, cells = propose(n, self.table, self._contains, generator)
        nothing = torch.zeros_like(cells), torch.zeros(*cells.shape, 2, dtype=torch.long)
        captions = self.captions(FashionScenes(cells, *nothing, torch.zeros(n, COEFFICIENTS, dtype=torch.long)))
        return worded(tag, captions, cells, self.table)

    def _contains(self, cells: Tensor) -> Tensor:
        return grid.contains(self.split, cells, CODES)

    def with_split(self, split: str) -> "FashionWorld":
        """The same world with another `split`: "train", "test" or "all"."""
        return FashionWorld(self.size, self.nuisance, self.jitter, split, self.folder, self.text)
