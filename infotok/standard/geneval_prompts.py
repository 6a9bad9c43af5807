"""Prompts in GenEval's schema: read from a file, and checked. `geneval` has the schema and judges by it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infotok.errors import refuse, require, require_instance, require_int
from infotok.files import read_bytes

__all__ = ["RELATIONS", "read_prompts", "require_prompt", "require_prompts"]

RELATIONS = ("left of", "right of", "above", "below")
ENTRY = {"include": ("class", "count", "color", "position"), "exclude": ("class", "count")}
LARGEST_COUNT = 2**10


def read_prompts(path: str | Path) -> list[dict[str, Any]]:
    """The prompts of a JSONL file in GenEval's schema.

    path: of the file, one prompt a line.

    Raises FileNotFoundError for a missing file, and ValueError or TypeError, in one line, for what is not a prompt.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import mkdtemp
        >>> from infotok.standard import read_prompts
        >>> path = Path(mkdtemp()) / "prompts.jsonl"
        >>> line = '{"tag": "single_object", "prompt": "a cat", "include": [{"class": "cat", "count": 1}]}'
        >>> _ = path.write_text(line)
        >>> [prompt["prompt"] for prompt in read_prompts(path)]
        ['a cat']
    """
    require_instance("path", path, (str, Path), "a file's path")
    lines = read_bytes(Path(path)).decode(errors="replace").splitlines()
    prompts = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            prompts.append(json.loads(line))
        except json.JSONDecodeError as error:
            refuse(f"{path}, line {number}", error.msg, "a prompt as JSON")
        require_prompt(f"{path}, line {number}", prompts[-1])
    return prompts


def require_prompts(prompts: Any, count: int) -> None:
    """Raise TypeError or ValueError unless these are `count` prompts in GenEval's schema."""
    listed = isinstance(prompts, Sequence) and not isinstance(prompts, str)
    require(listed, "prompts", type(prompts).__name__, "a list of prompts", TypeError)
    require(len(prompts) == count, "prompts", f"{len(prompts)} prompts", f"one for each of the {count} images")
    for prompt in prompts:
        require_prompt("prompt", prompt)


def require_prompt(name: str, prompt: Any) -> None:
    """Raise TypeError or ValueError unless it is a prompt in GenEval's schema; it may have other keys."""
    require(isinstance(prompt, Mapping), name, type(prompt).__name__, "a dict in GenEval's schema", TypeError)
    for key in ("tag", "prompt"):
        require(isinstance(prompt.get(key), str), f"{name}, {key}", type(prompt.get(key)).__name__, "text", TypeError)
    require("include" in prompt, name, ", ".join(map(str, prompt)), "include, what must be there")
    for part, keys in ENTRY.items():
        entries = prompt.get(part, [])
        listed = isinstance(entries, list | tuple) and all(isinstance(entry, Mapping) for entry in entries)
        require(listed, f"{name}, {part}", type(entries).__name__, "a list of dicts", TypeError)
        for index, entry in enumerate(entries):
            _require_entry(f"{name}, {part}[{index}]", entry, keys, index)


def _require_entry(name: str, entry: Mapping[str, Any], keys: Sequence[str], index: int) -> None:
    unknown = [str(key) for key in entry if key not in keys]
    require(not unknown, name, ", ".join(unknown), f"the keys {', '.join(keys)}")
    for key in ("class", "color"):
        given = entry.get(key, "" if key == "color" else None)
        require(isinstance(given, str), f"{name}, {key}", type(given).__name__, "a name", TypeError)
    require_int(f"{name}, count", entry.get("count"), 0, LARGEST_COUNT)
    if "position" in entry:
        pair = entry["position"]
        paired = isinstance(pair, list | tuple) and len(pair) == 2 and pair[0] in RELATIONS
        require(paired, f"{name}, position", pair, f"one of {', '.join(RELATIONS)}, and an entry")
        require_int(f"{name}, position, entry", pair[1], 0, LARGEST_COUNT)
        require(pair[1] < index, f"{name}, position, entry", pair[1], "the index of an earlier entry")
