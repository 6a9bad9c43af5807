"""One's own images and text as a world: the same batch from every form, splits, words, training, and its limits."""

import sys
from dataclasses import fields

import numpy as np
import pytest
import torch
from own_data import COLOURS, FORMS, picture, rows
from trainings import TIMES

from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.unified import AutoregressiveModel, Backbone, TrainConfig, train
from infotok.worlds import ImageTextWorld, TextVocabulary, build_vocabulary, open_records
from infotok.worlds.image_text import BadRecord, ListRecords

MADE = rows()


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def same(a, b):
    return all(torch.equal(getattr(a, field.name), getattr(b, field.name)) for field in fields(a))


@pytest.fixture(scope="module")
def world():
    return ImageTextWorld(MADE)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    return {form: write(folder / form, MADE) for form, write in FORMS.items()}


# --- the same batch from every form -----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", list(FORMS)[1:])
@pytest.mark.parametrize("split", ["train", "test"])
def test_every_form_gives_the_same_batch(stored, form, split):
    reference = ImageTextWorld(open_records(stored["folder"]), held_out=0.3, split=split)
    other = ImageTextWorld(open_records(stored[form]), held_out=0.3, split=split)
    assert len(other) == len(reference)
    assert same(reference.batch(16, seeded(), 3), other.batch(16, seeded(), 3))


@pytest.mark.parametrize("form", FORMS)
def test_records_are_read_as_they_were_written(stored, form):
    records = open_records(stored[form])
    assert len(records) == len(MADE)
    for row, record in zip(MADE, (records[i] for i in range(len(records))), strict=True):
        assert record["image"] == row["image"]
        assert record["captions"] == row["captions"]
        assert [list(pair) for pair in record["questions"]] == row["questions"]
        assert record["key"].endswith(row["name"].split(".")[0])


@pytest.mark.parametrize("form", FORMS)
def test_workers_change_nothing(stored, form):
    records = open_records(stored[form])
    alone, many = ImageTextWorld(records, cache=0), ImageTextWorld(records, workers=4, cache=2**14)
    for seed in range(3):
        assert same(alone.batch(16, seeded(seed), 2), many.batch(16, seeded(seed), 2))


def test_a_seed_decides_the_batch(world):
    assert same(world.batch(8, seeded(1), 2), world.batch(8, seeded(1), 2))
    assert not same(world.batch(8, seeded(1), 2), world.batch(8, seeded(2), 2))


# --- what a batch has -------------------------------------------------------------------------------------------------


def test_parts_of_a_batch(world):
    batch = world.batch(20, seeded(), questions=3)
    assert batch.images.shape == (20, 3, 32, 32)
    assert batch.images.min() >= 0
    assert batch.images.max() <= 1
    assert batch.captions.shape == (20, 32)
    assert batch.questions.shape == (20, 3, 16)
    assert batch.answers.shape == batch.kinds.shape == (20, 3)
    assert not batch.kinds.any()
    assert batch.text.shape == (20, len(world.attributes.words))
    for i, caption in enumerate(world.vocabulary.decode(batch.captions)):
        row = MADE[int(batch.scenes[i])]
        colour = row["questions"][0][1]
        assert colour in caption.split()
        mean = batch.images[i, :, :, :8].mean((1, 2)) * 255  # left of the stripe
        assert torch.allclose(mean, torch.tensor(COLOURS[colour]).float(), atol=15)
        assert batch.text[i, world.attributes.words.index(colour)] == 1
        for question, answer in zip(batch.questions[i], batch.answers[i], strict=True):
            (asked,) = world.vocabulary.decode(question[None])
            expected = colour if asked.startswith("what") else "new york"
            assert world.vocabulary.words[answer] == expected
            assert answer in world.vocabulary.answer_ids


def test_images_are_the_centre_squares_that_pillow_cuts():
    from PIL import Image

    content = picture("green", 50, 30)
    batch = ImageTextWorld([{"image": content, "captions": "x"}], size=30, held_out=0).batch(1, seeded(), 0)
    import io

    expected = np.asarray(Image.open(io.BytesIO(content)).crop((10, 0, 40, 30)))
    assert np.array_equal((batch.images[0] * 255).round().byte().permute(1, 2, 0).numpy(), expected)


def test_transparency_is_white_and_orientation_is_followed():
    import io

    from PIL import Image

    clear, turned = io.BytesIO(), io.BytesIO()
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(clear, "PNG")
    halves = Image.new("RGB", (16, 16), "white")
    halves.paste("black", (0, 0, 8, 16))  # the left half
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise: the left half becomes the upper one
    halves.save(turned, "JPEG", exif=exif, quality=95)
    made = [{"image": stream.getvalue(), "captions": "x", "key": str(i)} for i, stream in enumerate((clear, turned))]
    world = ImageTextWorld(made, size=16, held_out=0)
    images = {int(scene): image for batch in [world.batch(20, seeded(), 0)] for scene, image in
              zip(batch.scenes, batch.images, strict=True)}  # fmt: skip
    assert (images[0] == 1).all()
    assert images[1][:, :6].mean() < 0.1
    assert images[1][:, 10:].mean() > 0.9


def test_a_function_gives_the_text(world):
    other = ImageTextWorld(MADE, text=lambda captions: torch.tensor([[len(c)] for c in captions]).float())
    batch = other.batch(5, seeded(), 1)
    assert batch.text.shape == (5, 1)
    broken = ImageTextWorld(MADE, text=lambda captions: torch.zeros(1, 3))
    with pytest.raises(ValueError, match=r"^text: got shape \(1, 3\)"):
        broken.batch(5, seeded(), 1)


# --- splits and words -------------------------------------------------------------------------------------------------


def test_splits_are_disjoint_and_do_not_depend_on_the_order():
    made = [{"image": b"x", "captions": "a wall", "key": str(i)} for i in range(2000)]
    keys = {}
    for order in (made, made[::-1], made[:1000]):
        world = ImageTextWorld(order, held_out=0.2)
        test = {order[i]["key"] for i in world.with_split("test")._members["test"].tolist()}
        train_ = {order[i]["key"] for i in world._members["train"].tolist()}
        assert not test & train_
        assert len(test | train_) == len(order) == len(world.with_split("all"))
        keys[len(keys)] = test
    assert keys[0] == keys[1]
    assert keys[2] == {key for key in keys[0] if int(key) < 1000}
    assert len(keys[0]) == pytest.approx(400, abs=60)


def test_words_come_from_training_records():
    made = [{"image": b"x", "captions": f"word{i}", "key": str(i)} for i in range(50)]
    world = ImageTextWorld(made, held_out=0.5)
    known = set(world.vocabulary.words[2:])
    assert known == {made[i]["captions"] for i in world._members["train"].tolist()} == set(world.attributes.words)


def test_a_vocabulary_is_the_commonest_words_and_is_saved(tmp_path):
    vocabulary = build_vocabulary(MADE, most=12, answers=3)
    assert len(vocabulary.answers) == 3
    assert vocabulary.answers[0] == "new york"
    assert len(vocabulary) == 12 + sum(answer not in vocabulary.words[:12] for answer in vocabulary.answers)
    vocabulary.save(tmp_path / "words.json")
    again = TextVocabulary.load(tmp_path / "words.json")
    assert again.words == vocabulary.words
    assert torch.equal(again.answer_ids, vocabulary.answer_ids)
    assert vocabulary.decode(vocabulary.encode(["The WALL, zebra"])) == ["the wall , <unk>"]
    assert vocabulary.answer_id("New  York") == vocabulary.words.index("new york")
    assert vocabulary.answer_id("zebra") == vocabulary.unk
    assert vocabulary.unk not in vocabulary.answer_ids


def test_sentences_are_cut_and_padded():
    vocabulary = build_vocabulary(MADE)
    assert vocabulary.encode(["the wall is red", "the"], 2).tolist()[1][1] == 0
    assert vocabulary.encode(["the wall is red"], 2).shape == (1, 2)
    assert vocabulary.encode([]).shape == (0, 0)


def test_fields_have_other_names(tmp_path):
    made = [{"file_name": "a.png", "caption": "a red wall"}]
    (tmp_path / "a.png").write_bytes(picture("red"))
    records = ListRecords(made, tmp_path, {"image": "file_name", "captions": "caption"})
    assert records[0]["captions"] == ["a red wall"]
    assert ImageTextWorld(records, held_out=0).batch(2, seeded(), 0).questions.shape == (2, 0, 16)


# --- faults -----------------------------------------------------------------------------------------------------------


def test_skipped_records_are_replaced_by_the_next_and_listed():
    made = [dict(row) for row in MADE]
    made[3] = made[3] | {"image": made[3]["image"][:50]}
    made[4] = made[4] | {"captions": 7}
    with pytest.raises(BadRecord, match=r"^record 4, captions: got a int, expected a string or a list of one or more$"):
        ImageTextWorld(made, held_out=0)
    with pytest.raises(BadRecord, match=r"^record 3: got [^\n]*, expected a whole image"):
        ImageTextWorld(made[:4], held_out=0).batch(64, seeded(), 1)
    world = ImageTextWorld(made, held_out=0, on_error="skip")
    batch = world.batch(200, seeded(), 1)
    assert not {3, 4} & {*batch.scenes.tolist()}
    assert [line.split(":")[0] for line in world.skipped] == ["record 3", "record 4, captions"]
    again = ImageTextWorld(made, held_out=0, on_error="skip", workers=3)
    assert same(batch, again.batch(200, seeded(), 1))
    assert same(batch, again.batch(200, seeded(), 1))
    assert again.skipped == world.skipped


def test_records_without_questions():
    made = [row | {"questions": row["questions"] if i else []} for i, row in enumerate(MADE[:4])]
    world = ImageTextWorld(made, held_out=0)
    assert 0 in world.batch(64, seeded(), 0).scenes
    with pytest.raises(ValueError, match=r"^record 0, questions: got none, expected one or more, or batches with"):
        world.batch(64, seeded(), 2)
    skipping = ImageTextWorld(made, held_out=0, on_missing="skip")
    assert 0 not in skipping.batch(64, seeded(), 2).scenes
    assert len(skipping.skipped) == 1
    assert 0 in skipping.batch(64, seeded(), 0).scenes


def test_nothing_left_is_one_line():
    made = [{"image": b"no image", "captions": "x", "key": str(i)} for i in range(3)]
    world = ImageTextWorld(made, held_out=0, on_error="skip")
    with pytest.raises(ValueError, match=r"^records: got 3 with faults or without questions, expected a good one"):
        world.batch(1, seeded(), 0)
    with pytest.raises(ValueError, match=r"^records in 'test': got 0, expected one good record or more"):
        world.with_split("test")


def test_large_images_are_refused_before_they_are_decoded():
    made = [{"image": picture("red", 200, 200), "captions": "x"}]
    world = ImageTextWorld(made, held_out=0, max_pixels=39_999)
    with pytest.raises(BadRecord, match=r"^record 0: got 200 x 200 pixels, expected at most 39999 pixels$"):
        world.batch(1, seeded(), 0)


# --- training ---------------------------------------------------------------------------------------------------------


class Stopping(ImageTextWorld):
    """Ends when its fifth batch is drawn."""

    left = 5

    def batch(self, *args, **kwargs):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return super().batch(*args, **kwargs)


def test_a_model_trains_and_resumes_bit_for_bit(stored, tmp_path):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    records = open_records(stored["shards"])
    config = TrainConfig(steps=6, batch=4, questions=2, warmup=2, save_every=2, log_every=1, seed=3)

    def build(world):
        torch.manual_seed(0)
        tokens = TokenizerConfig(grid=2, dim=4, width=4, quantizer="vector", quantizer_options={"codebook_size": 8})
        backbone = Backbone.tiny(len(world.vocabulary), hidden=8, layers=1, heads=2, positions=64)
        return AutoregressiveModel(SharedTokenizer.from_config(tokens), backbone, world.vocabulary)

    def losses(logged):
        return [{name: value for name, value in row.items() if name not in TIMES} for row in logged]

    world = ImageTextWorld(records, workers=2)
    whole = build(world)
    expected = losses(train(whole, world, config))
    stopping, first = Stopping(records), build(world)
    Stopping.__name__ = "ImageTextWorld"  # the class is part of a run's identity, the number of workers is not
    with pytest.raises(KeyboardInterrupt):
        train(first, stopping, config, tmp_path / "run")
    resumed = build(world)
    assert losses(train(resumed, world, config, tmp_path / "run")) == expected
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))
    torch.set_num_threads(threads)


def test_missing_libraries_are_named(monkeypatch, stored):
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install -e '\.\[data\]'$"):
        ImageTextWorld(MADE).batch(1, seeded(), 1)
    with pytest.raises(ModuleNotFoundError, match=r"pip install -e '\.\[data\]'$"):
        open_records(stored["parquet"])
