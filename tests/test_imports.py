"""What an import costs: parts that take a while to load come when they are first used."""

import json
import subprocess
import sys

import pytest

LAYERS = ["bottleneck", "information", "tokenizers", "unified", "evaluation"]
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


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_brings_nothing_slow_that_torch_does_not(layer):
    code = f"import json, sys, torch; before = set(sys.modules); import infotok.{layer}"
    code += "; print(json.dumps(sorted(set(sys.modules) - before)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {*SLOW} & {*json.loads(done.stdout)}


def test_the_package_itself_brings_nothing():
    code = "import sys, infotok; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
