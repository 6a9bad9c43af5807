"""`infotok run` killed at random moments: what was finished stays as it is, and the end is that of a calm run."""

import os
import random
import signal
import time
from pathlib import Path

import psutil
import pytest
from courses import infotok, make_course, manifest

from infotok.files import read_json

pytestmark = pytest.mark.slow
CELLS = """
from infotok.lab import Record, sweep
record = Record(run_dir, profile)

def draw(seed):
    import random, time
    time.sleep(0.1)
    return {"draws": [random.Random(seed).random() for _ in range(200)]}

rows = sweep(draw, {"seed": list(range(12))}, cache=record.cells)
record.metric("sums", [sum(row["draws"]) for row in rows])
record.claim("all is there", len(rows), at_least=12)
"""
WHO = {"runner": "-m infotok run", "worker": "infotok.course.worker", "kernel": "ipykernel"}


def at_work(root: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        here = str(root) in " ".join(process.info["cmdline"] or [])
        if here and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def kill_one(root: Path, going, who: str) -> None:
    """SIGKILL for the runner, or for its worker or kernel if they have started."""
    target = going.pid
    for process in psutil.Process(going.pid).children(recursive=True):
        try:
            words = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if WHO[who] in words:
            target = process.pid
    os.kill(target, signal.SIGKILL)
    out, error = going.communicate(timeout=120)
    assert "Traceback" not in out + error
    end = time.monotonic() + 60
    while at_work(root):
        assert time.monotonic() < end, "something lives on"
        time.sleep(0.05)


def campaign(folder: Path, kills: int, moments: random.Random) -> dict[str, int]:
    """Kill so many runs of new courses, each a few times; returns how many kills hit which process."""
    calm = make_course(folder / "calm", {"01_draw": [CELLS]})
    begun = time.monotonic()
    assert infotok(calm, "run").returncode == 0
    whole, hit, courses = time.monotonic() - begun, dict.fromkeys(WHO, 0), 0
    while sum(hit.values()) < kills:
        courses += 1
        root = make_course(folder / str(courses), {"01_draw": [CELLS]})
        for _ in range(moments.randint(2, 5)):
            finished = {path: path.read_bytes() for path in root.glob("runs/*/*/cells/draw-*.json")}
            going = infotok(root, "run", start=True)
            time.sleep(moments.uniform(0.1, 1.0) * whole)
            if going.poll() is not None or sum(hit.values()) == kills:
                going.communicate(timeout=120)
                break
            who = moments.choice([*WHO])
            kill_one(root, going, who)
            hit[who] += 1
            assert all(path.read_bytes() == content for path, content in finished.items()), "nothing finished is lost"
            for path in root.glob("runs/*/*/cells/draw-*.json"):
                read_json(path)  # and nothing is half written
        assert infotok(root, "run").returncode == 0
        assert manifest(root, "01_draw")["metrics"] == manifest(calm, "01_draw")["metrics"]
        assert not [path for path in root.glob("runs/*/*/.*") if path.is_file()], "no temporary file stays"
    return hit


def test_random_kills_lose_nothing(tmp_path):
    assert sum(campaign(tmp_path, 5, random.Random(0)).values()) == 5
