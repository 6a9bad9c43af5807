"""InfoNCE, the contrastive lower bound on I(Z;Y) between the tokens Z of an image and a text, answer or target Y.

    I(Z;Y) >= log N + E log softmax_j f(z, y_j) at the image's own y        (van den Oord et al. 2018, arXiv 1807.03748)

The N candidates y_j are the batch's values, those of earlier batches (a bank, as MoCo's queue of keys) and those that a
call adds. The bound is at most log N: 3.5 nats at 32 candidates, 9.0 at 8192. Candidates are values, not images, so a
large N costs one matrix product.

- `CosineCritic`     f(z, y) = scale * cos(A z, B y)
- `BilinearCritic`   f(z, y) = (A z + a) . y, that of a linear decoder (`decoders`)
- `Bank`             the latest values of training

Equal candidates need no mask. They have equal scores, so that the best critic is still the log-ratio, and with them the
bound holds; without them it can exceed I(Z;Y) (a fair coin among N candidates would count log N nats, and has log 2).
"""

import math
from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.bottleneck.inputs import Batch, Variable, gather
from infotok.bottleneck.priors.conditional import vectors
from infotok.errors import require
from infotok.modes import recomputing

__all__ = ["LARGEST_SCALE", "Bank", "BilinearCritic", "CosineCritic"]

LARGEST_SCALE = 100.0  # of a cosine, as CLIP's


class Bank(nn.Module):
    """The latest values of training, a ring buffer; saved with the model, so that a resumed run has the same.

    size: values kept.
    width: numbers in a value.
    """

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.register_buffer("values", torch.zeros(size, width))
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))  # values so far, all steps together

    def forward(self, batch: Tensor, training: bool) -> tuple[Tensor, Tensor, Tensor]:
        """The candidates (M, width), the place of each of the batch's own (B,), and which candidates exist (M,).

        batch: (B, width). In training they join the bank; in eval mode they are put before it.
        """
        size, rows = len(self.values), torch.arange(len(batch), device=batch.device)
        exist = torch.arange(size, device=batch.device)
        if not training:
            together = torch.cat([batch, self.values.to(batch)])
            return together, rows, torch.cat([torch.ones_like(rows, dtype=torch.bool), exist < self.seen])
        require(len(batch) <= size, "negatives", size, f"0, or the {len(batch)} rows of a batch or more")
        if not recomputing():  # else the first pass has put them there
            self.values[(self.seen + rows) % size] = batch.detach().to(self.values)
            self.seen += len(batch)
        return self.values.to(batch, copy=True), (self.seen - len(batch) + rows) % size, exist < self.seen


class Critic(nn.Module, ABC):
    """A critic f(z, y) and its InfoNCE bound; subclasses give f in two steps, of tokens and then of pairs.

    dim_y: width of vectors y, or number of labels y.
    negatives: size of the bank; 0: the batch's values alone.
    """

    def __init__(self, dim_y: int, negatives: int = 0) -> None:
        super().__init__()
        self.dim_y = dim_y
        self.bank = Bank(negatives, dim_y) if negatives else None

    @abstractmethod
    def of_tokens(self, pooled: Tensor) -> Tensor:
        """What scores need of the tokens, (B, dim) -> (B, width)."""

    @abstractmethod
    def scores(self, tokens: Tensor, values: Tensor) -> Tensor:
        """f of all pairs (B, N): `of_tokens` (B, width) and values (N, dim_y)."""

    def forward(self, pooled: Tensor, variable: Variable, batch: Batch) -> tuple[Tensor, Tensor]:
        """The bound, and its ceiling log N, in nats, over the rows of all ranks that have a value.

        pooled: (B, dim) tokens of each image.
        variable: the values (B, dim_y), or labels (B,), that are compared with.
        batch: extra candidates, and the mode.
        """
        read = self._vectors(variable.values, variable.name)
        tokens, values = gather(self.of_tokens(pooled), batch.training), gather(read, batch.training)
        if not variable.present.all():
            tokens, values = tokens[variable.present], values[variable.present]
        own = torch.arange(len(values), device=values.device)
        exist = torch.ones_like(own, dtype=torch.bool)
        if self.bank is not None:
            values, own, exist = self.bank(values, batch.training)
        if batch.negatives is not None and variable.name == "text":
            extra = gather(self._vectors(batch.negatives, "negatives"), batch.training).to(values)
            values, exist = torch.cat([values, extra]), F.pad(exist, (0, len(extra)), value=True)
        ceiling = exist.sum().to(tokens).log()
        missing = torch.zeros_like(exist, dtype=tokens.dtype).masked_fill(~exist, -math.inf)
        return ceiling - F.cross_entropy(self.scores(tokens, values) + missing, own), ceiling

    def _vectors(self, values: Tensor, name: str) -> Tensor:
        """(N, dim_y) vectors of values or labels, in the type of the parameters."""
        flat = values.flatten(1) if values.is_floating_point() else values
        return vectors(flat, self.dim_y, name, self.training).to(next(self.parameters()))


class CosineCritic(Critic):
    """f(z, y) = scale * cos(A z, B y); the cosine keeps scores between -scale and scale, with scale at most 100.

    dim: width of the vector that the critic sees of an image's tokens.
    dim_y: width of vectors y, or number of labels y.
    negatives: size of the bank.
    width: dimensions of A z and B y.
    """

    def __init__(self, dim: int, dim_y: int, negatives: int = 0, width: int = 64) -> None:
        super().__init__(dim_y, negatives)
        self.tokens, self.value = nn.Linear(dim, width, bias=False), nn.Linear(dim_y, width, bias=False)
        self.log_scale = nn.Parameter(torch.full((1,), math.log(10.0)))

    def of_tokens(self, pooled: Tensor) -> Tensor:
        """scale * A z / |A z|."""
        return self.log_scale.clamp(max=math.log(LARGEST_SCALE)).exp() * F.normalize(self.tokens(pooled), dim=1)

    def scores(self, tokens: Tensor, values: Tensor) -> Tensor:
        """scale * cos(A z, B y), without B y of each value: |B y|^2 = y (B'B) y, in half the time for 8192 values."""
        to_width = self.value.weight
        norms = ((values @ (to_width.T @ to_width)) * values).sum(1).clamp(min=1e-24)
        return (tokens @ to_width) @ values.T * norms.rsqrt()


class BilinearCritic(Critic):
    """f(z, y) = (A z + a) . y: the logits of a linear decoder, normalised over the candidates instead of exactly.

    dim: width of the vector that the critic sees of an image's tokens.
    dim_y: width of vectors y, or number of labels y.
    negatives: size of the bank.
    """

    def __init__(self, dim: int, dim_y: int, negatives: int = 0) -> None:
        super().__init__(dim_y, negatives)
        self.linear = nn.Linear(dim, dim_y)

    def of_tokens(self, pooled: Tensor) -> Tensor:
        """A z + a."""
        return self.linear(pooled)

    def scores(self, tokens: Tensor, values: Tensor) -> Tensor:
        """(A z + a) . y."""
        return tokens @ values.T
