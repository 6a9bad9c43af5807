"""The search for the nearest code (nearest neighbour), by matrix products in blocks.

    argmin_k |z - e_k|^2 = argmax_k  z.e_k - |e_k|^2 / 2 = argmax_k  [z, 1] . [e_k, -|e_k|^2 / 2]

Only a block of the N x K matrix of scores is in memory at a time, small enough for the processor's cache. Every block
has the same number of rows, the last one filled up. A vector then meets the same arithmetic however the batch is cut,
and its code is the same to the bit. Ties go to the lower code. While torch compiles or exports, the search is one
product of whole matrices, for batches of any size.

The products are rounded in proportion to |z|^2, not to the distance. Two things keep the code right far from the
origin, and change nothing on features of unit scale:

- codes that lie together far from the origin are moved there first, and the vectors with them (`shift_to_origin`)
- a vector whose distance is so small beside |z| that rounding matters is compared again, by differences in float64.
  Which ones are known only to the processor, so accelerators and compiled searches leave this out
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from infotok.bottleneck.precision import wide_dtype
from infotok.errors import require_rows

__all__ = ["nearest_codes", "search", "shift_to_origin"]

FAR = 1e3  # squared distance of the codes' mean from the origin, over their mean squared distance from it
CLOSE = 100  # squared distance to the code, over |z|^2, in units of the rounding of one operation


@torch.no_grad()
def nearest_codes(z: Tensor, codebook: Tensor) -> Tensor:
    """The index of the nearest code of each vector, (N,). Distances are computed in float32 at least.

    Vectors and codes may lie far from the origin: the distances count, not the coordinates.

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
    return search(z, codebook, far=10.0)


@torch.no_grad()
def search(z: Tensor, codebook: Tensor, far: float = FAR) -> Tensor:
    """`nearest_codes` without checks, for training steps: a check of values would wait for the device."""
    dtype = wide_dtype(z.dtype, codebook.dtype)
    z, codebook = shift_to_origin(z.to(dtype), codebook.to(dtype), far)
    rows = _rows(len(codebook), z.device.type)
    table = torch.cat([codebook, -0.5 * codebook.square().sum(1, keepdim=True)], dim=1).T  # (D + 1, K)
    if torch.compiler.is_compiling():
        return (F.pad(z, (0, 1), value=1.0) @ table).argmax(1)
    padded = F.pad(z, (0, 1, 0, -len(z) % rows), value=1.0)  # a 1 beside each vector, and a full last block
    scores, best = table.new_empty(rows, table.shape[1]), table.new_empty(len(padded))
    codes = torch.empty(len(padded), dtype=torch.long, device=z.device)
    for block, largest, chosen in zip(padded.split(rows), best.split(rows), codes.split(rows), strict=True):
        torch.mm(block, table, out=scores)  # one buffer for all blocks: new ones would fragment the heap
        torch.max(scores, dim=1, out=(largest, chosen))
    codes = codes[: len(z)]
    return _compared_again(codes, best[: len(z)], z, codebook) if z.device.type == "cpu" else codes


def shift_to_origin(z: Tensor, codebook: Tensor, far: float = FAR) -> tuple[Tensor, Tensor]:
    """Vectors (..., D) and codes (K, D), both less the codes' mean if that is far from the origin.

    Their differences stay. The test is of the codebook alone, so that no vector depends on its batch, and its result
    stays on the device.
    """
    with torch.no_grad():
        centre = (codebook / len(codebook)).sum(0)
        together = centre.square().sum() > far * (codebook - centre).square().sum(1).mean()
        if z.device.type == "cpu" and not torch.compiler.is_compiling() and not together:
            return z, codebook
        centre = torch.where(together, centre, 0.0)
    return z - centre, codebook - centre


def _compared_again(codes: Tensor, best: Tensor, z: Tensor, codebook: Tensor) -> Tensor:
    """The codes, those of vectors with too small a distance beside |z| found again by differences in float64."""
    square = z.square().sum(1)
    close = square - 2 * best < CLOSE * torch.finfo(z.dtype).eps * square  # the distance |z|^2 - 2 z.e + |e|^2
    doubtful = close.nonzero()[:, 0]
    if not len(doubtful):
        return codes
    own, vectors = z.double(), codebook.double()
    for part in doubtful.split(_rows(len(codebook), "cpu")):
        distances = torch.cdist(own[part], vectors, compute_mode="donot_use_mm_for_euclid_dist")
        codes[part] = distances.argmin(1)
    return codes


def _rows(codes: int, device: str) -> int:
    """Vectors per block: half a MiB of scores on a processor, where the cache is the bottleneck, 256 MiB on a GPU."""
    return max(64, min(1024, 2**17 // codes)) if device == "cpu" else max(64, min(8192, 2**26 // codes))
