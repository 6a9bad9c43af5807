"""Running a model over an evaluation set: an oracle scores one, a fresh model stands at its baselines."""

import json
import sys

import pytest
import torch
from scaling import CASES, SCORED, evaluated_rank, on_ranks, results_of, small_host
from torch import nn

from infotok.evaluation import evaluate, evaluate_generation, evaluate_understanding
from infotok.evaluation.evaluate import answer_batch, generate_images, reconstruct
from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.unified import AutoregressiveModel, Backbone, MaskedModel
from infotok.unified.sampling import rows_of
from infotok.worlds import OpenMojiWorld, ShapesWorld

WORLD = ShapesWorld(nuisance=0.0, jitter=1)
N = 24


def build(cls=AutoregressiveModel, quantizer="vector"):
    torch.manual_seed(0)
    config = TokenizerConfig(grid=2, dim=4, width=4, quantizer=quantizer, quantizer_options={"codebook_size": 8})
    backbone = Backbone.tiny(len(WORLD.vocabulary), hidden=8, layers=1, heads=2)
    return cls(SharedTokenizer.from_config(config), backbone, WORLD.vocabulary).eval()


class Oracle(nn.Module):
    """Knows the answers to the questions of one seed's batch by heart, and no others, and draws what it reads."""

    def __init__(self, seed):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.tokenizer = self
        batch = WORLD.batch(N, torch.Generator().manual_seed(seed))
        self.no = WORLD.vocabulary.ids(["no"])[0]
        self.known = {
            (image.numpy().tobytes(), tuple(question.tolist())): answer
            for image, asked, answers in zip(batch.images, batch.questions, batch.answers, strict=True)
            for question, answer in zip(asked, answers, strict=True)
        }

    def answer(self, images, questions):
        rows = [
            [self.known.get((image.numpy().tobytes(), tuple(q.tolist())), self.no) for q in asked]
            for image, asked in zip(images, questions, strict=True)
        ]
        return torch.tensor(rows)

    def generate(self, captions, generator):
        return WORLD.render(WORLD.scenes_of(WORLD.vocabulary.decode(captions)), generator)

    encode = decode = staticmethod(lambda images: images)


def test_an_oracle_is_right_about_everything_it_knows():
    scores = evaluate(Oracle(seed=3), WORLD, n=N, seed=3, at_once=7)
    assert scores["understanding"]["overall"] == scores["understanding"]["mean"] == 1
    assert scores["shuffled"]["overall"] < 0.6
    assert 0.2 < scores["question_only"]["overall"] < 0.8
    assert scores["pope_random"]["accuracy"] < 0.7  # these questions it never heard
    assert scores["generation"]["overall"] == 1
    assert scores["renders"]["cells"] == scores["reconstructions"]["cells"] == scores["generations"]["cells"] == 1
    assert scores["generations"]["offset"] < 1 == scores["renders"]["offset"]  # which no caption named
    assert scores.keys() >= {"pope_random", "pope_frequent", "pope_adversarial", "mme"}


@pytest.mark.parametrize("kind", [(AutoregressiveModel, "vector"), (MaskedModel, "lookup_free")])
def test_scores_do_not_depend_on_how_many_at_once(kind):
    model = build(*kind)
    few, many = (evaluate(model, WORLD, n=12, seed=1, at_once=at_once) for at_once in (5, 12))
    assert few == many
    batch = WORLD.batch(12, torch.Generator().manual_seed(1))
    images = [reconstruct(model, batch.images, at_once) for at_once in (5, 12)]
    torch.testing.assert_close(*images, atol=1e-5, rtol=1e-5)


def test_scores_follow_their_seed_and_options():
    model = build()
    scores = evaluate_generation(model, WORLD, n=6, seed=1)
    assert scores == evaluate_generation(model, WORLD, n=6, seed=1)
    batch = WORLD.batch(6, torch.Generator().manual_seed(1))
    plain = generate_images(model, batch.captions, torch.Generator().manual_seed(0))
    greedy = generate_images(model, batch.captions, torch.Generator().manual_seed(0), temperature=0)
    assert not torch.equal(plain, greedy)
    assert plain.shape == (6, 3, 32, 32)


def test_a_fresh_model_has_seen_nothing():
    scores = evaluate_understanding(build(), WORLD, n=64, seed=2)
    assert scores["understanding"]["overall"] <= scores["question_only"]["overall"]
    assert scores["question_only"]["shape"] < 0.6


@pytest.mark.parametrize(
    ("split", "trained"), [("new_objects", "known_objects"), ("known_objects",) * 2, ("all", "train")]
)
def test_the_baseline_by_question_knows_what_the_model_was_trained_on(split, trained, monkeypatch):
    """Else the questions of "train" would name to it the objects that the model never saw."""
    world, drawn = OpenMojiWorld(32, split=split), []
    asked = OpenMojiWorld.asked
    monkeypatch.setattr(OpenMojiWorld, "asked", lambda self, *given: drawn.append(self.split) or asked(self, *given))
    monkeypatch.setattr(sys.modules["infotok.evaluation.evaluate"], "QUESTION_ONLY_IMAGES", 64)
    model = Oracle(seed=3)
    monkeypatch.setattr(model, "answer", lambda images, questions: torch.zeros(questions.shape[:2], dtype=torch.long))
    evaluate_understanding(model, world, n=4)
    assert drawn == [trained]


def test_bad_sizes_are_refused():
    batch = WORLD.batch(2, torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match="at_once: got 0, expected a positive integer"):
        answer_batch(build(), batch, at_once=0)


@pytest.mark.slow
def test_two_processes_share_the_images_and_prompts_and_get_the_scores_of_one(tmp_path):
    """Also where their number is odd, and of a sharded model."""
    assert on_ranks(evaluated_rank, tmp_path) == [0, 0]
    first, second = (json.loads((tmp_path / f"scores-{rank}.json").read_text()) for rank in range(2))
    assert first == second
    assert first["evaluate"] == json.loads(
        json.dumps(evaluate(small_host("hsic"), ShapesWorld(nuisance=0.2), **SCORED))
    )
    for case in CASES:
        alone = results_of(small_host(case))
        for sharded in (False, True):
            found = first[f"{case}, {sharded}"]
            assert found["answers"] == alone["answers"]
            for name in ("seen", "drawn"):
                assert found[name] == pytest.approx(alone[name], abs=1e-5)


def test_images_are_drawn_row_by_row_whoever_draws_them():
    model, captions = build(MaskedModel, "lookup_free"), WORLD.batch(5, torch.Generator().manual_seed(0)).captions
    whole = generate_images(model, captions, torch.Generator().manual_seed(1))
    own = []
    for start, rows in ((0, 3), (3, 2)):
        generator = torch.Generator().manual_seed(1)
        with rows_of(start, 5):
            own.append(model.generate(captions[start : start + rows], generator))
    torch.testing.assert_close(torch.cat(own), whole, rtol=1e-5, atol=1e-6)
