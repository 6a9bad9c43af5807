"""Gradient surrogates of a table look-up: what z receives where the language model reads the embedding of its code.

A language model reads row E_k of its embedding table for the code k = argmin_k |z - c_k|^2. The row is constant in z,
so no gradient reaches z. A surrogate takes its place in the backward pass alone:

- `soft_mixture`   sum_k w_k E_k over the `near` nearest codes, w = softmax(-|z - c_k|^2 / temperature)
- `linear_map`     W z + b, the least-squares map from the codebook to the rows of the table

`with_gradient_of` gives the row in value and the surrogate in gradient.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from infotok.bottleneck.precision import wide_dtype
from infotok.errors import checking, require, require_float, require_int, require_rows, require_tensor
from infotok.unified.arguments import SIZES

__all__ = ["linear_map", "soft_mixture", "spacing", "with_gradient_of"]

NUMBERS_AT_ONCE = 2**24  # of a chunk's largest intermediate tensor: 64 MiB in float32
ROWS_AT_ONCE = 2**12  # of a table, for the least-squares map
CODES_SAMPLED = 2**10  # for the spacing of a codebook


def with_gradient_of(surrogate: Tensor, value: Tensor) -> Tensor:
    """`value`, whose gradient goes both to what `value` was made from and, by `surrogate`, to what that was made from.

    surrogate: floats of the shape of `value`; only its gradient is used.
    value: floats of any shape, returned as they are.

    Example:
        >>> import torch
        >>> from infotok.published import with_gradient_of
        >>> z = torch.tensor([0.4], requires_grad=True)
        >>> out = with_gradient_of(2 * z, z.detach().round())  # rounded in value, with the gradient of 2 z
        >>> out.backward()
        >>> out.item(), z.grad.item()
        (0.0, 2.0)
    """
    require_tensor("value", value), require_tensor("surrogate", surrogate)
    require(surrogate.shape == value.shape, "surrogate", surrogate, f"the shape of value, {tuple(value.shape)}")
    return _GradientOf.apply(surrogate, value)


class _GradientOf(torch.autograd.Function):
    """`with_gradient_of` on checked arguments: the value to the bit, whatever the surrogate's numbers are."""

    @staticmethod
    def forward(ctx: Any, surrogate: Tensor, value: Tensor) -> Tensor:
        ctx.dtype = surrogate.dtype
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        return gradient.to(ctx.dtype), gradient


def soft_mixture(
    z: Tensor, codebook: Tensor, table: Tensor, rows: Tensor, near: int = 32, temperature: float = 1.0
) -> Tensor:
    """The mixture of the embeddings of the nearest codes, (N, H), differentiable in z alone.

        e(z) = sum_k w_k E_k,   w = softmax(-|z - c_k|^2 / temperature) over the `near` nearest codes

    Neither pass holds the N x near x H gathered rows: both go through chunks of z. For 1,024 tokens, 32 codes and 4,096
    numbers these rows would take 0.5 GiB an image. The codebook and the table get no gradient here.

    z: (N, D) floats in the units of the codebook.
    codebook: (K, D) code vectors c_k.
    table: (V, H) embeddings, of the language model's dtype.
    rows: (K,) int64, the row of the table that belongs to each code.
    near: codes of a mixture, at most K.
    temperature: in squared units of z, from 1e-30 to 1e30.

    Raises TypeError or ValueError, in one line, for another type, shape or range; on an accelerator the numbers of
    tensors are not looked at.

    Example:
        >>> import torch
        >>> from infotok.published import soft_mixture
        >>> codebook, table = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0, 4.0], [8.0, 0.0]])  # of two codes
        >>> z = torch.tensor([[0.5], [0.0]], requires_grad=True)
        >>> mixed = soft_mixture(z, codebook, table, rows=torch.tensor([0, 1]), near=2, temperature=0.1)
        >>> mixed.round(decimals=1).tolist()  # halfway between the codes, and nearly the first
        [[4.0, 2.0], [0.0, 4.0]]
        >>> mixed.sum().backward()
        >>> z.grad.abs().sum().item() > 0
        True
    """
    require_rows("z", z, ("N", "D"), training=True)
    require_tensor("z", z, values=SIZES if checking(z, training=True) else None)
    _check_tables(codebook, table, rows, z.shape[1])
    near = min(require_int("near", near), len(codebook))
    temperature = require_float("temperature", temperature, "[1e-30, 1e30]")
    with torch.autocast(z.device.type, enabled=False):
        return _SoftMixture.apply(z, codebook.detach(), table.detach(), rows, near, temperature)


class _SoftMixture(torch.autograd.Function):
    """`soft_mixture` on checked arguments."""

    @staticmethod
    def forward(
        ctx: Any, z: Tensor, codebook: Tensor, table: Tensor, rows: Tensor, near: int, temperature: float
    ) -> Tensor:
        dtype = wide_dtype(z.dtype, codebook.dtype)
        wide, codes = z.to(dtype), codebook.to(dtype)
        chosen = z.new_empty(len(z), near, dtype=torch.long)
        weights = z.new_empty(len(z), near, dtype=dtype)
        mixed = z.new_empty(len(z), table.shape[1], dtype=wide_dtype(dtype, table.dtype))
        norms = codes.square().sum(1)
        for part in _chunks(len(z), max(len(codes), near * max(table.shape[1], z.shape[1]))):
            scores = torch.addmm(norms, wide[part], codes.T, alpha=-2)  # squared distances less |z|^2
            index = scores.topk(near, largest=False, sorted=False).indices
            distances = (wide[part, None] - codes[index]).square().sum(-1)
            weight = torch.softmax(-distances / temperature, dim=1)
            mixed[part] = torch.bmm(weight[:, None].to(mixed.dtype), table[rows[index]].to(mixed.dtype))[:, 0]
            chosen[part], weights[part] = index, weight
        ctx.save_for_backward(codebook, table, rows, chosen, weights)
        ctx.temperature, ctx.dtype = temperature, z.dtype
        return mixed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """dL/dz = (2 / temperature) sum_k w_k (s_k - sum_j w_j s_j) c_k, with s_k the product of dL/de and E_k."""
        codebook, table, rows, chosen, weights = ctx.saved_tensors
        codes, dtype = codebook.to(weights.dtype), gradient.dtype
        found = torch.empty(len(chosen), codes.shape[1], dtype=weights.dtype, device=gradient.device)
        with torch.autocast(gradient.device.type, enabled=False):
            for part in _chunks(len(chosen), chosen.shape[1] * max(table.shape[1], codes.shape[1])):
                index, weight = chosen[part], weights[part]
                slopes = torch.bmm(table[rows[index]].to(dtype), gradient[part, :, None])[..., 0].to(weight.dtype)
                pulls = weight * (slopes - (weight * slopes).sum(1, keepdim=True))
                found[part] = torch.bmm(pulls[:, None], codes[index])[:, 0]
        return (found * (2 / ctx.temperature)).to(ctx.dtype), None, None, None, None, None


def _chunks(count: int, numbers: int) -> list[slice]:
    """Slices of `count` rows, each of which needs `numbers` numbers at once."""
    size = max(1, NUMBERS_AT_ONCE // numbers)
    return [slice(start, start + size) for start in range(0, count, size)]


def _check_tables(codebook: Tensor, table: Tensor, rows: Tensor, width: int | str) -> None:
    """TypeError or ValueError for tables that do not fit each other."""
    require_rows("codebook", codebook, ("K", width), training=True)
    looked = checking(codebook, training=True)
    require_tensor("codebook", codebook, values=SIZES if looked else None)
    require_rows("table", table, ("V", "H"), training=True)
    require_tensor("rows", rows, (len(codebook),), "int64", f"[0, {len(table) - 1}]" if looked else None)


@torch.no_grad()
def linear_map(codebook: Tensor, table: Tensor, rows: Tensor) -> tuple[Tensor, float]:
    """The least-squares map W (D, H) from centred code vectors to centred embeddings, and its R^2.

        W = argmin_W sum_k |E_k - mean(E) - W^T (c_k - mean(c))|^2,   R^2 = 1 - residual / total sum of squares

    The intercept has no gradient, so it is left out. R^2 says how much of the table the map explains: with a value near
    0 its gradient says little about what the model reads.

    codebook: (K, D) code vectors.
    table: (V, H) embeddings.
    rows: (K,) int64, the row of the table that belongs to each code.

    Raises TypeError or ValueError, in one line, for another type or shape, or for embeddings that are all equal.

    Example:
        >>> import torch
        >>> from infotok.published import linear_map
        >>> codebook = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
        >>> table = codebook @ torch.ones(4, 8) + 1.0  # embeddings that are linear in the codes
        >>> weight, r2 = linear_map(codebook, table, rows=torch.arange(64))
        >>> weight.shape, round(r2, 3)
        (torch.Size([4, 8]), 1.0)
    """
    _check_tables(codebook, table, rows, "D")
    x = codebook.double()
    x = x - x.mean(0)
    mean = sum(table[part].double().sum(0) for part in rows.split(ROWS_AT_ONCE)) / len(rows)
    products, total = x.new_zeros(x.shape[1], table.shape[1]), x.new_zeros(())
    for part, inputs in zip(rows.split(ROWS_AT_ONCE), x.split(ROWS_AT_ONCE), strict=True):
        outputs = table[part].double() - mean
        products += inputs.T @ outputs
        total += outputs.square().sum()
    require(bool(total > 0), "table", "equal embeddings for all codes", "embeddings that differ")
    weight = torch.linalg.pinv(x.T @ x, hermitian=True) @ products
    return weight.to(wide_dtype(codebook.dtype)), float((weight * products).sum() / total)


@torch.no_grad()
def spacing(codebook: Tensor, near: int = 32) -> float:
    """The mean squared distance from a code to its `near` nearest other codes: the default temperature.

    codebook: (K, D) code vectors; of a large one up to 1,024 evenly taken codes are compared with all.
    near: codes that each is compared with, at most K - 1.

    Raises ValueError, in one line, for fewer than two codes, and where no code has another at a distance above 0.
    """
    require_rows("codebook", codebook, ("K", "D"))
    require(len(codebook) > 1, "codebook", codebook, "two codes or more")
    codes = codebook.to(wide_dtype(codebook.dtype))
    near = min(require_int("near", near), len(codes) - 1)
    some = codes[:: -(-len(codes) // CODES_SAMPLED)]
    found = torch.cat([torch.cdist(part, codes).topk(near + 1, largest=False).values[:, 1:] for part in some.split(64)])
    mean = float(found.square().mean())
    require(mean > 0, "codebook", "code vectors that are all equal", "vectors that differ")
    return mean
