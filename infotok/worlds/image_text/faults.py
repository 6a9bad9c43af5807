"""Faults of records: one line with the place, what is there and what is expected."""

from typing import NoReturn

from infotok.errors import message, refuse

__all__ = ["BadRecord", "fault", "line", "reason"]

LONGEST = 400  # characters of a place


class BadRecord(ValueError):
    """A record that cannot be used: one line with where it is and the reason."""


class Words:
    """Text that a line shows without quotes, in printable characters."""

    def __init__(self, text: str) -> None:
        self.text = "".join(letter if letter.isprintable() else "?" for letter in text)

    def __str__(self) -> str:
        return self.text


def fault(where: str, got: str, expected: str) -> NoReturn:
    """Raise BadRecord with the line."""
    refuse(_place(where), Words(got), expected, BadRecord)


def line(where: str, got: str, expected: str) -> str:
    """The line itself; long parts are cut."""
    return message(_place(where), Words(got), expected)


def reason(error: Exception) -> str:
    """What is damaged, in the words of the library that found it."""
    first = (str(error).splitlines() or [""])[0]
    return f"damaged data ({type(error).__name__}: {first[:100]})"


def _place(where: str) -> str:
    shown = str(Words(where))
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST // 2]} ... {shown[-LONGEST // 2 :]}"
