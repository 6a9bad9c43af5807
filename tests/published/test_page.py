"""The page on published models: its script trains, evaluates and resumes; its numbers are those that are computed."""

import re
from pathlib import Path

import pytest
import torch
from own_data import as_folder, rows
from published_models import CODES, FAMILIES, GRID, PIXELS, TEXT, published
from published_processors import processor_of
from transformers import set_seed

from infotok.published import attach, prepare, what_fits
from infotok.published.fits import as_markdown

PAGE = (Path(__file__).parents[2] / "docs" / "published_models.md").read_text()
(SCRIPT,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
CONSTANTS = re.compile(r"^MODEL, DATA, RUN, SIZE, STEPS, SAVE, BATCH = .*$", re.MULTILINE)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A checkpoint of Chameleon with its processor, and a folder of images and text."""
    root = tmp_path_factory.mktemp("page")
    published("chameleon").save_pretrained(root / "model")
    processor_of("chameleon").save_pretrained(root / "model")
    as_folder(root / "pictures", rows(48, forms=("PNG",)))
    return root


def run(root: Path, folder: str, steps: int, capsys) -> str:
    """What the page's script prints, with small numbers in the line of its constants."""
    values = (
        f"{str(root / 'model')!r}, {str(root / 'pictures')!r}, Path({str(root / folder)!r}), {PIXELS}, {steps}, 2, 2"
    )
    script, changed = CONSTANTS.subn(lambda line: f"{line[0].split('=')[0]}= {values}", SCRIPT)
    assert changed == 1
    set_seed(0)
    exec(compile(script, "published_models.md", "exec"), {})
    return capsys.readouterr().out


def test_the_script_trains_evaluates_and_resumes(data, capsys):
    whole = run(data, "whole", 4, capsys)
    found = re.fullmatch(r"answers: (.*) right; drawing: (.*) nats per code; (\{.*\})\n", whole)
    assert 0 <= float(found[1]) <= 1
    assert float(found[2]) > 0
    assert run(data, "parts", 2, capsys) != whole
    assert run(data, "parts", 4, capsys) == whole, "resumed after two steps"
    assert len(SCRIPT.splitlines()) <= 40


@pytest.mark.slow
def test_the_table_of_memory_is_what_the_function_gives():
    assert as_markdown(what_fits()) in PAGE


@pytest.mark.parametrize("name", FAMILIES)
class TestPrepare:
    QUESTIONS, ANSWERS, CAPTIONS = (
        ["what colour is the wall?", "where is it?"],
        ["red", "new york"],
        ["a red wall", "it"],
    )
    IMAGES = torch.rand(2, 3, PIXELS, PIXELS, generator=torch.Generator().manual_seed(0))

    def test_labels_are_the_answers(self, name):
        processor = processor_of(name)
        batch = prepare(processor, self.IMAGES, self.QUESTIONS, self.ANSWERS, self.CAPTIONS, torch.zeros(2, TEXT))
        for row, (answer, question) in enumerate(zip(self.ANSWERS, self.QUESTIONS, strict=True)):
            labels, ids = batch["labels"][row], batch["input_ids"][row]
            assert processor.tokenizer.decode(labels[labels != -100]) == f"{answer} </s>"
            assert torch.equal(labels[labels != -100], ids[labels != -100])
            read = processor.tokenizer.decode(ids[batch["attention_mask"][row].bool()], skip_special_tokens=True)
            assert read.endswith(f"{question[:-1]} ? {answer}")
        prompts = processor.tokenizer.batch_decode(batch["prompts"])
        assert [prompt.split("<boi>")[0].replace("<pad>", "").split() for prompt in prompts] == [
            ["<s>", *caption.split()] for caption in self.CAPTIONS
        ]
        attached = attach(published(name), {"text_dim": TEXT, "consistency": 1.0}).train()
        assert attached.loss(batch).keys() == {"infotok", "quantizer", "understanding", "generation"}

    def test_a_question_alone_is_answered_as_the_processor_writes_it(self, name):
        processor = processor_of(name)
        batch = prepare(processor, self.IMAGES, self.QUESTIONS)
        assert "labels" not in batch
        assert attach(published(name)).answer(batch, max_new_tokens=2).shape == (2, 2)
        assert batch["pixel_values"].shape == (2, 3, PIXELS, PIXELS)

    def test_captions_alone_train_the_drawing_side(self, name):
        batch = prepare(processor_of(name), self.IMAGES, captions=self.CAPTIONS)
        terms = attach(published(name)).loss(batch)
        assert list(terms) == ["quantizer", "generation"]
        assert terms["generation"].isfinite()
        assert GRID[0] * GRID[1] == CODES

    def test_bad_parts_are_one_line(self, name):
        processor = processor_of(name)
        for arguments, line in (
            (
                (self.IMAGES, self.QUESTIONS[:1]),
                r"^questions: got '1 sentences', expected one for each of the 2 images$",
            ),
            ((self.IMAGES, None, self.ANSWERS), r"^questions: got None, expected questions, since there are answers$"),
            ((self.IMAGES, "what?"), r"^questions: got 'str', expected a list of sentences$"),
            ((self.IMAGES * 2, self.QUESTIONS), r"^images: got 'values from"),
            (
                (self.IMAGES, ["<image> what?", "it?"]),
                r"^questions: got '<image> what\?', expected a sentence without <image>, which is put before",
            ),
            (
                (self.IMAGES, None, None, ["a <image>", "it"]),
                r"^captions: got 'a <image>', expected a sentence without",
            ),
        ):
            with pytest.raises((ValueError, TypeError), match=line):
                prepare(processor, *arguments)
        with pytest.raises(TypeError, match=r"^processor: got 'int', expected a Chameleon, Emu3 or Janus processor$"):
            prepare(3, self.IMAGES, self.QUESTIONS)
