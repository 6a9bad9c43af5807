"""The site: what was run, found by its search, with formulas and without a word from the network."""

import re
import shutil
from pathlib import Path

import pytest
from courses import infotok, make_course

FIRST = """
from infotok.reproduce import Record
record = Record(run_dir, profile)
record.claim("two is more than one", 2, at_least=1)
print("perspicacious", 6 * 7)
from IPython.display import HTML
HTML("<b>$z_1$</b>")
"""
WIDGET = "import ipywidgets; ipywidgets.IntSlider(description='n')"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    root = make_course(tmp_path_factory.mktemp("site"), {"00_first": [FIRST, WIDGET], "01_second": ["1"]})
    docs = root / "docs"
    shutil.copytree(Path(__file__).parents[1] / "docs" / "_static", docs / "_static")
    (docs / "index.md").write_text("# A course\n\nBegin with [the first](../notebooks/00_first.ipynb).")
    (docs / "notation.md").write_text("# Notation\n\n$H(Y) \\le \\ln 10$, and $\\nosuchcommand{$ is no formula.\n")
    ran = infotok(root, "run", "00_first", "--profile", "smoke")
    assert ran.returncode == 0, ran.stdout
    made = infotok(root, "site", "--profile", "smoke")
    assert made.returncode == 0, made.stderr
    assert made.stdout.strip() == "runs/smoke/site/index.html"
    return root / "runs" / "smoke" / "site"


def test_a_lesson_stands_there_as_it_ran_with_the_run_it_was(site):
    page = (site / "notebooks" / "00_first.html").read_text()
    text = re.sub("<[^>]+>", "", page)
    assert "perspicacious 42" in text
    assert "infotok run 00_first --profile smoke" in text
    assert "Claims: 1 are not judged" in text  # at the profile smoke nothing is
    assert 'href="../report.html#00_first"' in page
    assert (site / "report.html").exists()
    assert "run_dir = " not in page  # nothing of the machine that ran it
    assert "something to play with" in page


def test_a_lesson_that_was_not_run_says_so(site):
    assert "was not run at the profile smoke" in (site / "notebooks" / "01_second.html").read_text()
    assert "not run" in (site / "index.html").read_text()


def test_the_search_finds_words_of_lessons(site):
    assert "perspicaci" in (site / "searchindex.js").read_text()  # Sphinx keeps stems


def test_formulas_are_mathml_and_what_is_none_stays(site):
    page = (site / "notation.html").read_text()
    assert "<math" in page
    assert "MathJax" not in page
    assert "<b><math" in (site / "notebooks" / "00_first.html").read_text(), "what a cell showed"


def test_nothing_is_fetched(site):
    fetched = re.compile(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"((?:https?:)?//[^\"]+)")
    for page in site.rglob("*.html"):
        if page.parent.name != "_static":
            assert not fetched.findall(page.read_text()), page


def test_without_a_run_there_is_one_line(tmp_path):
    root = make_course(tmp_path, {"00_first": ["1"]})
    ended = infotok(root, "site", "--profile", "smoke")
    assert ended.returncode == 2
    assert ended.stderr.strip() == (
        "infotok: profile: got smoke, of which no run has ended, expected one: infotok run --profile smoke"
    )
