"""What is known of a module: the source of what it imports, without docstrings, and versions."""

import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

from infotok.lab.caching.fingerprint import fingerprint
from infotok.lab.caching.sources import sources

PACKAGE = {
    "__init__.py": '"A page."\nfrom mine.a import one\nfrom mine.c import three\n__version__ = "1"\n',
    "a.py": 'import numpy\nfrom mine import b\n\n\ndef one():\n    "Doc."\n    return b.two() + open("a.txt").read()\n',
    "b.py": "SCALE = 2\n\n\ndef two():\n    from . import late\n    return late.K * SCALE\n",
    "c.py": "def three():\n    import not_there\n    return 3\n",
    "late.py": "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import mine.c\nK = 1\n",
    "a.txt": "table",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, text in PACKAGE.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "mine"]:
        del sys.modules[name]
    importlib.invalidate_caches()


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_name_stands_for_the_module_that_defines_it(package):
    assert sources("mine", "one").keys() == {"mine.a", "mine.b", "mine.late", "numpy"}
    assert sources("mine", "one")["numpy"] == numpy.__version__
    assert sources("mine", "three").keys() == {"mine.c", "not_there"}
    assert sources("mine", "three")["not_there"] == "absent"
    whole = {f"mine.{path.stem}" for path in package.glob("[abcl]*.py")}
    assert sources("mine").keys() == {"mine", *whole, "numpy", "not_there"}, "any of it may be reached"
    assert not any(name.startswith("mine") for name in sys.modules), "nothing was imported"


@pytest.mark.parametrize(
    ("file", "old", "new", "moves"),
    [
        ("a.py", "b.two()", "-b.two()", True),
        ("b.py", "SCALE = 2", "SCALE = 3", True),
        ("late.py", "K = 1", "K = 2", True),
        ("a.txt", "table", "other", True),
        ("a.py", "Doc.", "Another.", False),
        ("a.py", "import numpy\n", "import numpy  # arrays\n\n", False),
        ("c.py", "return 3", "return 4", False),
        ("__init__.py", "A page.", "The page.", False),
    ],
)
def test_edits_that_move_and_that_do_not(package, file, old, new, moves):
    before = sources("mine", "one")
    edit(package / file, old, new)
    if file == "a.txt":
        edit(package / "a.py", "Doc.", "Doc")  # a file is looked at again when the module is
    assert (sources("mine", "one") != before) == moves


def test_a_constant_that_somebody_set_is_in_the_key(package):
    import mine.b

    def f(x):
        return {"y": mine.b.two() + x}

    before = fingerprint(f)
    mine.b.SCALE = 5
    assert fingerprint(f).items() - before.items() == {("mine.b.SCALE", fingerprint(f)["mine.b.SCALE"])}
    mine.b.SCALE = 2
    assert fingerprint(f) == before


SCRIPT = """
import json, sys
from pathlib import Path
from infotok.lab.caching.sources import sources

package = Path("infotok")
def edited(file, old, new):
    path = package / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    try:
        return sources("infotok.information", "nhsic")
    except ValueError as reason:
        return str(reason)

answers = [sources("infotok.information", "nhsic")]
answers.append(edited("unified/base.py", "import torch", "import torch\\nX = 1"))
answers.append(edited("information/kernels.py", '"' * 3, '"' * 3 + "Edited. "))
answers.append(edited("information/kernels.py", "import torch", "import torch\\nX = 1"))
answers.append(edited("errors.py", "def require", "X = 1\\ndef require"))
json.dump(answers, sys.stdout)
"""


def test_edits_of_the_package(tmp_path):
    shutil.copytree(Path(__file__).parents[3] / "infotok", tmp_path / "infotok")
    said = subprocess.check_output([sys.executable, "-c", SCRIPT], cwd=tmp_path, timeout=120)
    first, unrelated, docstring, code, imported = json.loads(said)
    assert {"infotok.information.kernels", "torch"} <= first.keys()
    assert first == unrelated == docstring
    assert code["infotok.information.kernels"] != first["infotok.information.kernels"]
    assert "errors.py: got 'a file edited after it was imported', expected" in imported
