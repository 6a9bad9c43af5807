"""Records of images and text: the schema, its checks, and the base class of all readers.

A record is a dict with these fields, which a map `{"captions": "caption", ...}` finds under other names:

- `image`      bytes, a path relative to the data, or {"bytes", "path"} as Hugging Face's Image feature stores it
- `captions`   a string or a list of strings, one or more
- `questions`  pairs (question, answer), or dicts {"question", "answer"}; may be missing or empty
- `key`        a name of the record, by which splits are made; may be missing

The key is by default the image's path without its ending, and where the image has no path, its text.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infotok.errors import require, require_choice, require_instance
from infotok.worlds.image_text.faults import fault
from infotok.worlds.image_text.paths import read_inside

__all__ = ["ListRecords", "Records", "Text", "records_of", "require_fields"]

NAMES = ("image", "captions", "questions", "key")
MOST_CHARACTERS = 2**20  # of a caption, question or answer
MOST_BYTES = 2**28  # of an image's file
MOST_TEXTS = 2**16  # captions or questions of a record


@dataclass(frozen=True)
class Text:
    """The text of a record.

    key: the record's name
    captions: one or more
    questions: pairs (question, answer); may be empty
    """

    key: str
    captions: tuple[str, ...]
    questions: tuple[tuple[str, str], ...]


class Records(ABC):
    """Records by their number; a reader adds `__len__`, `where` and `raw`.

    root: the folder that paths of images are relative to and may not leave; None where there are no paths.
    fields: {field: its name in the data}.
    """

    def __init__(self, root: Path | None, fields: Mapping[str, str] | None) -> None:
        require_fields("fields", fields)
        self.root, self.fields = root, dict(fields or {})
        self.faults: list[str] = []  # lines about parts of the data that could not be read at all

    @abstractmethod
    def __len__(self) -> int:
        """The number of records."""

    @abstractmethod
    def where(self, index: int) -> str:
        """The place of a record, for the lines of errors."""

    @abstractmethod
    def raw(self, index: int, image: bool) -> Any:
        """A record as the data has it; without `image` its image may be left out."""

    def text(self, index: int) -> Text:
        """The text of a record. BadRecord, in one line with its place, for one that does not follow the schema."""
        return checked_text(self.raw(index, image=False), self.fields, self.where(index))

    def __getitem__(self, index: int) -> dict[str, Any]:
        """A record with `key`, `image` as bytes, `captions` and `questions`. BadRecord, in one line with its place."""
        require(isinstance(index, int) and 0 <= index < len(self), "index", index, f"0 to {len(self) - 1}", IndexError)
        raw, where = self.raw(index, image=True), self.where(index)
        text = checked_text(raw, self.fields, where)
        image = checked_image(raw, self.fields, where)
        if isinstance(image, str):
            if self.root is None:
                fault(f"{where}, image", image, "bytes: these records have no folder for paths")
            image = read_inside(self.root, image, f"{where}, image {image}", MOST_BYTES)
        return {"key": text.key, "image": image, "captions": list(text.captions), "questions": list(text.questions)}


class ListRecords(Records):
    """Records in a list of dicts.

    rows: the records.
    root: the folder that paths of images are relative to; None where images are bytes.
    fields: {field: its name in the data}.
    """

    def __init__(
        self, rows: Sequence[Any], root: str | Path | None = None, fields: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(Path(root) if root is not None else None, fields)
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def where(self, index: int) -> str:
        """The place of a record."""
        return f"record {index}" if self.root is None else f"{self.root}, record {index}"

    def raw(self, index: int, image: bool) -> Any:
        """The dict itself."""
        return self._rows[index]


def records_of(name: str, value: Any) -> Records:
    """`value` as `Records`: a reader, or a list of dicts with images as bytes. TypeError or ValueError for others."""
    if not isinstance(value, Records):
        require_instance(name, value, (list, tuple), "what open_records gives, or a list of dicts")
        value = ListRecords(value)
    require(len(value) > 0, name, "none", "one record or more")
    return value


def require_fields(name: str, fields: Any) -> None:
    """TypeError or ValueError unless `fields` is None or maps names of the schema to names in the data."""
    if fields is None:
        return
    require_instance(name, fields, Mapping, "a dict of field: its name in the data")
    for field, other in fields.items():
        require_choice(f"{name}, key", field, NAMES)
        require(isinstance(other, str) and other, f"{name}, {field}", other, "the name of a field", TypeError)


def checked_text(raw: Any, fields: Mapping[str, str], where: str) -> Text:
    """The text of a record as the data has it, checked; BadRecord otherwise."""
    if not isinstance(raw, Mapping):
        fault(where, f"a {type(raw).__name__}", "an object with fields")
    captions, questions, key = (raw.get(fields.get(name, name)) for name in NAMES[1:])
    name = fields.get("captions", "captions")
    if captions is None:
        fault(where, f"no field {name!r}", "a caption or a list of captions")
    captions = [captions] if isinstance(captions, str) else captions
    if not isinstance(captions, list | tuple) or not 0 < len(captions) <= MOST_TEXTS:
        fault(f"{where}, {name}", _kind(captions), "a string or a list of one or more")
    captions = tuple(_sentence(each, f"{where}, {name}") for each in captions)
    pairs = _pairs(questions, f"{where}, {fields.get('questions', 'questions')}")
    if isinstance(key, int) and not isinstance(key, bool):
        key = str(key) if abs(key) < 2**63 else None
    if key is None:
        key = _path_key(raw.get(fields.get("image", "image"))) or "\n".join(
            (*captions, *(text for pair in pairs for text in pair))
        )
    return Text(_sentence(key, f"{where}, {fields.get('key', 'key')}"), captions, pairs)


def checked_image(raw: Any, fields: Mapping[str, str], where: str) -> bytes | str:
    """The image of a record as bytes or as a path, not yet checked; BadRecord for anything else."""
    name = fields.get("image", "image")
    image = raw.get(name)
    if isinstance(image, Mapping):
        image = image.get("bytes") if image.get("bytes") is not None else image.get("path")
    if image is None:
        fault(where, f"no field {name!r}", "an image")
    if not isinstance(image, bytes | str) or not image:
        fault(f"{where}, {name}", _kind(image), "bytes, a path, or a dict of bytes and path")
    return image


def _pairs(questions: Any, where: str) -> tuple[tuple[str, str], ...]:
    """Pairs (question, answer) of a list of pairs, a list of dicts or a dict of lists."""
    expected = "pairs of question and answer"
    if questions is None:
        return ()
    if isinstance(questions, Mapping):  # Hugging Face's Sequence of dicts
        columns = [questions.get(part) for part in ("question", "answer")]
        if not all(isinstance(column, list | tuple) for column in columns) or len({*map(len, columns)}) != 1:
            fault(where, "a dict", "lists of equal length under question and answer")
        questions = list(zip(*columns, strict=True))
    if not isinstance(questions, list | tuple) or len(questions) > MOST_TEXTS:
        fault(where, _kind(questions), f"a list of {expected}")
    pairs = []
    for each in questions:
        if isinstance(each, Mapping):
            each = (each.get("question"), each.get("answer"))
        if not isinstance(each, list | tuple) or len(each) != 2:
            fault(where, _kind(each), expected)
        pairs.append((_sentence(each[0], f"{where}, question"), _sentence(each[1], f"{where}, answer")))
    return tuple(pairs)


def _sentence(text: Any, where: str) -> str:
    if not isinstance(text, str):
        fault(where, _kind(text), "a string")
    if not text.strip():
        fault(where, "an empty string", "text")
    if len(text) > MOST_CHARACTERS:
        fault(where, f"{len(text)} characters", f"at most {MOST_CHARACTERS}")
    if not text.isascii() and text.encode(errors="replace").decode() != text:
        fault(where, ascii(text), "text that UTF-8 can hold")
    return text


def _path_key(image: Any) -> str | None:
    """The image's path without its ending, None for an image without a path."""
    path = image.get("path") if isinstance(image, Mapping) else image
    if not isinstance(path, str):
        return None
    folder, _, name = path.rpartition("/")
    stem = name.split(".")[0] or name
    return f"{folder}/{stem}" if folder else stem


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    empty = hasattr(value, "__len__") and len(value) == 0
    return f"{'an empty' if empty else 'a'} {type(value).__name__}"
