"""How a codebook is used: what a token could carry, what it does carry, and which codes nobody chooses.

    entropy     H(K) = -sum_k p_k log2 p_k   bits per token, summed over codebooks; at most log2 of codebook_size each
    perplexity  2^H of one codebook: as many equally frequent codes would have the same entropy
    dead        the share of codes that are not chosen

- `Usage`            of one batch, or over time
- `ContinuousUsage`  the same questions put to tokens without codes
- `UsageTracker`     counts over time, in buffers, summed over the ranks of torch.distributed

N draws show at most log2 N bits: the entropy of a small batch is too small.
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
    """Counts of C codebooks of K codes. Properties are numbers, computed when asked for."""

    counts: Tensor  # (C, K), how often each code was chosen; over time, a moving average
    unused: Tensor  # (C, K), true for a dead code

    @classmethod
    def of(cls, codes: Tensor, codebook_size: int, codebooks: int = 1) -> "Usage":
        """Usage by codes (...), or (..., C) with several codebooks; ValueError for codes out of range."""
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
        """Several codebooks of one token."""
        require_instance("usages", usages, (list, tuple), "a list of Usage")
        require(len(usages) > 0, "usages", "an empty list", "one Usage or more")
        for usage in usages:
            require_instance("usages", usage, Usage)
            require_tensor("usages, counts", usage.counts, ("C", usages[0].counts.shape[-1]), "any")
        return cls(torch.cat([usage.counts for usage in usages]), torch.cat([usage.unused for usage in usages]))

    @property
    def entropy(self) -> float:
        """Bits per token that an entropy coder of each codebook would spend."""
        p = self.counts.double()
        p = p / p.sum(1, keepdim=True).clamp(min=1e-300)
        return -torch.special.xlogy(p, p).sum().item() / math.log(2) + 0.0

    @property
    def perplexity(self) -> float:
        return 2 ** (self.entropy / len(self.counts))

    @property
    def dead(self) -> float:
        return self.unused.double().mean().item()

    def rate(self, length: int) -> float:
        """Bits per image of `length` tokens after entropy coding."""
        return require_int("length", length) * self.entropy

    def asdict(self) -> dict[str, float]:
        return {"entropy_bits": self.entropy, "perplexity": self.perplexity, "dead": self.dead}


@dataclass(frozen=True)
class ContinuousUsage:
    """The rate KL(q(z_j|x) || r(z_j)) of each dimension of a Gaussian token, averaged over tokens."""

    rates: Tensor  # (dim,), nats

    @property
    def entropy(self) -> float:
        """Bits per token: the rate, summed over dimensions."""
        return self.rates.double().sum().item() / math.log(2)

    @property
    def perplexity(self) -> float:
        """2^entropy; infinite from 1024 bits on, where no float holds it."""
        return 2**self.entropy if self.entropy < 1024 else math.inf

    @property
    def dead(self) -> float:
        """The share of dimensions that carry less than 0.01 nats."""
        return (self.rates < 0.01).double().mean().item()

    def rate(self, length: int) -> float:
        """Bits per image of `length` tokens."""
        return require_int("length", length) * self.entropy

    def asdict(self) -> dict[str, float]:
        return {"entropy_bits": self.entropy, "perplexity": self.perplexity, "dead": self.dead}


def check_codes(codes: Tensor, codebook_size: int, training: bool) -> None:
    """Refuse codes out of range; training: the mode of the module that asks."""
    if codes.numel() and checking(codes, training):
        low, high = (value.item() for value in codes.aminmax())
        inside = low >= 0 and high < codebook_size
        require(inside, "codes", f"{low} to {high}", f"0 to {codebook_size - 1}")


def count_codes(codes: Tensor, size: int) -> Tensor:
    """How often each of 0 to size - 1 is among `codes`, (size,): `bincount` without a device's wait for the largest."""
    flat = codes.flatten()
    return torch.zeros(size, dtype=torch.long, device=codes.device).scatter_add_(0, flat, torch.ones_like(flat))


class UsageTracker(WideBuffers):
    """One codebook over time: a moving average of counts per training pass, and how long each code has been idle.

    A code is dead when none of the last `patience` K vectors has chosen it: batches of any size then agree on who is
    dead, and a code of a tenth of the average frequency is taken for dead once in e^(patience / 10).
    """

    def __init__(self, codebook_size: int, decay: float = 0.99, patience: int = 32) -> None:
        super().__init__()
        self.decay = require_float("decay", decay, "[0, 1)")
        self.limit = require_int("patience", patience) * codebook_size
        self.register_buffer("counts", torch.zeros(codebook_size))
        self.register_buffer("idle", torch.full((codebook_size,), self.limit))  # in vectors; nobody has chosen it yet

    @torch.no_grad()
    def update(self, codes: Tensor) -> Tensor:
        """Take in the codes of a training pass, of every rank; returns how often each was chosen, (K,).

        Code K stands for none, and is not counted.
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
