"""A stand-in for lmms-eval, which is not installed: the parts of its interface that our plugin and tasks meet.

Names, arguments and the order of calls are those of lmms-eval's repository at commit 059d63b; the code is our own. It
shows that our side of the interface fits what is documented there, not that lmms-eval itself runs.
"""

import abc
import importlib.util
import io
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from types import ModuleType
from typing import Any

import yaml
from PIL import Image
from pyarrow import parquet


class Lmms(abc.ABC):
    """The base class of models, `lmms_eval.api.model.lmms`."""

    is_simple = True

    def __init__(self) -> None:
        self._rank, self._world_size, self.task_dict = 0, 1, {}

    @abc.abstractmethod
    def loglikelihood(self, requests):
        """(number, whether greedy) of each request."""

    @abc.abstractmethod
    def generate_until(self, requests):
        """Text of each request."""

    @abc.abstractmethod
    def generate_until_multi_round(self, requests):
        """Text of each request, of several rounds."""

    @classmethod
    def create_from_arg_string(cls, arguments: str, additional: dict[str, Any] | None = None):
        pairs = dict(each.split("=", 1) for each in arguments.split(",") if each)
        given = {name: int(value) if value.isdigit() else value for name, value in pairs.items()}
        return cls(**given, **{name: value for name, value in (additional or {}).items() if value is not None})

    @property
    def rank(self) -> int:
        return self._rank

    @property
    def world_size(self) -> int:
        return self._world_size


@dataclass
class Instance:
    """A request."""

    request_type: str
    arguments: tuple
    idx: int
    metadata: dict
    resps: list = field(default_factory=list)

    @property
    def args(self) -> tuple:
        return self.arguments


@dataclass(frozen=True)
class ModelManifest:
    """What an entry point gives."""

    model_id: str
    simple_class_path: str | None = None
    chat_class_path: str | None = None
    aliases: tuple[str, ...] = ()


def install(monkeypatch) -> None:
    """Put the stand-in where `import lmms_eval` finds it, until the test ends."""
    parts = {
        "lmms_eval": {},
        "lmms_eval.api": {},
        "lmms_eval.api.model": {"lmms": Lmms},
        "lmms_eval.api.instance": {"Instance": Instance},
        "lmms_eval.models": {},
        "lmms_eval.models.registry_v2": {"ModelManifest": ModelManifest},
    }
    for name, content in parts.items():
        module = ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "infotok.standard.lmms_eval_models", raising=False)


def load_task(path: Path) -> dict[str, Any]:
    """A task file with its functions, as lmms-eval's loader resolves them beside the file."""

    class Loader(yaml.SafeLoader):
        """Ours, so that no other test sees the constructor."""

    def function(loader, node):
        module, name = loader.construct_scalar(node).split(".")
        spec = importlib.util.spec_from_file_location(module, path.parent / f"{module}.py")
        made = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made)
        return getattr(made, name)

    Loader.add_constructor("!function", function)
    return yaml.load(path.read_text(), Loader)


def documents(task: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a task's parquet file, with images as pictures, as `datasets` opens them."""
    assert task["dataset_path"] == "parquet"
    rows = parquet.read_table(task["dataset_kwargs"]["data_files"][task["test_split"]]).to_pylist()
    for row in rows:
        if "image" in row:
            row["image"] = Image.open(io.BytesIO(row["image"]["bytes"]))
    return rows


def requests_of(task: dict[str, Any], rows: list[dict[str, Any]]) -> list[Instance]:
    """A request of `generate_until` for each document."""
    split = task["test_split"]

    def request(index: int, row: dict[str, Any]) -> Instance:
        text = task["doc_to_text"](row)
        arguments = (text, dict(task["generation_kwargs"]), task["doc_to_visual"], index, task["task"], split)
        return Instance("generate_until", arguments, 0, {"task": task["task"], "doc_id": index, "repeats": 1})

    return [request(index, row) for index, row in enumerate(rows)]


def evaluate(model: Lmms, path: Path) -> dict[str, float]:
    """The metrics of a task: requests, answers, the task's own processing, the mean of each metric's values."""
    task = load_task(path)
    assert task["output_type"] == "generate_until"
    rows = documents(task)
    model.task_dict[task["task"]] = {task["test_split"]: rows}
    values = defaultdict(list)
    for row, said in zip(rows, model.generate_until(requests_of(task, rows)), strict=True):
        for name, value in task["process_results"](row, [said]).items():
            values[name].append(value)
    listed = {each["metric"]: each["aggregation"] for each in task["metric_list"]}
    assert set(values) <= set(listed)
    assert set(listed.values()) == {"mean"}
    return {name: fmean(each) for name, each in values.items()}
