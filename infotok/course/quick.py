"""A faster start: imports that the command does not need are left out."""

import sys

__all__ = ["without_grammar"]


def without_grammar() -> None:
    """Let jsonschema, which nbformat imports, do without its check of international URIs.

    That check compiles a grammar when it is imported, 1.6 s of processor time in every process; no notebook has
    anything to check by it.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # an import of it then fails, and jsonschema goes on without
