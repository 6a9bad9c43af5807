"""notebooks/profiles.yaml: the parameters that each profile sets, and what must be said of a profile's runs.

A damaged file is refused in one line.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from infotok.course.refusal import Refusal, nearest

__all__ = ["NOTES", "NOTE_ID", "read_profiles"]

NOTES = {  # what stands once at the top of everything that a run at this profile made
    "smoke": "The profile smoke shows that everything runs. It is too small to judge what depends on a run's sizes, "
    "and the text describes a run at laptop. Everything else is the same here."
}
NOTE_ID = "note-of-the-profile"  # of its cell in an executed notebook


class _Strict(yaml.SafeLoader):
    """YAML whose mappings have no key twice; PyYAML alone would silently keep the last."""

    def construct_mapping(self, node, deep=False):
        seen = []
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"found {key.value!r} twice", key.start_mark)
            seen.append(key.value)
        return super().construct_mapping(node, deep)


# YAML 1.1 takes 1e-4 and 1.5e3 for text; here they are the numbers that they look like.
FLOAT = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$")
_Strict.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, [*"-+.0123456789"])


def read_profiles(path: Path, profiles: tuple[str, ...], names: list[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """The file as {profile: {notebook: {parameter: value}}}; an empty entry sets nothing.

    Raises Refusal for a file that cannot be read, and for a profile or notebook that is not known.
    """
    found = _mapping(path.name, _load(path), profiles)
    return {
        profile: {
            name: _mapping(f"{path.name}, {profile}, {name}", values)
            for name, values in _mapping(f"{path.name}, {profile}", entries, names).items()
        }
        for profile, entries in found.items()
    }


def _load(path: Path) -> Any:
    try:
        return _Strict(path.read_text(encoding="utf-8")).get_single_data()  # a SafeLoader: it makes no objects
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        reason = f"{error.problem}{line}"
    except yaml.YAMLError as error:
        reason = str(error).splitlines()[0]
    except RecursionError:
        reason = "nested too deeply"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
    raise Refusal(f"{path.name}: got a file that cannot be read ({reason}), expected YAML")


def _mapping(where: str, value: Any, known: list[str] | tuple[str, ...] | None = None) -> dict[str, Any]:
    """`value` as a dict with text for keys, all of them `known`; nothing is an empty one."""
    value = {} if value is None else value
    if not isinstance(value, dict):
        raise Refusal(f"{where}: got {value!r:.60}, expected names, each with what it sets")
    for name in value:
        if not isinstance(name, str) or (known is not None and name not in known):
            close = nearest(str(name), [*known]) if known is not None else ""
            raise Refusal(f"{where}: got {name!r}, expected a known name{close}")
    return value
