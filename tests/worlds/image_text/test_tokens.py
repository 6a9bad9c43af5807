"""A text tokenizer as the vocabulary of a world: its ids, what they decode to, its identity, and its limits."""

import json
import re
from dataclasses import fields

import pytest
import torch
from own_data import rows
from text_tokenizers import SPECIAL, TEXTS, pieces, words

from infotok.unified.identity import difference, made_with
from infotok.worlds import ImageTextWorld, TextVocabulary, TokenVocabulary
from infotok.worlds.image_text import BadRecord

MADE = rows()
TOKENIZER = pieces()
PAD = TOKENIZER.pad_token_id


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def same(a, b):
    return all(torch.equal(getattr(a, field.name), getattr(b, field.name)) for field in fields(a))


def own_ids(text):
    return TOKENIZER.encode(text, add_special_tokens=False)


def swapped(ids):
    return [{0: PAD, PAD: 0}.get(i, i) for i in ids]


@pytest.fixture(scope="module")
def world():
    return ImageTextWorld(MADE, tokenizer=TOKENIZER, max_answer=8)


# --- ids --------------------------------------------------------------------------------------------------------------


def test_ids_are_the_tokenizers_but_that_padding_is_0(world):
    assert PAD != 0
    vocabulary = world.vocabulary
    assert len(vocabulary) == len(TOKENIZER)
    assert list(vocabulary.words) == TOKENIZER.convert_ids_to_tokens(swapped(range(len(TOKENIZER))))
    for text in TEXTS:
        (row,) = vocabulary.encode([text]).tolist()
        assert row == swapped(own_ids(text))
    ends = vocabulary.encode_answers(["New York", "red"]).tolist()
    for text, row in zip(["New York", "red"], ends, strict=True):
        expected = swapped([*own_ids(text), TOKENIZER.eos_token_id])
        assert row == expected + [0] * (8 - len(expected))


def test_ids_decode_to_the_text_of_the_records(world):
    batch = world.batch(20, seeded(), questions=3)
    assert batch.answers.shape == (20, 3, 8)
    for i, caption in enumerate(world.vocabulary.decode(batch.captions)):
        row = MADE[int(batch.scenes[i])]
        assert caption in row["captions"]
        asked = world.vocabulary.decode(batch.questions[i])
        told = world.vocabulary.decode(batch.answers[i])
        assert all(list(pair) in row["questions"] for pair in zip(asked, told, strict=True))
    listed = world.vocabulary.decode(world.vocabulary.answer_ids)
    assert listed == list(world.vocabulary.answers)
    assert {*listed} == {"New York", "blue", "green", "red", "white"}
    assert listed[0] == "New York", "the commonest first, with its capitals"


@pytest.mark.parametrize("text", ["naïve café, 東京 🎈", "an <eos> and a <pad>", "  two  spaces"])
def test_any_text_has_ids_that_decode_to_it(world, text):
    ids = world.vocabulary.encode([text, "red"])
    assert not (ids[0] == 0).any()
    assert not (ids == world.vocabulary.end).any(), "words that spell a special token are text"
    assert world.vocabulary.decode(ids) == [text, "red"]


def test_long_sentences_are_cut_and_short_ones_padded(world):
    whole = world.vocabulary.encode(["What colour is the wall?", "red"])
    short = len(own_ids("red"))
    assert whole[1, short:].tolist() == [0] * (whole.shape[1] - short)
    assert (whole[1, :short] > 0).all()
    assert torch.equal(world.vocabulary.encode(["What colour is the wall?"], 3), whole[:1, :3])
    assert world.vocabulary.encode([], 3).shape == (0, 3)


# --- the batch --------------------------------------------------------------------------------------------------------


def test_a_seed_decides_the_batch_whatever_the_workers(world):
    many = ImageTextWorld(MADE, tokenizer=TOKENIZER, max_answer=8, workers=3, cache=0)
    first = world.batch(8, seeded(1), 2)
    assert same(first, many.batch(8, seeded(1), 2))
    assert not same(first, world.batch(8, seeded(2), 2))


def test_images_and_records_are_those_that_a_closed_vocabulary_draws(world):
    ours, closed = world.batch(8, seeded(1), 2), ImageTextWorld(MADE).batch(8, seeded(1), 2)
    for name in ("images", "scenes", "kinds", "text"):
        assert torch.equal(getattr(ours, name), getattr(closed, name))


def test_the_captions_ids_as_text():
    world = ImageTextWorld(MADE, tokenizer=TOKENIZER, text="ids")
    batch = world.batch(4, seeded(), 1)
    assert torch.equal(batch.text, batch.captions)
    assert batch.text.dtype == torch.long


def test_text_without_questions(world):
    assert world.batch(3, seeded(), 0).answers.shape == (3, 0, 8)


# --- identity ---------------------------------------------------------------------------------------------------------


def test_a_saved_vocabulary_is_the_same(world, tmp_path):
    world.vocabulary.save(tmp_path)
    again = TokenVocabulary.load(tmp_path)
    assert made_with(again) == made_with(world.vocabulary)
    assert torch.equal(again.answer_ids, world.vocabulary.answer_ids)
    other = ImageTextWorld(MADE, vocabulary=again)
    assert same(world.batch(5, seeded(), 2), other.batch(5, seeded(), 2))
    assert difference(made_with(world), made_with(other)) == ""
    from_folder = ImageTextWorld(MADE, tokenizer=tmp_path, max_answer=8)
    assert difference(made_with(world), made_with(from_folder)) == ""


def test_another_tokenizer_is_another_run(world):
    merged = pieces([*TEXTS, "the the the the"], size=289)
    other = ImageTextWorld(MADE, tokenizer=merged, max_answer=8)
    assert "vocabulary.digest" in difference(made_with(world), made_with(other))
    longer = ImageTextWorld(MADE, tokenizer=TOKENIZER, max_answer=9)
    assert "max_answer=8 there and 9 now" in difference(made_with(world), made_with(longer))


def test_padding_that_a_tokenizer_was_last_called_with_is_no_part_of_it(world):
    called = pieces()
    called(["a", "the wall"], padding=True, truncation=True, max_length=1)
    assert TokenVocabulary(called).digest == world.vocabulary.digest
    assert TokenVocabulary(called).encode(["the wall"]).shape[1] > 1


def test_a_closed_vocabulary_has_the_identity_it_had():
    closed = made_with(ImageTextWorld(MADE))
    assert {*closed["vocabulary"]} == {"kind", "words", "answers"}
    assert not {"tokenizer", "max_answer"} & {*closed}


# --- limits -----------------------------------------------------------------------------------------------------------

KNOWN = [*{word for text in TEXTS for word in text.split()}]


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (
            lambda: TokenVocabulary(pieces(eos_token="<eos>")),
            r"tokenizer: got 'no pad_token', expected one that has",
        ),
        (
            lambda: TokenVocabulary(pieces(pad_token="<pad>")),
            r"tokenizer: got 'no eos_token', expected one that has",
        ),
        (
            lambda: TokenVocabulary(pieces(pad_token="<eos>", eos_token="<eos>")),
            r"tokenizer: got '<eos> as pad_token and eos_token', expected two tokens",
        ),
        (lambda: TokenVocabulary(3), r"tokenizer: got 'int', expected a PreTrainedTokenizerBase of transformers"),
        (lambda: TokenVocabulary("no/such\0folder"), r"name: got .*, expected a tokenizer's folder, or its owner/name"),
        (lambda: TokenVocabulary(TOKENIZER, ["red", "red"]), r"answers: got 'an answer twice'"),
        (lambda: TokenVocabulary(TOKENIZER, "red"), r"answers: got 'str', expected a list of sentences"),
        (
            lambda: TokenVocabulary(TOKENIZER, ["What colour?"], max_answer=2),
            r"answers, one: got 'What colour\?', expected an answer of at most 2 tokens with its end, not \d+: see",
        ),
        (
            lambda: TokenVocabulary(words(KNOWN), ["zebra"]),
            r"answers, one: got 'zebra', expected an answer that the tokenizer has tokens for",
        ),
        (
            lambda: TokenVocabulary(words(KNOWN)).encode(["the <pad>"]),
            r"sentences, one: got 'the <pad>', expected text without the padding token <pad>",
        ),
        (
            lambda: TokenVocabulary(words(KNOWN), ["the <eos>"]),
            r"answers, one: got 'the <eos>', expected an answer without the end token <eos>",
        ),
        (lambda: TokenVocabulary(TOKENIZER).encode([""]), r"sentences, one: got '', expected text that the tokenizer"),
        (
            lambda: ImageTextWorld(MADE, vocabulary=TextVocabulary(["a"]), tokenizer=TOKENIZER),
            r"tokenizer: got '\w+', expected None beside a vocabulary",
        ),
        (lambda: ImageTextWorld(MADE, tokenizer=TOKENIZER, max_answer=0), r"max_answer: got 0, expected"),
        (
            lambda: ImageTextWorld(MADE, tokenizer=TOKENIZER, max_answer=2),
            r"record 0, answer: got red, expected an answer of at most 2 tokens with its end, not 3: see ",
        ),
    ],
)
def test_what_does_not_fit_is_one_line(call, line):
    with pytest.raises((ValueError, TypeError), match=f"^{line}") as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_tokenizer_is_one_line(tmp_path):
    with pytest.raises(ValueError, match=rf"^tokenizer {re.escape(str(tmp_path))}: got .none \(") as caught:
        TokenVocabulary(tmp_path)
    assert "\n" not in str(caught.value)


def test_code_of_a_folders_own_is_not_run(tmp_path):
    TOKENIZER.save_pretrained(tmp_path)
    path = tmp_path / "tokenizer_config.json"
    own = {"auto_map": {"AutoTokenizer": ["own.Own", None]}, "tokenizer_class": "Own"}
    path.write_text(json.dumps(json.loads(path.read_text()) | own))
    (tmp_path / "own.py").write_text("raise SystemExit('it ran')")
    with pytest.raises(ValueError, match=rf"^tokenizer {re.escape(str(tmp_path))}: got .none .*contains custom code"):
        TokenVocabulary(tmp_path)


def test_records_that_do_not_fit_are_skipped_and_listed():
    made = [dict(row) for row in MADE]
    made[3] = made[3] | {"questions": [["What?", "a very long answer " * 9]]}
    with pytest.raises(BadRecord, match=r"^record 3, answer: got a very long"):
        ImageTextWorld(made, tokenizer=TOKENIZER, held_out=0)
    world = ImageTextWorld(made, tokenizer=TOKENIZER, held_out=0, on_error="skip")
    assert len(world) == len(made) - 1
    assert world.skipped[0].startswith("record 3, answer: got a very long")
    assert "a very" not in " ".join(world.vocabulary.answers)


def test_special_tokens_may_be_added_by_hand():
    bare = pieces(eos_token="<eos>")
    bare.add_special_tokens({"pad_token": "<nothing>"})
    vocabulary = TokenVocabulary(bare, ["red"])
    assert len(vocabulary) == len(TOKENIZER) + 1
    assert vocabulary.words[0] == "<nothing>"
    assert vocabulary.words[-1] == "<eos>", "the tokenizer's id 0 has the place of its padding"
    assert vocabulary.end == len(vocabulary) - 1
    assert SPECIAL["eos_token"] not in vocabulary.decode(vocabulary.answer_ids)[0]
