"""The search for the nearest code (nearest neighbour), by matrix products in blocks.

    argmin_k |z - e_k|^2 = argmax_k  z.e_k - |e_k|^2 / 2 = argmax_k  [z, 1] . [e_k, -|e_k|^2 / 2]

Only a block of the N x K matrix of scores is in memory at a time, small enough for the processor's cache. Every block
has the same number of rows, the last one filled up. A vector then meets the same arithmetic however the batch is cut,
and its code is the same to the bit. Ties go to the lower code. While torch compiles or exports, the search is one
product of whole matrices, for batches of any size.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from infotok.bottleneck.precision import wide_dtype
from infotok.errors import require_rows

__all__ = ["nearest_codes", "search"]

FAR = 10.0  # squared distance of the codes' mean from the origin, over their mean squared distance from it


@torch.no_grad()
def nearest_codes(z: Tensor, codebook: Tensor) -> Tensor:
    """The index of the nearest code of each vector, (N,). Distances are computed in float32 at least.

    Codes that lie together far from the origin are moved there first. Quantizers, whose features have unit scale, do
    not move them.

    - z: vectors (N, D)
    - codebook: code vectors (K, D)

    Raises TypeError or ValueError for another type or shape, no row, NaN or infinity.

    Example:
        >>> import torch
        >>> from infotok.tokenizers import nearest_codes
        >>> codebook = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
        >>> nearest_codes(torch.tensor([[0.2, 0.1], [0.9, 0.6]]), codebook)
        tensor([0, 1])
    """
    require_rows("z", z, ("N", "D"))
    require_rows("codebook", codebook, ("K", z.shape[1]))
    dtype = wide_dtype(z.dtype, codebook.dtype)
    z, codebook = z.to(dtype), codebook.to(dtype)
    centre = (codebook / len(codebook)).sum(0)
    if centre.square().sum() > FAR * (codebook - centre).square().sum(1).mean():  # products would cancel
        z, codebook = z - centre, codebook - centre
    return search(z, codebook)


@torch.no_grad()
def search(z: Tensor, codebook: Tensor) -> Tensor:
    """`nearest_codes` without checks, for training steps: a check of values would wait for the device."""
    dtype = wide_dtype(z.dtype, codebook.dtype)
    z, codebook = z.to(dtype), codebook.to(dtype)
    rows = _rows(len(codebook), z.device.type)
    table = torch.cat([codebook, -0.5 * codebook.square().sum(1, keepdim=True)], dim=1).T  # (D + 1, K)
    if torch.compiler.is_compiling():
        return (F.pad(z, (0, 1), value=1.0) @ table).argmax(1)
    padded = F.pad(z, (0, 1, 0, -len(z) % rows), value=1.0)  # a 1 beside each vector, and a full last block
    scores, best = table.new_empty(rows, table.shape[1]), table.new_empty(rows)
    codes = torch.empty(len(padded), dtype=torch.long, device=z.device)
    for block, chosen in zip(padded.split(rows), codes.split(rows), strict=True):
        torch.mm(block, table, out=scores)  # one buffer for all blocks: new ones would fragment the heap
        torch.max(scores, dim=1, out=(best, chosen))
    return codes[: len(z)]


def _rows(codes: int, device: str) -> int:
    """Vectors per block: half a MiB of scores on a processor, where the cache is the bottleneck, 256 MiB on a GPU."""
    return max(64, min(1024, 2**17 // codes)) if device == "cpu" else max(64, min(8192, 2**26 // codes))
