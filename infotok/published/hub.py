"""The processor of a published model, opened from a folder without running anything that it holds.

folder = hub_folder("deepseek-community/Janus-Pro-1B")      # fetched once, then from the cache
processor = open_processor(folder)
"""

from pathlib import Path
from typing import Any

from infotok.errors import require, require_instance
from infotok.hub import OWN_CODE, hub_folder, one_line
from infotok.optional import needs

__all__ = ["hub_folder", "open_processor"]


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
