"""The workflow that publishes the site: what it runs is there, and what it publishes is what that makes."""

import re
from pathlib import Path

import pytest
import yaml

from infotok.lab.record import PROFILES

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def steps(path: Path) -> list[dict]:
    return [step for job in yaml.safe_load(path.read_text())["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_major_version(path):
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert used
    assert [each for each in used if not re.fullmatch(r"actions/[\w-]+@v\d+", each)] == []


def test_the_site_that_is_published_is_the_one_that_was_made():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "pages.yml").read_text())
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    made = [
        re.fullmatch(r"make ([a-z-]+) PROFILE=(\w+)", step["run"]).groups() for step in build["steps"] if "run" in step
    ]
    assert [target for target, _ in made] == ["reproduce", "site"], "a site is of a run"
    assert {target for target, _ in made} <= TARGETS
    ((_, profile), *rest) = made
    assert all(other == profile for _, other in rest)
    assert PROFILES.index(profile) >= PROFILES.index("laptop"), "below it claims are not judged"
    (kept,) = (step["with"]["path"] for step in build["steps"] if "upload-pages-artifact" in step.get("uses", ""))
    assert kept == f"runs/{profile}/site"
    assert publish["needs"] == "build"
    assert publish["permissions"] == {"pages": "write", "id-token": "write"}, "what publishing asks for, and no more"
    assert workflow["permissions"] == {"contents": "read"}
    assert build.get("permissions") is None
