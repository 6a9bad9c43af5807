"""Handouts and slides: what stands on which page, without an answer on the sheet, whole without a network."""

import re
import shutil
from dataclasses import replace
from functools import cache
from html import unescape
from pathlib import Path

import pytest
from courses import copy_of_the_clone, ended_run, infotok
from playwright.sync_api import sync_playwright
from small_lesson import CELLS, small_course

from infotok.course.course import Course
from infotok.course.handouts import write_handouts
from infotok.course.markup import mathjax, to_html
from infotok.course.material import Part, read_lesson
from infotok.course.results import Results
from infotok.course.slides import slides_of, write_slides
from infotok.files import read_json, write_json

CLONE = Course(Path(__file__).parents[2])
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PIXEL = b"\x89PNG a picture"


def words(html: str) -> str:
    """The text of a page, without scripts, styles, marks and blanks."""
    html = re.sub(r"<(script|style)>.*?</\1>", "", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub("<[^>]+>", "", re.sub("</t[dh]>", " ", html))).split())


@cache
def said(markdown: str) -> str:
    return words(to_html(markdown))


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """Both sheets and the slides of every lesson, from the committed results."""
    root = copy_of_the_clone(tmp_path_factory.mktemp("handouts"))
    write_handouts(Course(root), CLONE.names, "laptop", [])
    write_slides(Course(root), CLONE.names, "laptop", [])
    return root / "runs" / "laptop"


@pytest.mark.parametrize("name", CLONE.names)
def test_the_sheet_asks_and_the_other_sheet_answers(written, name):
    lesson = read_lesson(CLONE, name)
    sheet = words((written / "handouts" / f"{name}.html").read_text())
    answers = words((written / "handouts" / f"{name}-answers.html").read_text())
    asked = [*lesson.able, *(text for part in lesson.of("prediction") for text in (part.text, *part.items))]
    asked += [text for part in lesson.of("play") for text in part.items]
    asked += [part.exercise.question for part in lesson.of("exercise")]
    assert [text for text in asked if said(text) not in sheet] == []
    kept = [part.text for part in lesson.of("answers")]
    for part in lesson.of("exercise"):
        kept += [part.exercise.solution, *part.exercise.mistakes.values()]
    assert [text for text in kept if said(text) not in answers] == []
    assert [text for text in kept if said(text) in sheet] == []
    record = read_json(CLONE.root / "figures" / name / "metrics.json")
    assert [claim["text"] for claim in record["claims"] if claim["text"] not in answers] == []
    assert "holds" in answers
    assert "✓" not in sheet
    assert [figure["caption"] for figure in record["figures"].values() if figure["caption"] not in sheet] == []


@pytest.mark.parametrize("name", CLONE.names)
def test_the_slides_have_every_part_and_every_figure_once(written, name):
    lesson = read_lesson(CLONE, name)
    page = (written / "slides" / f"{name}.html").read_text()
    kinds = re.findall(r'<section class="(\w+)', page)
    assert kinds[:2] == ["title", "question"]
    for kind in ("prediction", "formula", "play", "answers", "exercise"):
        assert kinds.count(kind) == len(lesson.of(kind)), kind
    figures = read_json(CLONE.root / "figures" / name / "metrics.json")["figures"]
    assert kinds.count("figure") == len(figures)
    assert [caption for caption in (each["caption"] for each in figures.values()) if caption not in words(page)] == []
    assert "claims" in kinds
    assert kinds.index("claims") > max(at for at, kind in enumerate(kinds) if kind == "figure")
    assert kinds.index("prediction") < kinds.index("claims")


def with_committed(course: Course) -> Course:
    claim = {
        "text": "it counts",
        "value": 2.0,
        "bound": "at least 2",
        "holds": True,
        "source": "",
        "judged_at": "smoke",
    }
    folder = course.root / "figures" / "00_small"
    figures = {"counted": {"caption": "What was counted."}}
    write_json(folder / "metrics.json", {"metrics": {}, "claims": [claim], "figures": figures})
    (folder / "counted.png").write_bytes(PIXEL)
    return course


def test_the_run_asked_for_comes_before_the_committed_results(tmp_path):
    course = with_committed(small_course(tmp_path))
    sheet, answers = write_handouts(course, ["00_small"], "laptop", [])
    assert "The results committed with the course." in words(sheet.read_text())
    assert "it counts 2 at least 2 ✓ holds" in words(answers.read_text())
    ended_run(tmp_path, "00_small", "steps=5", figures={"counted": {"caption": "Counted again."}})
    _, answers = write_handouts(course, ["00_small"], "laptop", ["steps=5"])
    assert "one is one" in words(answers.read_text())
    (slides,) = write_slides(course, ["00_small"], "laptop", ["steps=5"])
    assert "Counted again." in words(slides.read_text())


@pytest.mark.parametrize(("profile", "times"), [("smoke", 1), ("laptop", 0)])
def test_a_page_of_a_run_too_small_to_judge_says_so_once(tmp_path, profile, times):
    course = small_course(tmp_path)
    figures = {"counted": {"caption": "Counted."}, "again": {"caption": "Counted again."}}
    ended_run(tmp_path, "00_small", profile=profile, figures=figures)
    for path in (*write_handouts(course, ["00_small"], profile, []), *write_slides(course, ["00_small"], profile, [])):
        assert words(path.read_text()).count("too small to judge") == times


def test_a_claim_that_fails_is_shown_as_one(tmp_path):
    course = small_course(tmp_path)
    claim = {"text": "<b>", "value": 1.0, "bound": "at least 2", "holds": False, "source": "", "judged_at": "smoke"}
    ended_run(tmp_path, "00_small", claims=[claim])
    for path in (
        write_handouts(course, ["00_small"], "laptop", [])[1],
        *write_slides(course, ["00_small"], "laptop", []),
    ):
        assert "&lt;b&gt;" in path.read_text()
        assert "✗ fails" in words(path.read_text())


def test_the_commands_write_files_or_one_line(tmp_path):
    root = with_committed(small_course(tmp_path)).root
    made = infotok(root, "handout", "00_small")
    assert made.stdout.split() == ["runs/laptop/handouts/00_small.html", "runs/laptop/handouts/00_small-answers.html"]
    assert infotok(root, "slides").stdout.split() == ["runs/laptop/slides/00_small.html"]
    wrong = infotok(root, "handout", "00_smal")
    assert wrong.returncode == 2
    assert wrong.stderr.strip() == (
        "infotok: notebook: got '00_smal', expected one of the course; did you mean 00_small?"
    )


def test_a_lesson_that_lacks_a_section_is_one_line_and_nothing_is_written(tmp_path):
    root = with_committed(small_course(tmp_path, tuple(cell.replace("**Predict", "**Guess") for cell in CELLS))).root
    wrong = infotok(root, "slides")
    assert wrong.returncode == 2
    assert wrong.stderr.strip() == (
        "infotok: 00_small: got a lesson without it, expected a paragraph that begins with '**Predict'"
    )
    assert not (root / "runs").exists()


def test_markdown_becomes_html_that_fetches_nothing():
    html = to_html(
        "a $x < y$ [here](02.ipynb) [there](https://a.b)\n\n$$c$$\n\n<script>1</script> <img src=http://a.b/c>"
    )
    assert r'<span class="math inline">\(x &lt; y\)</span> here <a href="https://a.b">there</a>' in html
    assert r"\[c\]" in html
    assert "script" not in html
    assert "src" not in html
    assert "</script" not in mathjax()[8:].split("</script>", 2)[1]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH: apt-get install chromium")
def test_pages_open_offline_and_every_slide_fits(written, tmp_path):
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*flags, "--disable-sync"])
        for name in ("01_measuring_information", "13_rate_and_utility"):
            tab = opened(browser, written / "handouts" / f"{name}.html")
            tab.pdf(path=tmp_path / "sheet.pdf", prefer_css_page_size=True)
            assert (tmp_path / "sheet.pdf").stat().st_size > 20_000
            tab = opened(browser, written / "slides" / f"{name}.html")
            shown = tab.locator("section.here")
            for number in range(1, tab.locator("section").count() + 1):
                assert shown.count() == 1
                assert shown.locator("footer").inner_text().endswith(f"{number} / {tab.locator('section').count()}")
                over = shown.locator(".body").evaluate("body => body.scrollHeight - body.clientHeight")
                assert over <= 1, f"{name}: slide {number} does not fit"
                tab.keyboard.press("ArrowRight")
            tab.keyboard.press("Home")
            assert "title" in shown.get_attribute("class")
        browser.close()


def opened(browser, path: Path):
    """The page, with its formulas set; fails for whatever it fetches and for an error of its script."""
    tab = browser.new_page(viewport={"width": 1024, "height": 768})
    fetched, errors = [], []
    tab.on("request", lambda request: fetched.append(request.url))
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.goto(path.as_uri())
    tab.evaluate("() => MathJax.startup.promise.then(() => 0)")
    assert [url for url in fetched if not url.startswith(("file:", "data:"))] == []
    assert errors == []
    assert tab.locator(".math").count() == tab.locator("mjx-container").count() > 0
    assert tab.locator("[data-mml-node=merror]").count() == 0
    return tab


def test_a_figure_behind_the_first_exercise_is_on_one_slide():
    lesson = read_lesson(CLONE, "00_start_here")
    late = replace(lesson, parts=(*lesson.parts, Part("figures", "Later", items=("later",))))
    figures = [{"name": name, "caption": name, "source": ""} for name in ("course", "later")]
    shown = [slide.figure["name"] for slide in slides_of(late, Results([], figures, "")) if slide.figure]
    assert sorted(shown) == ["course", "later"]
