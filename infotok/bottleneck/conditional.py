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

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.bottleneck.precision import call_in, wide_dtype
from infotok.bottleneck.variational import Code, VariationalBottleneck
from infotok.errors import checking, require, require_int, require_rows, require_tensor
from infotok.information.upper import gaussian_kl

__all__ = ["ConditionalEntropyBottleneck", "ConditionalPrior"]


class ConditionalPrior(nn.Module):
    """b(z|y) = N(m, diag v), m and log v linear in y: y (B, dim_y) floats, or (B,) labels below dim_y.

    With `length` L it is one Gaussian for each of L tokens, m (B, L, dim), else (B, dim). It starts at N(0, I).
    """

    def __init__(self, dim_y: int, dim: int, length: int | None = None) -> None:
        super().__init__()
        self.dim_y, self.dim = dim_y, dim = require_int("dim_y", dim_y), require_int("dim", dim)
        self.length = length = None if length is None else require_int("length", length)
        self.head = nn.Linear(dim_y, 2 * dim * (length or 1))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, y: Tensor | None) -> tuple[Tensor, Tensor]:
        """m and log v; y = None stands for no condition, that is y = 0: (dim,) or (L, dim)."""
        dtype = wide_dtype(self.head.weight.dtype)
        if y is None:
            flat = self.head.bias.to(dtype)
        else:
            with torch.autocast(self.head.weight.device.type, enabled=False):
                flat = call_in(dtype, self.head, vectors(y, self.dim_y, "y", self.training).to(dtype))
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
        return self._encode(features, samples, generator, y, shape=("B",))

    def _rate(self, mean: Tensor, log_variance: Tensor, generator: torch.Generator | None, y: Tensor) -> Tensor:
        require_tensor("y", y, kind="any")
        require(y.ndim > 0 and len(y) == len(mean), "y, batch", y, f"as many as features, {len(mean)}")
        return gaussian_kl(mean, log_variance, *self.backward_encoder(y))


def vectors(y: Tensor, dim: int, name: str, training: bool = False) -> Tensor:
    """y as floats (B, dim): finite vectors as they are, labels (B,) below `dim` as one-hot rows; booleans are 0 and 1.

    training: the mode of the module that asks, for the checks of values.
    """
    require_tensor(name, y, kind="any")
    if y.is_floating_point():
        require(y.ndim == 2 and y.shape[1] == dim, name, y, f"vectors of shape (B, {dim}), or integer labels (B,)")
        return require_rows(name, y, training=training)
    require(not y.is_complex(), name, y.dtype, "floats or integer labels", TypeError)
    require(y.ndim == 1 and y.numel() > 0, name, y, f"labels of shape (B,), or float vectors (B, {dim})")
    if checking(y, training):
        least, most = int(y.min()), int(y.max())
        require(least >= 0 and most < dim, f"{name}, labels", f"{least} to {most}", f"0 to {dim - 1}")
    return F.one_hot(y.long(), dim).float()
