"""Cells of an experiment as rows of settings and results: found by their settings, compared by seed.

    cells = Cells(rows, defaults={"bits": 6, "nuisance": 0.8})      # rows: {"host", "arm", "seed", ..., results}
    cells.find("masked", {}, bits=4)                                # {seed: row}; what is not named is as by default
    differences(cells.find("masked", arm), cells.find("masked", {}), "scores/generations/present")   # {seed: a - b}

A row that does not name a setting has the default. Of two rows with the same settings the later one stays.
"""

import json
from collections.abc import Iterable
from typing import Any

from infotok.errors import require

__all__ = ["Cells", "differences", "score"]

Row = dict[str, Any]


class Cells:
    """Rows of one experiment. `defaults` names every setting but host, arm and seed."""

    def __init__(self, rows: Iterable[Row], defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._runs: dict[str, dict[int, Row]] = {}  # by settings, then by seed
        for row in rows:
            self._runs.setdefault(self._settings(row), {})[row["seed"]] = row

    def __len__(self) -> int:
        return sum(map(len, self._runs.values()))

    def __contains__(self, cell: Row) -> bool:
        return cell["seed"] in self._runs.get(self._settings(cell), {})

    def rows(self) -> list[Row]:
        return [row for runs in self._runs.values() for row in runs.values()]

    def find(self, host: str, arm: dict[str, Any], **settings: Any) -> dict[int, Row]:
        """Rows of one arm of one host by seed. KeyError for a setting that is none of `defaults`."""
        unknown = sorted(settings.keys() - self.defaults.keys())
        require(not unknown, "settings", unknown, f"some of {', '.join(self.defaults)}", KeyError)
        return self._runs.get(self._settings({"host": host, "arm": arm, **settings}), {})

    def _settings(self, row: Row) -> str:
        named = {name: row.get(name, default) for name, default in self.defaults.items()}
        return json.dumps({"host": row["host"], "arm": row["arm"], **named}, sort_keys=True)


def score(row: Row, path: str) -> float | None:
    """A score of a row by its path, such as "U" or "scores/generations/present"; None where there is none.

    A path "a : b" is the ratio of two.
    """
    if " : " in path:
        above, below = (score(row, part) for part in path.split(" : "))
        return above / below if below else None
    for part in path.split("/"):
        row = row[part]
    return row


def differences(a: dict[int, Row], b: dict[int, Row], path: str) -> dict[int, float]:
    """How much higher a score is in `a` than in `b`, rows by seed, for the seeds that both have."""
    both = {seed: (score(a[seed], path), score(b[seed], path)) for seed in a if seed in b}
    return {seed: x - y for seed, (x, y) in both.items() if x is not None and y is not None}
