"""Text of OpenMojiWorld: its vocabulary, the captions of scenes, and captions as 0/1 attribute vectors.

    top-left cat bottom-right umbrella

A caption names its objects in the order of the cells, two words each, three where sizes are named ("top-left large
cat"); a scene without objects is "empty". Captions and structures are one to one.
"""

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import one_hot

from infotok.errors import require
from infotok.worlds.openmoji.objects import OBJECT_KINDS, objects_of
from infotok.worlds.openmoji.scenes import PLACES
from infotok.worlds.shapes.scenes import SIZES
from infotok.worlds.shapes.text import BOS, EMPTY, EOS, NO, NUMBERS, PAD, YES, Vocabulary, require_sentences

__all__ = ["OpenMojiVocabulary"]

GRAMMAR = ("what", "kind", "is", "at", "there", "a", "an", "how", "many", "objects", "are", "left", "right", "of",
           "above", "below", "?")  # fmt: skip


class OpenMojiVocabulary(Vocabulary):
    """A closed vocabulary with one token per word, as ShapesWorld's: names, kinds, places, numbers and grammar.

    objects: N, the first of the table; their names are words
    """

    def __init__(self, objects: int) -> None:
        self.names = objects_of(objects).names
        self.words = (PAD, BOS, EOS, *PLACES, *SIZES, *OBJECT_KINDS, *NUMBERS, YES, NO, EMPTY, *GRAMMAR, *self.names)
        self._ids = {word: i for i, word in enumerate(self.words)}
        self.answer_ids = self.ids((*self.names, *OBJECT_KINDS, *NUMBERS, YES, NO, EMPTY))


def caption_ids(cells: Tensor, sizes: Tensor | None, vocabulary: OpenMojiVocabulary) -> Tensor:
    """Captions of scenes as ids, (B, 8) long, or (B, 12) with sizes; padded.

    cells: (B, 4); sizes: (B, 4) where captions name them, else None; vocabulary: of the words.
    """
    occupied = cells > 0
    places, names = (vocabulary.ids(words).to(cells.device) for words in (PLACES, vocabulary.names))
    words = [places.expand_as(cells), names[(cells - 1).clamp(min=0)]]
    if sizes is not None:
        words.insert(1, vocabulary.ids(SIZES).to(cells.device)[sizes])
    objects = torch.stack(words, -1) * occupied[..., None]  # (B, 4, words); pad is 0
    order = (~occupied).long().argsort(dim=1, stable=True)  # objects first, in the order of the cells
    ids = objects.gather(1, order[..., None].expand_as(objects)).flatten(1)
    ids[:, 0] = torch.where(occupied.any(1), ids[:, 0], int(vocabulary.ids([EMPTY])))
    return ids


def read_captions(captions: list[str], names: tuple[str, ...], sizes: tuple[str, ...]) -> tuple[Tensor, Tensor]:
    """Cells (B, 4) and sizes (B, 4) of captions; sizes are 0 where captions do not name them.

    captions: B sentences; names: of the objects; sizes: words of the sizes that captions name, none if they do not.
    ValueError for a sentence that is not a caption.
    """
    require_sentences("captions", captions)
    cells, sized = (torch.zeros(len(captions), len(PLACES), dtype=torch.long) for _ in range(2))
    grammar = [PLACES, sizes, names] if sizes else [PLACES, names]
    width = len(grammar)
    for b, caption in enumerate(captions):
        words = [] if caption == EMPTY else caption.split()
        objects = [words[i : i + width] for i in range(0, len(words), width)]
        known = all(len(o) == width and all(w in g for w, g in zip(o, grammar, strict=True)) for o in objects)
        places = [PLACES.index(o[0]) for o in objects] if known else []
        ordered = known and places == sorted(set(places)) and (caption == EMPTY or bool(objects))
        require(ordered, "caption", caption, f"'{EMPTY}', or {width} words an object in the order of the cells")
        for place, o in zip(places, objects, strict=True):
            cells[b, place] = 1 + names.index(o[-1])
            sized[b, place] = sizes.index(o[1]) if sizes else 0
    return cells, sized


def caption_vector(cells: Tensor, sizes: Tensor | None, objects: int, of_sizes: int) -> Tensor:
    """Captions as 0/1 attribute vectors, (B, W) float, W = 4 (N + 1), or 4 (N + 1 + sizes).

    Per cell one-hot: empty or its object (N + 1), and its size where captions name it; an empty cell has none.

    cells: (B, 4); sizes: (B, 4) where captions name them, else None; objects: N; of_sizes: how many sizes there are.
    """
    groups = [one_hot(cells, objects + 1)]
    if sizes is not None:
        groups.append(one_hot(sizes, of_sizes) * (cells > 0)[..., None])
    return rearrange(torch.cat(groups, -1), "b cell w -> b (cell w)").float()
