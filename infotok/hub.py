"""What the hub of Hugging Face holds, as folders on this machine: models, tokenizers, processors and data sets.

    folder = hub_folder("deepseek-community/Janus-Pro-1B")      # fetched once, then from the cache
    tokenizer = open_tokenizer("openai-community/gpt2")

Of a repository only JSON, safetensors, text and data files are fetched: no code, and no pickle. A folder of one's own
stays where it is, and nothing is fetched.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infotok.errors import require, require_choice, require_instance
from infotok.optional import needs

__all__ = ["OWN_CODE", "hub_folder", "one_line", "open_tokenizer"]

OWN_CODE = {"trust_remote_code": False}  # of transformers only, never a repository's, and without a question
NAME = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")
TEXT = ("*.json", "*.txt", "*.jinja", "tokenizer.model")
FILES = {  # by kind of repository: what is fetched
    "model": (*TEXT, "*.safetensors"),
    "tokenizer": TEXT,
    "dataset": ("*.parquet", "*.arrow", "*.tar", "*.jsonl", "*.png", "*.jpg", "*.jpeg", "*.webp"),
}


@contextmanager
def one_line(what: str, got: str = "no model", expected: str = "a checkpoint") -> Iterator[None]:
    """Whatever transformers, tokenizers and safetensors raise of their own, as one ValueError.

    what: that was asked for, the first words of the line. got: what was found. expected: what it should be.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, ValueError) and str(error).startswith(what):
            raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        require(False, what, f"{got} ({reason})", expected)


def hub_folder(name: str | Path, kind: str = "model") -> Path:
    """The folder of a model, tokenizer or data set: `name` itself, if it is there, or what the hub has under that name.

    name: a folder or a file, or the name of a repository, "owner/name".
    kind: of what is fetched, "model", "tokenizer" or "dataset"; a tokenizer is a model's, without the weights.

    Raises ValueError, in one line, for what is neither, and for a repository that cannot be fetched.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import mkdtemp
        >>> from infotok.published import hub_folder
        >>> folder = mkdtemp()
        >>> hub_folder(folder) == Path(folder)  # what is on this machine stays where it is
        True
        >>> hub_folder("deepseek-community/Janus-Pro-1B")  # doctest: +SKIP
    """
    with needs("hub", "hub_folder"):
        from huggingface_hub import snapshot_download

    require_instance("name", name, (str, Path), "a folder, or a name on the hub")
    require_choice("kind", kind, tuple(FILES))
    what = str(name)
    known = isinstance(name, Path) or NAME.fullmatch(what)
    if what and os.path.exists(what):  # False, not an error, for a name that no file can have
        return Path(name)
    require(known and not isinstance(name, Path), "name", what, f"a {kind}'s folder, or its owner/name on the hub")
    with one_line(f"{kind} {name}"):
        repository = "dataset" if kind == "dataset" else "model"
        return Path(snapshot_download(what, repo_type=repository, allow_patterns=list(FILES[kind])))


def open_tokenizer(name: str | Path) -> Any:
    """The text tokenizer of a folder, or of a name on the hub, as `transformers` reads it.

    name: a folder in the hub's layout, or the name of a repository, "owner/name".

    Raises ValueError, in one line, for what is neither, and for a tokenizer that needs code of its own.
    """
    with needs("hub", "open_tokenizer"):
        from transformers import AutoTokenizer

    folder, what = hub_folder(name, "tokenizer"), f"tokenizer {name}"
    with one_line(what, "none", "a tokenizer's files"):
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, **OWN_CODE)
