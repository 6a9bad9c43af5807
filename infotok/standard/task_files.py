"""The text of task files in lmms-eval's schema; `!function utils.name` names a function of the `utils.py` beside them.

A metric's values are averaged over the documents that have it, so that a document gives "overall" and its own kind.
"""

from collections.abc import Sequence
from pathlib import Path

__all__ = ["UTILS", "prompts_yaml", "questions_yaml"]

UTILS = '''"""Functions of the tasks in this folder; lmms-eval calls them."""

from pathlib import Path

from infotok.standard.lmms_eval_tasks import drawing_scorer, no_visual, prompt, question, score_answer, visual

score_drawing = drawing_scorer(Path(__file__).parent)
__all__ = ["no_visual", "prompt", "question", "score_answer", "score_drawing", "visual"]
'''
QUESTIONS = """task: {name}_questions
dataset_path: parquet
dataset_kwargs:
  data_files:
    test: {path}
test_split: test
output_type: generate_until
doc_to_visual: !function utils.visual
doc_to_text: !function utils.question
doc_to_target: answer
process_results: !function utils.score_answer
generation_kwargs:
  max_new_tokens: 16
  do_sample: false
metric_list:
{metrics}
metadata:
  - version: 1.0
"""
PROMPTS = """task: {name}_prompts
dataset_path: parquet
dataset_kwargs:
  data_files:
    test: {path}
test_split: test
output_type: generate_until
doc_to_visual: !function utils.no_visual
doc_to_text: !function utils.prompt
doc_to_target: tag
process_results: !function utils.score_drawing
generation_kwargs:
  draw: true
metric_list:
{metrics}
metadata:
  - version: 1.0
"""
METRIC = """  - metric: {name}
    aggregation: mean
    higher_is_better: true"""


def questions_yaml(name: str, path: Path, kinds: Sequence[str]) -> str:
    """The task of questions: accuracy over all, "overall", and by kind.

    name: of the world. path: of the parquet file. kinds: of questions.
    """
    return QUESTIONS.format(name=name, path=_quoted(path), metrics=_metrics("overall", *kinds))


def prompts_yaml(name: str, path: Path, tags: Sequence[str]) -> str:
    """The task of prompts: the share of images that follow theirs, over all, "images", and by tag.

    name: of the world. path: of the parquet file. tags: of prompts.
    """
    return PROMPTS.format(name=name, path=_quoted(path), metrics=_metrics("images", *tags))


def _metrics(*names: str) -> str:
    return "\n".join(METRIC.format(name=name) for name in names)


def _quoted(path: Path) -> str:
    """A path as a YAML string, whatever it contains."""
    return "'" + str(path).replace("'", "''") + "'"
