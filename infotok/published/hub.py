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
    """
    with needs("hub", "open_processor"):
        from transformers import AutoProcessor

    require_instance("folder", folder, (str, Path), "the name of a folder")
    there = bool(str(folder)) and Path(folder).is_dir()
    require(there, "folder", str(folder), "a folder in the hub's layout")
    what = f"processor {folder}"
    with one_line(what):
        processor = AutoProcessor.from_pretrained(folder, local_files_only=True, **OWN_CODE)
    named = all(hasattr(processor, name) for name in ("tokenizer", "image_token", "image_start_token"))
    require(named, what, type(processor).__name__, "a Chameleon, Emu3 or Janus processor")
    return processor
