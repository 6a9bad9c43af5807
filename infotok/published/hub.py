"""What the hub of Hugging Face holds, as folders on this machine: models, processors and data sets.

    folder = hub_folder("deepseek-community/Janus-Pro-1B")      # fetched once, then from the cache
    processor = open_processor(folder)

Of a repository only JSON, safetensors, text and data files are fetched: no code, and no pickle. A folder of one's own
stays where it is, and nothing is fetched.
"""

import re
from pathlib import Path
from typing import Any

from infotok.errors import require, require_choice, require_instance
from infotok.optional import needs
from infotok.unified.backbone import OWN_CODE, one_line

__all__ = ["hub_folder", "open_processor"]

NAME = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")
FILES = {  # by kind of repository: what is fetched
    "model": ("*.json", "*.safetensors", "*.txt", "*.jinja", "tokenizer.model"),
    "dataset": ("*.parquet", "*.arrow", "*.tar", "*.jsonl", "*.png", "*.jpg", "*.jpeg", "*.webp"),
}


def hub_folder(name: str | Path, kind: str = "model") -> Path:
    """The folder of a model or of a data set: `name` itself, if it is there, or what the hub has under that name.

    name: a folder or a file, or the name of a repository, "owner/name".
    kind: of the repository, "model" or "dataset".

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
    if what and "\0" not in what and len(what) < 4096 and Path(what).exists():
        return Path(name)
    require(known and not isinstance(name, Path), "name", what, f"a {kind}'s folder, or its owner/name on the hub")
    with one_line(f"{kind} {name}"):
        return Path(snapshot_download(what, repo_type=kind, allow_patterns=list(FILES[kind])))


def open_processor(folder: str | Path) -> Any:
    """The processor of a published model, as `prepare` takes it.

    folder: in the hub's layout: the processor's JSON and the tokenizer's files.

    Raises ValueError, in one line, for a missing folder, a processor of another kind, and one with code of its own.

    Example:
        >>> from infotok.published import hub_folder, open_processor  # doctest: +SKIP
        >>> processor = open_processor(hub_folder("deepseek-community/Janus-Pro-1B"))  # doctest: +SKIP
    """
    with needs("hub", "open_processor"):
        from transformers import AutoProcessor

    require_instance("folder", folder, (str, Path), "the name of a folder")
    there = bool(str(folder)) and Path(folder).is_dir()
    require(there, "folder", str(folder), "a folder in the hub's layout")
    what = f"processor {folder}"
    with one_line(what):
        processor = AutoProcessor.from_pretrained(folder, local_files_only=True, **OWN_CODE)
    check_processor(what, processor, error=ValueError)
    return processor


def check_processor(name: str, processor: Any, family: Any = None, error: type[Exception] = TypeError) -> None:
    """TypeError unless this is the processor of a model that can be attached.

    name: of the argument, for the line.
    processor: what `open_processor` gives.
    family: the parts of the model that it must belong to; None for any.
    error: raised in the place of TypeError.
    """
    kind = type(processor).__name__
    named = all(hasattr(processor, part) for part in ("tokenizer", "image_token", "image_start_token"))
    require(named, name, kind, "a Chameleon, Emu3 or Janus processor", error)
    if family is not None:
        own = family.kind.removesuffix("ForConditionalGeneration")
        require(kind == f"{own}Processor", name, kind, f"a {own}Processor, as the model", error)
        placed = processor.tokenizer.convert_tokens_to_ids(processor.image_token)
        expected = f"{family.image_token}, the model's own"
        require(placed == family.image_token, f"{name}, id of {processor.image_token}", placed, expected, error)
