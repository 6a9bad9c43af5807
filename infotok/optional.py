"""Optional packages: imported where they are used, and missed in one line that says how to install them.

    with needs("pictures", "OpenMojiWorld"):
        from PIL import Image

The extras are those of pyproject.toml.
"""

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["needs"]


@contextmanager
def needs(extra: str, what: str) -> Iterator[None]:
    """Import optional packages inside; ModuleNotFoundError in one line, with the command, for one that is missing.

    extra: of pyproject.toml, which installs the packages.
    what: needs them, as the user calls it.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        name = (missing.name or "").partition(".")[0] or extra
        message = f"{what} needs {name}, which is not installed: pip install -e '.[{extra}]'"
        raise ModuleNotFoundError(message, name=name) from None
