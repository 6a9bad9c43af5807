"""Errors of the command: one line for the user, without a traceback."""

from difflib import get_close_matches

__all__ = ["Refusal", "nearest", "os_line"]


class Refusal(Exception):
    """A wrong request; the message is the one line to show."""


def nearest(name: str, names: list[str]) -> str:
    """ "; did you mean X?" for the only name that begins with `name`, else the one most like it, or all there are."""
    begun = [each for each in names if name and each.startswith(name)]  # a lesson's number alone
    close = begun if len(begun) == 1 else get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else f"; there are: {', '.join(names) or 'none'}"


def os_line(error: OSError) -> str:
    """What the system refused to do, and with which file, as one line: a full disk, a folder of another user."""
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename or 'file system'}: got '{reason}', expected a file that can be read and written"
