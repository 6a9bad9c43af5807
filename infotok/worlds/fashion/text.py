"""Text of FashionWorld: its vocabulary. Captions are OpenMojiWorld's, "top-left bag bottom-right coat" or "empty"."""

from infotok.worlds.fashion.photographs import NAMES
from infotok.worlds.shapes.scenes import PLACES
from infotok.worlds.shapes.text import BOS, EMPTY, EOS, NO, NUMBERS, PAD, YES, Vocabulary

__all__ = ["FashionVocabulary"]

GRAMMAR = ("what", "is", "at", "there", "a", "how", "many", "objects", "are", "left", "right", "of", "above", "below",
           "?")  # fmt: skip


class FashionVocabulary(Vocabulary):
    """A closed vocabulary with one token per word, as ShapesWorld's: names of kinds, places, numbers and grammar."""

    def __init__(self) -> None:
        self.names = NAMES
        self.words = (PAD, BOS, EOS, *PLACES, *NUMBERS, YES, NO, EMPTY, *GRAMMAR, *NAMES)
        self._ids = {word: i for i, word in enumerate(self.words)}
        self.answer_ids = self.ids((*NAMES, *NUMBERS, YES, NO, EMPTY))
