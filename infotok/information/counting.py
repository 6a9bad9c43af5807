"""How many points lie within a distance of each point in the maximum norm: one bit for each pair and coordinate.

Along one coordinate the points within reach of a point are an interval of the sorted values. Their set is the
difference of two prefixes, sets of the first so many values, each a row of bits. The sets of all coordinates are
intersected by `and` and counted 64 pairs at a time. A k-d tree would visit every neighbour, and a matrix of distances
would compute every pair as a float.

The comparison is that of the distances themselves, |a - b| < reach, rounding included.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

__all__ = ["count_within"]

Inside = Callable[[np.ndarray, np.ndarray], np.ndarray]  # np.less or np.less_equal, of a distance and a reach
COLUMNS, ROWS = 2048, 4096  # points counted, and points that they are counted for, at a time: their bits stay in cache


def count_within(points: np.ndarray, reach: np.ndarray, inside: Inside) -> np.ndarray:
    """Number (N,) of points, itself included, whose distance d to each point has inside(d, reach).

    points: (N, d) floats.
    reach: (N,) of the same type, finite; nothing is within a negative one.
    inside: np.less or np.less_equal.

    Memory is linear in N. Chunks are shared among `torch.get_num_threads()` threads: NumPy releases the interpreter's
    lock inside its loops.
    """
    order = np.argsort(points[:, 0])  # so that a chunk is an interval of the first coordinate, out of reach of most
    points, reach = np.ascontiguousarray(points[order].T), reach[order]
    starts = range(0, len(order), COLUMNS)
    threads = min(torch.get_num_threads(), len(starts))

    def share(first: int) -> np.ndarray:
        total = np.zeros(len(order), dtype=np.int64)
        for start in starts[first::threads]:
            _add_chunk(total, points, reach, points[:, start : start + COLUMNS], inside)
        return total

    with ThreadPoolExecutor(threads) as pool:
        found = sum(pool.map(share, range(threads)))
    count = np.empty_like(found)
    count[order] = found
    return count


def _add_chunk(total: np.ndarray, points: np.ndarray, reach: np.ndarray, chunk: np.ndarray, inside: Inside) -> None:
    """Add to total (N,) how many of the points of chunk (d, m) are within reach (N,) of points (d, N)."""
    nearest = np.maximum(np.maximum(chunk[0, 0] - points[0], points[0] - chunk[0, -1]), 0)
    meets = np.flatnonzero(inside(nearest, reach))
    sets = [_prefixes(column) for column in chunk]
    for start in range(0, len(meets), ROWS):
        rows = meets[start : start + ROWS]
        both = None
        for values, (column, prefixes) in zip(points, sets, strict=True):
            low, high = _interval(column, values[rows], reach[rows], inside)
            within = prefixes[high]
            within ^= prefixes[low]
            both = within if both is None else np.bitwise_and(both, within, out=both)
        total[rows] += np.bitwise_count(both).sum(axis=1, dtype=np.int64)


def _prefixes(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The values (m,) in order, and the sets (m + 1, words) of the first 0, 1, ..., m of them, as bits."""
    order = np.argsort(column)
    bits = np.zeros((len(column) + 1, -(-len(column) // 64)), dtype=np.uint64)
    bits[np.arange(1, len(column) + 1), order >> 6] = np.uint64(1) << (order & 63).astype(np.uint64)
    return column[order], np.bitwise_or.accumulate(bits, axis=0, out=bits)


def _interval(
    column: np.ndarray, values: np.ndarray, reach: np.ndarray, inside: Inside
) -> tuple[np.ndarray, np.ndarray]:
    """The first place, and the one after the last, of column (m,), in order, within reach (n,) of values (n,).

    The search compares with value - reach and value + reach, which are rounded; then the distances decide.
    """
    low = np.searchsorted(column, values - reach, side="left")
    high = np.searchsorted(column, values + reach, side="right")
    fenced = np.concatenate([[-np.inf], column, [np.inf]]).astype(column.dtype)  # place i is at i + 1
    while True:
        first, last = fenced[low + 1], fenced[high]
        sooner, later = inside(values - fenced[low], reach), (first < values) & ~inside(values - first, reach)
        longer, shorter = inside(fenced[high + 1] - values, reach), (last > values) & ~inside(last - values, reach)
        if not (sooner | later | longer | shorter).any():
            return low, np.maximum(low, high)
        low += later.astype(np.int64) - sooner
        high += longer.astype(np.int64) - shorter
