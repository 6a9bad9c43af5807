"""Recorded tables as notebooks show them."""

import re

import pandas as pd
import pytest
from IPython.core.formatters import DisplayFormatter

from infotok.lab import Record

SHOW = DisplayFormatter()


def shown(frame, caption="Two rows."):
    data, _ = SHOW.format(Record().table("rows", frame, caption))
    return data["text/html"], data["text/plain"]


def test_a_table_stands_above_its_caption():
    """The captions of tables were kept, and no reader saw them."""
    page, text = shown(pd.DataFrame({"nats": [0.5, 0.25]}))
    assert page.index("</table>") < page.index("<p><em>Two rows.</em></p>")
    assert text.splitlines()[-1] == "Two rows."
    assert re.findall(r"<t[hd]>(.*?)</t", page) == ["nats", "0.50", "0.25"], "no column of row numbers"


@pytest.mark.parametrize(
    ("frame", "first"),
    [
        (pd.DataFrame({"nats": [1, 2]}, index=["a", "b"]), "a"),
        (pd.Series([1, 2], index=["a", "b"], name="nats"), "a"),
        (pd.DataFrame({"host": ["a", "b", "a"], "nats": [1, 2, 3]}).groupby("host").sum(), "a"),
        (pd.DataFrame({"host": ["a", "b"]}).drop_duplicates(), "a"),
    ],
)
def test_labels_of_rows_are_shown(frame, first):
    page, text = shown(frame)
    assert f">{first}</t" in page
    assert first in text


def test_a_missing_value_is_a_dash_and_a_caption_is_text():
    page, text = shown(pd.DataFrame({"U": [0.5, None], "host": ["a", None]}), "Below 5 % & <b>.")
    assert "NaN" not in page + text
    assert "None" not in page + text
    assert "<em>Below 5 % &amp; &lt;b&gt;.</em>" in page


def test_two_tables_can_be_compared_and_kept_in_a_set():
    """Two frames compare cell by cell, so the equality of their tables had no truth value."""
    one, other = (Record().table("rows", pd.DataFrame({"n": [1, 2]})) for _ in range(2))
    assert one != other
    assert len({one, other, one}) == 2


def test_a_long_table_is_cut():
    page, text = shown(pd.DataFrame({"n": range(1000)}), "")
    assert page.count("<tr") < 70
    assert len(text.splitlines()) < 70
    assert "<em>" not in page
