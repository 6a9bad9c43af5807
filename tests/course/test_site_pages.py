"""Every page of the site as a reader sees it: on a telephone, a tablet and a computer, in light and dark, as slides, on
paper, and by keyboard. Two lessons run at smoke; the others stand there as their source.
"""

import re
import shutil
from pathlib import Path

import pytest
from courses import copy_of_the_clone, ended_run, infotok, make_course
from page_audit import CONTRAST, LAYOUT, LINKS, SMALLEST, WIDTHS, broken_links, complaints, opened
from playwright.sync_api import sync_playwright

from infotok.course.course import Course
from infotok.course.report import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH: apt-get install chromium"),
]
ROOT = Path(__file__).parents[2]
LESSON = "notebooks/04_variational_bottleneck.html"
RAN = ("00_start_here", "04_variational_bottleneck")
FAULTY = """<html><body style="background:#fff"><h3>third</h3><p style="color:#999">pale</p><img src="a.png">
<p style="opacity:.4">clear</p><p style="font-size:10px">small</p><div style="width:2000px">wide</div>
<table><tr><td>a long na...</td></tr></table></body></html>"""


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    root = copy_of_the_clone(tmp_path_factory.mktemp("pages"))
    shutil.copytree(ROOT / "docs", root / "docs")
    ran = infotok(root, "run", *RAN, "--profile", "smoke")
    assert ran.returncode == 0, ran.stdout
    made = infotok(root, "site", "--profile", "smoke")
    assert made.returncode == 0, made.stderr
    return root / "runs" / "smoke" / "site"


def test_the_audit_finds_what_is_wrong(browser):
    tab = browser.new_page()
    tab.set_content(FAULTY)
    found = "\n".join(complaints(tab))
    for fault in ("no title", "no language", "not one h1", "no alt text: a.png", "a picture that is not there"):
        assert fault in found
    for fault in ("390 px: scrolls sideways", "1440 px: scrolls sideways", "text of 10px: small"):
        assert fault in found
    assert "a cell cut short: a long na..." in found
    assert "contrast 2.85 of rgb(153, 153, 153): pale" in found, "#999 on white, by the formula of WCAG"
    assert "contrast 2.85 of rgb(0, 0, 0): clear" in found, "black of opacity 0.4 is #999"
    tab.close()


def test_nothing_is_wrong_with_any_page(site, browser):
    heard, found, told = [], [], {}
    pages = [page for page in sorted(site.rglob("*.html")) if "_static" not in page.parts]
    assert len(pages) > 40
    for page in pages:
        tab = opened(browser, page, heard)
        told[page] = tab.evaluate(LINKS)
        found += [f"{page.relative_to(site)}: {line}" for line in dict.fromkeys(complaints(tab))]
        tab.close()
    assert heard == []
    assert found == []
    assert broken_links(told) == []


def test_a_theme_chosen_against_the_computers_own_is_as_readable(site, browser):
    for chosen, computers in (("dark", "light"), ("light", "dark")):
        tab = opened(browser, site / LESSON, [])
        tab.emulate_media(color_scheme=computers)
        tab.get_by_role("button", name="Show all code").click()
        tab.evaluate("theme => { document.body.dataset.theme = theme }", chosen)
        assert tab.evaluate(CONTRAST) == [], f"{chosen} on a {computers} computer"
        tab.close()


def test_a_figure_opens_by_keyboard_at_a_size_at_which_it_can_be_read(site, browser):
    tab = opened(browser, site / LESSON, [])
    tab.set_viewport_size({"width": WIDTHS[0], "height": 800})
    first = tab.locator("article button.zoom").first
    column = tab.locator("article").bounding_box()
    assert first.bounding_box()["width"] >= column["width"], "full width"
    first.focus()
    tab.keyboard.press("Enter")
    picture = tab.locator("dialog[open] img")
    assert picture.get_attribute("alt") == first.locator("img").get_attribute("alt")
    own = picture.evaluate("image => [image.naturalWidth, image.getBoundingClientRect().width]")
    assert own[0] == own[1], "its own size, in which its text has at least 11 px"
    tab.keyboard.press("Escape")
    assert tab.locator("dialog[open]").count() == 0
    assert tab.evaluate("() => document.activeElement.className") == "zoom", "the focus is where it was"
    tab.close()


def test_a_dark_page_dims_its_figures_and_paper_does_not(site, browser):
    tab = opened(browser, site / LESSON, [])
    figure = tab.locator("article button.zoom img").first
    for theme, computers, expected in (
        ("auto", "dark", "brightness(0.85)"),
        ("auto", "light", "none"),
        ("dark", "light", "brightness(0.85)"),
        ("light", "dark", "none"),
    ):
        tab.emulate_media(color_scheme=computers)
        tab.evaluate("theme => { document.body.dataset.theme = theme }", theme)
        assert figure.evaluate("image => getComputedStyle(image).filter") == expected, (theme, computers)
    tab.emulate_media(media="print", color_scheme="dark")
    tab.evaluate("document.body.dataset.theme = 'dark'")
    assert figure.evaluate("image => getComputedStyle(image).filter") == "none"
    tab.close()


def test_on_a_computer_a_figure_of_usual_width_needs_no_scrolling(site, browser):
    tab = opened(browser, site / LESSON, [])
    measure = "all => all.map(one => [one.querySelector('img').naturalWidth, one.scrollWidth, one.clientWidth])"
    told = tab.locator("article .frame").evaluate_all(measure)
    assert told
    assert [wide for own, wide, room in told if own <= 1140 and wide > room] == []
    tab.close()


def test_a_table_on_a_telephone_breaks_no_word(site, browser):
    tab = opened(browser, site / "notebooks" / "06_quantizers.html", [])
    tab.set_viewport_size({"width": WIDTHS[0], "height": 800})
    cells = "cells => Object.fromEntries(cells.map(each => [each.innerText, each.clientHeight]))"
    heights = tab.locator(".table-wrapper td:first-child p, .table-wrapper td:first-child").evaluate_all(cells)
    line = tab.locator(".table-wrapper td").first.evaluate("cell => parseFloat(getComputedStyle(cell).lineHeight)")
    assert heights["residual"] < 2 * line, "the word stands on one line"
    tab.close()


@pytest.mark.parametrize("size", [(1280, 720), (390, 800)], ids=lambda size: f"{size[0]} px")
def test_slides_show_everything_once_and_fit(site, browser, size):
    heard = []
    tab = opened(browser, site / LESSON, heard, "?slides")
    tab.set_viewport_size({"width": size[0], "height": size[1]})
    tab.wait_for_selector(".slides.packed")
    tab.wait_for_function("document.querySelector('article').clientWidth <= innerWidth")
    count = int(tab.locator(".slide-bar .where").inner_text().split(" of ")[1])
    seen, tall = [], 0
    for number in range(count):
        assert tab.locator(".slide-bar .where").inner_text() == f"{number + 1} of {count}"
        assert tab.url.endswith(f"#slide-{number + 1}")
        seen.append(tab.locator("article").inner_text())
        box = tab.locator("article").evaluate("a => [a.scrollHeight - a.clientHeight, a.scrollWidth - a.clientWidth]")
        assert box[1] <= 0, "nothing is beside the slide"
        tall += box[0] > 0
        tab.keyboard.press("ArrowRight")
    assert heard == []
    assert tall <= (0 if size[0] > 1000 else count // 4), "on a telephone a long list may scroll"
    for heading in ("Two bounds make a loss", "The information plane", "Sources"):
        assert sum(heading in text for text in seen) == 1, heading
    assert not any("Download" in text for text in seen)
    tab.keyboard.press("Home")
    assert tab.url.endswith("#slide-1")
    assert "import torch" not in "".join(seen)
    tab.keyboard.press("c")
    assert int(tab.locator(".slide-bar .where").inner_text().split(" of ")[1]) > count, "with its code"
    tab.keyboard.press("Escape")
    tab.wait_for_url("**/04_variational_bottleneck.html")
    tab.close()


def test_paper_has_the_lesson_and_folded_code_only_where_it_was_opened(site, browser):
    tab = opened(browser, site / LESSON, [])
    tab.emulate_media(media="print", color_scheme="dark")
    hidden = (".sidebar-drawer", ".toc-drawer", ".downloads", ".views", "footer", "article details.hide")
    for selector in hidden:
        assert not tab.locator(selector).first.is_visible(), selector
    assert tab.evaluate(CONTRAST) == [], "dark on white, whatever the page was"
    tab.emulate_media(media="screen")
    tab.get_by_role("button", name="Show all code").click()
    tab.emulate_media(media="print")
    assert tab.locator("article details.hide pre").first.is_visible()
    assert not tab.locator("article details.hide > summary").first.is_visible()
    paper = tab.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) >= 4
    tab.close()


def test_the_report_does_not_scroll_sideways(tmp_path, browser):
    root = make_course(tmp_path, {"00_first": ["1"]})
    claim = {"text": "a claim of " + "w" * 200, "value": 1.0, "holds": None, "source": "s" * 200, "judged_at": "laptop"}
    claim["bound"] = "at least -0.000123457 and at most " + "9" * 60
    said = {"command": "infotok run " + "n" * 300, "versions": {"package" * 9: "1.0" * 30}, "faults": ["f" * 300]}
    ended_run(root, "00_first", profile="smoke", claims=[claim], status="failed", **said)
    page = write_report(Course(root), "smoke")
    assert page.read_text().count("not judged") == 1, "said once"
    assert page.read_text().count("too small to judge") == 1, "and at the top, for every lesson"
    tab = opened(browser, page, [])
    tab.locator("summary").first.click()
    for width in (*WIDTHS, 320, 641):
        tab.set_viewport_size({"width": width, "height": 900})
        assert tab.evaluate(LAYOUT, SMALLEST) == [], width
    tab.close()
