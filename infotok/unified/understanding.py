"""Visual question answering: answers predicted behind each question about an image.

    one word         p(answer | image, question) = softmax over `answer_ids` of  word embeddings . state at its end
    several tokens   p(answer | image, question) = prod_j p(a_j | image, question, a_1, ..., a_{j-1})

The last of several tokens is the end of the answer, and each factor is a softmax over all tokens.

The loss is -log p(answer) in nats, the mean over questions: of several tokens the terms are added up. So it is the
cross-entropy of the whole answer, which bounds H(Y_u|Z) from above, and a batch may be cut into parts. A mean over the
tokens of a batch is not such a bound, and depends on which answers share a part.

All questions on an image are packed into one sequence behind it, so that the image is read once (`packing`). The tokens
of an answer belong to its question's segment.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from infotok.errors import checks, require_flag
from infotok.tokenizers.quantizers.precision import wide
from infotok.unified.arguments import check_answers, check_questions
from infotok.unified.kv_cache import IncrementalDecoder
from infotok.unified.packing import Packed, pack
from infotok.unified.sequence import SequenceModel, in_eval_mode

__all__ = ["AnsweringModel"]

ROW = 1024  # tokens of questions and answers in a row, about, where all listed answers are compared


class AnsweringModel(SequenceModel):
    """A `SequenceModel` that answers questions about images."""

    def answer(self, images: Tensor, questions: Tensor, listed: bool = False) -> Tensor:
        """The answer to each question: (B, Q) ids of words; or (B, Q, N) tokens with the end of each, padded with 0.

        One word: the most probable of `answer_ids`. Several tokens: each the most probable after those before it, up to
        the end, which need not come.

        images: (B, 3, S, S) in [0, 1].
        questions: (B, Q, T) ids, each question padded with 0 at its end.
        listed: of several tokens, whether to take the most probable of `answer_ids` as a whole. All of them are then
            read behind each question.
        """
        require_flag("listed", listed)
        if self.end is None or listed:
            return self.answer_ids[self.answer_probabilities(images, questions).argmax(-1)]
        return self._write(images, questions)

    @in_eval_mode
    def answer_probabilities(self, images: Tensor, questions: Tensor) -> Tensor:
        """Probability of each of `answer_ids` as the answer to each question, (B, Q, A); they add up to 1.

        images: (B, 3, S, S) in [0, 1].
        questions: (B, Q, T) ids, each question padded with 0 at its end.
        """
        self._check_questions(images, questions)
        tokens = self.tokenizer.encode(images)
        if self.end is None:
            return self._answer_logits(tokens, questions)[..., self.answer_ids].softmax(-1)
        count, found = questions.shape[1], []
        for part in self.answer_ids.split(max(1, ROW // (count * (questions.shape[2] + self.max_answer)))):
            asked = questions.repeat_interleave(len(part), 1)  # each question with each answer of this part
            told = part.repeat(count, 1).expand(len(images), -1, -1)
            found.append(-self._answer_nats(tokens, asked, told).unflatten(1, (count, len(part))))
        return torch.cat(found, -1).softmax(-1)

    @in_eval_mode
    def answer_log_probabilities(self, images: Tensor, questions: Tensor, answers: Tensor) -> Tensor:
        """log p(answer | image, question) of an answer to each question, among all words or tokens, (B, Q) nats.

        images: (B, 3, S, S) in [0, 1].
        questions: (B, Q, T) ids, each question padded with 0 at its end.
        answers: (B, Q, N) ids, each answer with its end, then padded with 0. Where answers are words: (B, Q, 1).
        """
        self._check_questions(images, questions)
        shape, known = (*questions.shape[:2], self.max_answer), len(self.words)
        if self.end is None:
            check_questions("answers", answers, shape, known)
        else:
            check_answers("answers", answers, shape, known, self.end)
        return -self._answer_nats(self.tokenizer.encode(images), questions, answers)

    @in_eval_mode
    def attention(self, images: Tensor, questions: Tensor) -> Tensor:
        """Attention weights from each question's last word to each visual token, (layers, B, heads, Q, L).

        images: (B, 3, S, S) in [0, 1].
        questions: (B, Q, T) ids, each question padded with 0 at its end.
        """
        self._check_questions(images, questions)
        packed = pack(questions)
        row = self._row(questions[:, 0, :0], self._visual(self.tokenizer.encode(images)), packed)
        weights = self.backbone.attention(*row)[..., 1 : 1 + self.tokenizer.length]  # (layers, B, heads, N, L)
        index = packed.last[None, :, None, :, None] + 1 + self.tokenizer.length
        return weights.gather(3, index.expand(*weights.shape[:3], -1, weights.shape[4]))

    def _answer_states(self, tokens: Tensor, questions: Tensor, answers: Tensor) -> Tensor:
        """The states that predict each token of answers (B, Q, N) from those before it, (B, Q, N, H)."""
        steps = torch.arange(answers.shape[2], device=answers.device)
        before = (answers != 0).sum(2) - 1  # tokens of the answer that are read, all but the last
        read = answers.masked_fill(steps >= before[..., None], 0)[..., :-1]
        joined = torch.cat([questions, read], 2)
        joined = joined.gather(2, (joined == 0).int().argsort(dim=2, stable=True))  # no padding between the two
        packed = pack(joined)
        states = self.backbone(*self._row(questions[:, 0, :0], self._visual(tokens), packed))
        asked = states[:, -packed.words.shape[1] :]
        place = (packed.last - before)[..., None] + torch.minimum(steps, before[..., None])
        return asked.gather(1, place.flatten(1)[..., None].expand(-1, -1, asked.shape[2])).unflatten(1, place.shape[1:])

    def _answer_logits(self, tokens: Tensor, questions: Tensor) -> Tensor:
        """Logits of every word as the answer to each question, or its first token, (B, Q, words)."""
        states = self._answer_states(tokens, questions, torch.ones_like(questions[..., :1]))
        return wide(states.squeeze(2) @ self.backbone.words.weight.T)

    def _answer_nats(self, tokens: Tensor, questions: Tensor, answers: Tensor) -> Tensor:
        """-log p(answer | image, question) of answers (B, Q, N), over all words, (B, Q) nats."""
        there = answers != 0  # logits of all words take much memory: none for padding
        states = self._answer_states(tokens, questions, answers)
        logits = wide(states[there] @ self.backbone.words.weight.T)
        nats = F.cross_entropy(logits, answers[there], reduction="none")
        return nats.new_zeros(there.shape).masked_scatter(there, nats).sum(2)

    def _understanding_loss(self, tokens: Tensor, questions: Tensor, answers: Tensor) -> Tensor:
        """-log p of the answers (B, Q) or (B, Q, N), the mean over questions, in nats."""
        if answers.ndim == 3:
            return self._answer_nats(tokens, questions, answers).mean()
        return F.cross_entropy(self._answer_logits(tokens, questions).flatten(0, 1), answers.flatten())

    @in_eval_mode
    def _write(self, images: Tensor, questions: Tensor) -> Tensor:
        """Answers token by token, (B, Q, N): those of all questions in a row advance together."""
        self._check_questions(images, questions)
        packed, none = pack(questions), questions[:, 0, :0]
        length, count = packed.words.shape[1], questions.shape[1]
        owner = torch.arange(1, count + 1, device=questions.device).repeat(self.max_answer - 1)
        segment = torch.cat([packed.segment, owner.expand(len(questions), -1)], 1)
        row, _, _ = self._row(none, self._visual(self.tokenizer.encode(images)), packed)
        layout = self._layout(none, self.tokenizer.length, Packed(packed.words, segment, packed.last))
        decoder = IncrementalDecoder(self.backbone, row, *layout)
        states = decoder.states[:, -length:]
        states = states.gather(1, packed.last[..., None].expand(-1, -1, states.shape[2]))
        done, said = torch.zeros_like(packed.last, dtype=torch.bool), []
        with checks(False):  # the numbers are the model's own, and a check of each would stall an accelerator
            for step in range(self.max_answer):
                logits = states @ self.backbone.words.weight.T
                logits[..., 0] = -math.inf  # padding
                said.append(logits.argmax(-1).masked_fill(done, 0))
                done = done | (said[-1] == self.end)
                if step + 1 < self.max_answer:
                    states = decoder.feed(self.backbone.words(said[-1]))
        return torch.stack(said, 2)

    def _answer_counts(self, answers: Tensor) -> Tensor:
        """How often each word (B, words), or each listed answer (B, A), answers a question on an image."""
        if answers.ndim == 2:
            return F.one_hot(answers, len(self.words)).sum(1).float()
        return (answers[:, :, None] == self.answer_ids).all(-1).sum(1).float()
