"""The decoder bound on I(Z;T), and decoders q(t|z) of attributes, labels, real vectors and token sequences.

    I(Z;T) = H(T) - H(T|Z) >= H(T) + E log q(t|z)          (Barber & Agakov 2003, "The IM algorithm")

The looseness is E KL(p(t|z) || q(t|z)). For attributes that q predicts one by one it is at least their total
correlation given Z, which vanishes as H(T|Z) does. The ceiling is H(T), unless T is a real vector: H(T|Z) is then a
differential entropy and has no minimum. This is the relevance term of the variational information bottleneck (Alemi et
al. 2017), and dense supervision by the text in other words.

- `LinearDecoder`     one or two linear layers; what they predict follows from the values
- `SequenceDecoder`   token ids, by a recurrent network that starts from the tokens

The logits l of attributes and labels are those of the critic:

- "cosine"     l_j = scale * cos(A z, w_j) + a_j, between -scale and scale but for a_j: only the direction of A z counts
- "bilinear"   l = A z + a: tokens can raise the likelihood by moving out along A without end. A host with continuous
               tokens may then draw worse (lesson 12)

| values of T              | q(t|z)                                                                       |
|---|---|
| (B, W) of 0 and 1        | independent attributes: prod_j Bernoulli(t_j; sigmoid(l_j))                  |
| (B,) labels              | softmax(l)                                                                   |
| (B, W) real vectors      | N(t; m, diag v), m linear in z, learned v: likelihood "gaussian"             |
| (B, W) directions        | N(t/|t|; m/|m|, v I), which is exp(cos/v) up to a factor: likelihood "cosine"|
| (B, T) token ids         | prod_i softmax(l_i), l_i from z and the words before: likelihood "sequence"  |
"""

import math
import warnings
from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.bottleneck.contrast import LARGEST_SCALE
from infotok.bottleneck.inputs import Batch, Variable, gather
from infotok.bottleneck.priors.conditional import vectors
from infotok.errors import checking, require

__all__ = ["LinearDecoder", "SequenceDecoder"]


class Decoder(nn.Module, ABC):
    """A decoder q(t|z) and its bound; subclasses give log q(t|z).

    entropy: H(T) in nats; None: unknown. The bound is then reported without it, as E log q(t|z).
    """

    def __init__(self, entropy: float | None) -> None:
        super().__init__()
        self.entropy = entropy

    @abstractmethod
    def log_likelihood(self, pooled: Tensor, values: Tensor, name: str) -> Tensor:
        """log q(t|z) of each row, (N,) nats."""

    def forward(self, pooled: Tensor, variable: Variable, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """The bound, and its ceiling if one is known, in nats, over the rows of all ranks that have a value.

        pooled: (B, dim) tokens of each image.
        variable: the values (B, ...) to predict.
        batch: the mode.
        """
        tokens, values = gather(pooled, batch.training), gather(variable.values, batch.training)
        if not variable.present.all():
            tokens, values = tokens[variable.present], values[variable.present]
        nats = self.log_likelihood(tokens, values, variable.name).mean()
        if self.entropy is None:
            return nats, None
        ceiling = nats.new_tensor(self.entropy) if self.discrete(values, variable.name) else None
        return nats + self.entropy, ceiling

    def discrete(self, values: Tensor, name: str) -> bool:
        """Whether q is a probability, so that the bound is at most H(T); a density can be above 1."""
        return True


class LinearDecoder(Decoder):
    """Linear layers that predict attributes, a label or a real vector.

    dim: width of the vector that is seen of an image's tokens.
    dim_y: width of vectors t, or number of labels t.
    likelihood: of real vectors, "gaussian" or "cosine"; "auto": attributes while all values are 0 or 1, else Gaussian.
    entropy: H(T) in nats, if it is known; of real vectors the differential entropy, which is no ceiling.
    critic: of attributes and labels, "cosine" or "bilinear". The prediction of a real vector is linear by either.
    width: dimensions of A z, by the cosine.
    """

    def __init__(
        self,
        dim: int,
        dim_y: int,
        likelihood: str = "auto",
        entropy: float | None = None,
        critic: str = "cosine",
        width: int = 64,
    ) -> None:
        super().__init__(entropy)
        self.dim_y, self.likelihood, self.project = dim_y, likelihood, None
        self.real: bool | None = None  # whether training has met other numbers than 0 and 1; None before
        if critic == "cosine":
            self.project, self.log_scale = (
                nn.Linear(dim, width, bias=False),
                nn.Parameter(torch.full((1,), math.log(10.0))),
            )
        self.linear = nn.Linear(dim if self.project is None else width, dim_y)
        self.log_variance = nn.Parameter(torch.zeros(1 if likelihood == "cosine" else dim_y))  # of real vectors

    def logits(self, pooled: Tensor) -> Tensor:
        """The logits of attributes or labels, (N, dim_y)."""
        if self.project is None:
            return self.linear(pooled)
        directions = F.normalize(self.project(pooled), dim=1) @ F.normalize(self.linear.weight, dim=1).T
        return self.log_scale.clamp(max=math.log(LARGEST_SCALE)).exp() * directions + self.linear.bias

    def log_likelihood(self, pooled: Tensor, values: Tensor, name: str) -> Tensor:
        """log q(t|z) of each row, (N,) nats.

        pooled: (N, dim).
        values: (N, ...) floats of `dim_y` numbers, or (N,) labels.
        """
        if not values.is_floating_point():
            vectors(values, self.dim_y, name, self.training)  # refuses other labels
            return -F.cross_entropy(self.logits(pooled), values.long(), reduction="none")
        target = vectors(values.flatten(1), self.dim_y, name, self.training).to(self.linear.weight)
        if self.likelihood == "auto" and self._are_attributes(target, name):
            return -F.binary_cross_entropy_with_logits(self.logits(pooled), target, reduction="none").sum(1)
        found = self.linear(pooled if self.project is None else self.project(pooled))
        if self.likelihood == "cosine":
            found, target = F.normalize(found, dim=1), F.normalize(target, dim=1)
        log_v = self.log_variance.expand(self.dim_y)
        return -0.5 * ((target - found).square() / log_v.exp() + log_v + math.log(2 * math.pi)).sum(1)

    def discrete(self, values: Tensor, name: str) -> bool:
        """Whether the values are attributes or labels."""
        flat = values.flatten(1) if values.is_floating_point() else values
        return not flat.is_floating_point() or (self.likelihood == "auto" and self._are_attributes(flat, name))

    def _are_attributes(self, target: Tensor, name: str) -> bool:
        """Whether (N, dim_y) values are 0/1 attributes; once training has met other numbers they never are again.

        Counts of words are 0 and 1 in most batches: by each batch alone, the likelihood would go back and forth. Only
        real numbers train `log_variance`, so that a checkpoint and every process know of them.
        """
        attributes = ((target == 0) | (target == 1)).all() & ~self.log_variance.detach().any()
        real = bool(self.real) or not bool(attributes)
        if self.training:
            if real and self.real is False:
                warnings.warn(
                    f"InfoTok: {name} has numbers beside 0 and 1 after batches without; from here on its likelihood is "
                    "Gaussian (counts: clamp them to 0 and 1 for attributes)",
                    stacklevel=2,
                )
            self.real = real
        return not real


class SequenceDecoder(Decoder):
    """A recurrent network (GRU) that predicts each token id from the image's tokens and the ids before it.

    dim: width of the vector that is seen of an image's tokens.
    words: number of token ids.
    entropy: H(T) in nats, if it is known.
    width: of embeddings and state.
    """

    def __init__(self, dim: int, words: int, entropy: float | None = None, width: int = 64) -> None:
        super().__init__(entropy)
        self.words = words
        self.start, self.embedding = nn.Linear(dim, width), nn.Embedding(words + 1, width)  # the last: begin
        self.network, self.logits = nn.GRU(width, width, batch_first=True), nn.Linear(width, words)

    def log_likelihood(self, pooled: Tensor, values: Tensor, name: str) -> Tensor:
        """log q(t|z) of each row, (N,) nats; padding counts as any other id.

        pooled: (N, dim).
        values: (N, T) ids below `words`.
        """
        listed = not values.is_floating_point() and values.ndim == 2
        require(listed, name, values, 'token ids (B, T), for likelihood="sequence"')
        if checking(values, self.training):
            most = int(values.max())
            require(most < self.words, f"{name}, ids", most, f"0 to {self.words - 1}")
        ids = values.long()
        before = F.pad(ids[:, :-1], (1, 0), value=self.words)
        states, _ = self.network(self.embedding(before), self.start(pooled).tanh()[None])
        return -F.cross_entropy(self.logits(states).transpose(1, 2), ids, reduction="none").sum(1)
