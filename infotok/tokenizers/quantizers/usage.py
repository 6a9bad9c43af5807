"""Usage metrics of a codebook: entropy, perplexity and dead codes, the signs of codebook collapse.

    entropy     H(K) = -sum_k p_k log2 p_k, bits per token, summed over codebooks; at most log2 K for each
    perplexity  2^H of one codebook: the number of equally frequent codes with the same entropy
    dead        the share of dead codes, those that are not chosen

- `Usage`            of one batch, or over time
- `ContinuousUsage`  the same for continuous tokens
- `UsageTracker`     counts over time, in buffers, summed over the ranks of torch.distributed

N codes show at most log2 N bits: the entropy of a small batch is an underestimate.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from infotok.distributed import sum_over_ranks
from infotok.errors import checking, require, require_float, require_instance, require_int, require_tensor
from infotok.tokenizers.quantizers.precision import WideBuffers

__all__ = ["ContinuousUsage", "Usage", "UsageTracker"]


LARGEST_CODEBOOK = 2**20  # usage is counted code by code


@dataclass(frozen=True)
class Usage:
    """The usage of C codebooks of K codes: counts, from which the properties are computed.

    - counts: (C, K), how often each code was chosen; over time, a moving average
    - unused: (C, K), true for a dead code

    Example:
        >>> import torch
        >>> from infotok.tokenizers import Usage
        >>> usage = Usage.of(torch.tensor([0, 0, 1, 1, 2, 2, 3, 3]), codebook_size=8)
        >>> usage.entropy, usage.perplexity, usage.dead  # four codes alike: 2 bits; the other four are dead
        (2.0, 4.0, 0.5)
        >>> usage.rate(length=16)  # bits per image after entropy coding
        32.0
    """

    counts: Tensor
    unused: Tensor

    @classmethod
    def of(cls, codes: Tensor, codebook_size: int, codebooks: int = 1) -> "Usage":
        """The usage of a codebook by a batch of codes.

        - codes: integers (...), or (..., C) with several codebooks
        - codebook_size: codes per codebook, K, from 1 to 2^20
        - codebooks: C, a positive integer

        Raises TypeError or ValueError for another type or shape, no code, or codes out of range.
        """
        require_int("codebook_size", codebook_size, 1, LARGEST_CODEBOOK)
        require_int("codebooks", codebooks)
        require_tensor("codes", codes, ("...",) if codebooks == 1 else ("...", codebooks), "integer")
        require(codes.numel() > 0, "codes", codes, "one code or more")
        check_codes(codes, codebook_size, training=True)
        offsets = codebook_size * torch.arange(codebooks, device=codes.device)
        counts = count_codes(codes.reshape(-1, codebooks) + offsets, codebooks * codebook_size)
        counts = counts.view(codebooks, codebook_size)
        return cls(counts, counts == 0)

    @classmethod
    def stack(cls, usages: "list[Usage]") -> "Usage":
        """The usage of several codebooks together, in the order of `usages`.

        - usages: a list of `Usage` with the same number of codes per codebook
        """
        require_instance("usages", usages, (list, tuple), "a list of Usage")
        require(len(usages) > 0, "usages", "an empty list", "one Usage or more")
        for usage in usages:
            require_instance("usages", usage, Usage)
            require_tensor("usages, counts", usage.counts, ("C", usages[0].counts.shape[-1]), "any")
        return cls(torch.cat([usage.counts for usage in usages]), torch.cat([usage.unused for usage in usages]))

    @property
    def entropy(self) -> float:
        """Bits per token of an entropy coder for each codebook."""
        p = self.counts.double()
        p = p / p.sum(1, keepdim=True).clamp(min=1e-300)
        return -torch.special.xlogy(p, p).sum().item() / math.log(2) + 0.0

    @property
    def perplexity(self) -> float:
        """2^H, with the mean of H over codebooks: the effective number of codes."""
        return 2 ** (self.entropy / len(self.counts))

    @property
    def dead(self) -> float:
        """The share of dead codes."""
        return self.unused.double().mean().item()

    def rate(self, length: int) -> float:
        """Bits per image after entropy coding.

        - length: tokens per image, a positive integer
        """
        return require_int("length", length) * self.entropy

    def asdict(self) -> dict[str, float]:
        return {"entropy_bits": self.entropy, "perplexity": self.perplexity, "dead": self.dead}


@dataclass(frozen=True)
class ContinuousUsage:
    """The usage of continuous tokens: the rate KL(q(z_j|x) || r(z_j)) of each dimension, averaged over tokens.

    - rates: (dim,), nats

    Example:
        >>> import math
        >>> import torch
        >>> from infotok.tokenizers import ContinuousUsage
        >>> usage = ContinuousUsage(torch.tensor([math.log(2), math.log(4), 0.0, 0.0]))  # nats of each dimension
        >>> round(usage.entropy, 3), usage.dead  # bits per token
        (3.0, 0.5)
    """

    rates: Tensor

    @property
    def entropy(self) -> float:
        """Bits per token: the rate, summed over dimensions."""
        return self.rates.double().sum().item() / math.log(2)

    @property
    def perplexity(self) -> float:
        """2^entropy; infinite from 1024 bits, where it exceeds every float."""
        return 2**self.entropy if self.entropy < 1024 else math.inf

    @property
    def dead(self) -> float:
        """The share of dimensions with a rate below 0.01 nats."""
        return (self.rates < 0.01).double().mean().item()

    def rate(self, length: int) -> float:
        """Bits per image.

        - length: tokens per image, a positive integer
        """
        return require_int("length", length) * self.entropy

    def asdict(self) -> dict[str, float]:
        return {"entropy_bits": self.entropy, "perplexity": self.perplexity, "dead": self.dead}


def check_codes(codes: Tensor, codebook_size: int, training: bool) -> None:
    """ValueError for codes out of range; training: the mode of the module that checks."""
    if codes.numel() and checking(codes, training):
        low, high = (value.item() for value in codes.aminmax())
        inside = low >= 0 and high < codebook_size
        require(inside, "codes", f"{low} to {high}", f"0 to {codebook_size - 1}")


def count_codes(codes: Tensor, size: int) -> Tensor:
    """How often each code from 0 to size - 1 occurs, (size,): a `bincount` that does not wait for the device."""
    flat = codes.flatten()
    return torch.zeros(size, dtype=torch.long, device=codes.device).scatter_add_(0, flat, torch.ones_like(flat))


class UsageTracker(WideBuffers):
    """The usage of one codebook over time: an exponential moving average of counts, and dead codes.

    A code is dead when none of the last `patience` K vectors chose it. This does not depend on the size of batches; a
    code with a tenth of the average frequency is taken for dead with probability e^(-patience / 10).

    - codebook_size: codes, K
    - decay: of the average per training pass, in [0, 1)
    - patience: in units of K vectors, a positive integer
    """

    def __init__(self, codebook_size: int, decay: float = 0.99, patience: int = 32) -> None:
        super().__init__()
        self.decay = require_float("decay", decay, "[0, 1)")
        self.limit = require_int("patience", patience) * codebook_size
        self.register_buffer("counts", torch.zeros(codebook_size))
        self.register_buffer("idle", torch.full((codebook_size,), self.limit))  # in vectors; none was chosen yet

    @torch.no_grad()
    def update(self, codes: Tensor) -> Tensor:
        """Count the codes of a training pass over all ranks; returns how often each was chosen, (K,).

        - codes: integers (N,) from 0 to K; code K stands for no code, and is not counted
        """
        size = len(self.counts)
        chosen = count_codes(codes, size + 1)[:size].to(self.counts)
        sum_over_ranks(chosen)
        self.counts.lerp_(chosen, 1 - self.decay)
        self.idle.add_(chosen.sum().long()).masked_fill_(chosen > 0, 0)
        return chosen

    def dead(self) -> Tensor:
        """(K,), true where the code is dead."""
        return self.idle >= self.limit

    def usage(self) -> Usage:
        """Usage over time."""
        return Usage(self.counts[None].clone(), self.dead()[None])
