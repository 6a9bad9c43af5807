"""Snippets of the pages run, links lead to files, and reported numbers follow from committed runs."""

import re
from pathlib import Path
from statistics import mean

import pytest

from infotok.experiments import attached_plan, pictures
from infotok.experiments.plan import COMMAND, REPORTED_SEEDS
from infotok.experiments.questions import answered
from infotok.experiments.results import Runs, load
from infotok.experiments.variants import BASELINE, ESTIMATORS, HOSTS, VARIATIONAL, options

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = {
    path: path.read_text() for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md"))
}
FINDINGS = PAGES[ROOT / "docs" / "findings.md"]
SNIPPETS = [
    snippet
    for page in (README, *(PAGES[ROOT / "docs" / f"{name}.md"] for name in ("quickstart", "recipes")))
    for snippet in re.findall(r"```python\n(.*?)```", page, re.DOTALL)
]
WORDS = 1200  # of the README, without code and addresses
RUNS = Runs(row for row in load(ROOT / "figures" / "11_infotok" / "cells.json") if row["seed"] in REPORTED_SEEDS)


@pytest.mark.parametrize("snippet", dict.fromkeys(SNIPPETS), ids=lambda text: text.splitlines()[0][:40])
def test_snippet_runs(snippet, capsys):
    exec(compile(snippet, "README.md", "exec"), {})
    assert capsys.readouterr().out


def test_the_worked_example_has_as_many_lines_as_the_pages_say():
    page = PAGES[ROOT / "docs" / "recipes.md"]
    code = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0]
    count = sum(bool(line.strip()) for line in code.splitlines())
    assert f"{count} lines of code" in page
    assert f"a VQ-VAE in {count} lines" in README


def test_the_reported_numbers_have_one_command():
    assert FINDINGS.count(COMMAND) == 1
    assert FINDINGS.count(pictures.COMMAND) == 1, "lesson 14 has runs of its own"
    assert FINDINGS.count(attached_plan.COMMAND) == 1, "and so has lesson 15"
    known = (COMMAND, pictures.COMMAND, attached_plan.COMMAND)
    assert FINDINGS.count("--profile full") == len(known)


def test_links_lead_to_files():
    links = {(path, link) for path, page in PAGES.items() for link in re.findall(r"\]\(([^)#\s]+)\)", page)}
    own = {(path, link) for path, link in links if not link.startswith("http")}
    assert [f"{path.name}: {link}" for path, link in own if not (path.parent / link).exists()] == []


def test_the_readme_is_short_and_begins_with_a_command():
    text = re.sub(r"\]\([^)]*\)", "", README)
    assert len(text.split("make lab")[0].split()) <= 60
    assert len(re.sub(r"```.*?```|[|#*`-]", " ", text, flags=re.DOTALL).split()) <= WORDS


def level(host, variant, side):
    return mean(row[side] for row in RUNS.find(host, options(host, variant)).values())


def test_levels_and_differences_of_the_headline_are_those_of_the_committed_runs():
    found = answered(RUNS, ["headline"])
    for host in HOSTS:
        (line,) = re.findall(rf"^\| {host} \| (0.*) \|$", FINDINGS, re.MULTILINE)
        cells = [f"{level(host, BASELINE, 'U'):.2f}"]
        for side in "UG":
            cells += [f"{level(host, BASELINE, 'G'):.2f}"] if side == "G" else []
            for variant in ESTIMATORS:
                (each,) = [c for c in found.named("headline", variant, side) if c.host == host]
                low, difference, high, seeds = each.interval
                assert seeds == 8
                cells.append(f"{level(host, variant, side):.2f}, {difference:+.2f} [{low:.2f}, {high:.2f}]")
        assert line == " | ".join(cells)


def test_the_sentence_of_the_readme_is_the_mean_of_the_hosts():
    ours, theirs = (
        {side: f"{mean(level(host, variant, side) for host in HOSTS):.2f}" for side in "UG"}
        for variant in (VARIATIONAL, BASELINE)
    )
    said = re.search(r"On average over.*?\n\n", README, re.DOTALL).group().replace("\n", " ")
    assert f"{ours['U']} of the questions are answered right instead of {theirs['U']}" in said
    assert f"{ours['G']} of the prompts are drawn right instead of {theirs['G']}" in said
