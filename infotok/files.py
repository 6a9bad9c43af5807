"""Files that are never half written: each is written beside its place and renamed into it."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write `content` to `path`, so that a reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
        os.chmod(temporary, 0o644)  # mkstemp's 0600 is meant for secrets
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def plain(value: Any) -> Any:
    """Arrays, tensors and NumPy numbers as the lists and numbers that JSON knows."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "detach"):  # a tensor, without importing torch here
        value = value.detach().cpu().numpy()
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if hasattr(value, "to_list"):  # a pandas series
        return plain(value.to_list())
    return value


def to_json(value: Any) -> str:
    """Readable JSON of `value`; numbers survive the way there and back bit for bit."""
    return json.dumps(plain(value), indent=1, ensure_ascii=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    write_atomically(path, to_json(value))


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
