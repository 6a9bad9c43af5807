"""Records in tar shards, as webdataset makes them: members with the same key are a record.

    000000.tar: cat.jpg  cat.txt  dog.webp  dog.json ...

The key is a member's name up to the first dot of its file name. `.jpg`, `.png`, `.webp`, `.gif` and `.bmp` are the
image, `.txt` is its caption, `.json` an object with fields of the schema; other members are left out. Shards are never
unpacked: an index of (shard, offset, size) is made once from the headers, and kept as JSON.
"""

import os
import tarfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from infotok.errors import require_choice
from infotok.files import read_json, write_json
from infotok.worlds.image_text.faults import BadRecord, fault, line, reason
from infotok.worlds.image_text.folder import MOST_LINE, ON_ERROR, json_object
from infotok.worlds.image_text.paths import inside
from infotok.worlds.image_text.records import MOST_BYTES, Records

__all__ = ["ShardRecords"]

IMAGES = ("jpg", "jpeg", "png", "webp", "gif", "bmp")
INDEX = ".infotok-index.json"
FORM = 1  # of the index
EXPECTED = "a tar file that is whole and not compressed"
Entry = tuple[int, str, dict[str, list[int]]]  # shard, key, {ending: [offset, size]}


class ShardRecords(Records):
    """The records of tar shards, in the order of the shards and of their members.

    paths: the shards.
    fields: {field: its name in the `.json` members}.
    on_error: "raise", or "skip" to leave out what is damaged; `faults` lists it.
    root: the folder that the shards may not leave; by default that of the first.
    cache: the folder of the index; by default root. One that cannot be written to is left alone.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        fields: Mapping[str, str] | None = None,
        on_error: str = "raise",
        root: str | Path | None = None,
        cache: str | Path | None = None,
    ) -> None:
        self.paths = [str(path) for path in paths]
        super().__init__(Path(root) if root is not None else Path(self.paths[0]).parent, fields)
        require_choice("on_error", on_error, ON_ERROR)
        names = [Path(path).relative_to(self.root).as_posix() for path in self.paths]
        self._files = [inside(self.root, name, path) for name, path in zip(names, self.paths, strict=True)]
        stats = [(name, file.stat()) for name, file in zip(names, self._files, strict=True)]
        shards = [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]
        index = Path(cache if cache is not None else self.root) / INDEX
        self._entries, self.faults = _read_index(index, shards) or self._write_index(index, shards)
        if self.faults and on_error == "raise":
            raise BadRecord(self.faults[0])

    def __len__(self) -> int:
        return len(self._entries)

    def where(self, index: int) -> str:
        """The shard and the key."""
        shard, key, _ = self._entries[index]
        return f"{self.paths[shard]}:{key}"

    def raw(self, index: int, image: bool) -> Any:
        """The members of a record as a dict."""
        _, key, members = self._entries[index]
        where = self.where(index)
        raw = {}
        if "json" in members:
            raw = json_object(self._read(index, "json", MOST_LINE), f"{where}.json")
        captions, name = self.fields.get("captions", "captions"), self.fields.get("image", "image")
        if "txt" in members and raw.get(captions) is None:
            try:
                raw[captions] = self._read(index, "txt", MOST_LINE).decode("utf-8-sig").strip()
            except UnicodeDecodeError as error:
                fault(f"{where}.txt", f"bytes that are not UTF-8 (byte {error.start})", "text")
        if raw.get(self.fields.get("key", "key")) is None:
            raw[self.fields.get("key", "key")] = key
        ending = next((ending for ending in IMAGES if ending in members), None)
        if ending is None:
            fault(where, f"members {', '.join(sorted(members))}"[:100], f"one of .{', .'.join(IMAGES)}")
        raw[name] = self._read(index, ending, MOST_BYTES) if image else None
        return raw

    def _read(self, index: int, ending: str, most: int) -> bytes:
        shard, _, members = self._entries[index]
        offset, size = members[ending]
        where = f"{self.where(index)}.{ending}"
        if size > most:
            fault(where, f"{size} bytes", f"at most {most}")
        try:
            with self._files[shard].open("rb") as stream:
                stream.seek(offset)
                content = stream.read(size)
        except OSError as error:
            fault(where, error.strerror or "a fault", "a file that can be read")
        if len(content) != size:
            fault(where, f"{len(content)} of {size} bytes", EXPECTED)
        return content

    def _write_index(self, index: Path, shards: list[list[Any]]) -> tuple[list[Entry], list[str]]:
        entries: list[Entry] = []
        faults: list[str] = []
        for number, (path, file) in enumerate(zip(self.paths, self._files, strict=True)):
            records, fault = scan(file, path)
            entries += [(number, key, members) for key, members in records.items()]
            faults += fault
        with suppress(OSError, TypeError):  # a folder that is read-only; names that JSON cannot hold
            write_json(index, {"form": FORM, "shards": shards, "records": entries, "faults": faults})
        return entries, faults


def scan(file: Path, path: str) -> tuple[dict[str, dict[str, list[int]]], list[str]]:
    """The records of a shard by key, as {ending: [offset, size]}, and lines about what is damaged.

    file: the shard. path: its name in those lines.
    """
    records: dict[str, dict[str, list[int]]] = {}
    faults: list[str] = []
    size, end = os.path.getsize(file), -1
    try:
        with tarfile.open(file, "r:") as tar:
            while (member := tar.next()) is not None:
                tar.members = []  # of which tarfile would keep all
                if member.size < 0 or tar.offset <= end:
                    raise ValueError(f"a member of {member.size} bytes")
                end = tar.offset
                if member.isdir():
                    continue
                where = f"{path}:{member.name}"
                if not member.isreg() or member.issparse():
                    faults.append(line(where, "a link or a device", "a file"))
                elif member.offset_data + member.size > size:
                    faults.append(line(where, f"{size - member.offset_data} of {member.size} bytes", EXPECTED))
                    return records, faults
                else:
                    _add(records, faults, member, where)
            tail = _at(file, tar.offset)
        if tail.strip(b"\0"):  # tarfile takes a damaged header for the end
            faults.append(line(path, f"a damaged header at byte {tar.offset}", EXPECTED))
        elif end < 0 or len(tail) not in (0, tarfile.BLOCKSIZE):
            faults.append(line(path, "no member" if end < 0 else "a truncated header", EXPECTED))
    except Exception as error:  # tarfile's parsers raise what they happen to raise
        faults.append(line(path, reason(error), EXPECTED))
    return records, faults


def _add(records: dict[str, Any], faults: list[str], member: tarfile.TarInfo, where: str) -> None:
    folder, _, name = member.name.rpartition("/")
    stem, _, ending = name.partition(".")
    ending = ending.lower()
    if not stem or ending not in (*IMAGES, "txt", "json"):
        return
    members = records.setdefault(f"{folder}/{stem}" if folder else stem, {})
    if ending in members:
        faults.append(line(where, "a second member of this name", "one"))
    else:
        members[ending] = [member.offset_data, member.size]


def _at(file: Path, offset: int) -> bytes:
    with file.open("rb") as stream:
        stream.seek(offset)
        return stream.read(tarfile.BLOCKSIZE)


def _read_index(index: Path, shards: list[list[Any]]) -> tuple[list[Entry], list[str]] | None:
    """A kept index of just these shards, None if there is none or it is not what `scan` writes."""
    try:
        found = read_json(index, ("form", "shards", "records", "faults"))
        if found["form"] != FORM or found["shards"] != shards:
            return None
        entries = [
            (
                int(shard),
                str(key),
                {str(ending): [int(offset), int(size)] for ending, (offset, size) in members.items()},
            )
            for shard, key, members in found["records"]
        ]
        fits = all(
            0 <= shard < len(shards)
            and members
            and all(offset >= 0 <= size and offset + size <= shards[shard][1] for offset, size in members.values())
            for shard, _, members in entries
        )
        return (entries, [str(each) for each in found["faults"]]) if fits else None
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return None
