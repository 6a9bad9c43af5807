"""One run: variants differ in their own terms alone, and a run is what its numbers say."""

import json
from functools import cache
from pathlib import Path

import pytest
import torch
from scaling import a_run, on_ranks, run_rank

from infotok.experiments import train_and_score
from infotok.experiments.hosts import EVALUATION, make_host
from infotok.experiments.hosts import HOSTS as KINDS
from infotok.experiments.sources import FewImages
from infotok.files import read_json, to_json
from infotok.images import unpacked
from infotok.worlds import ShapesWorld

HOSTS = ("autoregressive", "masked", "continuous")
VARIANTS = [
    {"bound": "infonce", "compression": 1e-3, "prior": "text", "consistency": 1.0},
    {"estimator": "hsic", "compression": 0.1, "consistency": 3.0},
    {"bound": "infonce", "compression": 1e-3, "prior": "host", "consistency": 1.0},
    {"bound": "infonce", "compression": 0.0, "consistency": 1.0, "placement": "after"},
    {"bound": "decoder", "compression": 0.0, "consistency": 0.1},
    {"bound": "infonce", "negatives": 256, "compression": 0.0, "consistency": 1.0},
    {"bound": "decoder", "compression": 3e-4, "consistency": 0.03, "prior": "text", "noise": None, "fixed_noise": True},
    {"compression": 1e-3, "prior": "host", "consistency": 1.0, "ramp": 1.0},
    {"l2": 50.0},
    {"crt": 4.0},
]
TINY = {"steps": 6, "tokenizer_steps": 6, "held_out": 16}
WORLD = ShapesWorld(nuisance=0.5, jitter=0)
SIZES = {"bits": 6, "layers": 2, "heads": 4, "tokenizer_steps": 0, "steps": 6}  # no warm-up: codes from the first batch
REFERENCE = read_json(Path(__file__).parents[1] / "data" / "reproduction.json")


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("INFOTOK_RUN", "1")  # no progress bars


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """`row, folder = scored(host)`: one run of each host, evaluated along its training, and its kept model."""

    @cache
    def run(host):
        folder = tmp_path_factory.mktemp(host) / "kept"
        return train_and_score(host, VARIANTS[0], 3, **TINY, evaluations=1, folder=str(folder)), folder

    return run


def batch(n=8, seed=0):
    return WORLD.batch(n, torch.Generator().manual_seed(seed))


def fits(host, variant):
    return host == "continuous" or variant.get("noise", 0.1) is not None  # where tokens have noise of their own


@pytest.mark.parametrize(
    ("host", "variant"), [(host, each) for host in HOSTS for each in VARIANTS if fits(host, each)], ids=str
)
def test_variants_share_every_initial_weight_and_differ_in_their_term_alone(host, variant):
    bare, model = (make_host(host, each, 3, WORLD, **SIZES) for each in ({}, variant))
    own = model.state_dict()
    for name, tensor in bare.state_dict().items():
        assert torch.equal(tensor, own[name]), name
    assert all(name.startswith("tokenizer.infotok.") for name in own.keys() - bare.state_dict().keys())
    first, second = (each.eval().loss(batch(), torch.Generator().manual_seed(1)) for each in (bare, model))
    if "l2" in variant:
        assert second["l2"].item() == pytest.approx(2.5 * first["l2"].item())
    else:
        assert second["infotok"].requires_grad
        assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_few_images_are_always_the_same_few():
    few = FewImages(WORLD, 5, seed=1, questions=4)
    drawn = few.batch(64, torch.Generator().manual_seed(2))
    assert len(drawn) == 64
    assert drawn.questions.shape[1] == 4
    distances = torch.cdist(drawn.images.flatten(1), few.all.images.flatten(1)).min(1)
    assert (distances.values < 0.05).all()
    assert len(distances.indices.unique()) == 5


@pytest.mark.slow
def test_neither_evaluating_along_training_nor_a_shift_of_the_test_changes_it(scored):
    calm = train_and_score("masked", VARIANTS[0], 3, **TINY)
    watched, _ = scored("masked")
    assert [found["step"] for found in watched["trajectory"]] == [3]
    assert all(0 <= found[side] <= 1 for found in watched["trajectory"] for side in "UG")
    assert calm["trajectory"] == []
    for name in calm.keys() - {"trajectory", "seconds"}:
        assert calm[name] == watched[name], name
    shifted = train_and_score("masked", VARIANTS[0], 3, **TINY, shift=0.9)
    assert calm["curves"] == shifted["curves"]
    assert calm["psnr"] != shifted["psnr"]


@pytest.mark.parametrize("host", HOSTS)
def test_a_run_agrees_with_its_reference(scored, host):
    row, _ = scored(host)
    assert to_json(row)
    for name, values in REFERENCE[host].items():
        found = [value for value in row["curves"][name] if value is not None]
        assert found == pytest.approx(values, rel=0.02), f"{name}: tests/data/reproduction.json has another course"
    assert row["U"] == row["scores"]["understanding"]["mean"]
    assert row["G"] == row["scores"]["generation"]["overall"]
    assert len(row["drawn"]) == len(row["prompts"]) == len(row["followed"]) == 6
    assert [found["step"] for found in row["trajectory"]] == [3]
    for likely, truth in zip(row["answers"]["likely"], row["answers"]["truth"], strict=True):
        assert sum(likely.values()) == pytest.approx(1)
        assert truth in likely
    first = WORLD.batch(16, torch.Generator().manual_seed(EVALUATION + 3))
    assert row["answers"]["questions"] == WORLD.vocabulary.decode(first.questions[0])


@pytest.mark.parametrize("host", HOSTS)
def test_a_kept_model_is_the_one_that_was_scored(scored, host):
    row, folder = scored(host)
    model = KINDS[host].from_pretrained(folder)
    assert model.tokenizer.infotok is None
    answers = row["answers"]
    image = torch.from_numpy(unpacked(answers["picture"])).permute(2, 0, 1)[None] / 255
    questions = WORLD.vocabulary.encode(answers["questions"])[None]
    likely = model.answer_probabilities(image, questions)[0]
    words = [WORLD.vocabulary.words[i] for i in WORLD.vocabulary.answer_ids]
    for found, kept in zip(answers["likely"], likely.tolist(), strict=True):
        assert [found[word] for word in words] == pytest.approx(kept, abs=0.02)  # half precision, and 8 bits a pixel


def numbers(value, path=""):
    """(path, value) of everything in a row."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if parts is None:
        return {path: value}
    return {key: found for name, part in parts for key, found in numbers(part, f"{path}/{name}").items()}


@pytest.mark.slow
def test_two_processes_share_a_run_and_each_has_the_row_of_one(tmp_path):
    """The images of a step, and the images, questions and prompts of the evaluation, an odd number of them."""
    assert on_ranks(run_rank, tmp_path) == [0, 0]
    first, second = (json.loads((tmp_path / f"run-{rank}.json").read_text()) for rank in range(2))
    assert first == second
    alone, found = numbers(json.loads(json.dumps(a_run()))), numbers(first)
    assert found.keys() == alone.keys()
    for path, value in alone.items():
        assert found[path] == (pytest.approx(value, rel=1e-4, abs=1e-5) if isinstance(value, float) else value), path
    assert KINDS["masked"].from_pretrained(tmp_path / "kept").tokenizer.infotok is None


def test_an_unknown_host_is_refused():
    with pytest.raises(ValueError, match="host: got 'diffusion', expected one of autoregressive, masked, continuous"):
        train_and_score("diffusion", {}, 0)


def test_a_rival_takes_the_place_of_infotok():
    with pytest.raises(ValueError, match=r"variant: got .*, expected crt without options of InfoTok"):
        train_and_score("masked", {"crt": 4.0, "consistency": 1.0}, 0)
    with pytest.raises(ValueError, match="crt'\\]: got -1"):
        train_and_score("masked", {"crt": -1}, 0)


@pytest.mark.parametrize(
    "variant", [{"ramp": 0.5}, {"compression": 0.1, "ramp": 0.5, "warmup": 3}, {"crt": 1.0, "ramp": 1}]
)
def test_a_ramp_without_a_rate_to_raise_is_refused(variant):
    with pytest.raises(ValueError, match=r"variant: got .*, expected ramp with a weight of compression"):
        train_and_score("masked", variant, 0)


def test_a_ramp_is_a_share_of_all_training_steps():
    model = make_host("masked", {"compression": 0.1, "ramp": 0.5}, 0, WORLD, tokenizer_steps=20, steps=80)
    assert model.tokenizer.infotok.options.warmup == 50


def test_too_few_numbers_a_token_are_refused():
    with pytest.raises(ValueError, match="bits: got 2, expected an integer from 3 to"):
        train_and_score("continuous", {}, 0, bits=2)


@pytest.mark.parametrize("host", [HOSTS[0], *(pytest.param(host, marks=pytest.mark.slow) for host in HOSTS[1:])])
def test_scenes_of_emoji_are_trained_on_and_scored(host):
    row = train_and_score(host, {"bound": "decoder", "compression": 0.0, "consistency": 1.0}, 3, objects=10, **TINY)
    assert set(row["probed"]) == {"structure", "jitter", "nuisance"}
    assert {"object", "kind", "presence", "count", "relation"} < set(row["scores"]["understanding"])
    assert len(row["drawn"]) == len(row["prompts"]) == 6
    assert "pope_random" not in row["scores"], "the world has no such questions"
