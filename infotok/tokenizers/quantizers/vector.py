"""Vector quantization (VQ-VAE): a token is the nearest of K learned vectors.

    k = argmin_k |z - e_k|^2,   loss = commitment |z - sg(e_k)|^2   (+ |sg(z) - e_k|^2 if the codebook has a gradient)

The first term is the commitment loss, the second the codebook loss; sg stops the gradient (van den Oord et al. 2017,
arXiv 1711.00937).

Codebook collapse is a state in which few codes are chosen and the others, the dead codes, get no update. Three things
work against it:

- k-means initialization: the first training batch sets the codebook. The seeds are drawn by k-means++ (Arthur &
  Vassilvitskii 2007), in a few rounds as in k-means|| (Bahmani et al. 2012).
- Exponential moving average: e_k += sum (z - e_k) / N_k over the vectors that chose code k, which is k-means on a
  stream. N_k is a discounted count over 1 / (1 - decay) passes, at most 256, so that a code in frequent use still
  moves. It starts at 0, so that a fresh code goes straight to its first mean.
- Revival of dead codes: a code is dead when none of the last `patience` K vectors chose it. It is moved onto a vector
  of the batch, drawn with a probability that grows with that vector's quantization error. Each pass revives a quarter
  of the dead codes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.distributed import first_rank, sum_over_ranks
from infotok.errors import checking, require_choice, require_flag, require_float, require_int, require_rows
from infotok.modes import ends_step, recomputing
from infotok.tokenizers.quantizers.base import CodebookQuantizer
from infotok.tokenizers.quantizers.gradients import GRADIENTS, straight_through
from infotok.tokenizers.quantizers.kmeans import draw_far, kmeans
from infotok.tokenizers.quantizers.nearest import search
from infotok.tokenizers.quantizers.precision import wide
from infotok.tokenizers.quantizers.uneven import gather_rows
from infotok.tokenizers.quantizers.usage import UsageTracker

__all__ = ["VectorQuantizer"]

MEMORY = 256  # vectors: the longest moving average of a code, so that a frequent one still moves


class VectorQuantizer(CodebookQuantizer):
    """Vector quantizer: features (B, L, dim) -> the nearest of `codebook_size` vectors.

    Squared errors in the loss are means over all elements.

    - dim: numbers per token
    - codebook_size: codes, K, from 2 to 2^20
    - code_dim: width of the code vectors, `dim` by default; 8 to 32 is common (Yu et al. 2021, arXiv 2110.04627)
    - learning: "average" for the exponential moving average, "gradient" for the codebook loss
    - gradient: the encoder's gradient, "straight-through" or "rotation" (see `gradients`)
    - cosine: whether features and codes are on the unit sphere
    - commitment: weight of the commitment loss, from 0
    - decay: of the moving averages per training pass, in [0, 1)
    - patience: vectors after which a code without a choice is dead, in units of K; a positive integer
    - revive_until: training steps after which dead codes stay dead, so that a host's vocabulary settles; None for no
      end, 0 for no revival at all

    Raises TypeError or ValueError for an option of another type or out of range.

    Example:
        >>> import torch
        >>> from infotok.tokenizers import VectorQuantizer
        >>> _ = torch.manual_seed(0)
        >>> quantizer = VectorQuantizer(dim=8, codebook_size=32)
        >>> out = quantizer(torch.randn(64, 16, 8))  # 64 images of 16 tokens; the first batch sets the codebook
        >>> out.tokens.shape, out.codes.shape, quantizer.rate(length=16)  # bits per image, 16 x log2 32
        (torch.Size([64, 16, 8]), torch.Size([64, 16]), 80.0)
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
        self.learning, self.cosine = learning, cosine
        self.commitment = require_float("commitment", commitment, "[0, inf)")
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
        """Set the codebook, in place of the k-means of the first batch. Returns itself.

        - codebook: code vectors (K, code_dim), finite floats
        """
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
        """The codebook; in a recomputation, with the values of the first pass."""
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
        """Before a training pass: initialise the codebook, and keep a copy for a recomputation."""
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
            span = span.clamp(max=MEMORY).maximum(chosen).clamp(min=1.0)  # at least those of this pass
            self.codebook.add_(pull / span[:, None])
        if self.revive_until is None or self.passes < self.revive_until:
            dead = self.tracker.dead().nonzero()[:, 0]
            if len(dead):
                every, errors = gather_rows(z), gather_rows(error.square().sum(1))
                self._revive(dead, every, errors, generator)
        if self.cosine:
            self.codebook.copy_(unit(wide(self.codebook)))
        self.passes += ends_step()

    def _revive(self, dead: Tensor, z: Tensor, error: Tensor, generator: torch.Generator | None) -> None:
        """Move a quarter of the dead codes onto vectors of this batch, as far as that many have an error.

        The other dead codes wait, since the first ones change which vectors have a large error.
        """
        with_error = int((error > 1e-6 * z.square().sum(1).mean()).sum())
        dead = dead[: min(-(-len(dead) // 4), with_error)]
        if len(dead):
            self.codebook[dead] = z[draw_far(error, len(dead), generator)].to(self.codebook.dtype)
        self.tracker.counts[dead] = 1 - self.tracker.decay  # it has seen one vector
        self.tracker.idle[dead] = 0
        first_rank(self.codebook, self.tracker.counts, self.tracker.idle)

    @torch.no_grad()
    def _initialise(self, z: Tensor, generator: torch.Generator | None) -> None:
        """k-means of the batch; codes of empty clusters start as dead codes, and are revived at once."""
        z = gather_rows(z)
        if not len(z):  # every row has NaN: wait for the next batch
            return
        codebook, counts = kmeans(z, self.codebook_size, self._to_code_space, generator)
        first_rank(codebook, counts)
        self.codebook.copy_(codebook)
        self.tracker.idle.masked_fill_(counts > 0, 0)
        self.initialised.fill_(True)


def unit(z: Tensor) -> Tensor:
    """z / |z| along the last dimension, also where |z|^2 would overflow; 0 stays 0."""
    largest = z.detach().abs().amax(-1, keepdim=True).clamp(min=1e-30)
    return F.normalize(z / largest, dim=-1)


def _finite_rows(z: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    """z (N, D), and other tensors of its rows, without the rows that hold NaN or infinity."""
    if checking(z, training=True):
        return z, *others  # there are none
    finite = z.isfinite().all(1)
    return z[finite], *(other[finite] for other in others)
