"""The record of a run: the metrics, claims, figures and tables of a notebook, for the runner and the report.

    record = Record(run_dir, profile)
    record.metric("accuracy", accuracy)
    record.claim("the code keeps the label", accuracy, at_least=0.96)
    record.figure("plane", plots.plane(rate=rate, accuracy=accuracy), "What the code keeps.")

In JupyterLab `run_dir` is empty: claims and figures are shown and nothing is written. The runner names a folder;
everything recorded is written to its `metrics.json` at once, so that an interrupted run loses nothing. A value that
cannot be kept is refused when it is recorded, and earlier records stay.
"""

import html
import json
import math
import os
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infotok.errors import require, require_folder, require_text
from infotok.files import frame_as_csv, plain, to_json, write_atomically, write_json
from infotok.lab.recorded import remove_recorded
from infotok.lab.tables import Table

PROFILES = ("smoke", "laptop", "full", "gpu")  # by size: a later one judges what an earlier one judges

NAME = re.compile(
    r"\w(?:[\w ,.'()+=%-]{0,98}[\w)%])?"
)  # of metrics, figures and tables: it can be a file's on any system


def require_name(kind: str, name: Any) -> None:
    """Raise ValueError unless `name` can name a metric, a figure or a table, and so a file of its own."""
    expected = "one line of letters, digits, spaces and , . ' ( ) + = % -, at most 100"
    require(isinstance(name, str) and NAME.fullmatch(name), f"{kind}'s name", name, expected)


def headless() -> bool:
    """True under `infotok run`, where nobody watches a progress bar inside the notebook."""
    return "INFOTOK_RUN" in os.environ


@dataclass(frozen=True)
class Claim:
    """A claim: a sentence, the number that it is about, and whether the number meets its bound.

    Attributes:
        text: the sentence.
        value: the number.
        bound: what the number must meet, in words.
        holds: whether it does; None if the claim is not judged at this profile.
        source: where the bound comes from, or "".
        judged_at: the smallest profile that judges it.

    Example:
        >>> from infotok.lab import Record
        >>> claim = Record().claim("A fair coin has one bit", 1.0, close_to=1.0, tol=0.01)
        >>> claim.holds, claim.verdict
        (True, 'holds')
    """

    text: str
    value: float
    bound: str
    holds: bool | None
    source: str
    judged_at: str

    @property
    def verdict(self) -> str:
        return {True: "holds", False: "fails", None: f"not judged below {self.judged_at}"}[self.holds]

    def __repr__(self) -> str:
        source = f" [{self.source}]" if self.source else ""
        return f"{self.verdict}: {self.text}: {self.value:.4g}, claimed {self.bound}{source}"

    def _repr_html_(self) -> str:
        mark, colour = {True: ("✓", "#009E73"), False: ("✗", "#D55E00"), None: ("–", "#666666")}[self.holds]
        source = f"<br><small>{html.escape(self.source)}</small>" if self.source else ""
        return (
            f'<div style="border-left:4px solid {colour};padding:.3em .8em;margin:.3em 0">'
            f'<b style="color:{colour}">{mark} {self.verdict}</b> &nbsp;{html.escape(self.text)}: '
            f"<b>{self.value:.4g}</b> (claimed {html.escape(self.bound)}){source}</div>"
        )


class Record:
    """Collects metrics, claims, figures and tables of one run of one notebook.

    Args:
        run_dir: the run's folder, or "" or None to keep nothing on disk.
        profile: "smoke", "laptop", "full" or "gpu".

    Example:
        >>> from infotok.lab import Record
        >>> record = Record(profile="laptop")  # Record(run_dir) keeps it in a folder
        >>> record.metric("nats", 0.51)
        0.51
        >>> record.claim("The estimate is close to the truth", 0.52, close_to=0.51, tol=0.05)
        holds: The estimate is close to the truth: 0.52, claimed 0.51 ± 0.05
        >>> record.metrics, len(record.claims)
        ({'nats': 0.51}, 1)
    """

    def __init__(self, run_dir: str | Path = "", profile: str = "laptop") -> None:
        require(profile in PROFILES, "profile", profile, f"one of {', '.join(PROFILES)}")
        self.profile = profile
        kept = run_dir is not None and run_dir != ""
        if kept:
            require_folder("run_dir", run_dir)
        self.folder = Path(run_dir) if kept else None
        self.metrics: dict[str, Any] = {}
        self.claims: list[Claim] = []
        self.figures: dict[str, dict] = {}
        self.tables: dict[str, str] = {}
        if self.folder:  # a resumed run records everything again; only the cells of its sweeps are kept
            remove_recorded(self.folder)
            self._write()

    @property
    def cells(self) -> Path | None:
        """Where this run's sweeps keep their finished cells."""
        return self.folder / "cells" if self.folder else None

    def metric(self, name: str, value: Any) -> Any:
        """Keep `value`, a number, or a list or dict of numbers, under `name`; returns it.

        Raises TypeError, with the name and the key, for a value that JSON cannot hold.
        """
        self._new("metric", name, self.metrics)
        self.metrics[name] = _as_json(name, value)  # a copy: the notebook may change the value later
        self._write()
        return value

    def claim(
        self,
        text: str,
        value: float,
        *,
        at_least: float | None = None,
        at_most: float | None = None,
        close_to: float | None = None,
        tol: float | None = None,
        source: str = "",
        judged_at: str = "laptop",
    ) -> Claim:
        """State `text` and judge `value` against its bound. A failed claim is shown, and fails the run at its end.

        Give `at_least`, `at_most` or both, or `close_to` with its tolerance `tol`; `source` says where the bound comes
        from. The claim is judged at the profile `judged_at` and above: a smoke run is too small for most claims.
        A value that is NaN or infinite fails.

        Raises ValueError for bounds that are missing, not finite, or met by nothing or everything;
        TypeError for a value that is not one number.
        """
        for name, words in (("text", text), ("source", source)):
            require(isinstance(words, str), f"claim's {name}", words, "text", TypeError)
        require(judged_at in PROFILES, "judged_at", judged_at, f"one of {', '.join(PROFILES)}")
        low, high, bound = _bounds(text, at_least, at_most, close_to, tol)
        value = _number(f"value of the claim {text!r}", value)
        holds = math.isfinite(value) and low <= value <= high
        judged = PROFILES.index(self.profile) >= PROFILES.index(judged_at)
        claim = Claim(text, value, bound, holds if judged else None, source, judged_at)
        self.claims.append(claim)
        self._write()
        return claim

    def figure(self, name: str, fig: Any, caption: str = "") -> Any:
        """Keep `fig` as figures/`name`.png and the recipe that redraws it; returns it, to be shown with `caption`.

        `fig` comes from a function of `infotok.lab.plots`, which remembers its data. Another Matplotlib figure
        is kept as a picture only.
        """
        self._new("figure", name, self.figures)
        require_text("caption", caption)
        drawn = hasattr(fig, "savefig") and not isinstance(fig, type)
        require(drawn, f"figure {name}", type(fig).__name__, "a Matplotlib figure", TypeError)
        kept = _as_json(name, {"caption": caption, **(getattr(fig, "recipe", None) or {})})
        if hasattr(fig, "recipe"):
            fig.caption = caption
        if self.folder:
            from infotok.lab.plots.style import save  # Matplotlib only where something is drawn

            save(fig, self.folder / "figures" / f"{name}.png")
        self.figures[name] = kept
        self._write()
        return fig

    def table(self, name: str, frame: Any, caption: str = "") -> Table:
        """Keep a pandas `frame` as tables/`name`.csv by `frame_as_csv`; returns it, to be shown above its `caption`."""
        self._new("table", name, self.tables)
        require_text("caption", caption)
        listed = hasattr(frame, "to_csv") and not isinstance(frame, type)
        require(listed, f"table {name}", type(frame).__name__, "a pandas frame", TypeError)
        if self.folder:
            write_atomically(self.folder / "tables" / f"{name}.csv", frame_as_csv(frame))
        self.tables[name] = caption
        self._write()
        return Table(frame, caption)

    def _new(self, kind: str, name: str, used: dict[str, Any]) -> None:
        """Refuse a name used twice in a headless run; in JupyterLab a cell that is run again replaces its record."""
        require_name(kind, name)
        require(not (headless() and name in used), f"{kind}'s name", name, "a name that this run has not used yet")

    def _write(self) -> None:
        if not self.folder:
            return
        content = {
            "profile": self.profile,
            **_device(),
            "metrics": self.metrics,
            "claims": [asdict(claim) for claim in self.claims],
            "figures": self.figures,
            "tables": self.tables,
        }
        write_json(self.folder / "metrics.json", content)


def _device() -> dict[str, Any]:
    """The accelerator in use and its peak memory, if the notebook has imported torch and found one."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return {"device": "cpu"}
    return {"device": torch.cuda.get_device_name(), "peak_device_gib": torch.cuda.max_memory_allocated() / 2**30}


def _bounds(text: str, at_least: Any, at_most: Any, close_to: Any, tol: Any) -> tuple[float, float, str]:
    """The lowest and the highest value that meet a claim, and the bound in words."""
    given = {"at_least": at_least, "at_most": at_most, "close_to": close_to, "tol": tol}
    given = {name: _number(name, value) for name, value in given.items() if value is not None}
    for name, value in given.items():
        require(math.isfinite(value), name, value, "a finite number")
    one_kind = given and (given.keys() == {"close_to", "tol"} or given.keys() <= {"at_least", "at_most"})
    require(("close_to" in given) == ("tol" in given), "tol", tol, "a tolerance together with close_to, or neither")
    require(one_kind, "claim", text, "a bound: at_least, at_most or both, or close_to with tol")
    if "tol" in given:
        require(given["tol"] >= 0, "tol", tol, "a number of at least 0")
        close, tol = given["close_to"], given["tol"]
        return close - tol, close + tol, f"{close:.4g} ± {tol:.4g}"
    low, high = given.get("at_least", -math.inf), given.get("at_most", math.inf)
    require(low <= high, "at_least", at_least, f"at most the {high:g} of at_most")
    words = [f"{name.replace('_', ' ')} {given[name]:g}" for name in ("at_least", "at_most") if name in given]
    return low, high, " and ".join(words)


def _number(name: str, value: Any) -> float:
    """`value` as a float; refuses what is not one real number."""
    number = plain(value)
    require(isinstance(number, (bool, int, float)), name, value, "one number", TypeError)
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _as_json(name: str, value: Any) -> Any:
    """`value` as the file keeps it; a TypeError of one line names what JSON cannot hold."""
    for where, item in _dicts(value, name):
        expected = "keys that differ as text"
        require(len({str(key) for key in item}) == len(item), where, [*item], expected, TypeError)
    try:
        return _through_json(value)
    except Exception:
        where, leaf = _unserialisable(value, name)
        expected = "numbers, text, None, and lists, dicts, arrays and tensors of these"
        require(False, where, type(leaf).__name__, expected, TypeError)


def _through_json(value: Any) -> Any:
    return json.loads(to_json(value).encode())


def _items(value: Any, where: str) -> list[tuple[str, Any]]:
    """The entries of a dict, a list or a tuple with their places, such as `losses[3]`; [] for anything else."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else []
    return [(f"{where}[{key!r}]", item) for key, item in entries]


def _dicts(value: Any, where: str, depth: int = 0):
    """The dicts in `value`, each with its place."""
    if isinstance(value, dict):
        yield where, value
    for place, item in _items(value, where) if depth < 100 else []:
        if isinstance(item, (dict, list, tuple)):
            yield from _dicts(item, place, depth + 1)


def _unserialisable(value: Any, where: str, depth: int = 0) -> tuple[str, Any]:
    """The first innermost part of `value` that JSON cannot hold, with its place."""
    for place, item in _items(value, where) if depth < 20 else []:
        try:
            _through_json(item)
        except Exception:
            return _unserialisable(item, place, depth + 1)
    return where, value
