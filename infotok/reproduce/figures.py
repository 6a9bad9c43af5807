"""Committed pictures: each redrawn from the metrics beside it, without training.

figures/NAME/metrics.json holds what the last published run of a notebook claims, measured and drew;
each of its figures names a function of `infotok.lab.plots` and the data that function was given.
"""

from pathlib import Path

from infotok.files import read_json, write_json
from infotok.lab.plots.style import redraw, save
from infotok.reproduce.course import Course, Refusal

SHARED = ("paired",)  # metrics that other programs read stand at the top of the file, too
KEPT = ("command", "profile", "seed", "versions", "machine", "device", "seconds", "started")


def take_metrics(course: Course, names: list[str], profile: str) -> None:
    """Publish the last passed run of each notebook: its metrics.json becomes the committed one."""
    for name in names:
        passed = [path for path in course.manifests(profile, name) if read_json(path)["status"] == "passed"]
        if not passed:
            raise Refusal(
                f"{name}: got no passed run at {profile}, expected one; first: infotok run {name} --profile {profile}"
            )
        manifest, record = read_json(passed[0]), read_json(passed[0].parent / "metrics.json")
        said = {key: record[key] for key in ("metrics", "claims", "figures")}
        said |= {key: record["metrics"][key] for key in SHARED if key in record["metrics"]}
        write_json(course.root / "figures" / name / "metrics.json", {key: manifest[key] for key in KEPT} | said)


def redraw_all(course: Course, names: list[str]) -> list[Path]:
    """Redraw every committed figure of the notebooks named; returns the pictures' paths."""
    drawn = []
    for name in names:
        source = course.root / "figures" / name / "metrics.json"
        for figure, recipe in read_json(source)["figures"].items() if source.exists() else []:
            if "plot" in recipe:  # else a picture of the notebook's own, which only a run draws
                path = source.parent / f"{figure}.png"
                save(redraw({key: recipe[key] for key in ("plot", "data")}), path)
                drawn.append(path)
    return drawn
