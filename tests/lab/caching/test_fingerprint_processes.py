"""A key is the same in every process that has the same code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
SCRIPT = """
import sys, torch, numpy as np, pandas as pd, enum
from functools import cache, partial
from pathlib import Path
from infotok.worlds import JointGaussian, load_images
from infotok.tokenizers import VectorQuantizer
from infotok.lab.caching.fingerprint import fingerprint

class Kind(enum.Enum):
    A = "a"

class Net(torch.nn.Module):
    def __init__(self): super().__init__(); self.a = torch.nn.Linear(2, 2)

NAMES, WORLD, IMAGES = {"a", "b", "c", "d"}, JointGaussian.correlated(2, 0.5), load_images()
TABLE = {"x": torch.arange(3), "y": np.arange(3), "z": pd.Series(["a", "b"]), "t": torch.bfloat16, "r": range(3)}
MORE = [torch.device("cpu"), np.dtype("f4"), Path("no/such"), Kind.A, Net, slice(2), frozenset("ab")]
@cache
def helper(x): return x if x in {"a", "b", "c"} else VectorQuantizer(2, 4)
half = partial(helper, "a")
def f(x): return {"y": [half(), NAMES, WORLD, IMAGES, TABLE, MORE, Kind]}

if __name__ == "__main__":
    import json; print(json.dumps(fingerprint(f)))
"""


def test_two_processes_have_the_same_key(tmp_path):
    """Whatever their hash seeds, working folders and line numbers are."""
    answers = []
    for seed in ("0", "1"):
        folder = tmp_path / seed
        folder.mkdir()
        (folder / f"script{seed}.py").write_text("\n" * int(seed) + SCRIPT)
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[3])}
        command = [sys.executable, f"script{seed}.py"]
        answers.append(json.loads(subprocess.check_output(command, cwd=folder, env=environment, timeout=120)))
    assert answers[0] == answers[1]
    reached = {"NAMES", "WORLD", "TABLE", "MORE", "half", "module infotok.tokenizers.quantizers.vector"}
    assert reached <= answers[0].keys()
