"""Executed notebooks as the site shows them: what would act on a page, or on the program that makes it, is left out."""

import copy
import re
from pathlib import Path
from typing import Any

import nbformat

__all__ = ["only_shown", "read_executed"]

SHOWN = {"text/plain", "text/html", "text/markdown", "text/latex", "image/png", "image/jpeg"}
WIDGET = "application/vnd.jupyter.widget-view+json"
IN_JUPYTER = '<p class="live-only">In JupyterLab a widget stands here.</p>'


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


def only_shown(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy with the outputs that a page can show, a line for each widget, and no metadata of the notebook's own.

    Cells whose source JupyterLab folds are folded on the page, too.
    """
    notebook = copy.deepcopy(notebook)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata = _node({"kernelspec": kernel, "language_info": {"name": "python"}})
    for cell in notebook.cells:
        tags = [tag for tag in cell.metadata.get("tags", []) if re.fullmatch(r"[\w-]+", str(tag))]
        folded = cell.metadata.get("jupyter", {}).get("source_hidden") is True
        cell.metadata = _node({"tags": [*tags, *(["hide-input"] if folded else [])]})
        for output in cell.get("outputs", []):
            if "data" in output:
                output.data, output.metadata = _node(_shown(output.data)), _node({})
    return notebook


def _shown(data: dict[str, Any]) -> dict[str, Any]:
    if WIDGET in data:
        return {"text/html": IN_JUPYTER}
    return {kind: part for kind, part in data.items() if kind in SHOWN} or {"text/plain": "(shown in JupyterLab only)"}


def _node(value: dict[str, Any]) -> nbformat.NotebookNode:
    return nbformat.from_dict(value)
