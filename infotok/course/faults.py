"""The faults of an ended run, one line each.

papermill finds only the error outputs of cells. A widget's callback that raised, a claim that failed and a file that
is too large are faults as well.
"""

from pathlib import Path
from typing import Any

from infotok.course.course import first_heading

WIDGET_STATE = "application/vnd.jupyter.widget-state+json"


def faults(notebook: dict, record: dict[str, Any], folder: Path, cap_mb: float) -> list[str]:
    """The faults of an executed notebook, its record and its folder's files."""
    return [*_cell_errors(notebook), *_widget_errors(notebook), *_failed_claims(record), *_large_files(folder, cap_mb)]


def place(notebook: dict, index: int) -> str:
    """Cell `index` as a person would name it: its number among the code cells, and the heading above it."""
    above = notebook["cells"][: index + 1]
    number = sum(cell["cell_type"] == "code" for cell in above)
    headings = [first_heading(cell["source"]) for cell in above if cell["cell_type"] == "markdown"]
    heading = next((text for text in reversed(headings) if text), "")
    return f"cell [{number}]" + (f" {heading}" if heading else "")


def _cell_errors(notebook: dict) -> list[str]:
    lines = []
    for index, cell in enumerate(notebook["cells"]):
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                lines.append(_error_line(place(notebook, index), output))
    return lines


def _error_line(where: str, output: dict) -> str:
    reason = output["evalue"].strip().splitlines()[0] if output["evalue"].strip() else "no message"
    # The package's own errors name the argument; any other error needs its type and place.
    return reason if ": got " in reason and ", expected " in reason else f"{where}: {output['ename']}: {reason}"


def _widget_errors(notebook: dict) -> list[str]:
    widgets = notebook["metadata"].get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    return [
        f"a widget's callback raised {output['ename']}: {output['evalue']}"
        for widget in widgets.values()
        for output in widget.get("state", {}).get("outputs", [])
        if output["output_type"] == "error"
    ]


def _failed_claims(record: dict[str, Any]) -> list[str]:
    return [
        f"claim failed: {claim['text']}: got {claim['value']:.4g}, expected {claim['bound']}"
        for claim in record.get("claims", [])
        if claim["holds"] is False
    ]


def _large_files(folder: Path, cap_mb: float) -> list[str]:
    sizes = [(path, path.stat().st_size / 1e6) for path in sorted(folder.rglob("*")) if path.is_file()]
    return [
        f"{path.relative_to(folder)}: got {size:.1f} MB of output, expected at most {cap_mb:g} MB"
        for path, size in sizes
        if size > cap_mb
    ]
