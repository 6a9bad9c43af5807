"""The site: what was run, found by its search, with formulas and without a word from the network."""

import json
import re
import shutil
from html import unescape
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from courses import ended_run, infotok, make_course
from playwright.sync_api import sync_playwright

from infotok.course.course import Course
from infotok.course.reference import AREAS

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[2] / "docs"
STATIC = DOCS / "_static"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH: apt-get install chromium")
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
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def opened(browser, page: Path, query: str = ""):
    """The page, opened from disk; fails for any request beyond the disk and for a dialog."""
    tab = browser.new_page()
    wanted, dialogs = [], []
    tab.on("request", lambda request: wanted.append(request.url))
    tab.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    tab.goto(f"{page.as_uri()}{query}")
    tab.evaluate("() => MathJax.startup.promise.then(() => 0)")
    assert all(url.startswith(("file:", "data:", "blob:")) for url in wanted), wanted
    assert not dialogs
    return tab


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    root = make_course(tmp_path_factory.mktemp("site"), {"00_first": [FIRST, WIDGET], "01_second": ["1"]})
    docs = root / "docs"
    shutil.copytree(STATIC, docs / "_static")
    (docs / "index.md").write_text("# A course\n\nBegin with [the first](../notebooks/00_first.ipynb).")
    shutil.copy(DOCS / "api.md", docs)
    path = Course(root).notebook("00_first")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].metadata["jupyter"] = {"source_hidden": True}
    nbformat.write(notebook, path)
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
    assert "1 claim, marked – below, is judged from laptop on." in text
    assert text.count("too small to judge") == 1, "said once, at the top"
    assert text.index("too small to judge") < text.index("This run")
    assert text.count("not judged") == 0, "and it is said once"
    assert 'href="../report.html#00_first"' in page
    assert (site / "report.html").exists()
    assert "run_dir = " not in page  # nothing of the machine that ran it
    assert "A widget stands here, at its start: with n = 0" in text
    assert "infotok lab, then scratch/00_first.ipynb" in text
    assert page.count('<details class="admonition hide above-input">') == 3, "every cell of code is folded"
    assert 'href="notebooks/00_first.html"' in (site / "report.html").read_text()
    assert 'href="site/notebooks/00_first.html"' in (site.parent / "report.html").read_text()


def test_a_lesson_that_was_not_run_says_so(site):
    assert "was not run at the profile smoke" in (site / "notebooks" / "01_second.html").read_text()
    assert "not run" in (site / "index.html").read_text()


def test_the_search_finds_words_of_lessons(site):
    assert "perspicaci" in (site / "searchindex.js").read_text()  # Sphinx keeps stems


def test_formulas_are_set_by_a_mathjax_of_the_site(site):
    page = (site / "notation.html").read_text()
    assert r"\(H(Y) \le \ln 10\)" in page
    assert r"\(\nosuchcommand{\)" in page, "MathJax marks what it cannot read"
    assert 'src="_static/mathjax/tex-svg.js' in page
    (script,) = re.findall(r"window.MathJax = ({.*?})</script>", page)
    configured = json.loads(script)
    assert configured["options"]["processHtmlClass"] == "math|text_html"
    assert configured["tex"]["packages"] == {"[-]": ["require", "autoload"]}, "no formula loads anything"
    assert configured["loader"]["load"] == ["ui/safe"]
    assert {path.name for path in (site / "_static" / "mathjax").rglob("*.js")} == {"tex-svg.js", "safe.js"}


def test_the_reference_has_the_public_names(site):
    page = (site / "api" / "information.html").read_text()
    text = re.sub("<[^>]+>", "", page)
    assert "estimate_mi(" in text
    assert 'href="api.html"' in (site / "index.html").read_text()
    for area in AREAS:
        names = getattr(import_module(f"infotok.{area}"), "__all__", []) if find_spec(f"infotok.{area}") else []
        page = (site / "api" / f"{area}.html").read_text() if names else ""
        missing = [name for name in names if f">{name}<" not in page]
        assert not missing, f"infotok.{area}"


def test_nothing_is_fetched(site):
    fetched = re.compile(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"((?:https?:)?//[^\"]+)")
    for page in site.rglob("*.html"):
        if page.parent.name != "_static":
            assert not fetched.findall(page.read_text()), page


@in_a_browser
def test_formulas_and_the_search_work_from_disk(site, browser):
    tab = opened(browser, site / "notation.html")
    assert tab.locator("mjx-container svg").count() == 1
    assert opened(browser, site / "notebooks" / "00_first.html").locator("b mjx-container").count() == 1, "of an output"
    found = opened(browser, site / "search.html", "?q=perspicacious").locator("#search-results li a").first
    found.wait_for()
    assert found.get_attribute("href").startswith("notebooks/00_first.html")


EVIL = "</code></p>\n\n```\n<script>alert('ran')</script> $\\href{javascript:alert(1)}{x}$"
LIVE = """
<script>alert('ran')</script><img src=x onerror="alert('ran')">

# A title <script>alert('ran')</script>

[secret](UP/secret.txt) ![secret](UP/secret.png)

```{raw} html
<script>alert('ran')</script>
```

$\\href{javascript:alert(1)}{x}$ $\\require{[http://evil.example]/x} y$ $\\mmlToken{mi}[href="javascript:alert(1)"]{z}$
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
        nbformat.v4.new_raw_cell(LIVE, metadata={"format": "text/html"}),
        nbformat.v4.new_code_cell("1", outputs=[html, claimed], metadata={"tags": [EVIL]}),
    ]
    claim = {"text": EVIL, "value": 1.0, "bound": EVIL, "holds": True, "source": "", "judged_at": "laptop"}
    ended_run(root, "00_first", "names=[" + json.dumps(EVIL) + "]", command=EVIL, claims=[claim], cells=cells)
    made = infotok(root, "site", "-p", "names=[" + json.dumps(EVIL) + "]")
    assert made.returncode == 0, made.stderr
    return root / "runs" / "laptop" / "site"


def test_nothing_of_a_strangers_run_is_live(strange):
    for page in ("notebooks/00_first.html", "index.html", "report.html", "searchindex.js"):
        text = (strange / page).read_text()
        assert "<script>alert" not in text, page
        tags = "".join(re.findall(r"<[^>]*>", text)) if page.endswith("html") else ""
        assert "onerror" not in tags, page
        assert "javascript:" not in tags, page
    page = (strange / "notebooks" / "00_first.html").read_text()
    assert "<script>alert('ran')</script>" in unescape(re.sub("<[^>]+>", "", page)), "the command is there as text"
    assert r"\(a &lt; b\)" in (strange / "index.html").read_text()


@in_a_browser
def test_no_formula_of_a_strangers_run_links_or_loads_anything(strange, browser):
    tab = opened(browser, strange / "notebooks" / "00_first.html")
    assert tab.locator("mjx-container").count() >= 3
    assert tab.locator("mjx-container :is(a, script, image, foreignObject)").count() == 0
    links = tab.eval_on_selector_all("a", "links => links.map(link => String(link.href.baseVal ?? link.href))")
    assert not [link for link in links if "script:" in link]


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
