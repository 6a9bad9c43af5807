"""The three unified models: who sees whom, what trains whom, how they draw, and how they are kept."""

import copy
import itertools
import json
import math
import resource
import warnings

import pytest
import torch
import torch.nn.functional as F

from infotok.checkpoints import load_checkpoint, save_checkpoint
from infotok.errors import checking
from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.unified import AutoregressiveModel, Backbone, ContinuousModel, MaskedModel
from infotok.unified.masked import mask_schedule
from infotok.worlds import ShapesWorld

WORLD = ShapesWorld(nuisance=0.2)
WORDS = WORLD.vocabulary
TEXT = 4 * 13
KINDS = {
    "autoregressive": (AutoregressiveModel, "vector", {"codebook_size": 16}),
    "depth": (AutoregressiveModel, "residual", {"codebook_size": 8, "codebooks": 2}),
    "masked": (MaskedModel, "lookup_free", {"codebook_size": 16}),
    "masked depth": (MaskedModel, "multicodebook", {"codebook_size": 8, "codebooks": 2}),
    "continuous": (ContinuousModel, "continuous", {}),
    "unquantized": (ContinuousModel, None, {}),
}


def build(kind, infotok=None, seed=0, warmup=0, **options):
    torch.manual_seed(seed)
    cls, quantizer, own = KINDS[kind]
    config = TokenizerConfig(
        grid=2, dim=8, width=8, quantizer=quantizer, quantizer_options=own, infotok=infotok, warmup=warmup
    )
    backbone = Backbone.tiny(len(WORDS), hidden=16, layers=2, heads=2, positions=64)
    return cls(SharedTokenizer.from_config(config), backbone, WORDS, **options)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def batch():
    return WORLD.batch(8, seeded(), questions=3)


@pytest.fixture(scope="module", params=KINDS)
def model(request, batch):
    """One of each kind, after a training pass so that codebooks are alive."""
    model = build(request.param)
    model.loss(batch, seeded())
    return model.eval()


# --- understanding ----------------------------------------------------------------------------------------------------


def test_packed_answers_are_separate_answers(model, batch):
    together = model.answer(batch.images, batch.questions)
    alone = [model.answer(batch.images, batch.questions[:, q : q + 1]) for q in range(3)]
    assert torch.equal(together, torch.cat(alone, 1))
    tokens = model.tokenizer.encode(batch.images)
    with torch.no_grad():
        packed = model._answer_logits(tokens, batch.questions)
        single = [model._answer_logits(tokens, batch.questions[:, q : q + 1]) for q in range(3)]
        torch.testing.assert_close(packed, torch.cat(single, 1), atol=1e-4, rtol=1e-4)


def test_an_answer_is_the_likeliest_word(model, batch):
    chances = model.answer_probabilities(batch.images, batch.questions)
    assert chances.shape == (*batch.answers.shape, len(model.answer_ids))
    torch.testing.assert_close(chances.sum(-1), torch.ones(batch.answers.shape))
    assert torch.equal(model.answer_ids[chances.argmax(-1)], model.answer(batch.images, batch.questions))


def test_answers_do_not_depend_on_the_batch(model, batch):
    rows = [model.answer(batch.images[i : i + 1], batch.questions[i : i + 1]) for i in range(8)]
    assert torch.equal(torch.cat(rows), model.answer(batch.images, batch.questions))
    assert torch.isin(torch.cat(rows), WORDS.answer_ids).all()


def test_every_image_token_can_sway_an_answer_and_no_other_question_can(model, batch):
    tokens = model.tokenizer.encode(batch.images)
    tokens.requires_grad_()
    logits = model._answer_logits(tokens, batch.questions)
    gradient = torch.autograd.grad(logits[0].square().sum(), tokens)[0]
    assert (gradient[0].abs().sum(1) > 0).all()
    assert (gradient[1:] == 0).all()
    other = batch.questions.clone()
    other[:, 0] = batch.questions[:, 0].roll(1, 0)
    with torch.no_grad():
        changed = (model._answer_logits(tokens, other) - logits).abs().amax((0, 2)) > 1e-4
    assert changed.tolist() == [True, False, False]


def test_attention_to_image_tokens_is_a_share(model, batch):
    weights = model.attention(batch.images, batch.questions)
    assert weights.shape == (2, 8, 2, 3, 4)
    assert ((weights > 0) & (weights < 1)).all()
    assert (weights.sum(-1) < 1).all()


# --- what trains whom -------------------------------------------------------------------------------------------------


def gradients(model, batch, term):
    model.train()
    model.zero_grad()
    model.loss(batch, seeded())[term].backward()
    norms = {
        name: sum(float(p.grad.abs().sum()) for p in part.parameters() if p.grad is not None)
        for name, part in (("encoder", model.tokenizer.encoder), ("backbone", model.backbone))
    }
    model.eval()
    return norms


@pytest.mark.parametrize("kind", KINDS)
def test_understanding_reaches_the_tokenizer_and_generation_does_not(kind, batch):
    model = build(kind)
    with torch.no_grad():
        for p in model.parameters():
            p += 0.01 * torch.randn(p.shape)  # away from gates that start shut
    assert all(norm > 0 for norm in gradients(model, batch, "understanding").values())
    generation = gradients(model, batch, "generation")
    assert generation["encoder"] == 0
    assert generation["backbone"] > 0


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_is_trained_and_the_terms_are_named(kind, batch):
    model = build(kind, infotok={"text_dim": TEXT, "consistency": 0.1, "compression": 0.0, "bound": "infonce"})
    terms = model.loss(batch, seeded())
    assert {"l2", "infotok", "understanding", "generation"} <= terms.keys()
    sum(terms.values()).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize("kind", KINDS)
def test_under_bfloat16_losses_stay_wide(kind, batch):
    with torch.autocast("cpu", torch.bfloat16):
        terms = build(kind).loss(batch, seeded())
    assert {name for name, term in terms.items() if term.dtype != torch.float32} == set()
    assert all(term.isfinite() for term in terms.values())


def test_a_single_token_has_a_masked_prior(batch):
    """Half of one token is none: the other half predicts it."""
    torch.manual_seed(0)
    config = TokenizerConfig(grid=1, dim=8, width=8, quantizer="lookup_free", quantizer_options={"codebook_size": 16})
    backbone = Backbone.tiny(len(WORDS), hidden=16, layers=1, heads=2, positions=64)
    model = MaskedModel(SharedTokenizer.from_config(config), backbone, WORDS)
    assert model.predict_tokens(batch.captions, batch.images, torch.rand(8, model._loss_draws)).shape == (8, 1, 16)


def test_visual_tokens_enter_normalised():
    """Nothing else holds the scale of tokens: what the language model sees does not depend on it."""
    model = build("continuous")
    tokens = torch.randn(2, 4, 8)
    torch.testing.assert_close(model._visual(tokens), model._visual(5 * tokens), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_losses_follow_their_seeds_and_weights(kind, batch):
    one, same = build(kind).loss(batch, seeded(3)), build(kind).loss(batch, seeded(3))
    assert {name: term.item() for name, term in one.items()} == {name: term.item() for name, term in same.items()}
    heavy = build(kind, understanding=2.0, generation=0.5).loss(batch, seeded(3))
    assert heavy["understanding"].item() == pytest.approx(2 * one["understanding"].item(), rel=1e-5)
    assert heavy["generation"].item() == pytest.approx(0.5 * one["generation"].item(), rel=1e-5)


def test_understanding_is_the_cross_entropy_of_separate_questions(batch):
    model = build("autoregressive").eval()
    term = model.loss(batch, seeded())["understanding"]
    with torch.no_grad():
        tokens = model.tokenizer.encode(batch.images)
        logits = torch.cat([model._answer_logits(tokens, batch.questions[:, q : q + 1]) for q in range(3)], 1)
    assert term.item() == pytest.approx(F.cross_entropy(logits.flatten(0, 1), batch.answers.flatten()).item(), rel=1e-5)


def test_a_tokenizer_that_warms_up_has_nothing_to_predict_yet(batch):
    model = build("autoregressive", warmup=1)
    assert "generation" not in model.loss(batch, seeded())
    assert "generation" in model.loss(batch, seeded())


@pytest.mark.parametrize("kind", ["autoregressive", "masked"])
def test_the_hosts_prior_begins_with_the_codes(kind, batch):
    """In the tokenizer's warm-up the host predicts no codes, and the rate against its prediction is off."""
    infotok = {"text_dim": TEXT, "compression": 0.01, "consistency": 1.0, "prior": "host", "codes": 16}
    model = build(kind, infotok=infotok, warmup=2)
    for step in range(4):
        out, forward = [], model.tokenizer.forward
        model.tokenizer.forward = lambda *a, f=forward, o=out, **k: o.append(f(*a, **k)) or o[-1]
        terms = model.loss(batch, seeded())
        model.tokenizer.forward = forward
        assert out[0].infotok.computed == (("consistency",) if step < 2 else ("compression", "consistency"))
        assert ("generation" in terms) == (step >= 2)


# --- generation -------------------------------------------------------------------------------------------------------


def test_a_code_is_predicted_from_the_caption_and_the_codes_before_it(batch):
    """By perturbation: changing token j changes the predictions after it, and no others."""
    model = build("autoregressive")
    model.loss(batch, seeded())
    model.eval()
    codes = model.tokenizer.codes(batch.images)
    tokens = model.tokenizer.encode(batch.images)
    with torch.no_grad():
        before = model._code_logits(batch.captions, tokens, codes)
        for j in range(4):
            other = tokens.clone()
            other[:, j] += torch.randn(8)
            changed = (model._code_logits(batch.captions, other, codes) - before).abs().amax((0, 2, 3)) > 1e-5
            assert changed.tolist() == [i > j for i in range(4)]
        assert (
            (model._code_logits(batch.captions.roll(1, 0), tokens, codes) - before).abs().amax((1, 2, 3)) > 1e-5
        ).any()


def test_a_hidden_token_is_not_seen_and_the_others_see_both_ways(batch):
    model = build("masked").eval()
    codes, tokens = model.tokenizer.codes(batch.images), model.tokenizer.encode(batch.images)
    hidden = torch.tensor([True, False, True, False]).expand(8, -1)
    with torch.no_grad():
        before = model._code_logits(batch.captions, tokens, codes, hidden)
        for j in range(4):
            other = tokens.clone()
            other[:, j] += torch.randn(8)
            changed = (model._code_logits(batch.captions, other, codes, hidden) - before).abs().amax((1, 2)) > 1e-5
            assert changed.tolist() == [not hidden[0, j]] * 16  # the two hidden places of eight images


@pytest.mark.parametrize("kind", ["masked", "masked depth"])
def test_hidden_tokens_alone_are_charged(kind, batch):
    """The masked loss by hand, from the same uniforms."""
    model = build(kind, drop=0.0)
    u = torch.rand(8, 5, generator=seeded(1))
    out = model.tokenizer(batch.images)
    with torch.no_grad():
        loss = model._generation_loss(batch.captions, out, u)
        by_hand = []
        for b in range(8):
            count = max(1, math.ceil(4 * math.cos(float(u[b, 0]) * math.pi / 2)))
            hidden = torch.zeros(1, 4, dtype=torch.bool)
            hidden[0, u[b, 1:].argsort()[:count]] = True
            codes = out.codes[b : b + 1]
            logits = model._code_logits(batch.captions[b : b + 1], out.tokens[b : b + 1], codes, hidden)
            by_hand.append(F.cross_entropy(logits.flatten(0, 1), codes[hidden].flatten()))
    assert loss.item() == pytest.approx(torch.stack(by_hand).mean().item(), rel=1e-4)


def test_a_dropped_caption_leaves_no_trace(model, batch):
    """An empty caption is the unconditional model: nothing of its place or length is seen."""
    short, long = torch.zeros(2, 3, dtype=torch.long), torch.zeros(2, 9, dtype=torch.long)
    visual = torch.randn(2, 4, 16)
    with torch.no_grad():
        torch.testing.assert_close(
            model._image_states(short, visual), model._image_states(long, visual), atol=1e-5, rtol=1e-4
        )


@pytest.mark.parametrize("options", [{}, {"guidance": 2.0}], ids=["plain", "guided"])
def test_generation_with_a_cache_is_generation_without(model, batch, options):
    cached = model.draw(batch.captions, seeded(1), **options)
    plain = model.draw(batch.captions, seeded(1), cached=False, **options)
    torch.testing.assert_close(cached, plain, atol=1e-3, rtol=1e-3)


def test_pictures_follow_their_seed_and_not_the_batch(model, batch):
    whole = model.generate(batch.captions, seeded(2))
    assert whole.shape == (8, 3, 32, 32)
    assert torch.equal(model.generate(batch.captions, seeded(2)), whole)
    assert not torch.equal(model.generate(batch.captions, seeded(3)), whole)
    generator = seeded(2)
    parts = [model.generate(part, generator) for part in batch.captions.split([1, 5, 2])]
    torch.testing.assert_close(torch.cat(parts), whole, atol=1e-4, rtol=1e-4)
    padded = F.pad(batch.captions, (0, 4))
    torch.testing.assert_close(model.generate(padded, seeded(2)), whole, atol=1e-4, rtol=1e-4)


def test_guidance_zero_forgets_the_caption_and_one_is_the_model(model, batch):
    zero = model.draw(batch.captions, seeded(1), guidance=0.0)
    torch.testing.assert_close(zero, model.draw(batch.captions.flip(0), seeded(1), guidance=0.0), atol=1e-4, rtol=1e-4)
    near = model.draw(batch.captions, seeded(1), guidance=1 + 1e-7)
    torch.testing.assert_close(near, model.draw(batch.captions, seeded(1)), atol=1e-3, rtol=1e-3)


def test_drawing_leaves_the_mode_and_the_tokenizer_alone(model, batch):
    model.train()
    before = copy.deepcopy(model.state_dict())
    model.generate(batch.captions, seeded())
    model.answer(batch.images, batch.questions)
    assert not model.draw(batch.captions, seeded()).requires_grad
    assert model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    model.eval()


def test_sampled_codes_have_the_models_distribution(batch):
    """The first code of many draws, against its softmax."""
    model = build("autoregressive")
    model.loss(batch, seeded())
    model.eval()
    captions = batch.captions[:1].expand(4000, -1)
    drawn = model.draw(captions, seeded(5))[:, 0]
    codes = torch.cdist(drawn, model.tokenizer.quantizer.decode(torch.arange(16)[None])[0]).argmin(1)
    with torch.no_grad():
        state = model._image_states(batch.captions[:1], torch.zeros(1, 0, 16))[:, 0]
        p = model.head(state, torch.zeros(1, 1, dtype=torch.long)).softmax(-1)[0, 0]
    assert torch.allclose(torch.bincount(codes, minlength=16) / 4000, p, atol=0.03)
    greedy = model.draw(captions[:5], seeded(5), temperature=0)
    assert torch.equal(greedy, greedy[:1].expand(5, -1, -1))


@pytest.mark.parametrize("length", [4, 16, 64])
def test_the_schedule_settles_some_each_round_and_all_at_the_end(length):
    for steps in range(1, length + 1):
        hidden = [length, *mask_schedule(steps, length)]
        assert all(before > after for before, after in itertools.pairwise(hidden))
        assert hidden[-1] == 0


def test_unmasking_keeps_what_it_settled(batch):
    model = build("masked").eval()
    codes, order = model.unmask(batch.captions, seeded(), steps=4)
    assert sorted(order[0].tolist()) == [0, 1, 2, 3]
    assert torch.equal(model.tokenizer.quantizer.decode(codes), model.draw(batch.captions, seeded(), steps=4))
    once, rounds = model.unmask(batch.captions, seeded(), steps=1)
    assert (rounds == 0).all()
    assert once.shape == (8, 4)


def test_a_flows_path_starts_in_noise_and_ends_in_the_tokens(batch):
    model = build("continuous").eval()
    paths = model.paths(batch.captions, seeded(), steps=5)
    assert paths.shape == (6, 8, 4, 8)
    assert torch.equal(paths[-1], model.draw(batch.captions, seeded(), steps=5))
    assert abs(float(paths[0].mean())) < 0.2
    assert float(paths[0].std()) == pytest.approx(1, abs=0.2)  # at scale 1, before training


def test_the_flow_learns_at_the_tokens_own_scale(batch):
    model = build("unquantized")
    assert model.scale == 1
    for _ in range(3):
        model.loss(batch, seeded())
    assert model.scale.item() == pytest.approx(
        model.tokenizer.encode(batch.images).square().mean().sqrt().item(), rel=0.1
    )
    before = model.scale.clone()
    model.eval().loss(batch, seeded())
    assert model.scale == before


# --- InfoTok in its place ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("autoregressive", {"prior": "host", "codes": 16}),
        ("masked", {"prior": "host", "codes": 16}),
        ("continuous", {"prior": "host"}),
        ("autoregressive", {"estimator": "hsic", "consistency": 1.0, "relevance": 1.0, "answer_dim": len(WORDS)}),
        ("continuous", {"prior": "text", "consistency": 0.1}),
    ],
)
def test_infotok_stands_in_the_tokenizer(kind, options, batch):
    model = build(kind, infotok={"text_dim": TEXT, "compression": 0.01, **options})
    model.loss(batch, seeded())
    model.zero_grad()
    model.loss(batch, seeded())["infotok"].backward()
    assert any(p.grad is not None and (p.grad != 0).any() for p in model.tokenizer.encoder.parameters())
    assert all(p.grad is None for p in model.backbone.parameters())  # the host's prediction is taken as it is
    model.answer(batch.images[:1], batch.questions[:1])  # and a single image can be read


def test_the_hosts_prior_looks_at_no_numbers_in_a_training_step(batch, monkeypatch):
    """It runs in eval mode, whose checks would stall an accelerator; the batch has been checked before."""
    model = build("masked", infotok={"text_dim": TEXT, "compression": 0.01, "prior": "host", "codes": 16})
    model.loss(batch, seeded())  # the first codebook
    looked, expect = [], model.predict_tokens
    monkeypatch.setattr(model, "predict_tokens", lambda *args: looked.append(checking(batch.images)) or expect(*args))
    model.loss(batch, seeded())
    assert looked == [False]
    assert checking(batch.images)


def test_the_hosts_prior_is_its_own_prediction(batch):
    """Codes: the very logits that generation is trained by. A flow: the mean of its draws."""
    model = build("autoregressive", drop=0.0)
    model.loss(batch, seeded())
    model.eval()
    codes = model.tokenizer.codes(batch.images)
    expected = model.predict_tokens(batch.captions, batch.images, torch.rand(8, 0))
    loss = F.cross_entropy(expected.flatten(0, 1), codes.flatten())
    assert loss.item() == pytest.approx(model.loss(batch, seeded())["generation"].item(), rel=1e-4)
    flow = build("unquantized").eval()
    mean, log_variance = flow.predict_tokens(batch.captions, batch.images, torch.rand(8, flow._loss_draws))
    error = flow.tokenizer.encode(batch.images) - mean
    assert error.square().mean((0, 1)).tolist() == pytest.approx(log_variance.exp().tolist(), rel=1e-5)


def test_the_masked_prior_never_sees_what_it_predicts(batch):
    model = build("masked").eval()
    u = torch.rand(8, 5, generator=seeded())
    whole = model.predict_tokens(batch.captions, batch.images, u)
    half = u[:, 1:].argsort(1).argsort(1) < 2
    codes, tokens = model.tokenizer.codes(batch.images), model.tokenizer.encode(batch.images)
    with torch.no_grad():
        first, second = (model._code_logits(batch.captions, tokens, codes, hidden)[:, 0] for hidden in (half, ~half))
    torch.testing.assert_close(whole[half], first)
    torch.testing.assert_close(whole[~half], second)


# --- keeping ----------------------------------------------------------------------------------------------------------


def test_saved_models_come_back_whole(model, batch, tmp_path):
    model.save_pretrained(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "weights.safetensors"]
    again = type(model).from_pretrained(tmp_path)
    assert not again.training
    assert torch.equal(again.answer(batch.images, batch.questions), model.answer(batch.images, batch.questions))
    assert torch.equal(again.generate(batch.captions, seeded()), model.generate(batch.captions, seeded()))


def test_a_model_is_made_again_from_its_description_in_silence(model):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = type(model).from_spec(model.spec())
    assert json.loads(json.dumps(model.spec())) == json.loads(json.dumps(again.spec()))  # JSON values, as they say
    with pytest.raises(ValueError, match=r"spec: got 'keys .*bonus', expected keys answer_ids, backbone, kind"):
        type(model).from_spec(model.spec() | {"bonus": 1})


@pytest.mark.parametrize("part", ["words", "norm"])
def test_a_model_with_nan_draws_nothing(batch, part):
    model = build("autoregressive")
    weight = model.backbone.words.weight if part == "words" else model.backbone.model.ln_f.weight
    with torch.no_grad():
        weight.fill_(math.nan)
    with pytest.raises(ValueError, match="got 'NaN', expected finite values"):
        model.generate(batch.captions)


def test_another_models_folder_is_refused(tmp_path):
    build("autoregressive").save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="kind: got 'AutoregressiveModel', expected MaskedModel"):
        MaskedModel.from_pretrained(tmp_path)
    tensors, meta = load_checkpoint(tmp_path)
    meta["backbone"]["config"]["n_layer"] = 3
    save_checkpoint(tmp_path, tensors, meta)
    with pytest.raises(ValueError, match=r"backbone.model.h.2.* expected one: the checkpoint is of another") as caught:
        AutoregressiveModel.from_pretrained(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda spec: spec.pop("tokenizer"), "got 'keys kind, backbone, words, answer_ids, options', expected keys"),
        (lambda spec: spec["tokenizer"]["quantizer_options"].update(codebook_size=10**9), "from 1 to 1048576"),
        (
            lambda spec: spec["tokenizer"]["quantizer_options"].update(codebook_size=2**20),
            "got shape (16, 8), expected shape (1048576, 8)",
        ),
        (lambda spec: spec["backbone"]["config"].update(n_layer=10**7), "n_layer: got 10000000, expected at most 1024"),
        (lambda spec: spec["backbone"]["config"].update(n_embd=2**40), "n_embd: got 1099511627776, expected at most"),
        (
            lambda spec: spec["backbone"]["config"].update(vocab_size=2**24),
            "backbone, words: got 16777216, expected 58",
        ),
        (lambda spec: spec["backbone"]["config"].update(n_positions=[1]), "no model (Validation error"),
        (lambda spec: spec["backbone"]["config"].update(model_type="evil"), "no model (Unrecognized model"),
        (lambda spec: spec.update(words=3), 'got "the configuration of no model (TypeError'),
        (lambda spec: spec["options"].update(bonus=1), "unexpected keyword argument 'bonus'"),
    ],
)
def test_a_strangers_configuration_is_one_line_and_no_memory(tmp_path, change, line):
    build("autoregressive").save_pretrained(tmp_path)
    tensors, meta = load_checkpoint(tmp_path)
    change(meta)
    save_checkpoint(tmp_path, tensors, meta)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError) as caught:
        AutoregressiveModel.from_pretrained(tmp_path)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_a_truncated_folder_is_refused(tmp_path):
    build("masked").save_pretrained(tmp_path)
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"weights\.safetensors: got 'a truncated, damaged or foreign file'"):
        MaskedModel.from_pretrained(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"config\.json"):
        MaskedModel.from_pretrained(tmp_path / "nowhere")


# --- the door ---------------------------------------------------------------------------------------------------------


def question(*ids):
    return torch.tensor([[ids]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, b: m.answer(torch.rand(1, 3, 24, 24), b.questions[:1]), r"images: got shape \(1, 3, 24, 24\)"),
        (lambda m, b: m.answer(b.images[:1], question(3, 400)), "questions: got 'id 400', expected ids from 0 to"),
        (lambda m, b: m.answer(b.images[:1], question(3, -1)), "questions: got 'id -1'"),
        (lambda m, b: m.answer(b.images[:1], question(3, 0, 4)), "questions: got 'a word behind padding'"),
        (lambda m, b: m.answer(b.images[:1], question(0, 0)), "questions: got 'an empty one'"),
        (
            lambda m, b: m.answer(b.images[:2], b.questions[:1]),
            r"questions: got shape \(1, 3, 8\), expected a tensor of shape \(2, Q, T\)",
        ),
        (
            lambda m, b: m.answer(b.images[:0], b.questions[:0]),
            r"questions: got shape \(0, 3, 8\), expected ids of shape",
        ),
        (lambda m, b: m.generate(b.captions[:0]), r"captions: got shape \(0, 16\)"),
        (lambda m, b: m.generate(torch.ones(1, 90, dtype=torch.long)), "captions, words: got 90, expected at most 59"),
        (lambda m, b: m.generate(b.captions, guidance=-0.5), r"guidance: got -0.5, expected a number in \[0, 1000\]"),
        (lambda m, b: m.generate(b.captions, guidance=math.nan), "guidance: got nan"),
        (lambda m, b: m.loss(b[:0]), "captions: got shape"),
    ],
)
def test_bad_input_is_refused(model, batch, call, message):
    with pytest.raises(ValueError, match=message):
        call(model, batch)


def test_bad_options_are_refused(batch):
    masked, continuous, autoregressive = build("masked"), build("continuous"), build("autoregressive")
    for call, message in [
        (lambda: masked.generate(batch.captions, steps=5), "steps: got 5, expected an integer from 1 to 4"),
        (lambda: masked.generate(batch.captions, steps=0), "steps: got 0"),
        (lambda: masked.generate(batch.captions, choice_temperature=-1), "choice_temperature: got -1"),
        (lambda: continuous.generate(batch.captions, steps=0), "steps: got 0"),
        (lambda: autoregressive.generate(batch.captions, temperature=-1), "temperature: got -1"),
        (lambda: build("masked", understanding=-1.0), "understanding: got -1.0"),
        (lambda: build("masked", drop=1.0), "drop: got 1.0"),
        (lambda: WORDS.encode(["is there a purple circle ?"]), "word: got 'purple'"),
        (lambda: Backbone.tiny(0), "words: got 0"),
        (lambda: Backbone.tiny(9, hidden=16, heads=3), "heads: got 3, expected a divisor of hidden=16"),
        (lambda: ContinuousModel(masked.tokenizer, masked.backbone, WORDS), "quantizer: got 'LookupFreeQuantizer'"),
        (lambda: MaskedModel(continuous.tokenizer, masked.backbone, WORDS), "quantizer: got 'GaussianTokens'"),
        (lambda: MaskedModel(masked.tokenizer, Backbone.tiny(9, 16, 1, 2), WORDS), "backbone, words: got 9"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="captions: got 'list'"):
        masked.generate([[3]])
