"""Executed notebooks as the site shows them: what would act on a page, or on the program that makes it, is left out."""

import copy
import re
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from infotok.course.start_state import STATE, start_state

__all__ = ["only_shown", "read_executed"]

SHOWN = {"text/plain", "text/html", "text/markdown", "text/latex", "image/png", "image/jpeg"}
WIDGET = "application/vnd.jupyter.widget-view+json"


def read_executed(path: Path) -> nbformat.NotebookNode:
    """The notebook at `path`; ValueError with one line that names the file, if it is not a notebook."""
    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except OSError:
        raise
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"{path}: got a damaged file ({reason:.100}), expected an executed notebook") from None
    return notebook


def only_shown(notebook: nbformat.NotebookNode, lesson: str = "") -> nbformat.NotebookNode:
    """A copy with the outputs that a page can show, the start of each widget, and no metadata of the notebook's own.

    notebook: an executed notebook, or its source.
    lesson: its name, for the line that says where its widgets can be moved.

    Cells that papermill injected, with the folder of the run, are left out. Cells whose source JupyterLab folds keep
    that metadata.
    """
    notebook = copy.deepcopy(notebook)
    widgets = _states(notebook.metadata)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata = _node({"kernelspec": kernel, "language_info": {"name": "python"}})
    notebook.cells = [cell for cell in notebook.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
    for cell in notebook.cells:
        tags = [tag for tag in cell.metadata.get("tags", []) if re.fullmatch(r"[\w-]+", str(tag))]
        folded = cell.metadata.get("jupyter", {}).get("source_hidden") is True
        cell.metadata = _node({"tags": tags, **({"jupyter": {"source_hidden": True}} if folded else {})})
        if "outputs" in cell:
            pictures = [str(output.get("data", {}).get("image/png")) for output in cell.outputs]
            shown = [part for output in cell.outputs for part in _parts(output, widgets, pictures, lesson)]
            for output in shown:
                if "data" in output:
                    output.data, output.metadata = _node(_shown(output.data)), _node({})
            cell.outputs = shown
    return notebook


def _states(metadata: dict[str, Any]) -> dict[str, Any]:
    """The state of every widget, by the identity of its model; {} if the notebook keeps none."""
    found: Any = metadata
    for key in ("widgets", STATE, "state"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _parts(output: Any, widgets: dict[str, Any], pictures: list[str], lesson: str) -> list[nbformat.NotebookNode]:
    """The output itself, or what stands for a widget."""
    view = output.get("data", {}).get(WIDGET)
    if view is None:
        return [output]
    model = view.get("model_id") if isinstance(view, dict) else None
    return start_state(widgets, str(model), pictures, lesson)


def _shown(data: dict[str, Any]) -> dict[str, Any]:
    markdown = data.get("text/markdown")
    if isinstance(markdown, str) and "$" in markdown:  # formulas as JupyterLab finds them, which CommonMark has not
        return {"text/html": _with_formulas().render(markdown)}
    return {kind: part for kind, part in data.items() if kind in SHOWN} or {"text/plain": "(shown in JupyterLab only)"}


@cache
def _with_formulas() -> MarkdownIt:
    """Markdown as JupyterLab reads it, with its formulas in the marks by which MathJax finds them."""
    parser = MarkdownIt("commonmark").enable("table")
    return parser.use(dollarmath_plugin, allow_labels=False, double_inline=True, renderer=_formula)


def _formula(content: str, options: dict[str, Any]) -> str:
    left, right = (r"\[", r"\]") if options["display_mode"] else (r"\(", r"\)")
    return f"{left}{escape(content.strip())}{right}"


def _node(value: dict[str, Any]) -> nbformat.NotebookNode:
    return nbformat.from_dict(value)
