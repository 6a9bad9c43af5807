"""Atomic writes, JSON files with clear errors, and folders with one writer at a time.

A file is written beside its final path under a hidden name, synchronised to the disk and renamed. JSON is Python's
dialect with `NaN`, `Infinity` and `-Infinity`, so that every float is read back bit for bit.

- `write_atomically`, `new_folder`, `remove_folder`, `remove_temporaries`   files and folders, never half written
- `only_writer`   a lock on a folder
- `plain`, `to_json`, `write_json`, `read_json`, `parse_json`   JSON with NumPy and torch values
- `frame_as_csv`   a pandas frame with the labels of its rows, where it `has_labels`
"""

import errno
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from infotok.errors import message, require

_LEFTOVER = re.compile(r"\..+\.\w+\.[a-z0-9_]{8}")  # what `tempfile` makes of ".name.extension."


def write_atomically(path: Path, content: str | bytes, durable: bool = True) -> None:
    """Write a file atomically: a reader sees the old content or the new one, never a part.

    - path: the file; its folder is made
    - content: text, written as UTF-8, or bytes
    - durable: whether the new file survives a power cut once this returns. False saves milliseconds, for files that are
      rewritten many times a second, such as progress

    Raises OSError in one line that names `path`; the old file is then unchanged, and no temporary file is left.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = None
    with naming(path):
        try:
            make_folder(path.parent)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                if durable:
                    stream.flush()
                    os.fsync(stream.fileno())
            os.chmod(temporary, 0o644)  # mkstemp's 0600 is meant for secrets
            os.replace(temporary, path)
        except BaseException:
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)
            raise
        if durable:
            sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make `folder` and its parents, so that they survive a power cut."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Synchronise a folder's list of names to the disk, where the system can (POSIX)."""
    if os.name != "posix":
        return
    with suppress(OSError):  # some network file systems cannot
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """A context manager: an OSError inside, such as a full disk, becomes one line that names `path`."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        line = message(str(path), reason, "a folder with free space that may be written to")
        raise OSError(error.errno or errno.EIO, line) from error


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A context manager: a hidden folder to fill, renamed to `path` at the end; errors as in `write_atomically`."""
    with naming(path):
        make_folder(path.parent)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.new."))
        try:
            temporary.chmod(0o755)  # as for files
            yield temporary
            remove_folder(path)
            temporary.rename(path)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        sync_folder(path.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder, if there is one. It is renamed first, so that a kill leaves no part of it at `path`.

    Of a link to a folder the link is removed. A file is refused, by OSError, and stays.
    """
    with naming(path):
        if path.is_symlink():
            path.unlink()
        elif path.exists():
            if not path.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            hidden = path.rename(path.with_name(f".{path.name}.old.{secrets.token_hex(4)}"))
            shutil.rmtree(hidden)


def remove_temporaries(folder: Path) -> None:
    """Remove the temporary files and folders of a killed process, `.name.extension.xxxxxxxx`, from `folder`.

    Only for the one process that writes there (`only_writer`): a file that another is about to rename looks the same.
    """
    for path in folder.iterdir() if folder.is_dir() else ():
        if _LEFTOVER.fullmatch(path.name):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


@contextmanager
def only_writer(folder: Path, doing: str) -> Iterator[None]:
    """A context manager: a lock on a folder for this process alone, released when the process ends in any way.

    - folder: made if it is missing
    - doing: what this process does there, such as "training"; others read it in their error

    Raises BlockingIOError, in one line that names the folder and the process that holds the lock.
    """
    from filelock import FileLock, Timeout

    lock, owner = FileLock(folder / "lock"), folder / "lock.owner"
    with naming(folder):
        make_folder(folder)
        with suppress(Timeout):
            lock.acquire(timeout=0)
    if not lock.is_locked:
        holder = owner.read_text(errors="replace").strip() if owner.is_file() else "another process"
        expected = "a folder of its own for each; wait for that process, or end it"
        raise BlockingIOError(message(str(folder), f"a folder in use by {holder}", expected))
    try:
        write_atomically(owner, f"process {os.getpid()} ({doing})\n", durable=False)
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def plain(value: Any) -> Any:
    """`value` with arrays, tensors, series and NumPy numbers as lists and numbers of Python; the rest as it is."""
    if isinstance(value, Mapping):
        names = [str(key) for key in value]
        twice = next((name for name in names if names.count(name) > 1), None) if len({*names}) < len(names) else None
        require(twice is None, "keys", f"{twice} twice", "keys that differ as text, as JSON's do")
        return {name: plain(item) for name, item in zip(names, value.values(), strict=True)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "detach"):  # a tensor, without importing torch here
        return value.detach().tolist()
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist()) if value.dtype == object else value.tolist()
    if hasattr(value, "to_list"):  # a pandas series
        return plain(value.to_list())
    return value


def to_json(value: Any, name: str = "value") -> str:
    """`value` as indented JSON, from which every number, NaN and infinity is read back bit for bit.

    - value: anything `plain` makes into JSON values
    - name: what the line of an error calls the value

    Raises TypeError, in one line with the keys that lead to it, for a value that JSON cannot hold.
    """
    try:
        value = plain(value)
        _check(value, name)
    except RecursionError:
        raise TypeError(message(name, "a value that holds itself, or a very deep one", "a JSON value")) from None
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _check(value: Any, name: str) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _check(key, f"a key of {name}")
            _check(item, f"{name}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check(item, f"{name}[{index}]")
    elif isinstance(value, str):
        whole = value.isascii() or value == value.encode(errors="replace").decode()
        require(whole, name, ascii(value), "text that UTF-8 can hold", TypeError)
    else:
        known = value is None or isinstance(value, bool | int | float)
        require(known, name, f"{type(value).__name__} {value!r:.60}", "a JSON value", TypeError)


def write_json(path: Path, value: Any, durable: bool = True) -> None:
    """Write `to_json(value)` to `path` by `write_atomically`; nothing is written of a value that JSON cannot hold."""
    write_atomically(path, to_json(value, path.name), durable)


def frame_as_csv(frame: Any) -> str:
    """A pandas frame or series as CSV, with the labels of its rows where it `has_labels`.

    - frame: the frame
    """
    return frame.to_csv(index=has_labels(frame))


def has_labels(frame: Any) -> bool:
    """Whether the index of a pandas frame or series has a name, or is not of integers, as row numbers are.

    - frame: the frame
    """
    index = getattr(frame, "index", None)
    return index is not None and (any(name is not None for name in index.names) or index.dtype.kind not in "iu")


def read_json(path: Path, keys: Sequence[str] = ()) -> Any:
    """The value of a JSON file.

    - path: the file
    - keys: names that its object must have

    Raises FileNotFoundError for a missing file. Raises ValueError, in one line that names the file and its fault, for
    one that is empty, truncated, not JSON, not UTF-8, without one of `keys`, a folder or not readable.
    """
    value = parse_json(read_bytes(path), str(path))
    if keys:
        require(isinstance(value, dict), str(path), f"JSON of a {type(value).__name__}", "that of an object")
        lacking = [key for key in keys if key not in value]
        require(not lacking, str(path), f"JSON without {', '.join(lacking)}", f"the keys {', '.join(keys)}")
    return value


def read_bytes(path: Path) -> bytes:
    """The bytes of a file; errors as in `reading`."""
    with reading(path):
        return path.read_bytes()


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """A context manager: an OSError inside becomes one line, as FileNotFoundError or, for other reasons, ValueError."""
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(message(str(path), "no such file", "one that can be read")) from None
    except OSError as error:
        raise ValueError(message(str(path), error.strerror or str(error), "a file that can be read")) from None


def parse_json(content: bytes, name: str) -> Any:
    """The value of JSON in UTF-8; ValueError, in one line that begins with `name`, for anything else."""
    try:
        text = content.decode("utf-8-sig")  # some editors on Windows begin a file with a mark
        if not text.strip():
            fault = "an empty file"
        else:
            return json.loads(text, object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        fault = f"bytes that are not UTF-8 (byte {error.start})"
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        fault = f"{'a truncated file' if cut else 'a damaged file'} (line {error.lineno}: {error.msg})"
    except (ValueError, RecursionError) as error:  # a key twice, a number of 5,000 digits, brackets by the thousand
        fault = f"a damaged file ({str(error).splitlines()[0]})"
    raise ValueError(message(name, fault, "JSON"))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} twice")
    return found
