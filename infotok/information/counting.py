"""Points within a distance of each point in the maximum norm, counted or listed: one bit for each pair and coordinate.

Along one coordinate the points within reach of a point are an interval of the sorted values. Their set is the
difference of two prefixes, sets of the first so many values, each a row of bits. The sets of all coordinates are
intersected by `and` and counted 64 pairs at a time. A k-d tree would visit every neighbour, and a matrix of distances
would compute every pair as a float.

Chunks of points bound the memory. Each interval is found once, among all values; a table of how many of a chunk's
points lie before each place turns it into an interval of the chunk.

The comparison is that of the distances themselves, |a - b| < reach, rounding included.
"""

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch

__all__ = ["count_within", "neighbors_within"]

Range = tuple[np.ndarray, ...]  # of a column: its order, and each point's rank and first and last place within reach
Inside = Callable[[np.ndarray, np.ndarray], np.ndarray]  # np.less or np.less_equal, of a distance and a reach
COLUMNS, ROWS = 2048, 1024  # points counted, and points that they are counted for, at a time: their bits stay in cache


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
    ranges = [_range(column, reach, inside) for column in points]

    def share(starts: range) -> np.ndarray:
        total = np.zeros(len(order), dtype=np.int64)
        for start in starts:
            for rows, within in _sets(points, reach, ranges, start, inside):
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
    ranges = [_range(column, reach, inside) for column in points]

    def share(starts: range) -> list[tuple[np.ndarray, np.ndarray]] | None:
        found, total = [(order[:0], order[:0])], 0
        for start in starts:
            for rows, within in _sets(points, reach, ranges, start, inside):
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
    if threads == 1:
        return [share(starts)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda first: share(starts[first::threads]), range(threads)))


def _sets(
    points: np.ndarray, reach: np.ndarray, ranges: list[Range], start: int, inside: Inside
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows (n,), and the sets (n, words) of the chunk from `start` that is within reach (N,) of points (d, N)."""
    chunk = points[0, start : start + COLUMNS]
    nearest = np.maximum(np.maximum(chunk[0] - points[0], points[0] - chunk[-1]), 0)
    meets = np.flatnonzero(inside(nearest, reach))
    prefixes = [_prefixes(order, rank[start : start + COLUMNS], start) for order, rank, _, _ in ranges]
    for first in range(0, len(meets), ROWS):
        rows = meets[first : first + ROWS]
        both = None
        for (_, _, low, high), (before, sets) in zip(ranges, prefixes, strict=True):
            within = sets.take(before[high[rows]], axis=0)
            within ^= sets.take(before[low[rows]], axis=0)
            both = within if both is None else np.bitwise_and(both, within, out=both)
        yield rows, both


def _members(sets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and place of each bit that is 1 in sets (n, words)."""
    sets = sets.astype("<u8", copy=False)
    words = np.flatnonzero(sets)  # most are 0
    octets = sets.reshape(-1)[words].view(np.uint8)
    kept = np.flatnonzero(octets)
    bits = np.flatnonzero(np.unpackbits(octets[kept], bitorder="little"))
    octet = kept[bits >> 3]
    return np.divmod(words[octet >> 3] * 64 + (octet & 7) * 8 + (bits & 7), 64 * sets.shape[1])


def _prefixes(order: np.ndarray, ranks: np.ndarray, start: int) -> tuple[np.ndarray, np.ndarray]:
    """How many of the first 0, 1, ..., N values of a column are in the chunk from `start`, and the sets of these.

    order: (N,) the points in the column's order; ranks: (m,) of the chunk's points. Returns (N + 1,) and, as bits,
    (m + 1, words).
    """
    member = np.zeros(len(order) + 1, dtype=bool)  # place i is at i + 1
    member[ranks + 1] = True
    place = order[np.flatnonzero(member) - 1] - start
    bits = np.zeros((len(ranks) + 1, -(-len(ranks) // 64)), dtype=np.uint64)
    bits[np.arange(1, len(bits)), place >> 6] = np.uint64(1) << (place & 63).astype(np.uint64)
    return np.cumsum(member), np.bitwise_or.accumulate(bits, axis=0, out=bits)


def _range(column: np.ndarray, reach: np.ndarray, inside: Inside) -> Range:
    """The order of a column (N,), and each point's rank, first place within reach, and place after the last.

    The search compares with value - reach and value + reach, which are rounded; then the distances decide.
    """
    order = np.argsort(column)
    values, reach = column[order], reach[order]  # in order, so that consecutive searches end close together
    low = np.searchsorted(values, values - reach, side="left")
    high = np.searchsorted(values, values + reach, side="right")
    fenced = np.concatenate([[-np.inf], values, [np.inf]]).astype(column.dtype)  # place i is at i + 1
    while True:
        first, last = fenced[low + 1], fenced[high]
        sooner, later = inside(values - fenced[low], reach), (first < values) & ~inside(values - first, reach)
        longer, shorter = inside(fenced[high + 1] - values, reach), (last > values) & ~inside(last - values, reach)
        if not (sooner | later | longer | shorter).any():
            break
        low += later.astype(np.int64) - sooner
        high += longer.astype(np.int64) - shorter
    by_point = np.empty((3, len(order)), dtype=np.int64)
    by_point[:, order] = np.arange(len(order)), low, np.maximum(low, high)
    return order, *by_point
