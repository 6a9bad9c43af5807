"""Captions as 0/1 attributes: whether each of the commonest content words is in them."""

from collections import Counter

import torch
from torch import Tensor

from infotok.worlds.image_text.vocabulary import commonest, words_of

__all__ = ["Attributes"]

WITHOUT_CONTENT = """
a about above after again all also am an and any are as at be been before being below between both but
by can could did do does doing down during each few for from further had has have having he her here hers him his how i
if in into is it it's its just me more most my no nor not now of off on once only or other our out over own same she
should so some such than that the their them then there these they this those through to too under until up very was we
were what when where which while who whom why will with would you your
"""
STOPWORDS = frozenset(WITHOUT_CONTENT.split())


class Attributes:
    """A function of captions: a (B, W) float tensor of 0 and 1, one column for each of W words.

    counts: how often each word occurs in captions.
    most: words at most, of the commonest that begin with a letter and are no English stop words.
    """

    def __init__(self, counts: Counter[str], most: int) -> None:
        content = {word: n for word, n in counts.items() if word not in STOPWORDS and word[0].isalpha()}
        self.words = tuple(commonest(content, most))
        self._ids = {word: i for i, word in enumerate(self.words)}

    def __call__(self, captions: list[str]) -> Tensor:
        numbers = torch.zeros(len(captions), len(self.words))
        for row, caption in zip(numbers, captions, strict=True):
            row[[self._ids[word] for word in words_of(caption) if word in self._ids]] = 1
        return numbers
