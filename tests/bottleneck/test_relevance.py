"""The lower bounds on I(Z;T): identities between them, the exact value on small worlds, banks, likelihoods."""

import math
from itertools import pairwise, product

import pytest
import torch
from scipy.stats import multivariate_normal
from torch import nn
from torch.nn.functional import normalize
from torch.utils.checkpoint import checkpoint

from infotok.bottleneck import InfoTok
from infotok.information.kernels import nhsic

L, D, W = 3, 4, 5
CUBE = torch.tensor(list(product([0.0, 1.0], repeat=W)))  # every caption of W attributes
both_critics = pytest.mark.parametrize("critic", ["cosine", "bilinear"])


def infotok(**options):
    torch.manual_seed(1)
    return InfoTok(D, **({"compression": 0.0, "consistency": 1.0, "text_dim": W, "length": L} | options))


def features_of(text, noise=0.0, generator=None):
    """Tokens (B, L, D) that are a fixed function of the text, and noise."""
    to_tokens = torch.randn(text.shape[1], L * D, generator=torch.Generator().manual_seed(7)) / text.shape[1] ** 0.5
    features = (text @ to_tokens).view(-1, L, D)
    return features + noise * torch.randn(features.shape, generator=generator)


def trained(module, draw, steps=400, rate=0.03):
    """The module after training on batches `draw(generator) -> (features, text)`."""
    optimiser, generator = torch.optim.Adam(module.parameters(), rate), torch.Generator().manual_seed(3)
    for _ in range(steps):
        features, text = draw(generator)
        _, terms = module(features, text=text)
        optimiser.zero_grad()
        terms.loss.backward()
        optimiser.step()
    return module.eval()


# --- identities -----------------------------------------------------------------------------------------------------


def test_infonce_with_the_exact_normaliser_is_the_decoder_bound_of_the_same_critic():
    """Candidates that are the whole cube, once each: the softmax over them is the decoder's own normaliser."""
    decoder, contrast = (infotok(bound=bound, critic="bilinear") for bound in ("decoder", "infonce"))
    contrast.load_state_dict(decoder.state_dict(), strict=False)
    text = CUBE[torch.randperm(len(CUBE), generator=torch.Generator().manual_seed(0))]
    features = features_of(text, 0.5, torch.Generator().manual_seed(1))
    _, exact = decoder(features, text=text)
    _, sampled = contrast(features, text=text)
    # InfoNCE = log N + E log softmax; the decoder has E log q(t|z), without H(T) = log N
    assert sampled.consistency.item() - math.log(len(CUBE)) == pytest.approx(exact.consistency.item(), abs=1e-5)
    _, added = contrast(features[:1], text=text[:1], negatives=CUBE[(text[:1] != CUBE).any(1)])
    _, alone = decoder(features[:1], text=text[:1])
    assert added.consistency.item() - math.log(len(CUBE)) == pytest.approx(alone.consistency.item(), abs=1e-5)


def discrete_world():
    """16 images of 4 equally likely captions of 2 attributes: images -> one of 6 codes, a table of one-hot tokens."""
    captions = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]).repeat_interleave(4, 0)
    codes = torch.tensor([0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3, 4, 4, 5, 5])
    return captions, codes


def entropy(*columns):
    """H of the joint distribution of equally likely rows, in nats."""
    _, counts = torch.unique(torch.stack(columns, 1), dim=0, return_counts=True)
    p = counts / counts.sum()
    return -(p * p.log()).sum().item()


def exact_information():
    captions, codes = discrete_world()
    t = (2 * captions[:, 0] + captions[:, 1]).long()
    return entropy(t) + entropy(codes) - entropy(t, codes)


def test_a_deterministic_encoder_spends_what_it_explains_and_what_it_does_not():
    """H(Z) = I(Z;T) + H(Z|T), since I(X;Z) = H(Z)."""
    captions, codes = discrete_world()
    t = (2 * captions[:, 0] + captions[:, 1]).long()
    unexplained = sum(entropy(codes[t == value]) * (t == value).float().mean().item() for value in range(4))
    assert entropy(codes) == pytest.approx(exact_information() + unexplained, abs=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"bound": "decoder", "entropies": {"text": math.log(4)}},
        {"bound": "decoder", "critic": "bilinear", "entropies": {"text": math.log(4)}},
        {"bound": "infonce"},
        {"bound": "infonce", "critic": "bilinear"},
        {"bound": "infonce", "negatives": 256},
        {"bound": "infonce", "critic": "bilinear", "negatives": 256},
    ],
)
def test_every_bound_is_below_the_exact_information(options):
    """After training each is within 0.08 nats of it and above it by no more than a batch's chance.

    Captions are labels, so that critics and decoders can be exact.
    """
    captions, codes = discrete_world()
    captions = (2 * captions[:, 0] + captions[:, 1]).long()
    tokens = nn.functional.one_hot(codes, 6).float()[:, None]
    torch.manual_seed(1)
    module = InfoTok(6, compression=0.0, consistency=1.0, text_dim=4, length=1, **options)

    def draw(generator):
        rows = torch.randint(16, (64,), generator=generator)
        return tokens[rows], captions[rows]

    trained(module, draw)
    generator = torch.Generator().manual_seed(9)
    values = []
    for _ in range(100):
        features, text = draw(generator)
        _, terms = module(features, text=text)
        values.append(terms.consistency.item())
        assert values[-1] <= terms.ceilings["consistency"].item() + 1e-5
    values = torch.tensor(values)
    truth, chance = exact_information(), 3 * values.std().item() / 10
    assert values.mean().item() <= truth + chance
    assert values.mean().item() >= truth - 0.08


@both_critics
def test_the_decoders_looseness_is_the_total_correlation_given_z(critic):
    """Code 0 leaves one caption or another: the best independent attributes lose exactly their total correlation."""
    captions, codes = discrete_world()
    lost, left = 0.0, 0.0
    for code in range(6):
        seen = captions[codes == code]
        weight = len(seen) / 16
        one_by_one = sum(entropy(seen[:, j]) for j in range(2))
        joint = entropy(seen[:, 0], seen[:, 1])
        lost, left = lost + weight * (one_by_one - joint), left + weight * one_by_one
    tokens = nn.functional.one_hot(codes, 6).float()[:, None]
    torch.manual_seed(1)
    options = {"bound": "decoder", "critic": critic, "entropies": {"text": math.log(4)}}
    module = InfoTok(6, compression=0.0, consistency=1.0, text_dim=2, **options)
    trained(module, lambda _: (tokens, captions), steps=800, rate=0.1)
    _, terms = module(tokens, text=captions)
    assert terms.consistency.item() == pytest.approx(math.log(4) - left, abs=2e-3)
    assert exact_information() - terms.consistency.item() == pytest.approx(lost, abs=2e-3)


def test_infonce_rises_with_the_number_of_candidates_and_meets_its_ceiling():
    """Text that the tokens determine: at N candidates the bound is near log N, and it reaches H(T) = 5 log 2 = 3.47."""
    generator = torch.Generator().manual_seed(0)
    text = torch.randint(2, (16, W), generator=generator).float()
    found = {}
    for negatives in (0, 512):
        module = infotok(bound="infonce", critic="bilinear", negatives=negatives)

        def draw(generator):
            text = torch.randint(2, (16, W), generator=generator).float()
            return features_of(text), text

        trained(module, draw)
        _, terms = module(features_of(text), text=text)
        found[negatives] = terms.consistency.item()
        candidates = 16 + negatives
        assert terms.ceilings["consistency"].item() == pytest.approx(math.log(candidates), abs=1e-5)
    assert found[0] <= math.log(16)
    assert math.log(16) < found[512] <= W * math.log(2) + 0.2  # 528 draws of 32 captions: their own frequencies


def test_nhsic_falls_when_a_direction_without_caption_is_added():
    """nHSIC is a cosine of two kernels: variation of Z that the captions do not share lowers it."""
    generator = torch.Generator().manual_seed(0)
    text = torch.randint(2, (200, W), generator=generator).float()
    signal = features_of(text).flatten(1)
    other = torch.randn(200, 8, generator=generator)
    found = [nhsic(torch.cat([signal, s * other], 1), text).item() for s in (0.0, 0.3, 1.0, 3.0)]
    assert all(more < less for less, more in pairwise(found))


def test_at_a_saturated_budget_rate_and_relevance_have_parallel_gradients():
    """H(Z) = log K whatever the encoder does: the gradient of H(Z|T) is minus that of I(Z;T).

    Four images, two captions, a soft permutation of two codes (each row and column sums to 1): codes stay uniform.
    """
    logit = torch.tensor([0.3, -0.7], requires_grad=True)
    p = logit.sigmoid()
    q = torch.stack([torch.stack([p, 1 - p], 1), torch.stack([1 - p, p], 1)], 1).flatten(0, 1)  # (4 images, 2 codes)
    t = torch.tensor([0, 1, 0, 1])
    joint = torch.stack([q[t == value].sum(0) / 4 for value in range(2)])  # p(t, z)
    h_z = -(joint.sum(0) * joint.sum(0).log()).sum()
    h_z_given_t = -(joint * (joint / joint.sum(1, keepdim=True)).log()).sum()
    assert h_z.item() == pytest.approx(math.log(2), abs=1e-6)
    (rate,) = torch.autograd.grad(h_z_given_t, logit, retain_graph=True)
    (relevance,) = torch.autograd.grad(h_z - h_z_given_t, logit)
    torch.testing.assert_close(rate, -relevance)
    assert rate.norm() > 1e-3


# --- the bank -------------------------------------------------------------------------------------------------------


def test_a_bank_keeps_the_latest_texts_and_only_those():
    module = infotok(bound="infonce", negatives=8)
    generator = torch.Generator().manual_seed(0)
    given = [torch.rand(3, W, generator=generator) for _ in range(4)]
    for i, text in enumerate(given, start=1):
        _, terms = module(features_of(text), text=text)
        assert terms.ceilings["consistency"].item() == pytest.approx(math.log(min(8, 3 * i)), abs=1e-5)
    kept = {tuple(row.tolist()) for row in module.critics["consistency"].bank.values}
    assert kept == {tuple(row.tolist()) for row in torch.cat(given)[-8:]}


def test_past_texts_serve_as_added_ones_do():
    texts = torch.randint(2, (3, 4, W), generator=torch.Generator().manual_seed(0)).float()
    banked, alone = infotok(bound="infonce", negatives=12), infotok(bound="infonce")
    for text in texts[:2]:
        banked(features_of(text), text=text)
    _, by_bank = banked(features_of(texts[2]), text=texts[2])
    _, by_hand = alone(features_of(texts[2]), text=texts[2], negatives=texts[:2].flatten(0, 1))
    assert by_bank.consistency.item() == pytest.approx(by_hand.consistency.item(), abs=1e-5)
    assert by_bank.ceilings["consistency"].item() == pytest.approx(math.log(12), abs=1e-5)


def test_missing_texts_do_not_join_the_bank():
    module = infotok(bound="infonce", negatives=8)
    text = torch.rand(4, W)
    text[1] = math.nan
    module(features_of(text.nan_to_num()), text=text)
    assert module.critics["consistency"].bank.seen.item() == 3


def test_eval_mode_and_recomputation_change_no_bank():
    module = infotok(bound="infonce", negatives=16)
    text = torch.rand(4, W)
    features = features_of(text).requires_grad_()
    loss = checkpoint(lambda f: module(f, text=text)[1].loss, features, use_reentrant=False)
    loss.backward()
    assert module.critics["consistency"].bank.seen.item() == 4
    once = features.grad.clone()
    other, again = infotok(bound="infonce", negatives=16), features.detach().clone().requires_grad_()
    other(again, text=text)[1].loss.backward()
    torch.testing.assert_close(once, again.grad)
    module.eval()(features, text=text)
    assert module.critics["consistency"].bank.seen.item() == 4


def test_a_bank_is_saved_with_the_module():
    module, text = infotok(bound="infonce", negatives=8), torch.rand(5, W)
    module(features_of(text), text=text)
    other = infotok(bound="infonce", negatives=8)
    other.load_state_dict(module.state_dict())
    for each in (module, other):
        each.last = each(features_of(text), text=text)[1].consistency
    assert torch.equal(module.last, other.last)


def test_a_bank_below_the_batch_is_refused():
    with pytest.raises(ValueError, match="negatives: got 4, expected 0, or the 5 rows of a batch or more"):
        infotok(bound="infonce", negatives=4)(torch.randn(5, L, D), text=torch.rand(5, W))


# --- likelihoods ----------------------------------------------------------------------------------------------------


def decoder_of(module):
    return module.critics["consistency"]


def logits_of(module, features):
    """Of attributes or labels: A z + a, or scale * cos(A z, w_j) + a_j by torch's cosine of pairs."""
    decoder, z = decoder_of(module), features.flatten(1)
    if decoder.project is None:
        return decoder.linear(z)
    cosines = nn.functional.cosine_similarity(decoder.project(z)[:, None], decoder.linear.weight[None], dim=2)
    return decoder.log_scale.exp() * cosines + decoder.linear.bias


def mean_of(module, features):
    """Of a real vector, linear in the tokens by either critic."""
    decoder, z = decoder_of(module), features.flatten(1)
    return decoder.linear(z if decoder.project is None else decoder.project(z))


@both_critics
def test_attributes_are_independent_bernoullis(critic):
    module, text = infotok(bound="decoder", critic=critic), CUBE[[3, 9, 30]]
    features = torch.randn(3, L, D)
    _, terms = module(features, text=text)
    p = torch.distributions.Bernoulli(logits=logits_of(module, features))
    assert terms.consistency.item() == pytest.approx(p.log_prob(text).sum(1).mean().item(), abs=1e-5)
    assert "consistency" not in terms.ceilings, "H(T) is not known"


@both_critics
def test_labels_are_one_of_k(critic):
    module, text = infotok(bound="decoder", critic=critic), torch.tensor([0, 4, 2, -100])
    features = torch.randn(4, L, D)
    _, terms = module(features, text=text)
    p = torch.distributions.Categorical(logits=logits_of(module, features))
    assert terms.consistency.item() == pytest.approx(p.log_prob(text.clamp(min=0))[:3].mean().item(), abs=1e-5)


@both_critics
def test_real_vectors_are_gaussian(critic):
    module, text = infotok(bound="decoder", critic=critic), torch.randn(3, W)
    nn.init.normal_(decoder_of(module).log_variance)
    features = torch.randn(3, L, D)
    _, terms = module(features, text=text)
    means, variance = mean_of(module, features), decoder_of(module).log_variance.exp()
    truth = [
        multivariate_normal(m.tolist(), variance.tolist()).logpdf(t) for m, t in zip(means.detach(), text, strict=True)
    ]
    assert terms.consistency.item() == pytest.approx(sum(truth) / 3, rel=1e-4)


@both_critics
def test_the_tokens_length_along_a_projection_counts_by_the_bilinear_critic_alone(critic):
    """Tokens twice as large: other logits, or the same ones."""
    module, features = infotok(bound="decoder", critic=critic), torch.randn(3, L, D)
    values = [module(times * features, text=CUBE[[3, 9, 30]])[1].consistency.item() for times in (1, 2)]
    assert (values[0] == pytest.approx(values[1], abs=1e-6)) == (critic == "cosine")


def test_directions_have_a_cosine_likelihood():
    """log q = cos/v + a constant that neither the text's length nor the prediction's changes."""
    module, text = infotok(bound="decoder", likelihood="cosine"), torch.randn(3, W)
    features = torch.randn(3, L, D)
    _, terms = module(features, text=text)
    cosines = (normalize(mean_of(module, features), dim=1) * normalize(text, dim=1)).sum(1)
    assert terms.consistency.item() == pytest.approx((cosines.mean() - 1 - W / 2 * math.log(2 * math.pi)).item())
    _, longer = module(features, text=5 * text)
    assert longer.consistency.item() == pytest.approx(terms.consistency.item())


def test_the_gaussian_decoder_reaches_the_information_of_a_gaussian():
    """T = Z + N(0, 1), Z ~ N(0, 1): I = 1/2 log 2, with H(T) = 1/2 log(2 pi e 2)."""
    torch.manual_seed(1)
    entropies = {"text": 0.5 * math.log(4 * math.pi * math.e)}
    module = InfoTok(1, compression=0.0, consistency=1.0, text_dim=1, length=1, bound="decoder", entropies=entropies)

    def draw(generator):
        z = torch.randn(512, 1, 1, generator=generator)
        return z, z[:, 0] + torch.randn(512, 1, generator=generator)

    trained(module, draw, steps=200)
    fresh = [draw(torch.Generator().manual_seed(i)) for i in range(50)]
    values = torch.stack([module(z, text=t)[1].consistency for z, t in fresh])
    assert values.mean().item() == pytest.approx(0.5 * math.log(2), abs=0.02)


@pytest.mark.parametrize(
    ("options", "text", "ceiling"),
    [
        ({}, CUBE[:4], 2.5),
        ({"text_dim": 5}, torch.tensor([0, 4, 1, 1]), 2.5),
        ({"likelihood": "sequence", "text_dim": 3}, torch.tensor([[0, 2], [1, 1]]), 2.5),
        ({}, 2 * CUBE[:4], None),
        ({"likelihood": "gaussian"}, CUBE[:4], None),
    ],
)
def test_an_entropy_is_a_ceiling_and_a_differential_entropy_is_none(options, text, ceiling):
    """H(T|Z) of real vectors has no minimum, so that I(Z;T) may be above H(T)."""
    module = infotok(bound="decoder", entropies={"text": 2.5}, **options)
    for each in (module, module.eval()):
        _, terms = each(torch.randn(len(text), L, D), text=text)
        assert {name: value.item() for name, value in terms.ceilings.items()} == (
            {"consistency": ceiling} if ceiling else {}
        )


def test_a_gaussian_bound_may_be_above_the_differential_entropy():
    """T = Z + N(0, 0.01^2), Z ~ N(0, 1): I = 1/2 log(1 + 10^4) = 4.61, and H(T) = 1.42."""
    torch.manual_seed(0)
    entropies = {"text": 0.5 * math.log(2 * math.pi * math.e * 1.0001)}
    module = InfoTok(1, compression=0.0, consistency=1.0, text_dim=1, critic="bilinear", entropies=entropies)
    with torch.no_grad():
        decoder = module.critics["consistency"]
        decoder.linear.weight.fill_(1.0), decoder.linear.bias.zero_(), decoder.log_variance.fill_(math.log(1e-4))
    z = torch.randn(20_000, 1, 1)
    _, terms = module(z, text=z[:, 0] + 0.01 * torch.randn(20_000, 1))
    assert terms.consistency.item() == pytest.approx(0.5 * math.log(1 + 1e4), abs=0.05)
    assert not terms.ceilings


def test_sequences_follow_the_chain_rule():
    """Over all sequences of 3 ids below 3 the probabilities sum to 1; training finds the text that tokens determine."""
    module = infotok(bound="decoder", likelihood="sequence", text_dim=3)
    ids = torch.tensor(list(product(range(3), repeat=3)))
    pooled = torch.randn(1, L * D).expand(len(ids), -1)
    assert decoder_of(module).log_likelihood(pooled, ids, "text").exp().sum().item() == pytest.approx(1.0, abs=1e-5)

    def draw(generator):
        text = torch.randint(3, (32, 3), generator=generator)
        return features_of(nn.functional.one_hot(text, 3).float().flatten(1)), text

    trained(module, draw, steps=300, rate=0.01)
    features, text = draw(torch.Generator().manual_seed(5))
    assert module(features, text=text)[1].consistency.item() > -0.3  # of 3.30 nats


# --- refusals and modes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bound": "mine"}, "bound: got 'mine', expected one of decoder, infonce"),
        ({"critic": "deep"}, "critic: got 'deep', expected one of cosine, bilinear"),
        ({"bound": "infonce", "negatives": -1}, "negatives: got -1, expected an integer from 0 to"),
        ({"likelihood": "flow"}, "likelihood: got 'flow'"),
        ({"entropies": {"image": 3.0}}, "entropies: got 'image', expected one of text, answer, target"),
        ({"entropies": {"text": math.inf}}, "entropies, text: got inf"),
        ({"estimator": "hsic", "bound": "infonce"}, "bound: got 'infonce'"),
        ({"bound": "decoder", "negatives": 64}, "negatives: got 64, expected 0"),
        (
            {"bound": "decoder", "critic": "bilinear", "likelihood": "sequence"},
            "critic: got 'bilinear', expected cosine: a sequence is predicted by a network of its own",
        ),
        ({"bound": "infonce", "likelihood": "gaussian"}, "likelihood: got 'gaussian'"),
        (
            {"bound": "decoder", "likelihood": "cosine", "entropies": {"text": 1.8}},
            'entropies, text: got 1.8, expected none: likelihood="cosine" is a density only up to a factor',
        ),
    ],
)
def test_options_that_do_not_fit_are_refused_in_one_line(options, message):
    with pytest.raises((TypeError, ValueError)) as error:
        infotok(**options)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_ids_need_the_sequence_likelihood_and_know_their_words():
    ids = torch.randint(3, (4, 6))
    with pytest.raises(ValueError, match="text"):
        infotok(bound="decoder")(torch.randn(4, L, D), text=ids)
    module = infotok(bound="decoder", likelihood="sequence", text_dim=3)
    with pytest.raises(ValueError, match="text, ids: got 3, expected 0 to 2"):
        module(torch.randn(4, L, D), text=ids.clamp(min=3))


def test_a_decoder_takes_a_single_text():
    module, text = infotok(bound="decoder"), torch.full((3, W), math.nan)
    text[1] = 1.0
    _, terms = module(torch.randn(3, L, D), text=text)
    assert terms.computed == ("consistency",)
    assert not terms.dropped


def test_counts_do_not_change_the_likelihood_from_batch_to_batch():
    module, features = infotok(bound="decoder"), torch.randn(3, L, D)
    attributes, counts = torch.eye(3, W), 2 * torch.eye(3, W)
    decoder = module.critics["consistency"]

    def gaussian(text):
        pooled = decoder.project(features.flatten(1))
        return -0.5 * ((text - decoder.linear(pooled)).square() + math.log(2 * math.pi)).sum(1).mean().item()

    module(features, text=attributes)
    module.eval()
    module(features, text=counts)  # an evaluation decides nothing
    module.train()
    assert module(features, text=attributes)[1].consistency.item() != pytest.approx(gaussian(attributes), abs=1e-4)
    with pytest.warns(UserWarning, match="text has numbers beside 0 and 1 after batches without"):
        module(features, text=counts)
    for _ in range(2):  # without another warning
        assert module(features, text=attributes)[1].consistency.item() == pytest.approx(gaussian(attributes), abs=1e-4)
        assert module(features, text=counts)[1].consistency.item() == pytest.approx(gaussian(counts), abs=1e-4)
        module.eval()


def test_a_checkpoint_knows_that_its_texts_were_counts():
    torch.manual_seed(0)
    module, features, counts = infotok(bound="decoder"), torch.randn(3, L, D), 2 * torch.eye(3, W)
    optimiser = torch.optim.AdamW(module.parameters())
    module(features, text=counts)[1].consistency.backward()
    optimiser.step()
    resumed = infotok(bound="decoder")
    resumed.load_state_dict(module.state_dict())
    attributes = torch.eye(3, W)
    same = [each(features, text=attributes)[1].consistency.item() for each in (module, resumed)]
    assert same[0] == same[1]


@pytest.mark.parametrize("bound", ["decoder", "infonce"])
def test_one_number_for_each_image_is_a_vector_of_one(bound):
    module, features, score = infotok(bound=bound, text_dim=1), torch.randn(4, L, D), torch.randn(4)
    one = module(features, text=score)[1].consistency
    assert one.item() == module(features, text=score[:, None])[1].consistency.item()


def test_added_texts_are_no_candidates_for_answers():
    """One image with other texts: InfoNCE compares the texts, and has nothing to compare its answer with."""
    module = infotok(bound="infonce", relevance=1.0, answer_dim=W)
    with pytest.warns(UserWarning, match="relevance is left out of a batch: 1 of 1 images have answer; at least 2"):
        _, terms = module(torch.randn(1, L, D), text=CUBE[:1], answer=CUBE[:1], negatives=CUBE[1:])
    assert terms.computed == ("consistency",)
    assert terms.ceilings["consistency"].item() == pytest.approx(math.log(len(CUBE)))


def test_labels_of_a_byte_are_labels():
    """-100 marks a missing label; as a uint8 it would be 156."""
    module, features = infotok(bound="decoder", text_dim=200), torch.randn(3, L, D)
    labels = torch.tensor([156, 1, 199])
    wide, narrow = (module(features, text=each)[1].consistency for each in (labels, labels.to(torch.uint8)))
    assert narrow.item() == wide.item()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("options", [{}, {"bound": "infonce", "negatives": 16}, {"critic": "bilinear"}])
def test_every_bound_takes_every_precision(options, dtype):
    module, text = infotok(**options).to(dtype), CUBE[[1, 5, 7]]
    tokens, terms = module(torch.randn(3, L, D, dtype=dtype), text=text)
    terms.loss.backward()
    assert tokens.dtype == dtype
    assert terms.consistency.isfinite()
    assert all(p.grad is None or p.grad.isfinite().all() for p in module.parameters())
