"""The committed figures: each is redrawn from the metrics beside it, without training.

figures/NAME/metrics.json has the claims, metrics and figures of the published run of a notebook. Each figure names a
function of `infotok.lab.plots` and the data that it draws.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infotok.course.course import Course, Refusal
from infotok.course.parameters import asked
from infotok.course.runs import Shown, own_file, read_record, shown
from infotok.files import write_json
from infotok.lab.plots.style import redraw, save

SHARED = ("paired",)  # metrics that other programs read are at the top level of the file, too
KEPT = ("command", "profile", "seed", "versions", "machine", "device", "seconds", "started")


def take_metrics(course: Course, names: list[str], profile: str, assignments: Sequence[str] = ()) -> None:
    """Publish the passed run of each notebook, that of the profile's own parameters or of the assignments given.

    Its metrics.json becomes the committed one. Raises Refusal, before anything is published, where such a run is
    missing, failed or damaged.
    """
    wanted = asked(course, profile, [*assignments])
    taken = {}
    for lesson in shown(course, profile, {name: wanted[name] for name in names}):
        manifest = lesson.manifest
        if manifest is None or manifest["status"] != "passed":
            raise Refusal(
                f"{lesson.name}: got no passed run at {profile}{_why(lesson)}, expected one; first: "
                f"infotok run {lesson.name} --profile {profile}"
            )
        try:
            record = read_record(own_file(lesson.run.folder, manifest, "metrics.json"))
        except ValueError as damage:
            raise Refusal(str(damage)) from None
        kept = {key: record[key] for key in ("metrics", "claims", "figures")}
        kept |= {key: record["metrics"][key] for key in SHARED if key in record["metrics"]}
        taken[lesson.name] = {key: manifest[key] for key in KEPT} | kept
    for name, content in taken.items():
        write_json(course.root / "figures" / name / "metrics.json", content)


def _why(lesson: Shown) -> str:
    reason = lesson.fault or (lesson.run.damage if lesson.run else "")
    return f" ({reason})" if reason else ""


def redraw_all(course: Course, names: list[str]) -> list[Path]:
    """Redraw every committed figure of the notebooks named; returns the pictures' paths.

    Raises Refusal for a damaged metrics.json, and for a figure that cannot be drawn from what is in it.
    """
    drawn = []
    for name in names:
        source = course.root / "figures" / name / "metrics.json"
        for figure, recipe in _recipes(source).items():
            if "plot" in recipe:  # else a picture of the notebook's own, which only a run draws
                path = source.parent / f"{figure}.png"
                _draw({key: recipe[key] for key in ("plot", "data")}, path, f"{source}: figure {figure}")
                drawn.append(path)
    return drawn


def _recipes(source: Path) -> dict[str, dict[str, Any]]:
    try:
        return read_record(source)["figures"] if source.exists() else {}
    except ValueError as damage:
        raise Refusal(str(damage)) from None


def _draw(recipe: dict[str, Any], path: Path, what: str) -> None:
    try:
        save(redraw(recipe), path)
    except OSError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise Refusal(f"{what}: got data that cannot be drawn ({reason}), expected what a run wrote") from None
