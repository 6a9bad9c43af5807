"""The page on evaluation: its snippets run one after the other, with tiny networks in the place of the folders."""

import json
import re
from pathlib import Path

import hub_models
import pytest
from published_models import PIXELS, published
from published_processors import processor_of

from infotok.published import attach

PAGE = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
CONSTANTS = re.compile(r"^(MODEL, CHECKPOINT, SIZE|PROMPTS, DETECTOR, CLIP) = .*$", re.MULTILINE)
PROMPTS = [
    {
        "tag": "two_object",
        "prompt": "a photo of a cat and a dog",
        "include": [{"class": "cat", "count": 1}, {"class": "dog", "count": 1}],
    },
    {"tag": "colors", "prompt": "a photo of a red cup", "include": [{"class": "cup", "count": 1, "color": "red"}]},
]


@pytest.fixture(scope="module")
def values(tmp_path_factory):
    """What stands in the lines of constants: folders of tiny networks, and a file of prompts."""
    root = tmp_path_factory.mktemp("page")
    published("janus").save_pretrained(root / "janus"), processor_of("janus").save_pretrained(root / "janus")
    attach(root / "janus", {"text_dim": 5, "consistency": 1.0}).save(root / "own")
    for name, make in (("owl", hub_models.owl), ("clip", hub_models.clip)):
        for part in make():
            part.save_pretrained(root / name)
    (root / "prompts.jsonl").write_text("\n".join(map(json.dumps, PROMPTS)))
    paths = {name: repr(str(root / name)) for name in ("janus", "own", "prompts.jsonl", "owl", "clip")}
    return {
        "MODEL, CHECKPOINT, SIZE": f"{paths['janus']}, {paths['own']}, {PIXELS}",
        "PROMPTS, DETECTOR, CLIP": f"{paths['prompts.jsonl']}, {paths['owl']}, {paths['clip']}",
    }


def test_the_snippets_run_in_their_order(values, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    namespace, changed, printed = {}, set(), []
    for snippet in SNIPPETS:
        changed |= {match[1] for match in CONSTANTS.finditer(snippet)}
        script = CONSTANTS.sub(lambda match: f"{match[1]} = {values[match[1]]}", snippet)
        exec(compile(script, "evaluation.md", "exec"), namespace)
        printed.append(capsys.readouterr().out)
    assert changed == set(values)
    assert all(printed), "each snippet prints what it found"
    questions, prompts = printed[0].strip().splitlines()[-2:]
    assert 0 <= eval(questions)["overall"] <= 1
    assert set(eval(prompts)) >= {"single_object", "color_attr", "overall", "images"}
    assert set(eval(printed[4].strip().splitlines()[-1])) == {"ceiling", "shuffled"}
    drawn, floor = map(float, printed[5].split())
    assert drawn > floor > 0


def test_the_commands_name_what_there_is():
    from infotok.standard.lmms_eval_plugin import MODELS
    from infotok.standard.tasks import NAMES

    tasks = {f"{name}_{part}" for name in NAMES.values() for part in ("questions", "prompts")}
    text = "\n".join(COMMANDS)
    assert set(re.findall(r"--model (\w+)", text)) == set(MODELS)
    assert {each for found in re.findall(r"--tasks ([\w,]+)", text) for each in found.split(",")} <= tasks | {"mme"}
