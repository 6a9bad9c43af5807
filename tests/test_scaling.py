"""The page on training at scale: its script runs as it says, on one process and on two."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")


def block(language, start):
    return next(text for text in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) if text.startswith(start))


def test_the_script_gives_the_same_loss_on_two_processes(tmp_path):
    (tmp_path / "train.py").write_text(block("python", "# train.py"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "INFOTOK_RUN": "1"}
    environment |= {"ACCELERATE_USE_CPU": "true"}
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    found = {}
    for name, launcher in (("none", []), ("fsdp", launch)):
        command = [sys.executable, *launcher, "train.py", "3", f"runs/{name}", name]
        ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
        assert ended.returncode == 0, ended.stderr
        found[name] = [float(loss) for loss in re.findall(r"loss ([\d.]+)", ended.stdout)]
    assert len(found["none"]) == 1
    assert found["fsdp"] == pytest.approx(found["none"] * 2, rel=1e-3)


def test_the_other_blocks_can_be_read():
    """Python compiles, YAML parses."""
    for text in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        compile(text, "docs/scaling.md", "exec")
    kinds = [document["kind"] for document in yaml.safe_load_all(block("yaml", "apiVersion"))]
    assert kinds == ["Job", "Service"]


def test_the_index_leads_to_the_page():
    assert "(scaling.md)" in (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
