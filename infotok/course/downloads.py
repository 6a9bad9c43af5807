"""What a page of the site offers to keep: the lesson's notebook, and the numbers of its run as JSON and CSV.

downloads/NAME/NAME.ipynb          the lesson as it is in notebooks/, to be run
downloads/NAME/NAME-results.ipynb  as it ran, with what the page shows
downloads/NAME/metrics.json        the record of the run: metrics, claims, figures with their data, tables
downloads/NAME/metrics.csv         one number in a row
downloads/NAME/claims.csv
downloads/NAME/TABLE.csv
"""

import csv
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

from infotok.course.course import Course
from infotok.course.runs import Shown, own_file, read_record
from infotok.files import write_atomically

__all__ = ["FOLDER", "numbers", "write_downloads"]

FOLDER = "downloads"
CLAIM = ("text", "value", "bound", "holds", "judged_at", "source")


def write_downloads(
    course: Course, lesson: Shown, executed: nbformat.NotebookNode | None, folder: Path
) -> list[tuple[str, str]]:
    """Write the files of one lesson into `folder`; returns what each is called on the page, and its name.

    Args:
        course: the clone.
        lesson: the lesson and its run.
        executed: the notebook as the page shows it; None if there is no run.
        folder: where the files go; it is made.

    Files of the run that are missing or damaged are left out: the report names them.
    """
    folder.mkdir(parents=True)
    written = []
    if course.notebook(lesson.name).is_file():
        shutil.copyfile(course.notebook(lesson.name), folder / f"{lesson.name}.ipynb")
        written.append(("notebook", f"{lesson.name}.ipynb"))
    if executed is None:
        return written
    nbformat.write(executed, folder / f"{lesson.name}-results.ipynb")
    written.append(("notebook with results", f"{lesson.name}-results.ipynb"))
    run, manifest = lesson.run.folder, lesson.manifest
    try:
        record = read_record(own_file(run, manifest, "metrics.json"))
    except ValueError:
        return written
    shutil.copyfile(run / "metrics.json", folder / "metrics.json")
    write_atomically(folder / "metrics.csv", _csv(("name", "value"), numbers(record["metrics"])))
    claims = ([claim[key] for key in CLAIM] for claim in record["claims"])
    write_atomically(folder / "claims.csv", _csv(CLAIM, claims))
    written += [("metrics (JSON)", "metrics.json"), ("metrics (CSV)", "metrics.csv"), ("claims (CSV)", "claims.csv")]
    for path in sorted(name for name in manifest["artifacts"] if name.startswith("tables/")):
        name = path.removeprefix("tables/")
        try:
            source = own_file(run, manifest, path)
        except ValueError:
            continue
        if "/" not in name and not (folder / name).exists():  # a table of the name of one of the files above
            shutil.copyfile(source, folder / name)
            written.append((f"table {name.removesuffix('.csv')} (CSV)", name))
    return written


def numbers(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every number or text in nested lists and dicts, with its place, such as `trained[0].rate`."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from numbers(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from numbers(item, f"{name}[{index}]")
    else:
        yield name, value


def _csv(header: tuple[str, ...], rows: Any) -> str:
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return page.getvalue()
