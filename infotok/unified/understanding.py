"""Visual question answering: one word, predicted at the end of each question about an image.

    p(answer | image, question) = softmax over `answer_ids` of  word embeddings . state at the question's last word

All questions on an image are packed into one sequence behind it, so that the image is read once (`packing`).
"""

import torch.nn.functional as F
from torch import Tensor

from infotok.unified.packing import pack
from infotok.unified.sequence import SequenceModel, in_eval_mode

__all__ = ["AnsweringModel"]


class AnsweringModel(SequenceModel):
    """A `SequenceModel` that answers questions about images."""

    def answer(self, images: Tensor, questions: Tensor) -> Tensor:
        """The most probable answer to each question, (B, Q) ids.

        images: (B, 3, S, S) in [0, 1].
        questions: (B, Q, T) ids, each question padded with 0 at its end.
        """
        return self.answer_ids[self.answer_probabilities(images, questions).argmax(-1)]

    @in_eval_mode
    def answer_probabilities(self, images: Tensor, questions: Tensor) -> Tensor:
        """Probability of each word of `answer_ids` as the answer to each question, (B, Q, A).

        images: (B, 3, S, S) in [0, 1].
        questions: (B, Q, T) ids, each question padded with 0 at its end.
        """
        self._check_questions(images, questions)
        return self._answer_logits(self.tokenizer.encode(images), questions)[..., self.answer_ids].softmax(-1)

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

    def _answer_logits(self, tokens: Tensor, questions: Tensor) -> Tensor:
        """Logits of every word as the answer to each question, (B, Q, words)."""
        packed = pack(questions)
        states = self.backbone(*self._row(questions[:, 0, :0], self._visual(tokens), packed))
        asked = states[:, -packed.words.shape[1] :]
        ends = asked.gather(1, packed.last[..., None].expand(-1, -1, asked.shape[2]))  # (B, Q, H)
        return ends @ self.backbone.words.weight.T

    def _understanding_loss(self, tokens: Tensor, questions: Tensor, answers: Tensor) -> Tensor:
        """Cross-entropy of the answers (B, Q), the mean over questions, in nats."""
        return F.cross_entropy(self._answer_logits(tokens, questions).flatten(0, 1), answers.flatten())
