"""The scorers: against scikit-learn, torchmetrics, scipy and counting by hand, and each against what should fool it."""

import math
from collections import Counter, defaultdict
from types import SimpleNamespace

import pytest
import torch
from scipy.linalg import sqrtm
from sklearn.metrics import f1_score, precision_score, recall_score

from infotok.evaluation import (
    MME_CATEGORIES,
    fidelity,
    question_only,
    score_answers,
    score_fidelity,
    score_mme,
    score_pope,
    score_reconstructions,
    shuffle_images,
)
from infotok.worlds import KINDS, Scenes, ShapesWorld, mme, pope, score_cells, shapes_features
from infotok.worlds.shapes import scenes as law

WORLD = ShapesWorld(nuisance=0.0, split="all")
YES, NO = WORLD.vocabulary.ids(["yes", "no"]).tolist()


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class TestAnswers:
    batch = WORLD.batch(200, seeded())

    def test_accuracy_by_kind(self) -> None:
        predicted = self.batch.answers.clone()
        wrong = torch.rand(predicted.shape, generator=seeded()) < 0.3
        predicted[wrong] = 0
        scores = score_answers(predicted, self.batch, WORLD)
        for k, kind in enumerate(KINDS):
            asked = self.batch.kinds == k
            assert scores[kind] == pytest.approx(1 - (wrong & asked).sum().item() / asked.sum().item())
        assert scores["overall"] == pytest.approx(1 - wrong.float().mean().item())
        assert scores["mean"] == pytest.approx(sum(scores[kind] for kind in KINDS) / 5)
        assert set(score_answers(self.batch.answers, self.batch, WORLD).values()) == {1.0}

    def test_kinds_not_asked_have_no_score(self) -> None:
        batch = pope(self.batch, WORLD, "random", seeded())
        scores = score_answers(batch.answers, batch, WORLD)
        assert scores["presence"] == scores["mean"] == 1
        assert scores["shape"] is scores["count"] is None

    def test_question_only_picks_the_commonest(self) -> None:
        train, test = WORLD.batch(1500, seeded(1)), WORLD.batch(300, seeded(2))
        counts, by_kind = defaultdict(Counter), defaultdict(Counter)
        for question, answer, kind in zip(
            train.questions.flatten(0, 1).tolist(), train.answers.flatten().tolist(), train.kinds.flatten().tolist(),
            strict=True,
        ):  # fmt: skip
            counts[tuple(question)][answer] += 1
            by_kind[kind][answer] += 1
        guesses = question_only(train, test)
        for question, guess, kind in zip(
            test.questions.flatten(0, 1).tolist(), guesses.flatten().tolist(), test.kinds.flatten().tolist(),
            strict=True,
        ):  # fmt: skip
            known = counts.get(tuple(question), by_kind[kind])
            assert known[guess] == max(known.values())
        assert 0.2 < score_answers(guesses, test, WORLD)["overall"] < 0.55  # what language alone is worth in this world

    def test_shuffled_images_are_others(self) -> None:
        shuffled = shuffle_images(self.batch, seeded())
        assert Counter(map(bytes, shuffled.images.numpy())) == Counter(map(bytes, self.batch.images.numpy()))
        assert torch.equal(shuffled.questions, self.batch.questions)
        moved = (shuffled.images != self.batch.images).flatten(1).any(1)
        assert moved.float().mean() > 0.9  # empty scenes look alike

    def test_refusals(self) -> None:
        with pytest.raises(ValueError, match=r"predicted: got shape \(2, 4\), expected a tensor of shape \(200, 4\)"):
            score_answers(torch.zeros(2, 4, dtype=torch.long), self.batch, WORLD)
        with pytest.raises(TypeError, match=r"predicted: got torch\.float32, expected dtype integer"):
            score_answers(torch.zeros(200, 4), self.batch, WORLD)
        with pytest.raises(TypeError, match=r"predicted: got 'list', expected a tensor of shape \(200, 4\)"):
            score_answers([], self.batch, WORLD)
        with pytest.raises(ValueError, match="batch: got 1, expected two images or more"):
            shuffle_images(self.batch[:1], seeded())
        with pytest.raises(
            ValueError, match=r"batch\.kinds: got 'values from 0 to 4', expected finite values in \[0, 1\]"
        ):
            score_answers(self.batch.answers, self.batch, SimpleNamespace(kinds=("shape", "colour")))


class TestPope:
    batch = WORLD.batch(300, seeded(3))

    def test_scores_are_scikit_learns(self) -> None:
        probe = pope(self.batch, WORLD, "random", seeded())
        said_yes = torch.rand(probe.answers.shape, generator=seeded(1)) < 0.7
        scores = score_pope(torch.where(said_yes, YES, NO), probe, WORLD)
        true, said = (probe.answers == YES).flatten().numpy(), said_yes.flatten().numpy()
        assert scores["precision"] == pytest.approx(precision_score(true, said))
        assert scores["recall"] == pytest.approx(recall_score(true, said))
        assert scores["f1"] == pytest.approx(f1_score(true, said))
        assert scores["accuracy"] == pytest.approx((true == said).mean())
        assert scores["yes_rate"] == pytest.approx(said.mean())

    def test_who_always_says_yes_is_found_out(self) -> None:
        probe = pope(self.batch, WORLD, "random", seeded())
        scores = score_pope(torch.full_like(probe.answers, YES), probe, WORLD)
        assert (scores["accuracy"], scores["yes_rate"], scores["recall"]) == (0.5, 1.0, 1.0)
        silent = score_pope(torch.zeros_like(probe.answers), probe, WORLD)
        assert (silent["accuracy"], silent["precision"], silent["f1"]) == (0, None, 0)


class TestMme:
    def test_scores(self) -> None:
        batch = mme(WORLD.batch(300, seeded(4)), WORLD, seeded())
        perfect = score_mme(batch.answers, batch)
        assert perfect == {**dict.fromkeys(MME_CATEGORIES, 200.0), "total": 800.0}
        always = score_mme(torch.full_like(batch.answers, YES), batch)
        assert always == {**dict.fromkeys(MME_CATEGORIES, 50.0), "total": 200.0}
        predicted = batch.answers.clone()
        predicted[: len(batch) // 2, 2] = NO  # half the yes of "colour" missed
        share = (len(batch) // 2) / len(batch)
        assert score_mme(predicted, batch)["colour"] == pytest.approx(100 * (1 - share / 2) + 100 * (1 - share))
        luck = torch.where(torch.rand(batch.answers.shape, generator=seeded()) < 0.5, YES, NO)
        assert score_mme(luck, batch)["total"] == pytest.approx(4 * 75, abs=60)

    def test_nothing_asked_has_no_score(self) -> None:
        alone = mme(WORLD.batch(300, seeded(4))[:0], WORLD, seeded())
        assert score_mme(alone.answers, alone)["total"] is None
        with pytest.raises(ValueError, match=r"batch\.answers: got shape \(3, 4\), expected a batch made by `mme`"):
            score_mme(torch.zeros(3, 4, dtype=torch.long), WORLD.batch(3, seeded()))


class TestReconstruction:
    world = ShapesWorld()
    batch = world.batch(40, seeded())

    def score(self, images: torch.Tensor, which: slice = slice(None)) -> dict[str, float]:
        return score_reconstructions(images[which], self.batch.images[which], self.batch.scenes[which], self.world)

    def test_psnr_is_torchmetrics(self) -> None:
        from torchmetrics.functional.image import peak_signal_noise_ratio

        noisy = (self.batch.images + 0.05 * torch.randn(self.batch.images.shape, generator=seeded())).clamp(0, 1)
        theirs = peak_signal_noise_ratio(noisy, self.batch.images, data_range=1.0, dim=(1, 2, 3))
        assert self.score(noisy)["psnr"] == pytest.approx(theirs.item(), abs=1e-4)

    def test_errors_are_put_down_to_where_they_are(self) -> None:
        alpha = self.world.foreground(self.batch.scenes)
        off = torch.where(self.batch.images > 0.5, -0.1, 0.1)  # stays in [0, 1]
        behind = self.batch.images + off * (alpha == 0)
        scores = self.score(behind)
        assert scores["foreground"] == pytest.approx(100)
        assert scores["background"] == pytest.approx(20, abs=0.5)
        on = self.batch.images + off * (alpha == 1)
        scores = self.score(on)
        assert scores["background"] == pytest.approx(100)
        assert scores["foreground"] == pytest.approx(20, abs=1)
        assert scores["psnr"] > scores["foreground"]

    def test_exact_copies_and_scenes_without_objects(self) -> None:
        assert self.score(self.batch.images) == pytest.approx({"psnr": 100, "foreground": 100, "background": 100})
        bare = self.world.scenes_of(["empty"])
        image = self.world.render(bare)
        assert score_reconstructions(image, image, bare, self.world)["foreground"] is None

    def test_scores_do_not_depend_on_the_batch(self) -> None:
        noisy = (self.batch.images + 0.05 * torch.randn(self.batch.images.shape, generator=seeded())).clamp(0, 1)
        halves = [self.score(noisy, slice(0, 20)), self.score(noisy, slice(20, 40))]
        assert self.score(noisy)["psnr"] == pytest.approx((halves[0]["psnr"] + halves[1]["psnr"]) / 2, abs=1e-5)

    def test_refusals(self) -> None:
        with pytest.raises(
            ValueError,
            match=r"reconstructions: got shape \(40, 3, 8, 8\), expected a tensor of shape \(40, 3, 32, 32\)",
        ):
            self.score(torch.zeros(40, 3, 8, 8))
        with pytest.raises(ValueError, match=r"reconstructions: got 'NaN', expected finite values in \[0, 1\]"):
            self.score(torch.full_like(self.batch.images, math.nan))


class TestFidelity:
    world = ShapesWorld(split="all")
    scenes = world.sample(300, seeded(1))
    real = world.batch(300, seeded(2), questions=0).images
    other = world.render(scenes, seeded(3))

    def score(self, images: torch.Tensor) -> float:
        return score_fidelity(images, self.real, features=shapes_features(), subsets=5)["fd"]

    def test_it_is_the_frechet_distance_and_mmd(self) -> None:
        scores = score_fidelity(self.other, self.real, features=shapes_features(), subsets=1, subset_size=300)
        a, b = (shapes_features()(images).double() for images in (self.other, self.real))
        cov_a, cov_b = a.T.cov(), b.T.cov()
        root = torch.from_numpy(sqrtm((cov_a @ cov_b).numpy()).real)
        frechet = (a.mean(0) - b.mean(0)).square().sum() + (cov_a + cov_b - 2 * root).trace()
        assert scores["fd"] == pytest.approx(frechet.item(), rel=1e-3)

        def kernel(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return (x @ y.T / x.shape[1] + 1) ** 3

        n = len(a)
        within = sum((kernel(x, x).sum() - kernel(x, x).trace()) / (n * (n - 1)) for x in (a, b))
        expected = (within - 2 * kernel(a, b).mean()).item()
        assert scores["kid"] == pytest.approx(expected, abs=2e-3 * kernel(a, b).mean().item())

    def test_it_sees_blur_noise_and_their_strength(self) -> None:
        same = self.score(self.other)
        soft = [torch.nn.functional.avg_pool2d(self.other, k, 1, k // 2) for k in (3, 5)]
        noisy = [(self.other + s * torch.randn(self.other.shape, generator=seeded())).clamp(0, 1) for s in (0.1, 0.2)]
        for weak, strong in (soft, noisy):
            assert 1.5 * same < self.score(weak) < self.score(strong)

    def test_it_sees_what_is_wrong_with_scenes(self) -> None:
        same = self.score(self.other)
        cells = self.scenes.cells
        fewer = cells * (torch.rand(cells.shape, generator=seeded()) > 0.2)
        occupied, _, colour, size = (part.clamp(min=0) for part in law.parts(cells))
        circles = law.cell_value(torch.zeros_like(cells), colour, size) * occupied
        alike = cells[:, :1].expand(-1, 4)
        for wrong in (fewer, circles, alike):
            offsets = self.scenes.offsets * (wrong > 0)[..., None]
            images = self.world.render(Scenes(wrong, offsets, self.scenes.texture), seeded(3))
            assert self.score(images) > 1.5 * same

    def test_same_numbers_again_and_whatever_the_cut(self, monkeypatch: pytest.MonkeyPatch) -> None:
        state = torch.random.get_rng_state()
        first = score_fidelity(self.other, self.real, features=shapes_features())
        assert torch.equal(torch.random.get_rng_state(), state)
        assert score_fidelity(self.other, self.real, features=shapes_features()) == first
        monkeypatch.setattr(fidelity, "IMAGES_AT_ONCE", 77)
        assert score_fidelity(self.other, self.real, features=shapes_features())["fd"] == pytest.approx(
            first["fd"], rel=1e-3
        )

    def test_a_network_in_training_mode_is_used_in_eval_mode(self) -> None:
        class Network(torch.nn.Sequential):
            num_features = 8

        torch.manual_seed(0)
        pool = torch.nn.AdaptiveAvgPool2d(1)
        network = Network(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU(), pool, torch.nn.Flatten())
        state = {name: value.clone() for name, value in network.state_dict().items()}
        darker = 0.5 * self.real  # normalised by its own batch it would look like the original
        scores = score_fidelity(darker, self.real, features=network)
        assert network.training
        assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
        assert scores == score_fidelity(darker, self.real, features=network.eval())

    def test_refusals(self) -> None:
        with pytest.raises(ValueError, match=r"generated: got '20 images', expected 200 \(subset_size\) or more"):
            score_fidelity(self.other[:20], self.real, features=shapes_features())
        with pytest.raises(
            ValueError, match=r"real: got shape \(300, 32, 32\), expected a tensor of shape \(N, 3, S, S\)"
        ):
            score_fidelity(self.other, self.real[:, 0], features=shapes_features())
        with pytest.raises(
            ValueError, match=r"generated: got 'values from 0\.08 to inf', expected finite values in \[0, 1\]"
        ):
            score_fidelity(replace_first(self.other), self.real, features=shapes_features())
        with pytest.raises(TypeError, match=r"features: got 'Identity', expected a network, with \.num_features"):
            score_fidelity(self.other, self.real, features=torch.nn.Identity())
        with pytest.raises(ValueError, match="subset_size: got 1, expected an integer, at least 2"):
            score_fidelity(self.other, self.real, subset_size=1, features=shapes_features())


def replace_first(images: torch.Tensor) -> torch.Tensor:
    images = images.clone()
    images[0, 0, 0, 0] = math.inf
    return images


class TestPixels:
    """Scorers take what `encode` takes: finite floats in [0, 1]."""

    world = ShapesWorld()
    batch = world.batch(4, seeded())

    @pytest.mark.parametrize("wrong", [lambda x: x * 255, lambda x: (x * 255).byte(), lambda x: x * 2 - 1])
    def test_pixels_of_another_range_or_dtype_are_refused(self, wrong) -> None:
        images, scenes = wrong(self.batch.images), self.batch.scenes
        with pytest.raises(
            (TypeError, ValueError), match=r"images: got .*, expected (finite values in \[0, 1\]|dtype float)"
        ):
            score_cells(images, scenes, self.world)
        with pytest.raises((TypeError, ValueError), match=r"reconstructions: got"):
            score_reconstructions(images, self.batch.images, scenes, self.world)
        with pytest.raises((TypeError, ValueError), match=r"generated: got"):
            score_fidelity(images, self.batch.images, subset_size=2, features=shapes_features())
