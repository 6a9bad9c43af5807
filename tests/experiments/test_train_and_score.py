"""One cell of the reproduction: arms differ in their own terms alone, and a cell is what its numbers say."""

import inspect
from pathlib import Path

import pytest
import torch

from infotok.evaluation import paired_difference
from infotok.experiments import CaptionHead, train_and_score
from infotok.experiments.hosts import EVALUATION, FewImages, make_host
from infotok.experiments.hosts import HOSTS as KINDS
from infotok.experiments.results import Cells, differences
from infotok.files import read_json, to_json
from infotok.images import unpacked
from infotok.worlds import ShapesWorld

HOSTS = ("autoregressive", "masked", "continuous")
ARMS = [
    {"compression": 1e-3, "prior": "text", "consistency": 1.0},
    {"estimator": "hsic", "compression": 0.1, "consistency": 3.0},
    {"compression": 1e-3, "prior": "host", "consistency": 1.0},
    {"compression": 0.0, "consistency": 1.0, "placement": "after"},
    {"head": 0.1},
    {"l2": 50.0},
]
TINY = {"steps": 6, "tokenizer_steps": 6, "held_out": 16}
WORLD = ShapesWorld(nuisance=0.5, jitter=0)
SIZES = {"bits": 6, "layers": 2, "heads": 4, "alone": 0, "steps": 6}  # no warm-up: codes from the first batch
REFERENCE = read_json(Path(__file__).parents[1] / "data" / "reproduction.json")


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("INFOTOK_RUN", "1")  # no progress bars


def batch(n=8, seed=0):
    return WORLD.batch(n, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("arm", ARMS, ids=str)
def test_arms_share_every_initial_weight_and_differ_in_their_term_alone(host, arm):
    bare, model = (make_host(host, each, 3, WORLD, **SIZES) for each in ({}, arm))
    own = model.state_dict()
    for name, tensor in bare.state_dict().items():
        assert torch.equal(tensor, own[name]), name
    assert all(name.startswith("tokenizer.infotok.") for name in own.keys() - bare.state_dict().keys())
    first, second = (each.eval().loss(batch(), torch.Generator().manual_seed(1)) for each in (bare, model))
    if "l2" in arm:
        assert second["l2"].item() == pytest.approx(2.5 * first["l2"].item())
    else:
        assert second["infotok"].requires_grad
        assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_the_caption_head_is_a_linear_reader_with_the_captions_cross_entropy():
    head = CaptionHead(dim=4, length=3, text_dim=5, weight=0.2)
    tokens = torch.randn(6, 3, 4, requires_grad=True)
    text = (torch.rand(6, 5) < 0.5).float()
    same, terms = head(tokens, text=text, image=None, generator=None)
    p = torch.sigmoid(tokens.flatten(1) @ head.reader.weight.T + head.reader.bias)
    nats = -(text * p.log() + (1 - text) * (1 - p).log()).sum(1).mean()
    assert same is tokens
    torch.testing.assert_close(terms.loss, 0.2 * nats)
    terms.loss.backward()
    assert tokens.grad.abs().sum() > 0, "supervision reaches what is below the quantizer"


def test_few_images_are_always_the_same_few():
    few = FewImages(WORLD, 5, seed=1, questions=4)
    drawn = few.batch(64, torch.Generator().manual_seed(2))
    assert len(drawn) == 64
    assert drawn.questions.shape[1] == 4
    distances = torch.cdist(drawn.images.flatten(1), few.all.images.flatten(1)).min(1)
    assert (distances.values < 0.05).all()
    assert len(distances.indices.unique()) == 5


def test_a_head_and_options_of_infotok_are_refused_together():
    with pytest.raises(ValueError, match="expected either a caption head or options of InfoTok"):
        make_host("masked", {"head": 0.1, "consistency": 1.0}, 0, WORLD, **SIZES)


@pytest.mark.parametrize("host", HOSTS)
def test_a_cell_agrees_with_its_reference(host):
    row = train_and_score(host, ARMS[0], 3, **TINY, looks=1)
    assert to_json(row)
    for name, values in REFERENCE[host].items():
        found = [value for value in row["curves"][name] if value is not None]
        assert found == pytest.approx(values, rel=0.02), f"{name}: tests/data/reproduction.json has another course"
    assert row["U"] == row["scores"]["understanding"]["mean"]
    assert row["G"] == row["scores"]["generation"]["overall"]
    assert len(row["drawn"]) == len(row["prompts"]) == len(row["followed"]) == 6
    assert [look["step"] for look in row["along"]] == [3]
    for likely, truth in zip(row["answers"]["likely"], row["answers"]["truth"], strict=True):
        assert sum(likely.values()) == pytest.approx(1)
        assert truth in likely
    first = WORLD.batch(16, torch.Generator().manual_seed(EVALUATION + 3))
    assert row["answers"]["questions"] == WORLD.vocabulary.decode(first.questions[0])


def test_a_shift_is_of_the_test_alone():
    calm = train_and_score("masked", {}, 0, **TINY)
    shifted = train_and_score("masked", {}, 0, **TINY, shift=0.9)
    assert calm["curves"] == shifted["curves"]
    assert calm["psnr"] != shifted["psnr"]


@pytest.mark.parametrize("host", HOSTS)
def test_a_kept_model_is_the_one_that_was_scored(host, tmp_path):
    row = train_and_score(host, ARMS[0], 3, **TINY, folder=str(tmp_path / "kept"))
    model = KINDS[host].from_pretrained(tmp_path / "kept")
    assert model.tokenizer.infotok is None
    answers = row["answers"]
    image = torch.from_numpy(unpacked(answers["picture"])).permute(2, 0, 1)[None] / 255
    questions = WORLD.vocabulary.encode(answers["questions"])[None]
    likely = model.answer_probabilities(image, questions)[0]
    words = [WORLD.vocabulary.words[i] for i in WORLD.vocabulary.answer_ids]
    for found, kept in zip(answers["likely"], likely.tolist(), strict=True):
        assert [found[word] for word in words] == pytest.approx(kept, abs=0.02)  # half precision, and 8 bits a pixel


def test_an_unknown_host_is_refused():
    with pytest.raises(ValueError, match="host: got 'diffusion', expected one of autoregressive, masked, continuous"):
        train_and_score("diffusion", {}, 0)


def test_too_few_numbers_a_token_are_refused():
    with pytest.raises(ValueError, match="bits: got 2, expected an integer from 3 to"):
        train_and_score("continuous", {}, 0, bits=2)


FIGURES = Path(__file__).parents[2] / "figures" / "11_infotok"


def test_no_seed_that_was_tuned_on_is_reported():
    tried = {row["seed"] for row in read_json(FIGURES / "trials.json")["rows"]}
    assert not {row["seed"] for row in read_json(FIGURES / "cells.json")["rows"]} & tried


def test_the_published_pairs_follow_from_the_reported_runs():
    published = read_json(FIGURES / "metrics.json")
    signature = inspect.signature(train_and_score).parameters
    dials = {name: p.default for name, p in signature.items() if p.default is not p.empty and name != "folder"}
    cells = Cells(read_json(FIGURES / "cells.json")["rows"], dials | {"nuisance": 0.8})
    assert len(published["paired"]) == 2 * 2 * 3
    for pair in published["paired"]:
        variational = {"compression": 1e-3, "consistency": 3.0, "prior": "text"}
        weight = 1.0 if pair["host"] == "autoregressive" else 3.0
        arm = {"hsic": {"estimator": "hsic", "compression": 0.1, "consistency": weight}, "variational": variational}
        found = differences(
            cells.find(pair["host"], arm[pair["estimator"]]), cells.find(pair["host"], {}), pair["side"]
        )
        expected = paired_difference(list(found.values()), [0.0] * len(found))
        assert pair["seeds"] == expected.pairs >= 8
        assert [pair[name] for name in ("low", "mean", "high")] == pytest.approx(
            [expected.interval[0], expected.mean, expected.interval[1]], abs=1e-4
        )
