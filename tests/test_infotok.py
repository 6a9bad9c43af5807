"""InfoTok: terms against torch.distributions and closed forms, its tokens, guards, errors, and two gloo processes."""

import json
import math
import multiprocessing
import warnings

import numpy as np
import pytest
import ranks
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.distributions import Categorical, Normal, kl_divergence

from infotok.bottleneck import InfoTok, MixturePrior
from infotok.information.kernels import nhsic

B, L, D, K = 12, 4, 16, 7


def batch(size: int = B) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(size)
    draw = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
    return {
        "features": draw(size, L, D),
        "image": draw(size, 3, 8, 8),
        "text": draw(size, 10),
        "answer": torch.arange(size) % 5,
        "target": draw(size, 3, 4),
        "posterior": draw(size, L, K),
    }


def module(**options) -> InfoTok:
    torch.manual_seed(0)
    defaults = {"text_dim": 10, "answer_dim": 5, "target_dim": 12, "compression": 0.5}
    infotok = InfoTok(D, **(defaults | options))
    for parameter in infotok.parameters():  # away from the special values it starts with
        nn.init.normal_(parameter, std=0.3)
    return infotok


# --- values ----------------------------------------------------------------------------------------------------------


def gaussians(infotok: InfoTok, features: torch.Tensor) -> Normal:
    return Normal(features, (0.5 * infotok.to_log_variance(features)).exp())


@pytest.mark.parametrize("length", [None, L])
@pytest.mark.parametrize("prior", ["standard", "learned", "text", "host"])
def test_gaussian_rate_is_torchs_divergence_per_image(prior, length):
    data, infotok = batch(), module(prior=prior, length=length)
    host = (torch.randn(B, L, D), 0.1 * torch.randn(B, L, D))
    _, terms = infotok(data["features"], text=data["text"], host=host)
    if prior == "text":
        m, log_v = infotok.prior(data["text"])
        m, log_v = (m, log_v) if length else (m[:, None], log_v[:, None])
    elif prior == "learned":
        m, log_v = infotok.prior.mean, infotok.prior.log_variance
    else:
        m, log_v = host if prior == "host" else (torch.zeros(D), torch.zeros(D))
    truth = kl_divergence(gaussians(infotok, data["features"]), Normal(m, (0.5 * log_v).exp())).sum((1, 2)).mean()
    assert terms.compression.item() == pytest.approx(truth.item(), rel=1e-6)


@pytest.mark.parametrize("length", [None, L])
@pytest.mark.parametrize("prior", ["standard", "learned", "text", "host"])
def test_code_rate_is_torchs_divergence_per_image(prior, length):
    data, infotok, host = batch(), module(prior=prior, length=length, codes=K), torch.randn(B, L, K)
    _, terms = infotok(data["features"], text=data["text"], posterior=data["posterior"], host=host)
    reference = {"standard": torch.zeros(K), "host": host}
    r = reference[prior] if prior in reference else infotok.prior(data["text"])
    truth = kl_divergence(Categorical(logits=data["posterior"]), Categorical(logits=r.expand(B, L, K)))
    assert terms.compression.item() == pytest.approx(truth.sum(1).mean().item(), rel=1e-5)


def test_learned_prior_meets_the_true_marginal():
    """Features N(0, 3^2) through noise sigma: with r fitted, the rate is the channel's 1/2 log(1 + 9 / sigma^2)."""
    torch.manual_seed(0)
    infotok = InfoTok(2, prior="learned", noise=0.5, compression=1.0)
    infotok.to_log_variance.requires_grad_(False)
    features = 3 * torch.randn(4000, 1, 2)
    optimiser = torch.optim.Adam(infotok.prior.parameters(), 0.1)
    with warnings.catch_warnings(record=True):
        for _ in range(150):
            loss = infotok(features)[1].loss
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    variance = features.square().mean(0) - features.mean(0) ** 2
    truth = 0.5 * torch.log1p(variance / 0.25).sum().item()
    assert loss.item() == pytest.approx(truth, abs=1e-3)
    assert loss.item() >= truth - 1e-4


def test_any_module_can_be_the_prior():
    data = batch()
    _, terms = module(prior=MixturePrior(D, 3))(data["features"], generator=torch.Generator().manual_seed(0))
    assert terms.compression.item() > 0


def test_contrastive_terms_are_cross_entropies_below_log_b():
    data, infotok = batch(), module(relevance=1.0, generation=1.0, consistency=1.0, compression=0.0)
    tokens, terms = infotok(data["features"], text=data["text"], answer=data["answer"], target=data["target"])
    critic = infotok.critics["consistency"]
    a, b = critic.of_tokens(tokens.mean(1)), critic.of_value(data["text"], "text")
    value = math.log(B) - nn.functional.cross_entropy(critic.scale() * a @ b.T, torch.arange(B))
    assert terms.consistency.item() == pytest.approx(value.item(), abs=1e-5)
    assert max(terms.relevance, terms.generation, terms.consistency) <= math.log(B)


def test_duplicate_labels_need_no_mask():
    """Tokens that are a function of the label: the bound reaches the batch's H(Y), though every label occurs often."""
    torch.manual_seed(0)
    answer = torch.arange(100) % 5
    features = 2 * torch.randn(5, 1, D)[answer] + 0.01 * torch.randn(100, L, D)
    infotok = InfoTok(D, compression=0.0, relevance=1.0, answer_dim=5)
    optimiser = torch.optim.Adam(infotok.parameters(), 0.05)
    for _ in range(60):
        terms = infotok(features, answer=answer)[1]
        optimiser.zero_grad()
        terms.loss.backward()
        optimiser.step()
    assert terms.relevance.item() == pytest.approx(math.log(5), abs=0.02)
    assert terms.relevance.item() <= math.log(5) + 1e-6


def test_hsic_terms_are_nhsic():
    data = batch()
    data = {k: v.double() if v.is_floating_point() else v for k, v in data.items() if k != "posterior"}
    _, terms = module(estimator="hsic", relevance=2.0, generation=3.0, consistency=4.0)(**data)
    z = data["features"].flatten(1)
    expected = {
        "compression": nhsic(z, data["image"].flatten(1)),
        "relevance": nhsic(z, data["answer"], kernel_y="delta"),
        "generation": nhsic(z, data["target"].flatten(1), kernel_y="linear"),
        "consistency": nhsic(z, data["text"], kernel_y="linear"),
    }
    for name, value in expected.items():
        assert getattr(terms, name).item() == pytest.approx(value.item(), abs=1e-5)


@pytest.mark.parametrize("estimator", ["variational", "hsic"])
def test_loss_is_the_signed_sum_and_terms_switch_off(estimator):
    weights = {"compression": 0.5, "relevance": 2.0, "generation": 3.0, "consistency": 4.0}
    data = {k: v for k, v in batch().items() if k != "posterior"}
    unit = "nats" if estimator == "variational" else "nhsic"
    for off in (None, *weights):
        used = weights | ({off: 0.0} if off else {})
        terms = module(estimator=estimator, **used)(**data)[1]
        numbers = terms.asdict()
        assert set(numbers) == {"loss", *(f"{name}_{unit}" for name in weights if name != off)}
        signed = sum(
            (1 if name == "compression" else -1) * weight * numbers[f"{name}_{unit}"]
            for name, weight in used.items()
            if weight
        )
        assert numbers["loss"] == pytest.approx(signed, rel=1e-4, abs=1e-5)


def test_gradients_are_right():
    infotok = module(prior="text", relevance=1.0, consistency=1.0).double().eval()
    data = batch(5)
    text, answer = data["text"].double(), data["answer"]
    features = data["features"].double().requires_grad_()
    assert torch.autograd.gradcheck(lambda f: infotok(f, text=text, answer=answer)[1].loss, features)
    codes = module(prior="learned", codes=K).double().eval()
    posterior = data["posterior"].double().requires_grad_()
    assert torch.autograd.gradcheck(lambda p: codes(data["features"].double(), posterior=p)[1].loss, posterior)


def test_host_gradient_reaches_tokenizer_and_host():
    data = batch()
    posterior, host = data["posterior"].requires_grad_(), torch.randn(B, L, K, requires_grad=True)
    module(prior="host", codes=K)(data["features"], posterior=posterior, host=host)[1].loss.backward()
    assert posterior.grad.abs().sum() > 0
    assert host.grad.abs().sum() > 0


# --- tokens ----------------------------------------------------------------------------------------------------------


def test_before_a_quantizer_the_tokens_are_a_noisy_channel_in_training_only():
    features = torch.randn(500, L, D)
    infotok = InfoTok(D, noise=0.3)
    noise = infotok(features)[0] - features
    assert noise.std().item() == pytest.approx(0.3, rel=0.02)
    assert torch.equal(infotok.eval()(features)[0], features)


@pytest.mark.parametrize("options", [{"estimator": "hsic"}, {"codes": K}, {"compression": 0.0}])
def test_without_a_price_there_is_no_noise(options):
    data = batch()
    tokens, _ = module(**options)(data["features"], image=data["image"], posterior=data["posterior"])
    assert torch.equal(tokens, data["features"])


@pytest.mark.parametrize("options", [{"estimator": "hsic"}, {"codes": K}])
def test_after_a_quantizer_tokens_are_untouched_and_the_gradient_reaches_the_encoder(options):
    data, encoder, codebook = batch(), nn.Linear(D, D), torch.randn(K, D)
    features = encoder(data["features"])
    log_q = -(features[:, :, None] - codebook).square().sum(-1)
    quantized = features + (codebook[log_q.argmax(-1)] - features).detach()
    infotok = module(placement="after", consistency=1.0, **options)
    tokens, terms = infotok(quantized, image=data["image"], text=data["text"], posterior=log_q)
    assert tokens is quantized
    terms.loss.backward()
    assert encoder.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("estimator", ["variational", "hsic"])
def test_adapter_starts_as_the_identity_and_is_blended_in(estimator):
    torch.manual_seed(0)
    data = batch()
    infotok = InfoTok(D, estimator=estimator, placement="adapter", blend=4, consistency=1.0, text_dim=10)
    features, inputs = data["features"], {"image": data["image"], "text": data["text"]}
    assert torch.equal(infotok(features, **inputs)[0], features)  # w = 0 at the first pass, noise and all
    nn.init.normal_(infotok.adapter[-1].weight)
    full = (features + infotok.adapter(features)).detach()
    moved = []
    for _ in range(5):
        moved.append((infotok.eval()(features, **inputs)[0].detach() - features).norm() / (full - features).norm())
        infotok.train()(features, **inputs)
    assert torch.stack(moved).numpy() == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0], rel=1e-4)
    infotok(features, **inputs)[1].loss.backward()  # features are frozen: only the adapter learns
    assert infotok.adapter[1].weight.grad.abs().sum() > 0


def test_schedules_and_free_bits():
    data = batch()
    warming = module(warmup=4)
    terms = [warming(data["features"])[1] for _ in range(6)]
    shares = [(t.loss / (0.5 * t.compression)).item() for t in terms]
    assert shares == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1], abs=1e-6)
    free = module(free_bits=1000.0)
    loss = free(data["features"])[1].loss
    assert loss.item() == pytest.approx(0.5 * 1000 * math.log(2) * L, rel=1e-6)
    assert warming.state_dict()["passes"] == 6  # a resumed run resumes its schedule


@settings(max_examples=15, deadline=None)
@given(
    size=st.integers(4, 9),
    length=st.integers(1, 6),
    dim=st.integers(1, 9),
    estimator=st.sampled_from(["variational", "hsic"]),
)
def test_any_shape(size, length, dim, estimator):
    torch.manual_seed(0)
    infotok = InfoTok(dim, estimator=estimator, consistency=1.0, text_dim=3)
    features = torch.randn(size, length, dim, requires_grad=True)
    tokens, terms = infotok(features, image=torch.randn(size, 5), text=torch.randn(size, 3))
    assert tokens.shape == features.shape
    (terms.loss + tokens.sum()).backward()
    assert features.grad.isfinite().all()


@pytest.mark.parametrize("options", [{}, {"estimator": "hsic"}, {"prior": "text"}, {"placement": "adapter"}])
def test_autocast_and_half_features(options):
    data = batch()
    inputs = {"image": data["image"], "text": data["text"]}
    infotok = module(consistency=1.0, **options).eval()
    plain = infotok(data["features"], **inputs)[1].loss.item()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        tokens, terms = infotok(data["features"], **inputs)
    assert terms.loss.item() == pytest.approx(plain, rel=1e-6)
    tokens, terms = infotok(data["features"].bfloat16(), **inputs)
    assert tokens.dtype == torch.bfloat16
    assert terms.loss.item() == pytest.approx(plain, rel=0.05)


def test_text_may_be_missing():
    data, infotok = batch(), module(prior="text", consistency=1.0)
    _, without = infotok(data["features"])
    assert without.consistency is None
    assert "consistency_nats" not in without.asdict()
    _, zero = infotok(data["features"], text=torch.zeros(B, 10))
    assert without.compression.item() == pytest.approx(zero.compression.item(), rel=1e-6)


def test_same_seed_same_bits():
    data, infotok = batch(), module()
    first, second = (infotok(data["features"], generator=torch.Generator().manual_seed(3))[0] for _ in range(2))
    assert torch.equal(first, second)


def test_three_lines_in_someone_elses_training_step():
    """A tokenizer that knows nothing of us: its own encoder, quantizer and loss."""

    class TheirTokenizer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Conv2d(3, D, 4, stride=4)
            self.codebook = nn.Embedding(32, D)
            self.decoder = nn.ConvTranspose2d(D, 3, 4, stride=4)

        def quantize(self, z: torch.Tensor) -> torch.Tensor:
            codes = torch.cdist(z, self.codebook.weight[None]).argmin(-1)
            return z + (self.codebook(codes) - z).detach()

    torch.manual_seed(0)
    theirs, images, captions = TheirTokenizer(), torch.randn(16, 3, 8, 8), torch.randn(16, 10)
    infotok = InfoTok(dim=D, text_dim=10, consistency=0.1)  # 1
    features = theirs.encoder(images).flatten(2).transpose(1, 2)  # (16, 4, D)
    features, terms = infotok(features, image=images, text=captions)  # 2
    tokens = theirs.quantize(features)
    picture = theirs.decoder(tokens.transpose(1, 2).unflatten(2, (2, 2)))
    loss = (picture - images).square().mean() + terms.loss  # 3
    loss.backward()
    assert theirs.encoder.weight.grad.abs().sum() > 0
    assert set(terms.asdict()) == {"loss", "compression_nats", "consistency_nats"}


# --- guards ----------------------------------------------------------------------------------------------------------


def test_scale_is_watched():
    with pytest.warns(UserWarning, match=r"InfoTok: features have a root mean square of 300.*GroupNorm or LayerNorm"):
        InfoTok(D)(300 + torch.randn(B, L, D))


def test_collapse_is_watched_once():
    infotok = module()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(301):
            infotok(torch.ones(1, L, D).expand(B, L, D) * (1 + 0 * torch.randn(B, L, D)))
    told = [str(w.message) for w in caught]
    assert len(told) == 1
    assert "posterior collapse" in told[0]
    assert "lower compression= (now 0.5)" in told[0]


# --- the whole batch -------------------------------------------------------------------------------------------------


def test_two_ranks_are_one_batch(tmp_path):
    """DistributedDataParallel over two gloo processes gives the gradient of one process that sees all eight images."""
    fork = multiprocessing.get_context("fork")  # the children need not import torch again
    processes = [fork.Process(target=ranks.main, args=(rank, 2, tmp_path)) for rank in (0, 1)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forking beside threads
        for process in processes:
            process.start()
    for process in processes:
        process.join(timeout=120)
    assert [process.exitcode for process in processes] == [0, 0]
    together, other = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert together == other
    images, captions = ranks.data()
    for estimator, with_text in ranks.CASES:
        alone = ranks.Tokenizer(estimator)
        alone(images, captions if with_text else None).backward()
        expected, found = ranks.gradients(alone), together[f"{estimator}, text {with_text}"]
        assert found.keys() == expected.keys()
        for name, gradient in expected.items():
            gradient = gradient or np.zeros(len(found[name]))  # unused here; there it takes part with a gradient of 0
            assert found[name] == pytest.approx(gradient, abs=1e-5), name


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"estimator": "mine"}, "estimator: got 'mine', expected one of variational, hsic"),
        ({"prior": "flow"}, "prior: got 'flow', expected one of standard, learned, text, host"),
        ({"placement": "inside"}, "placement: got 'inside', expected one of before, after, adapter"),
        ({"compression": -1.0}, "compression: got -1.0, expected a finite number, 0 or above"),
        ({"relevance": -1.0}, "relevance: got -1.0"),
        ({"generation": math.nan}, "generation: got nan"),
        ({"consistency": math.inf}, "consistency: got inf"),
        ({"free_bits": -1.0}, "free_bits: got -1.0"),
        ({"noise": 0.0}, "noise: got 0.0, expected a finite number above 0"),
        ({"warmup": -1}, "warmup: got -1, expected a whole number of training passes"),
        ({"blend": 1.5}, "blend: got 1.5, expected a whole number of training passes"),
        ({"length": 0}, "length: got 0, expected a whole number, 1 or above"),
        (
            {"estimator": "hsic", "prior": "text"},
            "prior: got 'text', expected standard: the HSIC estimator has no prior",
        ),
        (
            {"estimator": "hsic", "codes": 5},
            "codes: got 5, expected None: the HSIC estimator reads the tokens themselves",
        ),
        ({"prior": "text", "text_dim": None}, "text_dim: got None, expected the width of the text"),
        ({"consistency": 1.0, "text_dim": None}, "text_dim: got None, expected the width of the vectors"),
        ({"relevance": 1.0, "answer_dim": None}, "answer_dim: got None, expected the width of the vectors"),
        ({"placement": "after"}, 'codes: got None, expected the number of codes K: with placement="after"'),
        ({"prior": nn.Identity(), "codes": 5}, "prior: got 'a module', expected one of standard"),
    ],
)
def test_wrong_construction_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        module(**options)


def call(options: dict, **changes):
    data = {k: v for k, v in batch().items() if k in ("features", "text", "image")}
    return module(**options)(**(data | changes))


@pytest.mark.parametrize(
    ("options", "changes", "error", "message"),
    [
        (
            {},
            {"features": torch.zeros(B, D)},
            ValueError,
            r"features: got shape \(12, 16\), expected shape \(B, L, 16\)",
        ),
        ({}, {"features": torch.zeros(B, L, D + 1)}, ValueError, r"features: got shape .* expected shape \(B, L, 16\)"),
        ({}, {"features": torch.zeros(B, L, D).long()}, TypeError, "features: got torch.int64, expected a floating"),
        ({}, {"features": [0.0]}, TypeError, "features: got 'list', expected a torch.Tensor"),
        ({}, {"features": torch.full((B, L, D), math.nan)}, ValueError, "features: got 'NaN or inf', expected finite"),
        ({"length": 5}, {}, ValueError, "features, tokens: got 4, expected length=5, as declared"),
        (
            {},
            {"text": torch.zeros(5, 10)},
            ValueError,
            r"text, batch: got shape \(5, 10\), expected one row for each of the 12",
        ),
        (
            {"consistency": 1.0},
            {"text": torch.zeros(B, 9)},
            ValueError,
            r"consistency: got shape .* vectors of shape \(B, 10\)",
        ),
        ({"consistency": 1.0}, {"text": "a red circle"}, TypeError, "text: got 'str', expected a torch.Tensor"),
        (
            {"relevance": 1.0},
            {"answer": torch.full((B,), 5)},
            ValueError,
            "relevance, labels: got '5 to 5', expected 0 to 4",
        ),
        (
            {"consistency": 1.0},
            {"text": torch.full((B, 10), math.nan)},
            ValueError,
            "scores: got .* expected finite values",
        ),
        ({"estimator": "hsic"}, {"image": None}, ValueError, "image: got None, expected the input images"),
        ({"codes": 7}, {}, ValueError, r"posterior: got None, expected log q\(k\|x\) of shape \(12, 4, 7\)"),
        ({"prior": "host"}, {}, ValueError, r"host: got None, expected \(mean, log_variance\)"),
        ({"prior": "host"}, {"host": torch.zeros(B, L, D)}, ValueError, "host: got 'no such pair', expected"),
        (
            {"prior": "host", "codes": 7},
            {"posterior": torch.zeros(B, L, 7), "host": torch.zeros(B, L, 6)},
            ValueError,
            "host: got shape .* expected logits that end in 7 codes",
        ),
        (
            {"codes": 7},
            {"posterior": torch.full((B, L, 7), math.nan)},
            ValueError,
            "compression: got 'NaN or inf', expected finite terms",
        ),
    ],
)
def test_wrong_use_is_named(options, changes, error, message):
    with pytest.raises(error, match=message):
        call(options, **changes)


@pytest.mark.parametrize("options", [{"estimator": "hsic"}, {"consistency": 1.0}])
def test_a_batch_of_one_cannot_be_compared(options):
    one = batch(1)
    with pytest.raises(ValueError, match=r"features, batch: got 1, expected at least [24]"):
        module(**options)(one["features"], image=one["image"], text=one["text"])


def test_terms_rest_while_what_they_read_is_not_there():
    infotok = InfoTok(4, prior="host", compression=0.5, consistency=1.0, text_dim=3)
    features, text = torch.randn(6, 2, 4), torch.randn(6, 3)
    with pytest.raises(ValueError, match="host: got None"):
        infotok(features, text=text)
    with infotok.without("compression"):
        _, terms = infotok(features, text=text)
        assert terms.compression is None
        torch.testing.assert_close(terms.loss, -terms.consistency)
    assert infotok.weights["compression"] == 0.5
    with pytest.raises(ValueError, match="terms: got 'price', expected one of compression"), infotok.without("price"):
        pass


def test_weights_come_back_after_an_error():
    infotok = InfoTok(4, consistency=1.0, text_dim=3)
    with pytest.raises(KeyError), infotok.without("consistency"):
        raise KeyError
    assert infotok.weights["consistency"] == 1.0
