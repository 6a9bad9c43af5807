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

import torch
from torch import Tensor

from infotok.errors import require_flag, require_generator, require_int
from infotok.worlds.shapes import benchmarks, factors, following, parser
from infotok.worlds.shapes.batch import ShapesBatch, require_batch
from infotok.worlds.shapes.drawing import DrawsScenes
from infotok.worlds.shapes.prompts import prompts
from infotok.worlds.shapes.questions import ask
from infotok.worlds.shapes.scenes import (
    COEFFICIENTS,
    PLACES,
    Scenes,
    contains,
    draw_cells,
    novelty,
    require_scenes,
)
from infotok.worlds.shapes.settings import ShapesSettings
from infotok.worlds.shapes.text import caption_ids, caption_vector, read_captions

__all__ = ["ShapesWorld"]


class ShapesWorld(ShapesSettings, DrawsScenes):
    """One split of the world; a `World`, with `Redraws`, `Benchmarks` and `Factors`.

    Samples come from a `torch.Generator`, on its device: the same seed gives the same batch, bit for bit on a CPU.

    Args:
        size: pixels per side, a multiple of 32; sprites and jitter scale with it.
        nuisance: strength of texture and pixel noise, from 0 to 1; 0 is a flat grey background.
        jitter: largest offset of an object from the centre of its cell, in steps (pixels, at size 32), 0 to 2.
        name_offsets: whether captions name the offsets.
        split: "train", "test" (combinations and scenes that train never has) or "all".
        text: `batch.text`, "attributes" or a function of a list of captions, such as `SentenceEncoder()`.

    Example:
        >>> import torch
        >>> from infotok.worlds import ShapesWorld
        >>> world = ShapesWorld(nuisance=0.5)
        >>> batch = world.batch(4, torch.Generator().manual_seed(0))
        >>> batch.images.shape, batch.questions.shape, {name: round(nats, 1) for name, nats in world.entropies.items()}
        (torch.Size([4, 3, 32, 32]), torch.Size([4, 4, 8]), {'structure': 10.2, 'jitter': 6.7, 'nuisance':
        77.3})
        >>> world.captions(batch.scenes)[0]
        'top-left small magenta square bottom-left small red cross bottom-right large cyan cross'
    """

    batch_type = ShapesBatch

    def sample(self, n: int, generator: torch.Generator) -> Scenes:
        """`n` random scenes of the split, drawn by `generator`."""
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
        """Images of `scenes`, (B, 3, S, S) float32 in [0, 1]; without a `generator`, without pixel noise."""
        self._check(scenes)
        if generator is not None:
            require_generator("generator", generator)
        return self.renderer.draw(scenes, generator)

    def foreground(self, scenes: Scenes) -> Tensor:
        """Share of each pixel that an object covers in each of B `scenes`, (B, 1, S, S) in [0, 1]."""
        self._check(scenes)
        return self.renderer.alpha(scenes)

    def _ask(self, scenes: Scenes, generator: torch.Generator, questions: int) -> tuple[Tensor, Tensor, Tensor]:
        return ask(scenes.cells, self.split, self.phrases, generator, questions)

    def caption_ids(self, scenes: Scenes) -> Tensor:
        """Captions of B `scenes` as ids, (B, T) long, T = 16, or 24 with offsets; padded."""
        require_scenes("scenes", scenes, self.jitter)
        return caption_ids(scenes.cells, scenes.offsets if self.name_offsets else None, self.vocabulary)

    def caption_vector(self, scenes: Scenes) -> Tensor:
        """Captions of B `scenes` as 0/1 attributes, (B, W): W = 52, and 4 x 2 (2 jitter + 1) more with offsets."""
        require_scenes("scenes", scenes, self.jitter)
        return caption_vector(scenes.cells, scenes.offsets if self.name_offsets else None, self.jitter)

    def captions(self, scenes: Scenes) -> list[str]:
        """A sentence for each of `scenes`."""
        return self.vocabulary.decode(self.caption_ids(scenes))

    def scenes_of(self, captions: list[str]) -> Scenes:
        """Scenes of `captions`: offsets 0 unless named, texture at the grey middle level. ValueError for no caption."""
        cells, offsets = read_captions(captions, self.jitter, self.name_offsets)
        return Scenes(cells, offsets, torch.full((len(cells), COEFFICIENTS), self.levels // 2))

    def novelty(self, scenes: Scenes) -> Tensor:
        """What train never shows of each of B `scenes`, (B,) long: 0 nothing, 1 the scene, 2 a relation, 3 a pair."""
        require_scenes("scenes", scenes, self.jitter)
        return novelty(scenes.cells)

    def prompts(self, n: int, generator: torch.Generator) -> list[dict]:
        """`n` prompts in GenEval's schema, its six categories in turn, drawn by `generator`; see `prompts`."""
        _check_draw(n, generator)
        return prompts(n, self, generator)

    def with_split(self, split: str) -> "ShapesWorld":
        """The same world with another `split`: "train", "test" or "all"."""
        return ShapesWorld(self.size, self.nuisance, self.jitter, self.name_offsets, split, self.text)

    def score_generations(self, images: Tensor, prompts: list[dict]) -> dict[str, float | None]:
        """Shares of images that do what their prompts ask; see `following.score_generations`.

        images: (N, 3, S, S) in [0, 1]. prompts: the N that they were drawn for.
        """
        return following.score_generations(images, prompts, self)

    def score_cells(self, images: Tensor, scenes: Scenes) -> dict[str, float | None]:
        """Shares of scenes that the parser recovers from images of them; see `parser.score_cells`.

        images: (B, 3, S, S) in [0, 1]. scenes: the B that they should show.
        """
        return parser.score_cells(images, scenes, self)

    def pope(self, batch: ShapesBatch, negatives: str, generator: torch.Generator, questions: int = 6) -> ShapesBatch:
        """The batch's images with objects, with questions on presence, yes and no in turn; see `benchmarks.pope`.

        batch: of this world. negatives: one of `NEGATIVES`. generator: of every random number.
        questions: per image, an even number from 2 to 20.
        """
        return benchmarks.pope(batch, self, negatives, generator, questions)

    def mme(self, batch: ShapesBatch, generator: torch.Generator) -> ShapesBatch:
        """The batch's images with a yes and a no of each of `MME_CATEGORIES`; see `benchmarks.mme`.

        batch: of this world. generator: of every random number.
        """
        return benchmarks.mme(batch, self, generator)

    def factors(self, scenes: Scenes) -> dict[str, tuple[Tensor, Tensor]]:
        """Labels (N, factors) and design (values, scores) of "structure", "jitter" and "nuisance" of N `scenes`."""
        self._check(scenes)
        return factors.factors(scenes, self)

    def surplus(self, scenes: Scenes) -> Tensor:
        """The number of objects of each of N `scenes` less its mean in the split, (N,) double."""
        require_scenes("scenes", scenes, self.jitter)
        return factors.surplus(scenes, self)

    def _check(self, scenes: Scenes) -> None:
        require_scenes("scenes", scenes, self.jitter, self.levels)


def _check_draw(n: int, generator: torch.Generator) -> None:
    require_int("n", n), require_generator("generator", generator)
