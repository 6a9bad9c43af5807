"""`open_records`: the reader that fits what a path is."""

from collections.abc import Mapping
from pathlib import Path, PurePath

from infotok.errors import refuse, require, require_choice, require_instance
from infotok.worlds.image_text.folder import ON_ERROR, FolderRecords
from infotok.worlds.image_text.parquet import ParquetRecords
from infotok.worlds.image_text.records import Records, require_fields
from infotok.worlds.image_text.shards import ShardRecords

__all__ = ["open_records"]

EXPECTED = "a JSONL, parquet, Arrow or tar file, or a folder with files of one of these kinds"
KINDS = {".jsonl": "jsonl", ".parquet": "parquet", ".arrow": "parquet", ".tar": "tar"}


def open_records(path: str | Path, fields: Mapping[str, str] | None = None, on_error: str = "raise") -> Records:
    """Records of images and text at a path.

    A folder may have one JSONL file beside its images (of several, `metadata.jsonl`), or parquet, Arrow or tar files,
    in folders of it too. Paths that the data names must stay inside that folder.

    path: a file or a folder.
    fields: {field: its name in the data}, for names other than image, captions, questions and key.
    on_error: "raise" for an error at the first fault; "skip" leaves out what cannot be opened, which `faults` lists,
        and an `ImageTextWorld` with the same option then skips records with faults.

    ValueError, in one line with the file, the line, row or member, and the reason.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import mkdtemp
        >>> from infotok.worlds import open_records
        >>> path = Path(mkdtemp()) / "data.jsonl"
        >>> _ = path.write_text('{"image": "wall.png", "caption": "a red wall"}')
        >>> records = open_records(path, fields={"captions": "caption"})
        >>> len(records), records.text(0).captions
        (1, ('a red wall',))
    """
    require_instance("path", path, (str, PurePath), "the path of a file or a folder")
    require_fields("fields", fields), require_choice("on_error", on_error, ON_ERROR)
    folder = Path(path)
    try:
        there = bool(str(path)) and folder.exists()
    except (OSError, ValueError):
        there = False
    require(there, "path", str(path), "a file or a folder that is there")
    if folder.is_file():
        files = [folder]
    else:
        files = sorted(folder.glob("*.jsonl"))
        files = [folder / "metadata.jsonl"] if folder / "metadata.jsonl" in files else files
        files = files or sorted(file for file in folder.rglob("*") if file.suffix in KINDS and file.is_file())
    kinds = {KINDS.get(file.suffix, file.suffix or "no ending") for file in files}
    if len(kinds) != 1 or not kinds <= {*KINDS.values()} or (kinds == {"jsonl"} and len(files) > 1):
        refuse("path", f"{path} with {', '.join(sorted(kinds)) or 'none'} ({len(files)} files)", EXPECTED)
    root = folder if folder.is_dir() else folder.parent
    (kind,) = kinds
    if kind == "jsonl":
        return FolderRecords(files[0], fields, on_error)
    return {"parquet": ParquetRecords, "tar": ShardRecords}[kind](files, fields, on_error, root)
