"""The site: what was run, found by its search, with formulas and without a word from the network."""

import json
import re
import shutil
from html import unescape
from pathlib import Path

import nbformat
import pytest
from courses import ended_run, infotok, make_course

STATIC = Path(__file__).parents[2] / "docs" / "_static"
FIRST = """
from infotok.lab import Record
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
    shutil.copytree(STATIC, docs / "_static")
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


EVIL = "</code></p>\n\n```\n<script>alert('ran')</script> $\\href{javascript:alert(1)}{x}$"
LIVE = """
<script>alert('ran')</script><img src=x onerror="alert('ran')">

# A title <script>alert('ran')</script>

[secret](UP/secret.txt) ![secret](UP/secret.png)

```{raw} html
<script>alert('ran')</script>
```
"""


@pytest.fixture(scope="module")
def strange(tmp_path_factory) -> Path:
    """The site of a run that somebody else made, and made as bad as can be."""
    root = make_course(tmp_path_factory.mktemp("strange"), {"00_first": ["1"]})
    shutil.copytree(STATIC, root / "docs" / "_static")
    (root / "docs" / "index.md").write_text("# A course\n\nPlain $a < b$.")
    for name in ("secret.txt", "secret.png"):
        (root / name).write_text("a-secret-of-this-machine")
    html = nbformat.v4.new_output("display_data", {"text/html": LIVE, "application/javascript": "alert('ran')"})
    claimed = nbformat.v4.new_output("display_data", {"text/html": r"<b>$\href{javascript:alert(1)}{seen}$</b>"})
    cells = [
        nbformat.v4.new_markdown_cell(LIVE.replace("UP", f"{'../' * 9}{root}")),
        nbformat.v4.new_code_cell("1", outputs=[html, claimed]),
    ]
    claim = {"text": EVIL, "value": 1.0, "bound": EVIL, "holds": True, "source": "", "judged_at": "laptop"}
    ended_run(root, "00_first", "names=[" + json.dumps(EVIL) + "]", command=EVIL, claims=[claim], cells=cells)
    made = infotok(root, "site", "-p", "names=[" + json.dumps(EVIL) + "]")
    assert made.returncode == 0, made.stderr
    return root / "runs" / "laptop" / "site"


def test_nothing_of_a_strangers_run_is_live(strange):
    for page in ("notebooks/00_first.html", "index.html", "report.html", "00_first.html", "searchindex.js"):
        text = (strange / page).read_text()
        assert "<script>alert" not in text, page
        tags = "".join(re.findall(r"<[^>]*>", text)) if page.endswith("html") else ""
        assert "onerror" not in tags, page
        assert "javascript:" not in tags, page
    page = (strange / "notebooks" / "00_first.html").read_text()
    assert "<script>alert('ran')</script>" in unescape(re.sub("<[^>]+>", "", page)), "the command is there as text"
    assert "<mi>s</mi><mi>e</mi>" in page, "and the formula without its link"
    assert "<mo>&lt;</mo>" in (strange / "index.html").read_text()


def test_no_file_of_this_machine_is_on_the_site(strange):
    for path in strange.rglob("*"):
        if path.is_file():
            assert b"a-secret-of-this-machine" not in path.read_bytes(), path


@pytest.mark.parametrize("directive", ["include", "literalinclude"])
def test_a_run_that_includes_a_file_makes_no_site(tmp_path, directive):
    root = make_course(tmp_path, {"00_first": ["1"]})
    shutil.copytree(STATIC, root / "docs" / "_static")
    (root / "docs" / "index.md").write_text("# A course\n")
    (root / "secret.txt").write_text("a-secret-of-this-machine")
    cell = nbformat.v4.new_markdown_cell(f"```{{{directive}}} {root / 'secret.txt'}\n```")
    ended_run(root, "00_first", cells=[cell])
    made = infotok(root, "site")
    assert made.returncode == 2
    assert made.stderr.splitlines()[-1].startswith("infotok: site: ")
    assert "00_first.ipynb" in made.stderr.splitlines()[-1]
    assert "a-secret" not in made.stderr
    assert not (root / "runs/laptop/site").exists()


def test_without_a_run_there_is_one_line(tmp_path):
    root = make_course(tmp_path, {"00_first": ["1"]})
    ended = infotok(root, "site", "--profile", "smoke")
    assert ended.returncode == 2
    assert ended.stderr.strip() == (
        "infotok: profile: got smoke, of which no run has ended, expected one: infotok run --profile smoke"
    )
