"""An executed notebook as one HTML page that needs no network: formulas as MathML, no scripts, pictures inside.

nbconvert's own pages fetch MathJax, require.js and the widgets' manager when they are opened.
"""

import copy
import re
from pathlib import Path

import nbformat
from jinja2 import DictLoader
from latex2mathml.converter import convert as to_mathml
from nbconvert import HTMLExporter
from nbconvert.preprocessors import Preprocessor

from infotok.files import write_atomically

TEMPLATE = """{% extends 'lab/index.html.j2' %}
{% block html_head_js_requirejs %}{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
{% block html_head_js_mermaidjs %}{% endblock %}
{% block jupyter_widgets %}{% endblock %}
{% block html_head_css %}<style>
main { max-width: 60rem; margin: 0 auto; padding: 0 1rem 4rem; }
img, svg { max-width: 100%; height: auto; }
.jp-InputPrompt, .jp-OutputPrompt { display: none; }
math[display="block"] { margin: .8em 0; font-size: 1.1em; overflow-x: auto; }
.live-only { color: #555; border: 1px dashed #aaa; border-radius: 6px; padding: .4em .8em; }
</style>{% endblock %}
"""
WIDGET = "application/vnd.jupyter.widget-view+json"
IN_JUPYTER = '<p class="live-only">In JupyterLab something to play with stands here.</p>'

# Code comes first, so that a dollar inside it is left alone.
MATH = re.compile(r"(```.*?```|`[^`\n]*`)|\$\$(.+?)\$\$|(?<![\\$])\$(?=[^\s$])([^$]*?[^\s\\$])\$(?!\d)", re.DOTALL)


def write_page(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write the page of an executed notebook to `path`."""
    exporter = HTMLExporter(
        extra_loaders=[DictLoader({"offline.html.j2": TEMPLATE})],
        template_file="offline.html.j2",
        preprocessors=[_Offline],
    )
    body, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": path.stem}})
    write_atomically(path, body)


def typeset(text: str) -> str:
    """LaTeX between dollars as MathML; a formula that MathML cannot say stays as it was written."""

    def one(match: re.Match) -> str:
        code, block, inline = match.groups()
        if code:
            return code
        try:
            mathml = to_mathml((block or inline).strip(), display="block" if block else "inline")
        except Exception:
            return match[0]
        return mathml.replace("\n", " ")

    return MATH.sub(one, text)


def typeset_outputs(cell: nbformat.NotebookNode) -> None:
    """The same, in place, in what a cell showed as text or HTML."""
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        for kind in ("text/markdown", "text/html"):
            if kind in data and "<script" not in data[kind]:
                data[kind] = typeset(data[kind])


def without_widgets(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy in which a line stands wherever a widget would be."""
    notebook = copy.deepcopy(notebook)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if WIDGET in output.get("data", {}):
                output.data = {"text/html": IN_JUPYTER}
    return notebook


class _Offline(Preprocessor):
    """Typesets formulas, lets links lead to the other notebooks' pages, and says where a widget would be."""

    def preprocess(self, nb, resources):
        return super().preprocess(without_widgets(nb), resources)

    def preprocess_cell(self, cell, resources, index):
        if cell.cell_type == "markdown":
            linked = re.sub(r"\]\((\w+)\.ipynb\)", r"](\1.html)", cell.source)
            cell.source = typeset(linked.replace("](../docs/", "](../../docs/"))  # from runs/PROFILE
        typeset_outputs(cell)
        return cell, resources
