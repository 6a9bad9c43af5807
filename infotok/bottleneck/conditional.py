"""The conditional entropy bottleneck: pay only for what the label does not explain.

    rate = KL(q(z|x) || b(z|y)),   E rate = I(X;Z|Y) + E_y KL(q(z|y) || b(z|y)) >= I(X;Z|Y)

Since Z comes from X alone, I(X;Z|Y) = I(X;Z) - I(Y;Z): compression and relevance in one term, 0 at the "minimum
necessary information", where VIB's rate is still I(Y;Z). b(z|y) is the backward encoder (Fischer 2020, "The conditional
entropy bottleneck", arXiv 2002.05379).

- `ConditionalPrior`              b(z|y) = N(m(y), diag v(y)), for labels or vectors y
- `ConditionalEntropyBottleneck`  `VariationalBottleneck` with that price

    code = bottleneck(encoder(images), labels)
    loss = cross_entropy(head(code.sample), labels) + code.loss
"""

import math
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.bottleneck.variational import Code, VariationalBottleneck
from infotok.errors import require
from infotok.information.upper import gaussian_kl

__all__ = ["ConditionalEntropyBottleneck", "ConditionalPrior"]


class ConditionalPrior(nn.Module):
    """b(z|y) = N(m, diag v), m and log v linear in y: y (B, dim_y) floats, or (B,) labels below dim_y.

    With `length` L it is one Gaussian for each of L tokens, m (B, L, dim), else (B, dim). It starts at N(0, I).
    """

    def __init__(self, dim_y: int, dim: int, length: int | None = None) -> None:
        super().__init__()
        for name, size in (("dim_y", dim_y), ("dim", dim), ("length", length)):
            whole = isinstance(size, int) and size >= 1
            require(whole or (name == "length" and size is None), name, size, "a whole number, 1 or above")
        self.dim_y, self.dim, self.length = dim_y, dim, length
        self.head = nn.Linear(dim_y, 2 * dim * (length or 1))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, y: Tensor | None) -> tuple[Tensor, Tensor]:
        """m and log v; y = None stands for no condition, that is y = 0: (dim,) or (L, dim)."""
        flat = self.head.bias if y is None else self.head(vectors(y, self.dim_y, "y").to(self.head.weight))
        shape = flat.shape[:-1] if self.length is None else (*flat.shape[:-1], self.length)
        mean, log_variance = flat.view(*shape, 2 * self.dim).chunk(2, dim=-1)
        return mean, log_variance


class ConditionalEntropyBottleneck(VariationalBottleneck):
    """features (B, dim_in) and y -> a Gaussian code (B, dim) whose `rate` is what z says about x beyond y, in nats.

    y: (B,) labels below dim_y, or (B, dim_y) floats. beta prices the conditional rate; free_bits and warmup as in
    `VariationalBottleneck`. Labels out of range and a y of another batch size raise ValueError.
    """

    def __init__(
        self, dim_in: int, dim: int, dim_y: int, *, beta: float = 1e-1, free_bits: float = 0.0, warmup: int = 0
    ) -> None:
        super().__init__(dim_in, dim, beta=beta, free_bits=free_bits, warmup=warmup)
        self.backward_encoder = ConditionalPrior(dim_y, dim)

    def forward(
        self,
        features: Tensor,
        y: Tensor,
        samples: int | None = None,
        generator: torch.Generator | None = None,
    ) -> Code:
        """Encode; draws as in `VariationalBottleneck`. y only sets the price: the code itself does not depend on it,
        and where there is no y, `to_mean(features)` is the code."""
        require(len(y) == len(features), "y, batch", len(y), f"as many as features, {len(features)}")
        beta = self.current_beta()
        code = super().forward(features, samples, generator)
        rate = gaussian_kl(code.mean, code.log_variance, *self.backward_encoder(y))
        return replace(code, rate=rate, loss=beta * rate.mean().clamp(min=self.free_bits * math.log(2)))


def vectors(y: Tensor, dim: int, name: str) -> Tensor:
    """y as floats (B, dim): vectors as they are, labels (B,) below `dim` as one-hot rows."""
    require(isinstance(y, Tensor), name, type(y).__name__, "a torch.Tensor", TypeError)
    if y.is_floating_point():
        require(y.ndim == 2 and y.shape[1] == dim, name, y, f"vectors of shape (B, {dim}), or integer labels (B,)")
        return y
    require(y.ndim == 1 and y.numel() > 0, name, y, f"labels of shape (B,), or float vectors (B, {dim})")
    require(y.min() >= 0 and y.max() < dim, f"{name}, labels", f"{y.min()} to {y.max()}", f"0 to {dim - 1}")
    return F.one_hot(y.long(), dim).float()
