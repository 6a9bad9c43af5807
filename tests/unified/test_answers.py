"""Answers of one word and of several tokens: their probability, how they are written, and what trains on them."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from own_data import rows
from text_tokenizers import pieces
from tokenizers import pre_tokenizers
from trainings import TIMES

from infotok.evaluation import evaluate_understanding, question_only, score_answers
from infotok.evaluation.evaluate import answer_batch
from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.unified import AutoregressiveModel, Backbone, ContinuousModel, MaskedModel, TrainConfig, train
from infotok.unified import understanding as answering
from infotok.unified.packing import pack
from infotok.worlds import ImageTextWorld, TokenVocabulary

MADE = rows(8)
TOKENIZER = pieces()
WORLD = ImageTextWorld(MADE, tokenizer=TOKENIZER, max_answer=6, max_caption=12, max_question=12, held_out=0.3)
TEXT = WORLD.vocabulary
CLOSED = ImageTextWorld(MADE, max_caption=12, max_question=8)
KINDS = {
    "autoregressive": (AutoregressiveModel, "vector", {"codebook_size": 8}),
    "masked": (MaskedModel, "vector", {"codebook_size": 8}),
    "continuous": (ContinuousModel, "continuous", {}),
}


def build(kind, vocabulary=TEXT, infotok=None, seed=0, **sizes):
    torch.manual_seed(seed)
    cls, quantizer, own = KINDS[kind]
    config = TokenizerConfig(grid=2, dim=4, width=4, quantizer=quantizer, quantizer_options=own, infotok=infotok)
    backbone = Backbone.tiny(len(vocabulary), **{"hidden": 16, "layers": 2, "heads": 2, "positions": 32} | sizes)
    return cls(SharedTokenizer.from_config(config), backbone, vocabulary)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module", params=KINDS)
def model(request):
    return build(request.param).eval()


@pytest.fixture(scope="module")
def batch():
    found = WORLD.batch(6, seeded(1), questions=3)
    assert (found.answers != 0).sum(2).unique().numel() > 1, "answers of several lengths"
    return found


def next_log_p(model, image, ids):
    """log p of every token behind an image and `ids`, by the backbone on that row alone, without packing or a cache."""
    visual = model._visual(model.tokenizer.encode(image[None]))
    row = torch.cat([model.boi_embedding[None, None], visual, model.backbone.words(torch.tensor([ids]))], 1)
    mask = torch.ones(row.shape[1], row.shape[1]).tril().bool()
    if model.bidirectional:
        mask[1 : 1 + visual.shape[1], 1 : 1 + visual.shape[1]] = True
    states = model.backbone(row, mask[None, None], torch.arange(row.shape[1])[None])
    return (states[0, -1] @ model.backbone.words.weight.T).log_softmax(0)


def unpadded(ids):
    return [i for i in ids.tolist() if i]


# --- independent truths -----------------------------------------------------------------------------------------------


@torch.no_grad()
def test_the_log_probability_of_an_answer_is_the_sum_of_its_steps(model, batch):
    found = model.answer_log_probabilities(batch.images, batch.questions, batch.answers)
    for i in range(2):
        for question, answer, nats in zip(batch.questions[i], batch.answers[i], found[i], strict=True):
            ids, steps = unpadded(question), []
            for token in unpadded(answer):
                steps.append(next_log_p(model, batch.images[i], ids)[token])
                ids.append(token)
            torch.testing.assert_close(sum(steps), nats, atol=1e-4, rtol=1e-4)
    loss = model._understanding_loss(model.tokenizer.encode(batch.images), batch.questions, batch.answers)
    torch.testing.assert_close(loss, -found.mean())


@torch.no_grad()
def test_a_greedy_answer_is_the_most_probable_token_at_each_step(model, batch):
    said = model.answer(batch.images, batch.questions)
    assert said.shape == batch.answers.shape
    for i in range(2):
        for question, answer in zip(batch.questions[i], said[i], strict=True):
            ids, expected = unpadded(question), []
            while len(expected) < 6 and TEXT.end not in expected:
                expected.append(1 + int(next_log_p(model, batch.images[i], ids)[1:].argmax()))
                ids.append(expected[-1])
            assert answer.tolist() == expected + [0] * (6 - len(expected))


@torch.no_grad()
def test_listed_answers_are_compared_by_their_whole_probability(model, batch, monkeypatch):
    count = len(TEXT.answers)
    whole = torch.stack(
        [
            model.answer_log_probabilities(batch.images, batch.questions, answer.expand_as(batch.answers))
            for answer in TEXT.answer_ids
        ],
        -1,
    )
    chances = model.answer_probabilities(batch.images, batch.questions)
    assert chances.shape == (6, 3, count)
    torch.testing.assert_close(chances, whole.softmax(-1), atol=1e-5, rtol=1e-4)
    assert torch.equal(model.answer(batch.images, batch.questions, listed=True), TEXT.answer_ids[whole.argmax(-1)])
    monkeypatch.setattr(answering, "ROW", 1)  # one listed answer at a time
    torch.testing.assert_close(model.answer_probabilities(batch.images, batch.questions), chances)


@pytest.mark.parametrize("kind", KINDS)
def test_one_word_answers_are_those_of_a_single_step(kind):
    """Bit for bit what models with a vocabulary of words did before answers had several tokens."""
    model, batch = build(kind, CLOSED.vocabulary), CLOSED.batch(6, seeded(1), 3)
    tokens = model.tokenizer.encode(batch.images).detach().requires_grad_()

    def single_step():
        packed = pack(batch.questions)
        states = model.backbone(*model._row(batch.questions[:, 0, :0], model._visual(tokens), packed))
        asked = states[:, -packed.words.shape[1] :]
        ends = asked.gather(1, packed.last[..., None].expand(-1, -1, asked.shape[2]))
        return ends @ model.backbone.words.weight.T

    losses = [
        F.cross_entropy(single_step().flatten(0, 1), batch.answers.flatten()),
        model._understanding_loss(tokens, batch.questions, batch.answers),
    ]
    assert torch.equal(*losses)
    assert torch.equal(*(torch.autograd.grad(loss, tokens)[0] for loss in losses))
    model.eval()
    with torch.no_grad():
        tokens = model.tokenizer.encode(batch.images)
        logits = single_step()
    chances = model.answer_probabilities(batch.images, batch.questions)
    assert torch.equal(chances, logits[..., model.answer_ids].softmax(-1))
    assert torch.equal(model.answer(batch.images, batch.questions), model.answer_ids[chances.argmax(-1)])
    nats = model.answer_log_probabilities(batch.images, batch.questions, batch.answers[..., None])
    torch.testing.assert_close(nats, logits.log_softmax(-1).gather(2, batch.answers[..., None]).squeeze(2))


# --- invariants -------------------------------------------------------------------------------------------------------


@torch.no_grad()
def test_padding_changes_nothing(model, batch):
    tokens, there = model.tokenizer.encode(batch.images), batch.answers != 0
    wide = F.pad(batch.questions, (0, 3)), F.pad(batch.answers, (0, 2))
    states = model._answer_states(tokens, batch.questions, batch.answers)[there]
    assert torch.equal(states, model._answer_states(tokens, *wide)[..., :6, :][there])
    nats = model._answer_nats(tokens, batch.questions, batch.answers)
    torch.testing.assert_close(model._answer_nats(tokens, *wide), nats, atol=1e-5, rtol=1e-6)  # sums of more terms


@torch.no_grad()
def test_the_order_of_a_batch_and_its_questions_does_not_matter(model, batch):
    nats = model.answer_log_probabilities(batch.images, batch.questions, batch.answers)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    other = batch[order]
    turned = model.answer_log_probabilities(other.images, other.questions.flip(1), other.answers.flip(1))
    torch.testing.assert_close(turned.flip(1), nats[order], atol=1e-5, rtol=1e-5)
    said = model.answer(batch.images, batch.questions)
    assert torch.equal(answer_batch(model, batch, at_once=4), said)
    alone = [model.answer(batch.images[i : i + 1], batch.questions[i : i + 1, 1:2]) for i in range(6)]
    assert torch.equal(torch.cat(alone), said[:, 1:2])


def test_an_answer_depends_on_its_image_and_on_no_other_question(model, batch):
    tokens = model.tokenizer.encode(batch.images).detach().requires_grad_()
    nats = model._answer_nats(tokens, batch.questions, batch.answers)
    gradient = torch.autograd.grad(nats[0].sum(), tokens)[0]
    assert (gradient[0].abs().sum(1) > 0).all()
    assert (gradient[1:] == 0).all()
    other = batch.answers.clone()
    other[:, 0] = TEXT.encode_answers(["a"])
    with torch.no_grad():
        changed = (model._answer_nats(tokens, batch.questions, other) - nats).abs().amax(0) > 1e-4
    assert changed.tolist() == [True, False, False]


# --- training ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_teaches_to_write_answers(kind, batch):
    """Where it is, the same of all images, takes several tokens and an end."""
    model = build(kind, hidden=32)
    tokens = model.tokenizer.encode(batch.images).detach()
    optimiser = torch.optim.Adam(model.backbone.parameters(), 3e-3)
    for _ in range(30):
        optimiser.zero_grad()
        model._understanding_loss(tokens, batch.questions, batch.answers).backward()
        optimiser.step()
    said = model.answer(batch.images, batch.questions)
    where = (batch.answers == TEXT.encode_answers(["New York"])[0]).all(2)
    assert where.any()
    assert torch.equal(said[where], batch.answers[where])
    assert {*TEXT.decode(said[where])} == {"New York"}


def test_infotok_compares_tokens_with_answers_and_with_captions_as_ids():
    world = ImageTextWorld(MADE, vocabulary=TEXT, text="ids", max_caption=12, max_question=12)
    options = {"consistency": 0.1, "likelihood": "sequence", "text_dim": len(TEXT), "compression": 0.0}
    model, batch = build("masked", infotok=options), world.batch(6, seeded(), 2)
    terms = model.loss(batch, seeded())
    terms["infotok"].backward()
    assert all(bool(p.grad.abs().sum() > 0) for p in model.tokenizer.infotok.parameters())
    options = {"relevance": 0.1, "answer_dim": len(TEXT.answers), "compression": 0.0}
    model = build("autoregressive", infotok=options)
    counts = model._answer_counts(batch.answers)
    for row, answers in zip(counts, batch.answers, strict=True):
        told = TEXT.decode(answers)
        assert row.tolist() == [told.count(answer) for answer in TEXT.answers]
    assert model.loss(batch, seeded())["infotok"].isfinite()


def test_training_resumes_bit_for_bit_and_not_with_another_tokenizer(tmp_path):
    config = TrainConfig(steps=3, batch=4, questions=2, warmup=1, save_every=1, log_every=1, seed=3)

    def stop(step, row):
        if step == 2:
            raise KeyboardInterrupt

    def losses(logged):
        return [{name: value for name, value in row.items() if name not in TIMES} for row in logged]

    whole, resumed = build("autoregressive"), build("autoregressive")
    expected = losses(train(whole, WORLD, config))
    with pytest.raises(KeyboardInterrupt):
        train(build("autoregressive"), WORLD, config, tmp_path, stop)
    other = pieces()
    other.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)  # the same tokens
    other = ImageTextWorld(MADE, tokenizer=other, max_answer=6, max_caption=12, max_question=12, held_out=0.3)
    with pytest.raises(ValueError, match=r"vocabulary\.digest=\w+ there and \w+ now"):
        train(build("autoregressive"), other, config, tmp_path)
    assert losses(train(resumed, WORLD, config, tmp_path)) == expected
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))


def test_a_saved_model_writes_the_same_answers(model, batch, tmp_path):
    model.save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path)
    assert (again.end, again.max_answer) == (TEXT.end, 6)
    assert torch.equal(again.answer(batch.images, batch.questions), model.answer(batch.images, batch.questions))


# --- scores -----------------------------------------------------------------------------------------------------------


def test_an_answer_is_right_if_all_its_tokens_are(batch):
    said = batch.answers.clone()
    assert score_answers(said, batch, WORLD)["overall"] == 1
    long = int((said[0, 0] != 0).sum())
    said[0, 0, long - 1] = 5  # the end did not come
    assert score_answers(said, batch, WORLD)["overall"] == pytest.approx(1 - 1 / 18)


def test_the_best_answers_without_an_image():
    seen, asked = WORLD.batch(200, seeded(1), 2), WORLD.batch(20, seeded(2), 2)
    guess = TEXT.decode(question_only(seen, asked).flatten(0, 1))
    told = TEXT.decode(seen.answers.flatten(0, 1))
    questions = TEXT.decode(seen.questions.flatten(0, 1))
    for question, answer in zip(TEXT.decode(asked.questions.flatten(0, 1)), guess, strict=True):
        found = [a for q, a in zip(questions, told, strict=True) if q == question]
        assert found.count(answer) == max(map(found.count, found))


def test_own_data_is_evaluated(monkeypatch):
    monkeypatch.setitem(evaluate_understanding.__globals__, "QUESTION_ONLY_IMAGES", 64)
    scores = evaluate_understanding(build("autoregressive").eval(), WORLD.with_split("test"), n=4)
    assert {*scores} == {"understanding", "question_only", "shuffled"}
    assert 0 <= scores["understanding"]["mean"] < scores["question_only"]["mean"]


# --- a checkpoint's own tokenizer -------------------------------------------------------------------------------------


def test_a_checkpoint_keeps_the_embeddings_of_its_tokens(tmp_path):
    from transformers import GPT2Config, GPT2Model

    own = pieces(eos_token="<eos>")
    config = GPT2Config(vocab_size=len(own) + 3, n_embd=8, n_layer=1, n_head=2, n_positions=32)
    model = GPT2Model(config)
    model.save_pretrained(tmp_path), own.save_pretrained(tmp_path)
    table = model.get_input_embeddings().weight
    vocabulary = TokenVocabulary(TOKENIZER)
    rows_ = Backbone.hub(tmp_path, vocabulary).words.weight
    assert rows_.shape == (len(vocabulary), 8)
    for i, token in enumerate(vocabulary.words):
        assert torch.equal(rows_[i], table[own.convert_tokens_to_ids(token)])
    own.add_special_tokens({"pad_token": "<nothing>"})
    longer = TokenVocabulary(own)
    torch.testing.assert_close(Backbone.hub(tmp_path, longer).words.weight[0], table.mean(0))
    with pytest.raises(ValueError, match=r"^words: got .a tokenizer without the token .*, expected the ch"):
        Backbone.hub(tmp_path, TokenVocabulary(pieces(size=280)))


# --- limits -----------------------------------------------------------------------------------------------------------


def listing(*rows_):
    class Vocabulary:
        words, answer_ids = TEXT.words, torch.tensor(rows_)

    return Vocabulary


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (
            lambda m, b: m.loss(replace(b, answers=b.answers[..., 0])),
            r"batch.answers: got shape \(6, 3\), expected a tensor of shape \(6, 3, 6\)",
        ),
        (
            lambda m, b: m.loss(replace(b, answers=torch.ones_like(b.answers))),
            r"batch.answers: got 'an answer without its end', expected id \d+ at the end of each",
        ),
        (
            lambda m, b: m.answer_log_probabilities(b.images, b.questions, b.answers.roll(1, 2)),
            r"answers: got 'an empty one'",
        ),
        (
            lambda m, b: m.answer(b.images, F.pad(b.questions, (0, 60))),
            r"questions, words: got 72, expected at most 22 beside the visual tokens and the answer",
        ),
        (lambda m, b: m.answer(b.images, b.questions, listed=1), r"listed: got 1, expected True or False"),
        (
            lambda m, b: score_answers(b.answers[..., :3], b, WORLD),
            r"predicted: got shape \(6, 3, 3\), expected a tensor of shape \(6, 3, 6\)",
        ),
        (
            lambda m, b: AutoregressiveModel(m.tokenizer, m.backbone, listing([5, TEXT.end], [5, 6])()),
            r"vocabulary.answer_ids: got 'an answer without its end'",
        ),
    ],
)
def test_what_does_not_fit_is_one_line(batch, call, line):
    model = build("autoregressive")
    with pytest.raises((ValueError, TypeError), match=f"^{line}") as caught:
        call(model, batch)
    assert "\n" not in str(caught.value)


def test_models_asked_in_words_need_a_vocabulary_of_words():
    from infotok.standard import HostModel

    with pytest.raises(ValueError, match=r"^model: got 'a model whose answers are tokens of a text tokenizer'"):
        HostModel(build("autoregressive"))
