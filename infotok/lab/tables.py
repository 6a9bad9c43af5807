"""A recorded table as a notebook shows it: the frame above its caption."""

import html
from dataclasses import dataclass
from typing import Any

from infotok.files import has_labels

__all__ = ["Table"]

MOST_ROWS = 60  # that are shown, as pandas does


@dataclass(frozen=True, eq=False)  # two frames compare cell by cell, which is no truth value
class Table:
    """What `Record.table` returns: a pandas frame that shows itself above its caption.

    Numbers of rows are left out, as in the CSV file, and a missing value is a dash.

    Args:
        frame: the pandas frame or series, as it was given.
        caption: one sentence, plain text; "" for none.

    Example:
        >>> import pandas as pd
        >>> from infotok.lab import Record
        >>> Record().table("levels", pd.DataFrame({"beta": [0.1], "nats": [0.51]}), "Two levels, in nats.")
        beta  nats
         0.1  0.51
        Two levels, in nats.
    """

    frame: Any
    caption: str = ""

    def __repr__(self) -> str:
        rows = self._as_frame().to_string(max_rows=MOST_ROWS, **self._shown())
        return f"{rows}\n{self.caption}" if self.caption else rows

    def _repr_html_(self) -> str:
        rows = self._as_frame().to_html(max_rows=MOST_ROWS, **self._shown())
        return f"{rows}\n<p><em>{html.escape(self.caption)}</em></p>" if self.caption else rows

    def _as_frame(self) -> Any:
        return self.frame.to_frame() if hasattr(self.frame, "to_frame") else self.frame

    def _shown(self) -> dict[str, Any]:
        return {"index": has_labels(self.frame), "na_rep": "–"}
