"""The course as a person uses it: JupyterLab in a headless Chromium, Run All, a slider moved by keyboard.

Every kind of control is moved here. Lessons 00 and 01 run as a reader runs them, with no folder of their own, on
another seed than in their run at smoke, and are compared with it. The widgets of all lessons are moved in the run at
smoke itself (`widgets_moved.py`). Where Chromium is not installed these tests are skipped, and say so; CI installs it.
"""

import re
import secrets
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook
from playwright.sync_api import Locator, Page, expect, sync_playwright

from infotok.course.course import Course
from infotok.course.jupyter import launch
from infotok.course.parameters import resolve
from infotok.course.runs import read_manifest
from infotok.files import read_json

ROOT = Path(__file__).parents[2]
COURSE = Course(ROOT)
# How many of a lesson's metrics and claims move with the seed; closed forms and reported runs do not.
MOVED_BY_SEED = {"00_start_here": 4, "01_measuring_information": 12}
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH: apt-get install chromium")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """JupyterLab on this machine alone, with a token, in folders of its own; yields (address, token, folder)."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "root/notebooks").mkdir(parents=True)
    (folder / "root/figures").symlink_to(ROOT / "figures")  # what lessons read of the committed results
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    _, command, environment = launch(Course(folder / "root"), port=port, browser=False)
    environment |= {
        "JUPYTER_TOKEN": token,  # in the environment, where other users of the machine cannot list it
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "JUPYTER_PREFER_ENV_PATH": "1",  # this environment's kernel
        "PYTHONPATH": str(ROOT),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "OMP_NUM_THREADS": "1",
    }
    command += ["--ServerApp.port_retries=0"]
    command += ["--LabApp.extension_manager=readonly"]  # the other one asks a package index what is new
    command += ["--LabApp.expose_app_in_browser=True"]  # to open and close notebooks in one page
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/api", process, folder / "server.log")
        yield address, token, folder / "root"
    finally:
        process.terminate()  # a polite end shuts the kernels down as well
        process.wait(timeout=20)


def _wait_for(url: str, process: subprocess.Popen, log: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        assert process.poll() is None, f"JupyterLab ended: {log.read_text()}"
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            assert time.monotonic() < deadline, f"JupyterLab does not answer: {log.read_text()}"
            time.sleep(0.2)


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page(server, browser):
    """JupyterLab's page; `page.complaints` is what its own scripts complain of."""
    address, token, _ = server
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page, complaints = context.new_page(), []
    page.complaints = complaints
    page.set_default_timeout(30_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(f"{address}/lab?reset&token={token}")
    page.wait_for_function("window.jupyterapp && jupyterapp.restored.then(() => true)", timeout=60_000)
    yield page
    context.close()


@pytest.fixture
def lab(server, page):
    """Opens a notebook: `page = lab(name, notebook)`. What the page's own scripts complain of fails the test."""
    _, _, folder = server

    def open_notebook(name: str, notebook: nbformat.NotebookNode) -> Page:
        path = f"notebooks/{name}.ipynb"
        nbformat.write(notebook, folder / path)
        page.evaluate("path => jupyterapp.commands.execute('docmanager:open', {path})", path)
        wait_until_idle(page)
        return page

    yield open_notebook
    page.evaluate("""async () => {
        for (const tab of [...jupyterapp.shell.widgets('main')]) tab.dispose();  // without asking whether to save
        await jupyterapp.serviceManager.sessions.shutdownAll();
    }""")
    complaints = page.complaints[:]
    page.complaints.clear()
    assert not complaints


def wait_until_idle(page: Page, seconds: float = 60) -> None:
    """Until the status bar says "Python 3 (ipykernel) | Idle"; before, a click on Run is lost."""
    page.locator("#jp-main-statusbar").get_by_text(re.compile(r"\| Idle$")).wait_for(timeout=1000 * seconds)


def run_all(page: Page, seconds: float = 60) -> None:
    """Run > Run All Cells, and wait until no cell is left to run, or one of them has an error.

    A cell that waits shows "[ ]:", one that runs "[*]:"; a cell whose input is folded away shows nothing.
    """
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(
        r"""() => ![...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].some(
            prompt => /\[\D?\]:/.test(prompt.textContent)
        ) || document.querySelector("[data-mime-type='application/vnd.jupyter.stderr']")""",
        timeout=1000 * seconds,
    )
    wait_until_idle(page)


def widget(page: Page, which: int = 0) -> Locator:
    """A widget of the page: its controls and its output."""
    return page.locator(".widget-vbox").nth(which)


def move_slider(widget: Locator, label: str, key: str, times: int = 1) -> None:
    """Press a key on the slider with this label, as a person does who has no mouse."""
    slider = widget.locator(".widget-slider", has=widget.page.get_by_text(label, exact=True)).get_by_role("slider")
    slider.focus()
    for _ in range(times):
        slider.press(key)


def picture(widget: Locator) -> str:
    return widget.locator("img").get_attribute("src")


def errors(page: Page) -> list[str]:
    """What the notebook's outputs and widgets show as errors, and what they write to stderr."""
    shown = page.locator(
        "[data-mime-type='application/vnd.jupyter.error'], [data-mime-type='application/vnd.jupyter.stderr']"
    )
    return shown.all_inner_texts()


def notebook_of(*sources: str) -> nbformat.NotebookNode:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in sources], metadata={"kernelspec": kernel}
    )


LINE = """
from infotok.lab import explore
from infotok.lab.plots import new

def line(slope):
    if slope == 3:
        raise ValueError("slope: got 3, expected another")
    fig, ax = new(width=4, height=2)
    ax.plot([0, 1], [0, slope])
    ax.set_ylim(0, 5)
    return fig
"""
EXPLORE = 'explore(line, text=lambda slope: f"The slope is **{slope}**, $s = {slope}$.", slope=(1, 5, 1, 1))'


def test_a_slider_changes_picture_and_text_and_an_error_is_shown(lab, tmp_path):
    page = lab("line", notebook_of(LINE, EXPLORE, EXPLORE.replace("(line", "(line, button=True")))
    run_all(page)
    first, slow = widget(page), widget(page, 1)
    expect(first).to_contain_text("The slope is 1")
    expect(first.locator("strong")).to_have_text("1")  # Markdown, and its mathematics
    expect(first.locator("mjx-container")).to_be_attached()

    before = picture(first)
    move_slider(first, "slope", "ArrowRight")
    expect(first).to_contain_text("The slope is 2")
    assert picture(first) != before
    assert not errors(page)

    move_slider(first, "slope", "ArrowRight")
    expect(first).to_contain_text("ValueError: slope: got 3, expected another")
    assert len(errors(page)) == 1
    page.screenshot(path=tmp_path / "error.png")

    move_slider(first, "slope", "ArrowRight")  # and the reader can go on
    expect(first).to_contain_text("The slope is 4")
    assert not errors(page)

    move_slider(slow, "slope", "ArrowRight")
    expect(slow.locator(".widget-readout")).to_have_text("2")
    expect(slow).to_contain_text("The slope is 1")  # it waits for its button
    slow.get_by_role("button", name="Run").press("Enter")
    expect(slow).to_contain_text("The slope is 2")
    page.screenshot(path=tmp_path / "button.png")


DRAGGED = """
import time
from pathlib import Path
from infotok.lab import explore, widgets
from infotok.lab.plots import new

widgets.LIVE = 60  # seconds: what is fast on this machine is not asked here
drawn = []

def line(slope):
    while Path("hold").exists():
        time.sleep(0.01)
    drawn.append(slope)
    fig, ax = new(width=4, height=2)
    ax.plot([0, 1], [0, slope])
    ax.set_ylim(0, 100)
    return fig

explore(line, text=lambda slope: f"drawn {len(drawn)}, the last at {slope}", slope=(0, 100, 1, 10))
"""


@pytest.mark.slow
def test_a_picture_follows_a_dragged_slider_and_no_queue_builds(server, lab, tmp_path):
    page = lab("dragged", notebook_of(DRAGGED))
    run_all(page)
    shown = widget(page)
    expect(shown).to_contain_text("drawn 1, the last at 10")
    first, handle = picture(shown), shown.get_by_role("slider").bounding_box()
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y)
    expect(shown.locator("img")).not_to_have_attribute("src", first)  # the button is still down
    expect(shown).to_contain_text("drawn 2")
    page.screenshot(path=tmp_path / "dragged.png")

    hold = server[2] / "notebooks/hold"
    hold.touch()  # the next picture takes as long as the hand moves
    for step in range(40):
        page.mouse.move(x + 30 + step, y)
    last = shown.locator(".widget-readout").inner_text()
    hold.unlink()
    page.mouse.up()
    expect(shown).to_contain_text(f"drawn 4, the last at {last}")  # the one that was held, and the latest
    assert not errors(page)


CONTROLS = """
from ipywidgets import SelectionSlider
controls = {"list": ["one", "two"], "box": False, "share": (0.0, 1.0, 0.5, 0.0)}
controls |= {"power": SelectionSlider(options=[1, 10, 100])}

def line(list, box, share, power):
    fig, ax = new(width=4, height=2)
    ax.plot([0, 1], [0, share])
    return fig

def said(list, box, share, power):
    return f"list {list}, box {box}, share {share}, power {power}"

explore(line, text=said, **controls)
"""


@pytest.mark.slow
def test_every_kind_of_control_is_reached_by_keyboard(lab, tmp_path):
    page = lab("controls", notebook_of(LINE, CONTROLS))
    run_all(page)
    shown = widget(page)
    expect(shown).to_contain_text("list one, box False, share 0.0, power 1")
    shown.get_by_role("combobox").select_option("two")
    expect(shown).to_contain_text("list two, box False")
    shown.get_by_role("checkbox").press("Space")
    expect(shown).to_contain_text("box True, share 0.0")
    move_slider(shown, "share", "ArrowRight")
    expect(shown).to_contain_text("share 0.5, power 1")
    move_slider(shown, "power", "ArrowRight")
    expect(shown).to_contain_text("share 0.5, power 10")
    assert not errors(page)
    page.screenshot(path=tmp_path / "controls.png")


WIDE = """
from infotok.lab import explore
from infotok.lab.plots import new

def wide(**values):
    fig, ax = new(width=9, height=7)
    return fig

for number in (1, 5):
    sliders = {f"slider_{n}": (0, 9, 1, 4) for n in range(number)}
    display(explore(wide, text=lambda **values: "A sentence of a usual length. " * 6, button=number == 5, **sliders))
"""


@pytest.mark.slow
def test_controls_picture_and_sentence_fit_a_small_screen(lab, tmp_path):
    page = lab("wide", notebook_of(WIDE))
    page.set_viewport_size({"width": 1024, "height": 768})
    try:
        run_all(page)
        for which in (0, 1):
            shown = widget(page, which)
            expect(shown.locator("img")).to_be_visible()
            shown.evaluate("box => box.scrollIntoView({block: 'start'})")
            page.screenshot(path=tmp_path / f"{which}.png")
            room = page.locator(".jp-WindowedPanel-outer").bounding_box()
            box = shown.bounding_box()
            assert box["height"] <= room["height"]
            assert shown.locator("img").bounding_box()["width"] <= box["width"]
            for part in [shown.locator("img"), shown.locator("p"), *shown.locator(".widget-slider").all()]:
                expect(part).to_be_in_viewport(ratio=0.99)
    finally:
        page.set_viewport_size({"width": 1280, "height": 1000})


SAY = """
from pathlib import Path
from infotok.files import write_json
write_json(Path("said.json"), {claim.text: claim.value for claim in record.claims} | record.metrics)
"""


@pytest.mark.slow
# From the last: tests/test_notebooks.py begins with the first, in another process.
@pytest.mark.parametrize("name", [*MOVED_BY_SEED][::-1])
def test_a_lesson_runs_and_its_widget_answers(server, lab, smoke_run, name, tmp_path):
    (before,) = Course(smoke_run(name)).run_folders("smoke", name)
    sizes = resolve(COURSE, [name], "smoke", ["seed=7"])[name]
    notebook = parameterize_notebook(load_notebook_node(str(COURSE.notebook(name))), sizes)
    notebook.cells.append(nbformat.v4.new_code_cell(SAY))
    page = lab(name, notebook)
    run_all(page, seconds=120)
    assert not errors(page)
    first, second = read_manifest(before), read_json(server[2] / "notebooks/said.json")
    first = {claim["text"]: claim["value"] for claim in first["claims"]} | first["metrics"]
    moved = [key for key in first if first[key] != second.get(key)]
    assert len(moved) == MOVED_BY_SEED[name], f"{sorted(set(first) - set(moved))} are those of the first run"
    for which in range(page.locator(".widget-vbox").count()):
        answers(widget(page, which), tmp_path / f"{which}")


def answers(widget: Locator, shots: Path) -> None:
    """A widget's first slider, moved by keyboard, or first list changes picture and text; with a Run button, then."""
    page, run = widget.page, widget.get_by_role("button", name="Run")
    before, text = picture(widget), widget.locator("p").inner_text()
    widget.scroll_into_view_if_needed()
    page.screenshot(path=shots.with_suffix(".before.png"))
    control = widget.get_by_role("slider").or_(widget.get_by_role("combobox")).first
    if control.get_attribute("role") == "slider":
        for _ in range(20):  # far enough for a picture that snaps to what was computed
            control.press("ArrowRight")
    else:
        control.select_option(index=1)
    if run.count():
        run.press("Enter")
    expect(widget.locator("img")).not_to_have_attribute("src", before)
    expect(widget.locator("p")).not_to_have_text(text)
    page.screenshot(path=shots.with_suffix(".after.png"))
    assert not errors(page)
