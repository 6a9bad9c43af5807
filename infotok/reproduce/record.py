"""What a notebook claims, measures and draws, kept where the runner and the report find it.

    record = Record(run_dir, profile)
    record.metric("accuracy", accuracy)
    record.claim("the code keeps the label", accuracy, at_least=0.96)
    record.figure("plane", plots.plane(rate=rate, accuracy=accuracy), "What the code keeps.")

In JupyterLab `run_dir` is empty: claims and figures are shown and nothing is written. The runner names a
folder, and everything said goes to its `metrics.json` at once, so that an interrupted run loses nothing.
"""

import html
import math
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infotok.errors import require
from infotok.files import write_atomically, write_json

PROFILES = ("smoke", "laptop", "gpu")  # from a quick look to the full experiment


def headless() -> bool:
    """True under `infotok run`, where nobody watches a progress bar inside the notebook."""
    return "INFOTOK_RUN" in os.environ


@dataclass(frozen=True)
class Claim:
    """One sentence, the number behind it, and whether the number bears it out (None: not judged at this profile)."""

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
        run_dir: the run's folder, or "" to keep nothing on disk.
        profile: "smoke", "laptop" or "gpu".
    """

    def __init__(self, run_dir: str | Path = "", profile: str = "laptop") -> None:
        require(profile in PROFILES, "profile", profile, f"one of {', '.join(PROFILES)}")
        self.profile = profile
        self.folder = Path(run_dir) if run_dir else None
        self.metrics: dict[str, Any] = {}
        self.claims: list[Claim] = []
        self.figures: dict[str, dict] = {}
        self.tables: dict[str, str] = {}
        if self.folder:  # a resumed run says everything again; only the cells of its sweeps are kept
            for name in ("figures", "tables"):
                shutil.rmtree(self.folder / name, ignore_errors=True)
            self._write()

    @property
    def cells(self) -> Path | None:
        """Where this run's sweeps keep their finished cells."""
        return self.folder / "cells" if self.folder else None

    def metric(self, name: str, value: Any) -> Any:
        """Keep a number, or a list or dict of numbers, under `name`; returns it."""
        self.metrics[name] = value
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

        Give `at_least`, `at_most` or both, or `close_to` with its tolerance `tol`. The claim is judged at the
        profile `judged_at` and above: a smoke run is too small to bear out what a laptop run shows.
        """
        require(judged_at in PROFILES, "judged_at", judged_at, f"one of {', '.join(PROFILES)}")
        require((close_to is None) == (tol is None), "tol", tol, "a tolerance together with close_to, or neither")
        low = at_least if close_to is None else close_to - tol
        high = at_most if close_to is None else close_to + tol
        require(low is not None or high is not None, "claim", text, "a bound: at_least, at_most or close_to with tol")
        bounds = [f"at least {at_least:g}"] if at_least is not None else []
        bounds += [f"at most {at_most:g}"] if at_most is not None else []
        bounds += [f"{close_to:.4g} ± {tol:.4g}"] if close_to is not None else []
        value = float(value)
        holds = (low is None or value >= low) and (high is None or value <= high) and not math.isnan(value)
        judged = PROFILES.index(self.profile) >= PROFILES.index(judged_at)
        claim = Claim(text, value, " and ".join(bounds), holds if judged else None, source, judged_at)
        self.claims.append(claim)
        self._write()
        return claim

    def figure(self, name: str, fig: Any, caption: str = "") -> Any:
        """Keep `fig` as figures/NAME.png with the recipe that redraws it; returns it, to be shown with its caption.

        `fig` comes from a function of `infotok.lab.plots`, which remembers its data. Another Matplotlib figure
        is kept as a picture only.
        """
        self.figures[name] = {"caption": caption, **(getattr(fig, "recipe", None) or {})}
        if hasattr(fig, "recipe"):
            fig.caption = caption
        if self.folder:
            from infotok.lab.plots.style import save  # Matplotlib only where something is drawn

            save(fig, self.folder / "figures" / f"{name}.png")
        self._write()
        return fig

    def table(self, name: str, frame: Any, caption: str = "") -> Any:
        """Keep a pandas frame as tables/NAME.csv; returns it, to be shown by the cell."""
        self.tables[name] = caption
        if self.folder:
            write_atomically(self.folder / "tables" / f"{name}.csv", frame.to_csv(index=False))
        self._write()
        return frame

    def _write(self) -> None:
        if not self.folder:
            return
        said = {
            "profile": self.profile,
            **_device(),
            "metrics": self.metrics,
            "claims": [asdict(claim) for claim in self.claims],
            "figures": self.figures,
            "tables": self.tables,
        }
        write_json(self.folder / "metrics.json", said)


def _device() -> dict[str, Any]:
    """The accelerator in use and its peak memory, if the notebook has imported torch and found one."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return {"device": "cpu"}
    return {"device": torch.cuda.get_device_name(), "peak_device_gib": torch.cuda.max_memory_allocated() / 2**30}
