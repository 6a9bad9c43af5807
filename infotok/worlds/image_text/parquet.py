"""Records in parquet and Arrow files, as Hugging Face stores data sets on disk, read by pyarrow.

A parquet file is read by row groups, the last of which are kept up to a number of bytes: small row groups make random
access fast. An Arrow file, of the IPC file or stream format, is mapped into memory, and only the rows asked for are
read.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from infotok.errors import require_choice
from infotok.optional import needs
from infotok.worlds.image_text.faults import BadRecord, fault, reason
from infotok.worlds.image_text.folder import ON_ERROR
from infotok.worlds.image_text.paths import inside
from infotok.worlds.image_text.records import NAMES, Records

__all__ = ["ParquetRecords"]

KEPT = 2**28  # bytes of row groups


class ParquetRecords(Records):
    """The rows of one or more parquet or Arrow files, in the order of the files.

    paths: the files.
    fields: {field: its name in the data}.
    on_error: "raise", or "skip" to leave out files that cannot be opened; `faults` lists them.
    root: the folder that paths of images and of these files may not leave; by default that of the first file.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        fields: Mapping[str, str] | None = None,
        on_error: str = "raise",
        root: str | Path | None = None,
    ) -> None:
        self.paths = [str(path) for path in paths]
        root = Path(root) if root is not None else Path(self.paths[0]).parent
        super().__init__(root, fields)
        require_choice("on_error", on_error, ON_ERROR)
        self._lock, self._kept, self._bytes = Lock(), OrderedDict(), 0
        self._parts: list[tuple[str, int, Any, int]] = []  # (file, its first row, opened file, part of the file)
        self._starts = [0]  # the number of the first record of each part, and of the one after the last
        for path in self.paths:
            try:
                self._open(path)
            except BadRecord as error:
                if on_error == "raise":
                    raise
                self.faults.append(str(error))

    def __len__(self) -> int:
        return self._starts[-1]

    def where(self, index: int) -> str:
        """The file and the row, from 0."""
        part, row = self._place(index)
        path, first, _, _ = self._parts[part]
        return f"{path}:{first + row}"

    def raw(self, index: int, image: bool) -> Any:
        """A row as a dict."""
        part, row = self._place(index)
        table = self._table(part, image)
        try:
            return table.slice(row, 1).to_pylist()[0]
        except Exception as error:
            fault(self.where(index), reason(error), "a row that can be read")

    def _place(self, index: int) -> tuple[int, int]:
        part = bisect_right(self._starts, index) - 1
        return part, index - self._starts[part]

    def _open(self, path: str) -> None:
        """Add the parts of a file; BadRecord if it cannot be opened or lacks a field."""
        real = inside(self.root, str(Path(path).relative_to(self.root)), path)
        try:
            opened = _opened(real)
            names, rows = set(opened.names), opened.rows
        except ModuleNotFoundError:
            raise
        except Exception as error:
            fault(path, reason(error), "a parquet or Arrow file")
        for name in ("image", "captions"):
            if self.fields.get(name, name) not in names:
                shown = ", ".join(sorted(names)[:20])
                fault(f"{path}, columns", shown, f"one named {self.fields.get(name, name)!r}")
        first = 0
        for part, count in enumerate(rows):
            if count > 0:
                self._parts.append((path, first, opened, part))
                self._starts.append(self._starts[-1] + count)
                first += count

    def _table(self, part: int, image: bool) -> Any:
        """The rows of a part, without images if none are asked for; the last used are kept."""
        path, first, opened, number = self._parts[part]
        with self._lock:
            if (part, image) in self._kept:
                self._kept.move_to_end((part, image))
                return self._kept[part, image]
            try:
                table = opened.read(number, {self.fields.get(name, name) for name in NAMES}, self._without(image))
                table.validate(full=True)  # offsets in a damaged file would lead outside it
                count = self._starts[part + 1] - self._starts[part]
                if table.num_rows != count:
                    raise ValueError(f"{table.num_rows} rows in place of {count}")
            except Exception as error:
                fault(f"{path}:{first}", reason(error), "rows that can be read")
            self._kept[part, image] = table
            self._bytes += opened.held(table)
            while self._bytes > KEPT and len(self._kept) > 1:
                (old, _), dropped = self._kept.popitem(last=False)
                self._bytes -= self._parts[old][2].held(dropped)
            return table

    def _without(self, image: bool) -> str | None:
        return None if image else self.fields.get("image", "image")


class _Parquet:
    """A parquet file, read by row groups."""

    def __init__(self, path: Path) -> None:
        from pyarrow import parquet

        self.file = parquet.ParquetFile(path, page_checksum_verification=True)
        self.names = self.file.schema_arrow.names
        self.leaves = [self.file.schema.column(i).path for i in range(len(self.file.schema))]
        self.rows = [self.file.metadata.row_group(i).num_rows for i in range(self.file.num_row_groups)]

    def read(self, part: int, fields: set[str], without: str | None) -> Any:
        """A row group: of the fields, all but the bytes of the field `without`."""
        leaves = [leaf for leaf in self.leaves if leaf.split(".")[0] in fields]
        if without is not None:
            leaves = [leaf for leaf in leaves if leaf.split(".")[0] != without or leaf == f"{without}.path"]
        return self.file.read_row_group(part, columns=leaves, use_threads=False)

    def held(self, table: Any) -> int:
        """Bytes of memory that a table takes."""
        return table.nbytes


class _Arrow:
    """An Arrow file of either format, mapped into memory."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        source = pa.memory_map(str(path))
        file = source.read(6) == b"ARROW1"
        source.seek(0)
        if file:
            reader = pa.ipc.open_file(source)
            self.batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
        else:
            self.batches = list(pa.ipc.open_stream(source))
        self.names = self.batches[0].schema.names if self.batches else []
        self.rows = [len(batch) for batch in self.batches]

    def read(self, part: int, fields: set[str], without: str | None) -> Any:
        """A record batch: of the fields."""
        batch = self.batches[part]
        return batch.select([name for name in batch.schema.names if name in fields])

    def held(self, table: Any) -> int:
        """Bytes of memory that a table takes: none, it is the file."""
        return 0


def _opened(path: Path) -> _Parquet | _Arrow:
    with needs("data", "a parquet or Arrow file"):
        import pyarrow  # noqa: F401
    return _Parquet(path) if path.suffix == ".parquet" else _Arrow(path)
