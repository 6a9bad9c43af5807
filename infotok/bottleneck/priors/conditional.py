"""The conditional prior b(z|y) = N(m(y), diag v(y)), with which a rate bounds I(X;Z|Y) instead of I(X;Z).

    E KL(q(z|x) || b(z|y)) = I(X;Z|Y) + E_y KL(q(z|y) || b(z|y)) >= I(X;Z|Y)

Since Z comes from X alone, I(X;Z|Y) = I(X;Z) - I(Z;Y): what the tokens keep of the image beyond y. b(z|y) is the
backward encoder of Fischer 2020, "The conditional entropy bottleneck" (arXiv 2002.05379).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.bottleneck.precision import call_in, wide_dtype
from infotok.errors import checking, require, require_int, require_rows, require_tensor

__all__ = ["ConditionalPrior", "vectors"]


class ConditionalPrior(nn.Module):
    """A Gaussian prior b(z|y) = N(m, diag v) whose m and log v are linear in y. It starts at N(0, I).

    dim_y: width of vectors y, or number of labels y.
    dim: numbers per token.
    length: L, for one Gaussian per token of an image; None: one Gaussian for all its tokens.

    Example:
        >>> import torch
        >>> from infotok.bottleneck import ConditionalPrior
        >>> prior = ConditionalPrior(dim_y=10, dim=4, length=16)  # of 10 labels; 16 tokens of 4 numbers
        >>> mean, log_variance = prior(torch.tensor([3, 7]))
        >>> mean.shape, mean.abs().max().item()  # N(0, I) until it is trained
        (torch.Size([2, 16, 4]), 0.0)
    """

    def __init__(self, dim_y: int, dim: int, length: int | None = None) -> None:
        super().__init__()
        self.dim_y, self.dim = dim_y, dim = require_int("dim_y", dim_y), require_int("dim", dim)
        self.length = length = None if length is None else require_int("length", length)
        self.head = nn.Linear(dim_y, 2 * dim * (length or 1))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, y: Tensor | None) -> tuple[Tensor, Tensor]:
        """m and log v, each (B, dim), or (B, L, dim) with `length`; without y the same without the axis B.

        y: (B, dim_y) vectors or (B,) integer labels below dim_y; None: no condition, which is y = 0.

        Raises TypeError or ValueError for another type or shape, labels out of range, NaN and infinity.
        """
        dtype = wide_dtype(self.head.weight.dtype)
        if y is None:
            flat = self.head.bias.to(dtype)
        else:
            with torch.autocast(self.head.weight.device.type, enabled=False):
                flat = call_in(dtype, self.head, vectors(y, self.dim_y, "y", self.training).to(dtype))
        shape = flat.shape[:-1] if self.length is None else (*flat.shape[:-1], self.length)
        mean, log_variance = flat.view(*shape, 2 * self.dim).chunk(2, dim=-1)
        return mean, log_variance


def vectors(y: Tensor, dim: int, name: str, training: bool = False) -> Tensor:
    """y as float vectors (B, dim): vectors as they are, labels below `dim` as one-hot rows.

    y: (B, dim) finite floats or (B,) integer labels; booleans are the labels 0 and 1.
    dim: width of the vectors, or number of labels.
    name: of the argument, for errors.
    training: mode of the module that calls, which decides whether values are checked.
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
