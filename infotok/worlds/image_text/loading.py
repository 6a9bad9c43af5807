"""Reading of records for batches: good ones in place of those with faults, decoded images kept in memory."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from infotok.worlds.image_text.faults import BadRecord, fault, line
from infotok.worlds.image_text.pixels import decode
from infotok.worlds.image_text.records import Records, Text

__all__ = ["Loader"]

Loaded = tuple[int, np.ndarray, Text]  # number of the record, (S, S, 3) uint8, text


@dataclass
class Loader:
    """Reads records and decodes their images; the same whatever the number of threads.

    records: of the data.
    size: pixels per side.
    max_pixels: of a file.
    skip_bad, skip_missing: whether records with faults, or without questions where these are asked for, are left out.
    workers: threads, 0 for none.
    cache: bytes of decoded images, and of their text, that are kept, those read first.
    bad: number -> line, of records with a fault.
    """

    records: Records
    size: int
    max_pixels: int
    skip_bad: bool
    skip_missing: bool
    workers: int
    cache: int
    bad: dict[int, str]
    without: dict[int, str] = field(default_factory=dict)  # number -> line, of records without questions
    kept: dict[int, Loaded] = field(default_factory=dict)
    used: int = 0  # bytes that these take

    def load(self, members: Tensor, places: Sequence[int], asked: bool) -> list[Loaded]:
        """The records at places of `members`, each the next good one where it has a fault, in order.

        members: numbers of the records of a split. asked: whether questions are needed.
        """

        def loaded(place: int) -> Loaded:
            return self._good(members, place, asked, lambda index: self.kept.get(index) or self._read(index))

        if not self.workers:
            return list(map(loaded, places))
        with ThreadPoolExecutor(self.workers) as pool:
            return list(pool.map(loaded, places))

    def load_text(self, members: Tensor, places: Sequence[int], asked: bool) -> list[Text]:
        """The text of these records, whose images are not decoded: a fault in an image alone is not seen."""
        return [self._good(members, place, asked, lambda index: (self.records.text(index),))[-1] for place in places]

    def lines(self) -> list[str]:
        """A line for each part of the data and each record that was left out, so far."""
        found = [line for part in (self.bad, self.without) for _, line in sorted(part.copy().items())]
        return [*self.records.faults, *found]

    def _good(self, members: Tensor, place: int, asked: bool, read: Callable[[int], Any]) -> Any:
        """What `read` gives of the first good record from a place of `members` on; its last part is the text."""
        for step in range(len(members)):
            index = int(members[(place + step) % len(members)])
            if index in self.bad or (asked and self.skip_missing and index in self.without):
                continue
            try:
                loaded = read(index)
            except BadRecord as error:
                if not self.skip_bad:
                    raise
                self.bad[index] = str(error)
                continue
            if not asked or loaded[-1].questions:
                return loaded
            place_of, expected = f"{self.records.where(index)}, questions", "one or more, or batches with questions=0"
            if not self.skip_missing:
                fault(place_of, "none", expected)
            self.without[index] = line(place_of, "none", expected)
        return fault("records", f"{len(members)} with faults or without questions", "a good one in this split")

    def _read(self, index: int) -> Loaded:
        record = self.records[index]
        image = decode(record["image"], self.records.where(index), self.size, self.max_pixels)
        text = Text(record["key"], tuple(record["captions"]), tuple(record["questions"]))
        weight = image.nbytes + sum(map(len, (*text.captions, *(part for pair in text.questions for part in pair))))
        if self.used + weight <= self.cache:
            self.kept[index] = (index, image, text)
            self.used += weight
        return index, image, text
