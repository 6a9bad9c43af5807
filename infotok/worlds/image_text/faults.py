"""Faults of records: one line with the place, what is there and what is expected."""

from typing import NoReturn

__all__ = ["BadRecord", "fault", "line", "reason"]


class BadRecord(ValueError):
    """A record that cannot be used: one line with where it is and the reason."""


def fault(where: str, got: str, expected: str) -> NoReturn:
    """Raise BadRecord with the line."""
    raise BadRecord(line(where, got, expected)) from None


def line(where: str, got: str, expected: str) -> str:
    """The line itself, in printable characters; long parts are cut."""
    return f"{_shown(where, 400)}: got {_shown(got, 160)}, expected {expected}"


def reason(error: Exception) -> str:
    """A damaged part, in the words of the library that found it."""
    first = (str(error).splitlines() or [""])[0]
    return f"damaged data ({type(error).__name__}: {first[:100]})"


def _shown(text: str, most: int) -> str:
    plain = "".join(letter if letter.isprintable() else "?" for letter in text)
    return plain if len(plain) <= most else f"{plain[: most // 2]} ... {plain[-most // 2 :]}"
