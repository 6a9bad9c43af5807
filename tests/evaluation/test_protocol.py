"""Evaluation asks protocols of a world: a world of flat images is scored, and no file imports a particular one."""

import ast
import math
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest
import torch

import infotok.evaluation
from infotok.evaluation import (
    MME_CATEGORIES,
    NEGATIVES,
    evaluate_generation,
    evaluate_understanding,
    probe_tokenizer,
    probe_tokens,
    score_answers,
    score_reconstructions,
)
from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.unified import AutoregressiveModel, Backbone
from infotok.worlds import Asks, Benchmarks, Factors, Redraws, ShapesWorld

COLOURS = ("grey", "red", "green")  # grey is a scene without an object
RGB = torch.tensor([[0.5, 0.5, 0.5], [0.9, 0.1, 0.1], [0.1, 0.9, 0.1]])
TOP = 8  # rows of an image that belong to the background


class Words:
    words = ("", *COLOURS, "yes", "no", "which", "is", "it")
    answer_ids = torch.arange(1, 6)

    def encode(self, sentences):
        rows = [[self.words.index(word) for word in sentence.split()] for sentence in sentences]
        width = max(map(len, rows))
        return torch.tensor([row + [0] * (width - len(row)) for row in rows])

    def decode(self, ids):
        return [" ".join(self.words[i] for i in row if i) for row in ids.tolist()]


@dataclass(frozen=True)
class FlatBatch:
    images: torch.Tensor
    scenes: torch.Tensor
    captions: torch.Tensor
    questions: torch.Tensor
    answers: torch.Tensor
    kinds: torch.Tensor
    text: torch.Tensor

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return FlatBatch(*(getattr(self, field.name)[index] for field in fields(self)))


class FlatWorld:
    """Images of one colour below a grey strip; a scene is the number of its colour."""

    vocabulary = Words()
    kinds = ("colour", "presence")
    entropies = {"colour": math.log(3)}  # noqa: RUF012

    def sample(self, n, generator):
        return torch.randint(3, (n,), generator=generator)

    def render(self, scenes, generator=None):
        images = RGB[scenes][:, :, None, None].repeat(1, 1, 32, 32)
        images[:, :, :TOP] = 0.5
        return images

    def batch(self, n, generator, questions=4):
        scenes = self.sample(n, generator)
        asked = torch.randint(1, 3, (n, questions), generator=generator)  # red, or green
        kinds = torch.randint(2, (n, questions), generator=generator)
        which, whether = self.vocabulary.encode(["which", "is it red", "is it green"]).split([1, 2])
        answers = torch.where(kinds == 0, 1 + scenes[:, None], self.truth(scenes[:, None] == asked))
        ids = torch.where((kinds == 0)[..., None], which, whether[asked - 1])
        text = torch.nn.functional.one_hot(scenes, 3).float()
        return FlatBatch(self.render(scenes), scenes, 1 + scenes[:, None], ids, answers, kinds, text)

    def truth(self, true):
        return torch.where(true, *self.vocabulary.encode(["yes", "no"]).flatten())

    def prompts(self, n, generator):
        return [{"prompt": COLOURS[i]} for i in self.sample(n, generator)]

    def with_split(self, split):
        return type(self)()

    def read(self, images):
        return (images[:, :, TOP:].mean((2, 3))[:, None] - RGB).square().sum(2).argmin(1)

    def score_generations(self, images, prompts):
        asked = torch.tensor([COLOURS.index(prompt["prompt"]) for prompt in prompts])
        return {"overall": (self.read(images) == asked).float().mean().item()}

    def score_cells(self, images, scenes):
        return {"present": (self.read(images) == scenes).float().mean().item()}

    def foreground(self, scenes):
        alpha = (scenes > 0).float()[:, None, None, None].repeat(1, 1, 32, 32)
        alpha[:, :, :TOP] = 0
        return alpha

    def factors(self, scenes):
        return {"colour": (scenes[:, None], torch.eye(3))}

    def surplus(self, scenes):
        return (scenes > 0).double() - 2 / 3


class AskingWorld(FlatWorld):
    """With questions in pairs."""

    def pope(self, batch, negatives, generator, questions=6):
        return self.asking(batch[batch.scenes > 0], questions // 2)

    def mme(self, batch, generator):
        return self.asking(batch[batch.scenes > 0], len(MME_CATEGORIES))

    def asking(self, batch, pairs):
        there = self.vocabulary.encode(["is it red", "is it green"])[batch.scenes - 1]
        other = self.vocabulary.encode(["is it red", "is it green"])[2 - batch.scenes]
        questions = torch.stack([there, other], 1).repeat(1, pairs, 1)
        answers = self.truth(torch.tensor([True, False])).repeat(len(batch), pairs)
        return replace(batch, questions=questions, answers=answers, kinds=torch.ones_like(answers))


WORLD = FlatWorld()


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = TokenizerConfig(grid=2, dim=4, width=4, quantizer="lookup_free", quantizer_options={"codebook_size": 8})
    backbone = Backbone.tiny(len(WORLD.vocabulary.words), hidden=8, layers=1, heads=2)
    return AutoregressiveModel(SharedTokenizer.from_config(config), backbone, WORLD.vocabulary).eval()


def test_shapes_follow_every_protocol_and_flat_images_some():
    assert all(isinstance(ShapesWorld(), protocol) for protocol in (Asks, Benchmarks, Factors, Redraws))
    assert isinstance(WORLD, Factors)
    assert not isinstance(WORLD, Asks | Benchmarks | Redraws)
    assert isinstance(AskingWorld(), Benchmarks)


def test_answers_are_scored_by_the_worlds_own_kinds(model):
    scores = evaluate_understanding(model, WORLD, n=24, seed=1)
    assert scores.keys() == {"understanding", "question_only", "shuffled"}
    assert all(tuple(each) == ("colour", "presence", "overall", "mean") for each in scores.values())
    batch = WORLD.batch(24, seeded())
    assert set(score_answers(batch.answers, batch, WORLD).values()) == {1.0}
    assert 0.4 < scores["question_only"]["presence"] < 0.9  # "no" is right of two in three


def test_a_world_with_benchmarks_has_their_scores_too(model):
    scores = evaluate_understanding(model, AskingWorld(), n=24, seed=1)
    assert scores.keys() == {
        *("understanding", "question_only", "shuffled", "mme"),
        *(f"pope_{negatives}" for negatives in NEGATIVES),
    }
    assert scores["mme"].keys() == {*MME_CATEGORIES, "total"}


def test_generations_and_reconstructions_are_read_by_the_world(model):
    scores = evaluate_generation(model, WORLD, n=24, seed=1)
    assert scores.keys() == {"generation", "renders", "reconstructions", "generations"}
    assert scores["renders"] == {"present": 1.0}
    assert 0 <= scores["generation"]["overall"] <= 1


def test_errors_are_put_down_to_where_they_are():
    scenes = torch.tensor([0, 1, 2, 2])
    images = WORLD.render(scenes)
    wrong = images.clone()
    wrong[:, :, TOP:] += 0.1 * (images[:, :, TOP:] < 0.5) - 0.1 * (images[:, :, TOP:] >= 0.5)
    scores = score_reconstructions(wrong, images, scenes, WORLD)
    assert scores["foreground"] == pytest.approx(20, abs=1e-3)
    assert scores["background"] == pytest.approx((20 - 10 * math.log10(24 / 32) + 3 * 100) / 4, abs=1e-3)
    assert score_reconstructions(images[:1], images[:1], scenes[:1], WORLD)["foreground"] is None


def test_probed_information_is_that_of_the_worlds_factors(model):
    scenes = WORLD.sample(600, seeded())
    known = probe_tokens(scenes[:, None], scenes, WORLD, steps=200, width=32)
    assert known.keys() == WORLD.entropies.keys()
    assert 0.95 * math.log(3) < known["colour"].nats <= known["colour"].ceiling == math.log(3)
    noise = torch.randn(600, 2, generator=seeded(1))
    assert abs(probe_tokens(noise, scenes, WORLD, steps=100, width=8)["colour"].nats) < 0.1
    found = probe_tokenizer(model.tokenizer, WORLD, images=200, steps=20, width=8)["colour"]
    assert found.nats <= math.log(3)


def test_a_world_of_equally_many_objects_has_no_control_variate():
    class Even(FlatWorld):
        def surplus(self, scenes):
            return torch.zeros(len(scenes), dtype=torch.double)

    scenes = WORLD.sample(200, seeded())
    assert math.isfinite(probe_tokens(scenes[:, None], scenes, Even(), steps=10, width=8)["colour"].nats)


FILES = sorted(Path(infotok.evaluation.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_evaluation_imports_no_particular_world(path):
    """Of the worlds only `infotok.worlds.source`, the protocols and their constants."""
    imported = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported += [node.module, *(f"{node.module}.{name.name}" for name in node.names)]
        elif isinstance(node, ast.Import):
            imported += [name.name for name in node.names]
    worlds = [name for name in imported if name == "infotok.worlds" or name.startswith("infotok.worlds.")]
    assert [name for name in worlds if not name.startswith("infotok.worlds.source")] == []
