"""An executed notebook as one HTML page that needs no network: formulas as MathML, no scripts, pictures inside.

nbconvert's own pages fetch MathJax, require.js and the widgets' manager when they are opened.
"""

import copy
import re
from pathlib import Path

import nbformat
from jinja2 import DictLoader
from nbconvert import HTMLExporter
from nbconvert.preprocessors import Preprocessor

from infotok.course.safe import clean, only_shown, typeset
from infotok.files import write_atomically

__all__ = ["read_executed", "without_widgets", "write_page"]

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


def write_page(notebook: nbformat.NotebookNode, path: Path, end: str = "") -> None:
    """Write the page of an executed notebook to `path`, and `end` after it."""
    exporter = HTMLExporter(
        extra_loaders=[DictLoader({"offline.html.j2": TEMPLATE})],
        template_file="offline.html.j2",
        preprocessors=[_Offline],
        sanitize_html=True,  # all Markdown and HTML of the notebook goes through the filter `clean_html`
    )
    exporter.register_filter("clean_html", lambda html: typeset(clean(html)))
    body, _ = exporter.from_notebook_node(without_widgets(notebook), {"metadata": {"name": path.stem}})
    write_atomically(path, body + end)


def read_executed(path: Path) -> nbformat.NotebookNode:
    """The executed notebook at `path`; ValueError with one line that names it, if it is none."""
    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except OSError:
        raise
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"{path}: got a damaged file ({reason:.100}), expected an executed notebook") from None
    return notebook


def without_widgets(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy in which a line stands wherever a widget would be."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if WIDGET in output.get("data", {}):
                output.data = nbformat.from_dict({"text/html": IN_JUPYTER})
    return only_shown(notebook)


class _Offline(Preprocessor):
    """Lets links lead to the other notebooks' pages."""

    def preprocess_cell(self, cell, resources, index):
        if cell.cell_type == "markdown":
            linked = re.sub(r"\]\((\w+)\.ipynb\)", r"](\1.html)", cell.source)
            cell.source = linked.replace("](../docs/", "](../../docs/")  # from runs/PROFILE
        return cell, resources
