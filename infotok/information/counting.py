"""Points within a distance of each point in the maximum norm, counted or listed: one bit for each pair and coordinate.

Along one coordinate the points within reach of a point are an interval of the sorted values. Their set is the
difference of two prefixes, sets of the first so many values, each a row of bits. The sets of all coordinates are
intersected by `and` and counted 64 pairs at a time. A k-d tree would visit every neighbour, and a matrix of distances
would compute every pair as a float.

The comparison is that of the distances themselves, |a - b| < reach, rounding included.
"""

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch

__all__ = ["count_within", "neighbors_within"]

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

    def share(starts: range) -> np.ndarray:
        total = np.zeros(len(order), dtype=np.int64)
        for start in starts:
            for rows, within in _sets(points, reach, start, inside):
                total[rows] += np.bitwise_count(within).sum(axis=1, dtype=np.int64)
        return total

    count = np.empty(len(order), dtype=np.int64)
    count[order] = sum(_shared(share, len(order)))
    return count


def neighbors_within(
    points: np.ndarray, reach: np.ndarray, inside: Inside, most: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Pairs (i, j) of `count_within`, as two arrays. Other arguments as there.

    None if a thread finds more than `most`, which bounds the memory.
    """
    order = np.argsort(points[:, 0])
    points, reach = np.ascontiguousarray(points[order].T), reach[order]

    def share(starts: range) -> list[tuple[np.ndarray, np.ndarray]] | None:
        found, total = [(order[:0], order[:0])], 0
        for start in starts:
            for rows, within in _sets(points, reach, start, inside):
                total += int(np.bitwise_count(within).sum(dtype=np.int64))
                if total > most:
                    return None
                row, column = _members(within)
                found.append((order[rows[row]], order[column + start]))
        return found

    shares = _shared(share, len(order))
    if any(pairs is None for pairs in shares):
        return None
    rows, columns = zip(*itertools.chain(*shares), strict=True)
    return np.concatenate(rows), np.concatenate(columns)


def _shared(share: Callable[[range], Any], n: int) -> list:
    """Results of share(starts), each with some of the starts of n points' chunks."""
    starts = range(0, n, COLUMNS)
    threads = min(torch.get_num_threads(), len(starts))
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda first: share(starts[first::threads]), range(threads)))


def _sets(points: np.ndarray, reach: np.ndarray, start: int, inside: Inside) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows (n,), and the sets (n, words) of the chunk from `start` that is within reach (N,) of points (d, N)."""
    chunk = points[:, start : start + COLUMNS]
    nearest = np.maximum(np.maximum(chunk[0, 0] - points[0], points[0] - chunk[0, -1]), 0)
    meets = np.flatnonzero(inside(nearest, reach))
    prefixes = [_prefixes(column) for column in chunk]
    for first in range(0, len(meets), ROWS):
        rows = meets[first : first + ROWS]
        both = None
        for values, (column, sets) in zip(points, prefixes, strict=True):
            low, high = _interval(column, values[rows], reach[rows], inside)
            within = sets[high]
            within ^= sets[low]
            both = within if both is None else np.bitwise_and(both, within, out=both)
        yield rows, both


def _members(sets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and place of each bit that is 1 in sets (n, words)."""
    octets = sets.astype("<u8", copy=False).view(np.uint8)
    kept = np.flatnonzero(octets)  # most are 0
    bits = np.flatnonzero(np.unpackbits(octets.reshape(-1)[kept], bitorder="little"))
    return np.divmod(kept[bits >> 3] * 8 + (bits & 7), 8 * octets.shape[1])


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
