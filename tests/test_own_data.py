"""The page on own images and text: its example of a text tokenizer runs, on small files that are made here."""

import re
from pathlib import Path

from own_data import as_folder, rows
from text_tokenizers import pieces
from transformers import GPT2Config, GPT2LMHeadModel, set_seed

PAGE = (Path(__file__).parents[1] / "docs" / "own_data.md").read_text()
SMALLER = {"steps=650": "steps=2, batch=4, questions=2", "n=256": "n=4"}


def test_the_example_of_a_text_tokenizer_runs(tmp_path, monkeypatch, capsys):
    from infotok.evaluation import evaluate_understanding

    (example,) = re.findall(r"```python\n(.*?)```", PAGE.split("## A text tokenizer")[1], re.DOTALL)
    assert 15 <= len(example.strip().splitlines()) <= 25
    for usual, small in SMALLER.items():
        assert example.count(usual) == 1
        example = example.replace(usual, small)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(evaluate_understanding.__globals__, "QUESTION_ONLY_IMAGES", 64)
    as_folder(tmp_path / "pictures", rows())
    tokenizer = pieces()
    tokenizer.save_pretrained("language-model")
    set_seed(0)
    sizes = {"vocab_size": len(tokenizer), "n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 64}
    GPT2LMHeadModel(GPT2Config(**sizes)).save_pretrained("language-model")
    names = {}
    exec(compile(example, "own_data.md", "exec"), names)
    assert names["written"].shape == names["chosen"].shape == names["batch"].answers.shape == (8, 1, 8)
    assert {*names["text"].decode(names["chosen"][:, 0])} <= {*names["text"].answers}
    said = capsys.readouterr().out.splitlines()
    assert 0 <= float(said[-1]) <= 1
