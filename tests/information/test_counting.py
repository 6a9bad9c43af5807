"""Points within a distance, counted and listed: against the matrix of all distances, rounding included."""

import numpy as np
import pytest
import torch

from infotok.information import counting
from infotok.information.counting import count_within, neighbors_within


def by_all_pairs(points, reach, inside):
    distance = np.abs(points[:, None] - points[None]).max(axis=2)
    return inside(distance, reach[:, None]).sum(axis=1)


@pytest.mark.parametrize("inside", [np.less, np.less_equal])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("samples", "dims"), [(1, 2), (63, 2), (64, 3), (300, 2), (301, 5)])
def test_every_pair_is_judged_by_its_distance(samples, dims, dtype, inside, monkeypatch):
    monkeypatch.setattr(counting, "COLUMNS", 100)
    monkeypatch.setattr(counting, "ROWS", 70)
    rng = np.random.default_rng(samples)
    points = rng.normal(size=(samples, dims)).astype(dtype)
    reach = rng.uniform(-0.1, 2.0, samples).astype(dtype)
    expected = by_all_pairs(points, reach, inside)
    assert (count_within(points, reach, inside) == expected).all()
    rows, others = neighbors_within(points, reach, inside, most=samples**2)
    assert (np.bincount(rows, minlength=samples) == expected).all()
    assert len(set(zip(rows, others, strict=True))) == len(rows)
    assert inside(np.abs(points[rows] - points[others]).max(axis=1), reach[rows]).all()


def test_a_list_of_too_many_pairs_is_none():
    points = np.random.default_rng(0).normal(size=(50, 2))
    assert neighbors_within(points, np.full(50, 1e9), np.less_equal, most=50 * 50 - 1) is None
    assert len(neighbors_within(points, np.full(50, -1.0), np.less_equal, most=50)[0]) == 0


@pytest.mark.parametrize("inside", [np.less, np.less_equal])
def test_points_at_exactly_the_distance_and_ties(inside):
    points = np.random.default_rng(0).integers(0, 4, (200, 3)) / np.float32(10)  # 0.3 - 0.2 is not 0.1
    for reach in (0.0, 0.1, 0.2, 0.3):
        reaches = np.full(200, reach, dtype=np.float32)
        assert (count_within(points, reaches, inside) == by_all_pairs(points, reaches, inside)).all()


def test_a_reach_far_from_the_points_and_one_beyond_them_all():
    points = np.random.default_rng(0).normal(size=(50, 2))
    assert (count_within(points, np.full(50, 1e9), np.less_equal) == 50).all()
    assert (count_within(points, np.full(50, -1.0), np.less_equal) == 0).all()


def test_threads_do_not_change_the_count(monkeypatch):
    monkeypatch.setattr(counting, "COLUMNS", 64)
    points = np.random.default_rng(0).normal(size=(500, 3))
    reach = np.full(500, 0.5)
    alone = count_within(points, reach, np.less)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert (count_within(points, reach, np.less) == alone).all()
