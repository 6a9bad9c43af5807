"""What a notebook put out or a manifest says is shown, and runs nothing and fetches nothing."""

import base64
import re

import nbformat
import pandas as pd
import pytest
from courses import ended_run, make_course
from markdown_it import MarkdownIt

from infotok.course.course import Course
from infotok.course.executed import only_shown
from infotok.course.report import write_report
from infotok.course.runs import digest, read_manifest, seal
from infotok.course.safe import clean
from infotok.files import read_json, write_json
from infotok.lab import Record
from infotok.lab.exercises import Exercise

LIVE = re.compile(r"<(script|iframe|object|embed|form|style|link|meta|svg)\b|\son\w+\s*=|javascript:|data:text", re.I)


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<scr<script>ipt>alert(1)</script>",
        "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
        "<img src=x onerror=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href=' java\nscript:alert(1)'>x</a>",
        "<a href='&#106;avascript:1'>x</a>",
        "<a href='javascript:1'>x</a>",
        "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
        "<svg onload=alert(1)><style>*{}</style></svg>",
        "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
        "<iframe src='/etc/passwd'></iframe>",
        "<form action=x><input autofocus onfocus=alert(1)></form>",
        "<details open ontoggle=alert(1)><summary>x</summary></details>",
        "<style>@import 'x'</style>",
        "<script>alert(1)",
        "<template><script>alert(1)</script></template>",
        r"<span class='math'>\(\text{<script>alert(1)</script>}\)</span>",
        "<b title='> $x$ ' onclick=alert(1)>x</b>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
        "<a href='vbscript:1'>x</a>",
    ],
)
def test_nothing_runs(html):
    for cleaned in (clean(html), clean(clean(html))):
        tags = "".join(re.findall(r"<[^>]*>", cleaned))
        assert not LIVE.search(tags), cleaned


@pytest.mark.parametrize("source", ["http://a.example/x.png", "//a.example/x.png", "file:///etc/x.png", "/\\a.example"])
def test_nothing_is_fetched(source):
    assert "src" not in clean(f"<img src='{source}'>")
    assert "url" not in clean("<p style='background: url(http://a.example)'>x</p>")
    assert "url" not in clean("<p style='list-style-image: url(http://a.example); background-image: url(x)'>x</p>")


def test_links_and_pictures_of_the_page_stay():
    html = '<a href="https://arxiv.org/abs/1">x</a><a href="../notation.html#a">y</a><img src="_images/a.png" alt="z">'
    assert clean(html) == html


def test_what_the_course_shows_survives(tmp_path):
    frame = clean(pd.DataFrame({"beta": [0.5]})._repr_html_())
    assert "<td>0.5</td>" in frame
    assert "tbody tr th" not in frame, "the style of a frame goes with its text"
    claim = clean(Record().claim("it <holds>", 1, at_least=0)._repr_html_())
    assert "border-left:4px solid #009E73" in claim
    assert "it &lt;holds&gt;" in claim
    card = Exercise("?", answer=1.0, solution="one", hint="two")._repr_markdown_()
    page = clean(MarkdownIt("commonmark").render(card))
    assert page.count("<details") == card.count("<details") == 2
    assert "<summary>" in page


def test_a_formula_passes_as_it_is_written():
    html = r'<span class="math notranslate nohighlight">\(a &lt; b_1\)</span>'
    assert clean(html) == html


def test_only_what_can_be_shown_is_left_of_an_executed_notebook():
    evil = "'><script>alert('ran')</script>"
    kinds = ("text/html", "application/javascript", "image/svg+xml", "application/vnd.jupyter.widget-view+json")
    outputs = [nbformat.v4.new_output("display_data", {kind: evil}, metadata={"a": evil}) for kind in kinds]
    notebook = nbformat.v4.new_notebook(metadata={"title": evil, "language_info": {"name": evil}, "mystnb": {"a": 1}})
    folded = {"tags": [evil, "kept"], "jupyter": {"source_hidden": True}, "mystnb": {"figure": evil}}
    notebook.cells = [nbformat.v4.new_code_cell("1", outputs=outputs, metadata=folded)]
    shown = only_shown(notebook)
    assert shown.metadata.keys() == {"kernelspec", "language_info"}
    assert "script" not in str(shown.metadata)
    (cell,) = shown.cells
    assert cell.metadata == {"tags": ["kept"], "jupyter": {"source_hidden": True}}
    assert [[*output.data] for output in cell.outputs] == [["text/html"], ["text/plain"], ["text/plain"], ["text/html"]]
    assert "A widget stands here" in cell.outputs[3].data["text/html"]
    assert not any(output.metadata for output in cell.outputs)
    assert notebook.cells[0].outputs[1].data == {"application/javascript": evil}, "the notebook itself stays"


SECRET, PICTURE = (base64.b64encode(content).decode() for content in (b"a secret", b"a picture"))
EVIL = "</code><script>alert('ran')</script>"


def test_the_report_runs_nothing_of_a_manifest(tmp_path):
    root = make_course(tmp_path, {"01_first": ["1"]})
    claim = {"text": EVIL, "value": 1.0, "bound": EVIL, "holds": True, "source": EVIL, "judged_at": "laptop"}
    said = {"command": EVIL, "started": EVIL, "machine": EVIL, "versions": {EVIL: EVIL}, "faults": [EVIL]}
    ended_run(root, "01_first", claims=[claim], figures={"plane": {"caption": EVIL}}, **said)
    page = write_report(Course(root), "laptop").read_text()
    assert page.count("&lt;script&gt;") >= 6
    assert "<script" not in page


@pytest.mark.parametrize("name", ["../../../../secret", "..\\\\secret", "/secret"])
def test_a_figure_named_by_a_path_embeds_nothing(tmp_path, name):
    root = make_course(tmp_path, {"01_first": ["1"]})
    (root / "secret.png").write_bytes(b"a secret")
    folder = ended_run(root, "01_first")
    record = read_json(folder / "metrics.json")
    write_json(folder / "metrics.json", record | {"figures": {name: {"caption": ""}}})
    said = {key: value for key, value in read_manifest(folder).items() if key != "sha256"}
    said["artifacts"] |= {"metrics.json": digest(folder / "metrics.json")}
    said["artifacts"] |= {f"figures/{name}.png": digest(root / "secret.png")}
    write_json(folder / "manifest.json", seal(said))  # everything fits together
    page = write_report(Course(root), "laptop").read_text()
    assert "metrics.json: got a damaged file (figures must not contain" in page
    assert SECRET not in page


def test_a_figure_that_is_a_link_embeds_nothing(tmp_path):
    root = make_course(tmp_path, {"01_first": ["1"]})
    (root / "secret.png").write_bytes(b"a picture")  # what the manifest has the digest of
    folder = ended_run(root, "01_first", figures={"plane": {"caption": ""}})
    assert PICTURE in write_report(Course(root), "laptop").read_text()
    (folder / "figures" / "plane.png").unlink()
    (folder / "figures" / "plane.png").symlink_to(root / "secret.png")
    page = write_report(Course(root), "laptop").read_text()
    assert "figures/plane.png: got a link to another place" in page
    assert PICTURE not in page
