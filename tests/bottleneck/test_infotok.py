"""InfoTok: terms against torch.distributions and closed forms, its tokens, guards, errors, and two gloo processes."""

import copy
import math
import pickle
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import ranks
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.distributions import Categorical, Normal, kl_divergence
from torch.utils.checkpoint import checkpoint

from infotok.bottleneck import FullPrior, InfoTok, MixturePrior, VariationalBottleneck
from infotok.bottleneck.regulariser import Regulariser
from infotok.errors import checks
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
    if options.get("estimator") != "hsic":
        defaults["bound"] = "infonce"  # `test_relevance` has the decoder, which is the default
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
    r = reference[prior] if prior in reference else infotok.prior(*[data["text"]] * (prior == "text"))
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


def test_fixed_noise_leaves_the_rate_to_the_means():
    """KL(N(mu, 0.2^2) || N(0, 1)) by torch.distributions; nothing but the features can lower it."""
    data, infotok = batch(), module(noise=0.2, fixed_noise=True)
    assert not list(infotok.parameters())
    features = data["features"].clone().requires_grad_()
    tokens, terms = infotok(features, generator=torch.Generator().manual_seed(0))
    truth = kl_divergence(Normal(features, torch.tensor(0.2)), Normal(0.0, 1.0)).sum((1, 2)).mean()
    assert terms.compression.item() == pytest.approx(truth.item(), rel=1e-5)
    terms.compression.backward()
    torch.testing.assert_close(features.grad, data["features"] / B)
    assert (tokens - features).std().item() == pytest.approx(0.2, rel=0.2)


@pytest.mark.parametrize("fixed_noise", [False, True])
@pytest.mark.parametrize("prior", ["standard", "learned", "text", "host", "module"])
def test_the_rate_of_gaussian_tokens_is_that_of_the_posterior_that_is_passed(prior, fixed_noise):
    """KL by torch.distributions; the tokens stay as they are, and sigma is out of reach if it is fixed."""
    data = batch()
    mean, log_variance = torch.randn(B, L, D, requires_grad=True), torch.randn(B, L, D, requires_grad=True)
    r = (torch.randn(B, L, D), torch.randn(B, L, D))
    own = FullPrior(D) if prior == "module" else prior
    infotok = module(prior=own, noise=None, fixed_noise=fixed_noise, consistency=1.0, length=L)
    inputs = {"text": data["text"], "posterior": (mean, log_variance), "host": r}
    tokens, terms = infotok(data["features"], **inputs)
    assert tokens is data["features"] or torch.equal(tokens, data["features"])
    if prior == "module":
        truth = infotok.prior.rate(mean, log_variance, None).sum(1).mean()
    else:
        zeros = torch.zeros(D)
        known = {"standard": lambda: (zeros, zeros), "host": lambda: r}
        m, log_v = known[prior]() if prior in known else parameters_of(infotok, data["text"])
        q, p = Normal(mean, (0.5 * log_variance).exp()), Normal(m, (0.5 * log_v).exp())
        truth = kl_divergence(q, p).sum((1, 2)).mean()
    assert terms.compression.item() == pytest.approx(truth.item(), rel=1e-4)
    terms.compression.backward()
    assert mean.grad.abs().min() > 0
    assert (log_variance.grad is None) == fixed_noise


def parameters_of(infotok: InfoTok, text: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and log-variance of a learned prior, or one on text."""
    prior = infotok.prior
    return (prior.mean, prior.log_variance) if hasattr(prior, "mean") else prior(text)


def test_any_module_can_be_the_prior():
    data = batch()
    _, terms = module(prior=MixturePrior(D, 3))(data["features"], generator=torch.Generator().manual_seed(0))
    assert terms.compression.item() > 0


def test_contrastive_terms_are_cross_entropies_below_log_b():
    data, infotok = batch(), module(relevance=1.0, generation=1.0, consistency=1.0, compression=0.0)
    tokens, terms = infotok(data["features"], text=data["text"], answer=data["answer"], target=data["target"])
    critic = infotok.critics["consistency"]
    a, b = (nn.functional.normalize(x, dim=1) for x in (critic.tokens(tokens.mean(1)), critic.value(data["text"])))
    scores = critic.log_scale.exp() * a @ b.T
    value = math.log(B) - nn.functional.cross_entropy(scores, torch.arange(B))
    assert terms.consistency.item() == pytest.approx(value.item(), abs=1e-5)
    assert max(terms.relevance, terms.generation, terms.consistency) <= math.log(B)


def test_duplicate_labels_need_no_mask():
    """Tokens that are a function of the label: the bound reaches the batch's H(Y), though every label occurs often."""
    torch.manual_seed(0)
    answer = torch.arange(100) % 5
    features = 2 * torch.randn(5, 1, D)[answer] + 0.01 * torch.randn(100, L, D)
    infotok = InfoTok(D, bound="infonce", compression=0.0, relevance=1.0, answer_dim=5)
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


def test_a_host_of_another_length_is_named():
    data, wrong = batch(), torch.randn(B, L + 1, K)
    with pytest.raises(ValueError, match=r"host: got shape .*, expected a shape that broadcasts against"):
        module(prior="host", codes=K)(data["features"], posterior=data["posterior"], host=wrong)
    wrong = torch.randn(B, L + 1, D)
    with pytest.raises(ValueError, match=r"host, mean: got shape .*, expected a shape that broadcasts against"):
        module(prior="host")(data["features"], host=(wrong, wrong))


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
def test_without_a_rate_there_is_no_noise(options):
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


# --- padding ---------------------------------------------------------------------------------------------------------

PADDED = [
    {"relevance": 1.0, "consistency": 1.0, "generation": 1.0},
    {"prior": "learned", "free_bits": 0.5},
    {"prior": "text", "consistency": 1.0},
    {"prior": "host"},
    {"codes": K, "prior": "text", "consistency": 1.0},
    {"codes": K, "prior": "host"},
    {"noise": None, "prior": "text"},
    {"estimator": "hsic", "relevance": 1.0, "consistency": 1.0},
    {"placement": "adapter", "consistency": 1.0},
    {"prior": "mixture"},
]


def padded(fill: float, length: int, options: dict) -> list[torch.Tensor]:
    """Tokens, loss, terms and gradients of a batch of 1 to 4 real tokens an image, `fill` at all other places."""
    data, size = batch(), B
    counts = torch.arange(size) % L + 1
    mask = torch.arange(length) < counts[:, None]
    widen = lambda v: nn.functional.pad(v, (0, 0, 0, length - L)).masked_fill(~mask[..., None], fill)  # noqa: E731
    draw = torch.Generator().manual_seed(5)
    width = K if "codes" in options else D
    host = widen(torch.randn(size, L, width, generator=draw))
    features = widen(data["features"]).requires_grad_()
    torch.manual_seed(0)
    options = options | ({"prior": MixturePrior(D, 3)} if options.get("prior") == "mixture" else {})
    infotok = module(**options)
    inputs = {name: data[name] for name in ("image", "text", "answer", "target")}
    inputs["posterior"] = widen(data["posterior"]) if "codes" in options else None
    if "noise" in options:
        inputs["posterior"] = (features, 0.1 * host)
    inputs["host"] = host if "codes" in options else (host, 0.1 * host)
    tokens, terms = infotok(features, mask=mask, generator=torch.Generator().manual_seed(9), **inputs)
    (terms.loss + tokens.square().sum()).backward()
    assert (tokens[~mask] == 0).all()
    assert (features.grad[~mask] == 0).all()
    grads = [p.grad for p in infotok.parameters() if p.grad is not None]
    found = [getattr(terms, name) for name in terms.computed]
    return [tokens[mask], terms.loss, *found, features.grad[mask], *grads]


@pytest.mark.parametrize("options", PADDED)
def test_padded_tokens_change_nothing(options):
    """Neither what stands at padded places, NaN included, nor how many there are; nor any gradient."""
    reference = padded(0.0, L, options)
    for fill, length in ((1e6, L), (math.nan, L), (3.0, 2 * L)):
        for a, b in zip(reference, padded(fill, length, options), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("length", [None, L])
def test_padded_terms_are_those_of_the_real_tokens(length):
    """By hand: the rate sums over real tokens, the critic takes their mean, or sees 0 at padded places."""
    data, infotok = batch(), module(consistency=1.0, length=length).eval()
    counts = torch.arange(B) % L + 1
    mask = torch.arange(L) < counts[:, None]
    _, terms = infotok(data["features"], text=data["text"], mask=mask)
    q = gaussians(infotok, data["features"])
    rates = kl_divergence(q, Normal(torch.zeros(D), torch.ones(D))).sum(2)
    assert terms.compression.item() == pytest.approx((rates * mask).sum().item() / B, rel=1e-5)
    real = data["features"] * mask[..., None]
    critic, pooled = infotok.critics["consistency"], real.flatten(1) if length else real.sum(1) / counts[:, None]
    scores = critic.scores(critic.of_tokens(pooled), data["text"])
    value = math.log(B) - nn.functional.cross_entropy(scores, torch.arange(B))
    assert terms.consistency.item() == pytest.approx(value.item(), abs=1e-5)


@pytest.mark.parametrize("options", [{}, {"estimator": "hsic"}, {"placement": "adapter"}])
def test_a_mask_of_real_tokens_only_is_no_mask(options):
    data = batch()
    found = []
    for mask in (None, torch.ones(B, L, dtype=torch.bool)):
        draw = torch.Generator().manual_seed(0)
        found.append(module(consistency=1.0, **options)(**inputs_of(data), mask=mask, generator=draw))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1].loss, found[1][1].loss)


def inputs_of(data: dict) -> dict:
    return {name: data[name] for name in ("features", "image", "text")}


def test_guards_do_not_see_padding():
    """Neither its scale nor, where all real tokens are the same, its spread."""
    mask = torch.arange(L).expand(B, L) < 2
    features = torch.randn(B, L, D).masked_fill(~mask[..., None], 1e4)
    module()(features, mask=mask)  # no warning
    constant = torch.where(mask[..., None], torch.ones(D), torch.randn(B, L, D))
    infotok = InfoTok(D, compression=0.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(102):
            infotok(constant, mask=mask)
    assert ["posterior collapse" in str(w.message) for w in caught] == [True]


# --- missing captions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["NaN", "text_mask", "label"])
@pytest.mark.parametrize("estimator", ["variational", "hsic"])
def test_missing_captions_take_no_part(estimator, how):
    """The term, and its gradient, is that of the images with a caption."""
    data, there = batch(), torch.arange(B) % 3 != 1
    text = torch.arange(B) % 4 if how == "label" else data["text"]
    missing = {
        "NaN": {"text": data["text"].masked_fill(~there[:, None], math.nan)},
        "text_mask": {"text": data["text"].masked_fill(~there[:, None], 77.0), "text_mask": there},
        "label": {"text": (torch.arange(B) % 4).masked_fill(~there, -100)},
    }[how]
    infotok = module(estimator=estimator, consistency=1.0, compression=0.0)
    results = []
    for rows, inputs in ((slice(None), missing), (there, {"text": text[there]})):
        features = data["features"].clone().requires_grad_()
        terms = infotok(features[rows], image=data["image"][rows], **inputs)[1]
        terms.loss.backward()
        assert terms.dropped == {}
        results.append((terms.consistency.detach(), features.grad))
    torch.testing.assert_close(results[0], results[1])


def test_a_row_of_zeros_is_a_caption():
    data, infotok = batch(), module(consistency=1.0)
    zeros = data["text"].clone()
    zeros[0] = 0
    there = torch.arange(B) > 0
    counted = infotok(data["features"], text=zeros)[1].consistency
    left_out = infotok(data["features"], text=zeros, text_mask=there)[1].consistency
    assert abs((counted - left_out).item()) > 1e-3


def test_a_prior_on_text_is_unconditional_where_the_caption_is_missing():
    for options in ({}, {"codes": K}):
        data, infotok = batch(), module(prior="text", **options).eval()
        there = torch.arange(B) % 3 != 1
        posterior = data["posterior"] if options else None
        none, zero = (
            infotok(data["features"], text=data["text"].masked_fill(~there[:, None], fill), posterior=posterior)[1]
            for fill in (math.nan, 0.0)
        )
        assert none.compression.item() == pytest.approx(zero.compression.item(), rel=1e-6)


@pytest.mark.parametrize("estimator", ["variational", "hsic"])
def test_a_batch_without_captions_drops_the_term_and_says_so(estimator):
    data, infotok = batch(), module(estimator=estimator, consistency=1.0)
    inputs = {"image": data["image"], "text": torch.full((B, 10), math.nan)}
    with pytest.warns(UserWarning, match="consistency is left out of a batch: 0 of 12 images have text"):
        _, terms = infotok(data["features"], **inputs)
    least = 2 if estimator == "variational" else 4
    assert terms.dropped == {"consistency": f"0 of 12 images have text; at least {least} are needed"}
    assert terms.computed == ("compression",)
    assert terms.loss.item() == pytest.approx(0.5 * terms.compression.item())
    infotok(data["features"], **inputs)  # once


def test_a_forgotten_input_is_said_once():
    data, infotok = batch(), module(prior="text", consistency=1.0, relevance=1.0, generation=1.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            _, without = infotok(data["features"])
    assert len(caught) == 4
    told = " ".join(str(w.message) for w in caught)
    for name in ("consistency is left out of a batch: no text was passed", "no answer", "no target", 'prior="text"'):
        assert name in told
    assert without.dropped == {
        "relevance": "no answer was passed",
        "generation": "no target was passed",
        "consistency": "no text was passed",
    }
    assert without.computed == ("compression",)
    assert set(without.asdict()) == {"loss", "compression_nats"}
    _, zero = infotok.eval()(data["features"], text=torch.zeros(B, 10))
    _, none = infotok(data["features"])  # once, and never in eval mode
    assert none.compression.item() == pytest.approx(zero.compression.item(), rel=1e-6)


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("options", [{"estimator": "hsic"}, {"compression": 0.0}, {"prior": "learned"}])
def test_a_last_batch_too_small_to_compare_goes_on(size, options):
    infotok = module(consistency=1.0, **options)
    few, features = batch(size), torch.randn(size, L, D, requires_grad=True)
    hsic = options.get("estimator") == "hsic"
    if not hsic and size == 3:
        assert infotok(features, text=few["text"])[1].dropped == {}
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _, terms = infotok(features, image=few["image"], text=few["text"])
    told = " ".join(str(w.message) for w in caught)
    assert f"consistency is left out of a batch: {size} of {size} images have text" in told
    assert set(terms.dropped) == ({"consistency", "compression"} if hsic else {"consistency"})
    terms.loss.backward()  # also where nothing is left of it
    assert features.grad.isfinite().all()
    _, whole = infotok(**inputs_of(batch()))
    assert whole.dropped == {}


@pytest.mark.parametrize(
    "options",
    [{"prior": "text", "consistency": 1.0}, {"codes": K, "prior": "learned"}, {"noise": None}, {"estimator": "hsic"}],
)
def test_a_pickled_module_is_the_same(options):
    infotok, data = module(**options).eval(), batch()
    names = {"image", "text"} | ({"posterior"} if "codes" in options else set())
    inputs = {name: data[name] for name in names}
    if "noise" in options:
        inputs["posterior"] = (data["features"], torch.zeros(B, L, D))
    again = pickle.loads(pickle.dumps(infotok))
    assert again(data["features"], **inputs)[1].asdict() == infotok(data["features"], **inputs)[1].asdict()


# --- precision -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("own", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize(
    "options",
    [
        {"consistency": 1.0},
        {"estimator": "hsic", "consistency": 1.0},
        {"prior": "text", "placement": "adapter"},
        {"codes": K, "prior": "learned", "consistency": 1.0},
        {"prior": "full", "consistency": 1.0},
    ],
)
def test_any_precision_of_features_and_parameters(options, own, dtype):
    options = options | ({"prior": FullPrior(D)} if options.get("prior") == "full" else {})
    infotok, data = module(**options), batch()
    infotok = infotok.to(own).eval()
    posterior = data["posterior"].to(dtype) if "codes" in options else None
    features = data["features"].to(dtype).requires_grad_()
    inputs = {"image": data["image"], "text": data["text"], "posterior": posterior}
    tokens, terms = infotok(features, **inputs)
    (tokens.sum() + terms.loss).backward()
    exact = copy.deepcopy(infotok).double()
    truth = exact(features.detach().double(), **inputs)[1].loss
    assert tokens.dtype == features.grad.dtype == dtype
    wide = dtype == torch.float64 or any(p.dtype == torch.float64 for p in infotok.parameters())
    assert terms.loss.dtype == (torch.float64 if wide else torch.float32)
    assert terms.loss.item() == pytest.approx(truth.item(), rel=1e-5, abs=1e-5)
    for parameter in infotok.parameters():
        assert parameter.grad is None or (parameter.grad.dtype == own and parameter.grad.isfinite().all())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert infotok(features, **inputs)[1].loss.item() == terms.loss.item()


def test_half_precision_trains_and_counts():
    infotok = module(warmup=2).half()
    for _ in range(3):
        infotok(batch()["features"].half())
    assert infotok.passes == 3


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


@pytest.mark.parametrize(
    ("tokens", "entropy"),
    [(torch.ones(B, L, D), 0.0), (torch.randn(1, L, D).expand(B, L, D), 2.0), (torch.rand(B, L, D), 0.05)],
)
def test_collapse_behind_the_quantizer_is_watched_once(tokens, entropy):
    """One code; codes that depend on the place alone; one code nearly always."""
    infotok = module(estimator="hsic")
    infotok.watch(torch.randn(B, L, D), SimpleNamespace(entropy=2.0))  # no warning
    infotok.eval().watch(tokens)
    infotok = module(estimator="hsic")
    with pytest.warns(UserWarning, match="behind the quantizer the tokens are the same for every image"):
        infotok.watch(tokens, SimpleNamespace(entropy=entropy))
    for _ in range(101):
        infotok.watch(tokens, SimpleNamespace(entropy=entropy))


# --- recomputation and skipped checks --------------------------------------------------------------------------------


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointing_counts_a_pass_once(reentrant):
    """The pass that the backward pass repeats moves no counter, and has the same noise, warm-up and gradient."""
    found = []
    for twice in (False, True):
        infotok, generator = module(warmup=3, placement="adapter", blend=3), torch.Generator().manual_seed(0)
        vib = VariationalBottleneck(D, 2, warmup=3)
        nn.init.constant_(vib.to_mean.weight, 0.1)

        def loss(z, infotok=infotok, generator=generator, vib=vib):
            tokens, terms = infotok(z, generator=generator)
            infotok.watch(tokens)
            return terms.loss + tokens.square().mean() + vib(tokens, generator=None).loss

        for step in range(2):
            features = (batch()["features"] + step).requires_grad_()
            value = checkpoint(loss, features, use_reentrant=reentrant) if twice else loss(features)
            value.backward()
        counts = [infotok.passes.item(), infotok.monitor.steps, infotok.monitor.quantized_steps, vib.passes.item()]
        assert counts == [2, 2, 2, 2]
        found.append((value.detach(), features.grad))
    for once, again in zip(*found, strict=True):
        torch.testing.assert_close(once, again)


@pytest.mark.parametrize("estimator", ["variational", "hsic"])
@pytest.mark.parametrize("place", ["features", "text"])
def test_without_checks_an_infinity_reaches_the_loss(estimator, place):
    """A gradient scaler skips such a step; with checks on, one line says where the infinity is."""
    infotok, data = module(estimator=estimator, consistency=1.0), batch()
    data[place] = data[place].clone()
    data[place].view(-1)[0] = math.inf
    inputs = {"image": data["image"], "text": data["text"]}
    with pytest.raises(ValueError, match=f"{place}: got"):
        infotok(data["features"], **inputs)
    with checks(False):
        assert not infotok(data["features"], **inputs)[1].loss.isfinite()


def test_nothing_is_checked_while_compiling():
    infotok = module().eval()
    compiled = torch.compile(lambda z: infotok(z)[1].loss, fullgraph=True, backend="eager")
    features = batch()["features"]
    torch.testing.assert_close(compiled(features), infotok(features)[1].loss)
    assert not compiled(features.index_fill(0, torch.tensor(0), math.inf)).isfinite()


# --- the whole batch -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_ranks_are_one_batch(tmp_path):
    """DistributedDataParallel over two gloo processes gives the gradient of one process that sees all eight images."""
    together, other = ranks.on_two_ranks(ranks.main, tmp_path)
    assert together == other
    for estimator, captions in ranks.CASES:
        alone = ranks.Tokenizer(estimator)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            ranks.twice(alone, *ranks.data(captions))
        expected, found = ranks.gradients(alone), together[f"{estimator}, {captions}"]
        assert found.keys() == expected.keys()
        for name, gradient in expected.items():
            gradient = gradient or np.zeros(len(found[name]))  # unused here; there it takes part with a gradient of 0
            assert found[name] == pytest.approx(gradient, abs=1e-5), name


@pytest.mark.slow
def test_ranks_that_do_not_fit_all_say_so(tmp_path):
    """Uneven rows and inputs end in one line on each rank, not in a rank that waits for ever."""
    first, second = ranks.on_two_ranks(ranks.misfit_main, tmp_path)
    assert (
        first["rows"]
        == "features, rows on each rank: got [3, 5], expected as many on each: drop_last=True makes batches even"
    )
    assert first["text"] == "text, numbers in a row (-1: none), on each rank: got [7, -1], expected as many on each"
    assert first["width"] == "image, numbers in a row (-1: none), on each rank: got [6, 5], expected as many on each"
    assert first["tokens"].startswith("features, tokens on each rank: got [3, 4], expected as many on each: pad to one")
    assert first["refused"] == "inputs: got 'an invalid batch on rank 1', expected valid inputs on all ranks"
    assert second.pop("refused").startswith("text: got shape (8, 6), expected 7 numbers in each row")
    assert second.items() <= first.items()


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"estimator": "mine"}, "estimator: got 'mine', expected one of variational, hsic"),
        ({"prior": "flow"}, "prior: got 'flow', expected one of standard, learned, text, host"),
        ({"placement": "inside"}, "placement: got 'inside', expected one of before, after, adapter"),
        ({"compression": -1.0}, "compression: got -1.0, expected a number in \\[0, inf\\)"),
        ({"relevance": -1.0}, "relevance: got -1.0"),
        ({"generation": math.nan}, "generation: got nan"),
        ({"consistency": math.inf}, "consistency: got inf"),
        ({"free_bits": -1.0}, "free_bits: got -1.0"),
        ({"noise": 0.0}, "noise: got 0.0, expected a number in \\(0, inf\\)"),
        ({"warmup": -1}, "warmup: got -1, expected a non-negative integer"),
        ({"blend": 1.5}, "blend: got 1.5, expected a non-negative integer"),
        ({"length": 0}, "length: got 0, expected a positive integer"),
        (
            {"estimator": "hsic", "prior": "text"},
            "prior: got 'text', expected standard: the HSIC estimator has no prior",
        ),
        (
            {"estimator": "hsic", "codes": 5},
            "codes: got 5, expected None: the HSIC estimator compares the tokens themselves",
        ),
        ({"prior": "text", "text_dim": None}, "text_dim: got None, expected the width of the text"),
        ({"consistency": 1.0, "text_dim": None}, "text_dim: got None, expected the width of the vectors"),
        ({"relevance": 1.0, "answer_dim": None}, "answer_dim: got None, expected the width of the vectors"),
        ({"placement": "after"}, 'codes: got None, expected the number of codes K: with placement="after"'),
        ({"bandwidth": -1.0, "estimator": "hsic"}, "bandwidth: got -1.0, expected a number in \\(0, inf\\)"),
        ({"bandwidth": 0, "estimator": "hsic"}, "bandwidth: got 0, expected a number in \\(0, inf\\)"),
        ({"bandwidth": math.nan, "estimator": "hsic"}, "bandwidth: got nan"),
        ({"bandwidth": True, "estimator": "hsic"}, "bandwidth: got True"),
        ({"bandwidth": 2.0}, "bandwidth: got 2.0, expected None: only the HSIC estimator has one"),
        ({"consistency": "1"}, "consistency: got '1', expected a number in \\[0, inf\\)"),
        ({"compression": None}, "compression: got None, expected a number in \\[0, inf\\)"),
        ({"codes": 5.0}, "codes: got 5.0, expected a positive integer"),
        ({"text_dim": True}, "text_dim: got True, expected a positive integer"),
        ({"warmup": True}, "warmup: got True, expected a non-negative integer"),
        ({"prior": nn.Identity(), "codes": 5}, "prior: got 'a module', expected one of standard"),
        ({"noise": None, "codes": 5}, "codes: got 5, expected None: with noise=None tokens are Gaussian"),
        ({"noise": "0.1"}, "noise: got '0.1', expected a number in \\(0, inf\\)"),
    ],
)
def test_wrong_construction_is_named(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
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
            r"features: got shape \(12, 16\), expected a tensor of shape \(B, L, 16\)",
        ),
        (
            {},
            {"features": torch.zeros(B, L, D + 1)},
            ValueError,
            r"features: got shape .* expected a tensor of shape \(B, L, 16\)",
        ),
        ({}, {"features": torch.zeros(B, L, D).long()}, TypeError, "features: got torch.int64, expected a floating"),
        ({}, {"features": [0.0]}, TypeError, "features: got 'list', expected a torch.Tensor"),
        (
            {},
            {"features": torch.full((B, L, D), math.nan)},
            ValueError,
            "features: got 'NaN or infinity', expected finite",
        ),
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
            r"text: got shape \(12, 9\), expected 10 numbers in each row, as text_dim=10",
        ),
        ({"consistency": 1.0}, {"text": "a red circle"}, TypeError, "text: got 'str', expected a tensor"),
        (
            {"relevance": 1.0},
            {"answer": torch.full((B,), 5)},
            ValueError,
            "answer, labels: got 5, expected 0 to 4, as answer_dim=5",
        ),
        (
            {"consistency": 1.0},
            {"text": torch.zeros(B, 10).index_fill(1, torch.tensor([3]), math.nan)},
            ValueError,
            "text: got 'NaN or inf in row 0', expected finite numbers; a missing row is NaN throughout",
        ),
        (
            {"consistency": 1.0},
            {"text": torch.zeros(B, 10).index_fill(0, torch.tensor([3]), math.inf)},
            ValueError,
            "text: got 'NaN or inf in row 3', expected finite numbers",
        ),
        (
            {"estimator": "hsic", "consistency": 1.0},
            {"text": torch.zeros(B, 9)},
            ValueError,
            r"text: got shape \(12, 9\), expected 10 numbers in each row",
        ),
        (
            {"estimator": "hsic", "consistency": 1.0},
            {"text": torch.arange(B)},
            ValueError,
            "text, labels: got 11, expected 0 to 9, as text_dim=10",
        ),
        (
            {"estimator": "hsic", "relevance": 1.0},
            {"answer": torch.arange(B) % 3 - 1},
            ValueError,
            "answer, labels: got -1, expected 0 or above; -100 marks a missing label",
        ),
        (
            {"estimator": "hsic", "consistency": 1.0},
            {"text": torch.full((B, 4), -100)},
            ValueError,
            "text, labels: got -100, expected 0 or above",
        ),
        ({}, {"mask": torch.ones(B, L)}, TypeError, r"mask: got torch\.float32, expected booleans"),
        (
            {},
            {"mask": torch.ones(B, L - 1, dtype=torch.bool)},
            ValueError,
            r"mask: got shape .* expected shape \(12, 4\)",
        ),
        (
            {},
            {"mask": torch.zeros(B, L, dtype=torch.bool)},
            ValueError,
            "mask, real tokens: got 0, expected at least 1",
        ),
        ({}, {"mask": [True]}, TypeError, r"mask: got 'list', expected a tensor"),
        (
            {"consistency": 1.0},
            {"text_mask": torch.ones(B)},
            TypeError,
            r"text_mask: got torch\.float32, expected bool",
        ),
        (
            {"consistency": 1.0},
            {"text_mask": torch.ones(3, dtype=torch.bool)},
            ValueError,
            "text_mask, batch: got shape",
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
            "posterior: got 'NaN or infinity', expected finite numbers",
        ),
        (
            {"noise": None},
            {},
            TypeError,
            r"posterior: got None, expected \(mean, log_variance\), each of shape \(12, 4, 16\), since noise=None",
        ),
        ({"noise": None}, {"posterior": torch.zeros(B, L, D)}, TypeError, r"posterior: got 'Tensor', expected \(mean"),
        (
            {"noise": None},
            {"posterior": (torch.zeros(B, L, D), torch.zeros(B, L, 1))},
            ValueError,
            r"posterior, log_variance: got shape \(12, 4, 1\)",
        ),
        (
            {"noise": None},
            {"posterior": (torch.full((B, L, D), math.inf), torch.zeros(B, L, D))},
            ValueError,
            "posterior, mean: got 'NaN or infinity', expected finite numbers",
        ),
    ],
)
def test_wrong_use_is_named(options, changes, error, message):
    with pytest.raises(error, match=message):
        call(options, **changes)


def test_a_nested_tensor_is_asked_for_as_a_padded_one():
    nested = torch.nested.nested_tensor([torch.zeros(2, D), torch.zeros(3, D)], layout=torch.jagged)
    with pytest.raises(ValueError, match=r"features: got 'a nested tensor', expected a padded tensor .* with mask="):
        call({}, features=nested)


# --- checkpoints -----------------------------------------------------------------------------------------------------

NOISE, CRITIC = ["to_log_variance.weight", "to_log_variance.bias"], ["log_scale", "tokens.weight", "value.weight"]


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({}, ["passes", *NOISE]),
        ({"compression": 0.0}, ["passes"]),
        ({"prior": "learned"}, ["passes", *NOISE, "prior.mean", "prior.log_variance"]),
        ({"prior": "text", "length": L}, ["passes", *NOISE, "prior.head.weight", "prior.head.bias"]),
        ({"codes": K, "prior": "learned"}, ["passes", "prior.logits"]),
        ({"codes": K, "prior": "text"}, ["passes", "prior.head.weight", "prior.head.bias"]),
        ({"noise": None}, ["passes"]),
        ({"codes": K, "consistency": 1.0}, ["passes", *(f"critics.consistency.{name}" for name in CRITIC)]),
        ({"estimator": "hsic", "consistency": 1.0}, ["passes"]),
        (
            {"estimator": "hsic", "placement": "adapter"},
            ["passes", *(f"adapter.{i}.{name}" for i in (0, 1, 3) for name in ("weight", "bias"))],
        ),
    ],
)
def test_checkpoints_have_the_keys_of_version_0_1(options, keys):
    """In this order, by which optimisers sum the norms of gradients."""
    assert list(module(**options).state_dict()) == keys


# --- the interface of a regulariser ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "needs"),
    [
        ({"compression": 0.0}, set()),
        ({}, set()),
        ({"prior": "text"}, {"text"}),
        ({"prior": "text", "compression": 0.0}, set()),
        ({"prior": "host"}, {"host"}),
        ({"codes": K}, {"posterior"}),
        ({"codes": K, "prior": "host"}, {"posterior", "host"}),
        ({"noise": None, "prior": "text"}, {"posterior", "text"}),
        ({"noise": None, "compression": 0.0}, set()),
        ({"estimator": "hsic"}, {"image"}),
        ({"estimator": "hsic", "compression": 0.0, "consistency": 1.0}, {"text"}),
        ({"relevance": 1.0, "generation": 1.0, "consistency": 1.0}, {"answer", "target", "text"}),
    ],
)
def test_it_needs_what_its_terms_read(options, needs):
    """No other input is looked at, and nothing else is asked for."""
    infotok, data = module(**options), batch()
    assert isinstance(infotok, Regulariser)
    assert infotok.needs == needs
    data["host"] = torch.randn(B, L, K) if "codes" in options else (torch.randn(B, L, D), torch.randn(B, L, D))
    if "noise" in options:
        data["posterior"] = data["host"]
    inputs = {name: data[name] for name in needs}
    tokens, terms = infotok(data["features"], generator=torch.Generator().manual_seed(0), **inputs)
    everything = infotok(generator=torch.Generator().manual_seed(0), **data)
    assert terms.dropped == {}
    assert torch.equal(tokens, everything[0])
    assert torch.equal(terms.loss, everything[1].loss)


@pytest.mark.parametrize(
    ("options", "missing", "off"),
    [
        ({"prior": "host"}, "host", "compression"),
        ({"codes": K, "prior": "text"}, "posterior", "compression"),
        ({"prior": "text"}, "text", "compression"),
        ({"estimator": "hsic"}, "image", "compression"),
        ({"relevance": 1.0}, "answer", "relevance"),
    ],
)
def test_terms_whose_input_is_unavailable_are_off(options, missing, off):
    infotok, data = module(**{"generation": 1.0, **options}), batch()
    inputs = {name: data[name] for name in infotok.needs - {missing, "host"}}
    _, terms = infotok(data["features"], **inputs, unavailable=frozenset({missing}))
    assert getattr(terms, off) is None
    assert terms.dropped == {}
    assert "generation" in terms.computed
    assert infotok.weights["compression"] == 0.5


def test_a_host_prior_without_a_host_is_an_error_unless_there_is_none_yet():
    infotok = InfoTok(4, prior="host", compression=0.5, consistency=1.0, text_dim=3)
    features, text = torch.randn(6, 2, 4), torch.randn(6, 3)
    with pytest.raises(ValueError, match="host: got None"):
        infotok(features, text=text)
    _, terms = infotok(features, text=text, unavailable=frozenset({"host"}))
    torch.testing.assert_close(terms.loss, -terms.consistency)


def test_an_unknown_input_cannot_be_unavailable():
    with pytest.raises(ValueError, match=r"unavailable: got \['pixels'\], expected some of image, text"):
        module()(batch()["features"], unavailable=frozenset({"pixels"}))
