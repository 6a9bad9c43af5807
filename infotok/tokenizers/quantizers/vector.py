"""Vector quantization: a token is the nearest of K learned vectors.

    k = argmin_k |z - e_k|^2,   loss = commitment |z - sg(e_k)|^2   (+ |sg(z) - e_k|^2 if the codebook has a gradient)

Van den Oord et al. 2017 (arXiv 1711.00937). What keeps the codebook alive:

- the first training batch sets it, by k-means, seeded far apart (Arthur & Vassilvitskii 2007, in a few rounds as in
  Bahmani et al. 2012);
- each code is the moving average of the vectors that chose it, e_k += sum (z - e_k) / N_k: k-means on a stream. N_k,
  how many vectors the average spans, is a discounted count (1 / (1 - decay) passes), but at most 256: Lloyd's iteration
  is slow enough by itself. It starts from nothing, so that a fresh code goes straight to its first mean;
- a code that none of the last `patience` K vectors chose is dead, and is moved onto a vector of the batch, the likelier
  the worse that vector is served now; a quarter of the dead in each pass.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.distributed import first_rank, sum_over_ranks
from infotok.errors import checking, require_choice, require_flag, require_float, require_int, require_rows
from infotok.modes import recomputing
from infotok.noise import multinomial
from infotok.tokenizers.quantizers.base import CodebookQuantizer
from infotok.tokenizers.quantizers.gradients import GRADIENTS, straight_through
from infotok.tokenizers.quantizers.nearest import search
from infotok.tokenizers.quantizers.precision import wide
from infotok.tokenizers.quantizers.uneven import gather_rows
from infotok.tokenizers.quantizers.usage import UsageTracker

__all__ = ["VectorQuantizer"]

SEEDING_ROUNDS = 8
KMEANS_ITERATIONS = 10
MEMORY = 256  # vectors: no code averages over more of its own than these, so that a busy one learns fast


class VectorQuantizer(CodebookQuantizer):
    """features (B, L, dim) -> the nearest of `codebook_size` vectors. Errors are means over all elements.

    - code_dim: the width of the code vectors, if it is not dim (8 to 32 is common: Yu et al. 2021, arXiv 2110.04627);
    - learning: "average" of the vectors that chose a code, or "gradient" of the loss's second term;
    - gradient: "straight-through" or "rotation", what the encoder gets (see `gradients`);
    - cosine: features and codes on the unit sphere;
    - commitment: the weight that pulls features to their codes;
    - decay: of the moving averages; patience: see above; revive_until: the number of training passes after which dead
      codes are left dead, so that the host's vocabulary settles (None: never; 0: from the start).
    """

    def __init__(
        self,
        dim: int,
        codebook_size: int,
        *,
        code_dim: int | None = None,
        learning: str = "average",
        gradient: str = "straight-through",
        cosine: bool = False,
        commitment: float = 0.25,
        decay: float = 0.99,
        patience: int = 32,
        revive_until: int | None = None,
    ) -> None:
        super().__init__(dim, codebook_size, code_dim)
        require_choice("learning", learning, ("average", "gradient"))
        require_choice("gradient", gradient, tuple(GRADIENTS))
        require_flag("cosine", cosine)
        self.learning, self.cosine, self.commitment = (
            learning,
            cosine,
            require_float("commitment", commitment, "[0, inf)"),
        )
        self.revive_until = None if revive_until is None else require_int("revive_until", revive_until, 0)
        self.pass_gradient = GRADIENTS[gradient]
        self.tracker = UsageTracker(codebook_size, decay, patience)
        codebook = self._to_code_space(torch.randn(codebook_size, self.code_dim))
        self.codebook = nn.Parameter(codebook) if learning == "gradient" else nn.Buffer(codebook)
        self.before: Tensor | None = None  # the codebook as it was when the last training pass chose
        self.register_buffer("initialised", torch.tensor(False))
        self.register_buffer("passes", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def start_from(self, codebook: Tensor) -> "VectorQuantizer":
        """Take these code vectors (K, code_dim) instead of the first batch's. Returns itself."""
        require_rows("codebook", codebook, tuple(self.codebook.shape))
        self.codebook.copy_(self._to_code_space(wide(codebook)))
        self.tracker.counts.zero_()
        self.tracker.idle.zero_()
        self.initialised.fill_(True)
        return self

    def _to_code_space(self, z: Tensor) -> Tensor:
        return unit(z) if self.cosine else z

    def _vectors(self, codes: Tensor) -> Tensor:
        return F.embedding(codes, self._table())

    def _table(self) -> Tensor:
        """The codebook; in a recomputation with the values that the first pass chose from."""
        again = self.training and self.before is not None and recomputing()
        return straight_through(self.codebook, self.before) if again else self.codebook

    def _quantize(self, z: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        z = self._to_code_space(z)
        if self._updates:
            self._prepare(z.detach(), generator)
        codes = search(z.detach(), self._table().detach())
        vectors = self._vectors(codes).to(z.dtype)
        loss = self.commitment * F.mse_loss(z, vectors.detach())
        if self.learning == "gradient":
            loss = loss + F.mse_loss(vectors, z.detach())
        tokens = self.pass_gradient(z, vectors)
        if self._updates:
            self._learn(*_finite_rows(z.detach(), vectors.detach(), codes), generator)
        return tokens, codes, loss

    def _count(self, codes: Tensor, z: Tensor) -> None:
        """`_learn` has counted."""

    def _prepare(self, z: Tensor, generator: torch.Generator | None) -> None:
        """Before a training pass chooses: make the first codebook, and keep what a recomputation will need."""
        if self.learning_allowed and not self.initialised:
            self._initialise(*_finite_rows(z), generator)
        self.before = self.codebook.detach().clone() if self.learning_allowed else None

    @torch.no_grad()
    def _learn(self, z: Tensor, vectors: Tensor, codes: Tensor, generator: torch.Generator | None) -> None:
        chosen = self.tracker.update(codes)
        if not self.learning_allowed:
            return
        error = (z - vectors).to(self.tracker.counts.dtype)
        if self.learning == "average":
            pull = sum_over_ranks(torch.zeros_like(self.codebook).index_add_(0, codes, error))  # (K, D)
            span = self.tracker.counts / (1 - self.tracker.decay)
            span = span.clamp(max=MEMORY).maximum(chosen).clamp(min=1.0)  # at least the vectors of this pass
            self.codebook.add_(pull / span[:, None])
        if self.revive_until is None or self.passes < self.revive_until:
            dead = self.tracker.dead().nonzero()[:, 0]
            if len(dead):
                every, errors = gather_rows(z), gather_rows(error.square().sum(1))
                self._revive(dead, every, errors, generator)
        if self.cosine:
            self.codebook.copy_(unit(wide(self.codebook)))
        self.passes += 1

    def _revive(self, dead: Tensor, z: Tensor, error: Tensor, generator: torch.Generator | None) -> None:
        """Move a quarter of the dead codes onto vectors of this batch, if so many have an error at all.

        The others wait until the first have changed which vectors are served badly.
        """
        served_badly = int((error > 1e-6 * z.square().sum(1).mean()).sum())
        dead = dead[: min(-(-len(dead) // 4), served_badly)]
        if len(dead):
            self.codebook[dead] = z[_draw_far(error, len(dead), generator)].to(self.codebook.dtype)
        self.tracker.counts[dead] = 1 - self.tracker.decay  # it has seen one vector
        self.tracker.idle[dead] = 0
        first_rank(self.codebook, self.tracker.counts, self.tracker.idle)

    @torch.no_grad()
    def _initialise(self, z: Tensor, generator: torch.Generator | None) -> None:
        """k-means of the batch; codes that it leaves empty start as dead, to be moved at once."""
        size, z = self.codebook_size, gather_rows(z)
        if not len(z):  # every row had NaN: wait for the next batch
            return
        some = torch.ones(len(z), device=z.device)
        seeds = z[_draw_far(some, min(-(-size // SEEDING_ROUNDS), len(z)), generator)]
        while len(seeds) < min(size, len(z)):
            error = (z - seeds[search(z, seeds)]).square().sum(1)
            more = min(-(-size // SEEDING_ROUNDS), size - len(seeds), len(z))
            seeds = torch.cat([seeds, z[_draw_far(error, more, generator)]])
        codebook = seeds[torch.arange(size, device=z.device) % len(seeds)]
        for _ in range(KMEANS_ITERATIONS):
            codes = search(z, codebook)
            counts = torch.bincount(codes, minlength=size).to(z)
            pull = torch.zeros_like(codebook).index_add_(0, codes, z - codebook[codes])
            codebook = self._to_code_space(codebook + pull / counts.clamp(min=1)[:, None])
        first_rank(codebook, counts)
        self.codebook.copy_(codebook)
        self.tracker.idle.masked_fill_(counts > 0, 0)
        self.initialised.fill_(True)


def unit(z: Tensor) -> Tensor:
    """z / |z| along the last dimension, also where |z|^2 would overflow; 0 stays 0."""
    largest = z.detach().abs().amax(-1, keepdim=True).clamp(min=1e-30)
    return F.normalize(z / largest, dim=-1)


def _finite_rows(z: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    """z (N, D) and what belongs to its rows, without the rows that hold NaN or infinity."""
    if checking(z, training=True):
        return z, *others  # there are none
    finite = z.isfinite().all(1)
    return z[finite], *(other[finite] for other in others)


def _draw_far(error: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    """`count` distinct rows, each with a probability that grows with its error (N,)."""
    error = error.clamp(max=1e30)
    weight = error / error.max().clamp(min=1e-30) + 1e-6  # where nothing is wrong, any row will do
    return multinomial(weight, count, generator)
