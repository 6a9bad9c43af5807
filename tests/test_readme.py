"""Every Python snippet of the README runs as it stands, and every file it points to is there."""

import re
from pathlib import Path

import pytest

from infotok.experiments import pictures
from infotok.experiments.plan import COMMAND

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda text: text.splitlines()[0][:40])
def test_snippet_runs(snippet, capsys):
    exec(compile(snippet, "README.md", "exec"), {})
    assert capsys.readouterr().out


def test_the_reported_numbers_have_one_command():
    assert README.count(COMMAND) == 2
    assert README.count(pictures.COMMAND) == 1, "lesson 14 has runs of its own"
    assert "--profile full" not in README.replace(COMMAND, "").replace(pictures.COMMAND, "")


def test_links_lead_to_files():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if not link.startswith("http")]
    assert [link for link in links if not (ROOT / link).exists()] == []
