"""Optional packages: imported where they are used, and missed in one line that says how to install them.

    with needs("pictures", "OpenMojiWorld"):
        from PIL import Image

The extras are those of pyproject.toml.
"""

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["needs"]


@contextmanager
def needs(extra: str | None, what: str, *, install: str = "") -> Iterator[None]:
    """Import optional packages inside; ModuleNotFoundError in one line, with the command, for one that is missing.

    extra: of pyproject.toml, which installs the packages; None for a package that no extra has.
    what: needs them, as the user calls it.
    install: the command that installs such a package.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        name = (missing.name or "").partition(".")[0] or extra
        command = install or f"pip install -e '.[{extra}]'"
        message = f"{what} needs {name}, which is not installed: {command}"
        raise ModuleNotFoundError(message, name=name) from None
