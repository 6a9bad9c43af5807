"""The surrogates of a table look-up against the naive formula, numerical derivatives and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression

from infotok.published import surrogate
from infotok.published.surrogate import linear_map, soft_mixture, spacing, with_gradient_of


def problem(n=7, codes=11, dim=3, width=5, dtype=torch.double, seed=0):
    """z, the codebook, a table with more rows than codes, and the row of each code."""
    g = torch.Generator().manual_seed(seed)
    z, codebook = torch.randn(n, dim, generator=g, dtype=dtype), torch.randn(codes, dim, generator=g, dtype=dtype)
    table = torch.randn(2 * codes, width, generator=g, dtype=dtype)
    return z.requires_grad_(), codebook, table, torch.randperm(2 * codes, generator=g)[:codes]


def naive(z, codebook, table, rows, near, temperature):
    """The formula, with all gathered rows in memory."""
    distances = (z[:, None] - codebook).square().sum(-1)
    nearest = distances.topk(near, largest=False)
    weights = torch.softmax(-nearest.values / temperature, dim=1)
    return (weights[..., None] * table[rows[nearest.indices]]).sum(1)


@pytest.mark.parametrize("numbers", [1, 40, 2**24], ids=["one row a chunk", "several chunks", "one chunk"])
@pytest.mark.parametrize("near", [1, 4, 11])
def test_soft_mixture_is_the_naive_formula(numbers, near, monkeypatch):
    monkeypatch.setattr(surrogate, "NUMBERS_AT_ONCE", numbers)
    z, *rest = problem()
    weight = torch.randn(7, 5, generator=torch.Generator().manual_seed(1), dtype=torch.double)
    expected, found = naive(z, *rest, near, 0.7), soft_mixture(z, *rest, near, 0.7)
    torch.testing.assert_close(found, expected)
    gradients = [torch.autograd.grad((each * weight).sum(), z)[0] for each in (found, expected)]
    torch.testing.assert_close(*gradients)
    assert bool(gradients[0].any()) == (near > 1), "one code is no mixture"


def test_soft_mixture_by_numerical_derivatives():
    z, *rest = problem()
    assert torch.autograd.gradcheck(lambda z: soft_mixture(z, *rest, near=5, temperature=0.9), (z,))


def test_soft_mixture_with_a_table_in_half_precision():
    """Distances and weights stay in float32; the rows are those of the table, rounded as it is."""
    z, codebook, table, rows = problem(dtype=torch.float32)
    found = soft_mixture(z, codebook, table.bfloat16(), rows, 4, 0.7)
    expected = naive(z, codebook, table.bfloat16().float(), rows, 4, 0.7)
    torch.testing.assert_close(found, expected)
    (gradient,) = torch.autograd.grad(found.square().sum(), z)
    torch.testing.assert_close(gradient, torch.autograd.grad(expected.square().sum(), z)[0])


def test_the_value_is_the_row_and_the_gradient_both():
    z, codebook, table, rows = problem(dtype=torch.float32)
    table = table.requires_grad_()
    value = table[rows[:7]]
    read = with_gradient_of(soft_mixture(z, codebook, table, rows, 4, 0.7), value)
    assert torch.equal(read, value)
    to_z, to_table = torch.autograd.grad(read.square().sum(), (z, table))
    assert to_z.abs().sum() > 0
    torch.testing.assert_close(to_table, torch.autograd.grad(table[rows[:7]].square().sum(), table)[0])


def test_linear_map_is_that_of_scikit_learn():
    _, codebook, table, rows = problem(codes=40)
    weight, r2 = linear_map(codebook, table, rows)
    fitted = LinearRegression().fit(codebook, table[rows])
    np.testing.assert_allclose(weight.T, fitted.coef_, rtol=1e-9)
    explained = ((fitted.predict(codebook) - table[rows].mean(0).numpy()) ** 2).sum()
    total = ((table[rows] - table[rows].mean(0)) ** 2).sum()
    assert r2 == pytest.approx(float(explained / total))


def test_linear_map_explains_a_linear_table_and_takes_a_codebook_of_low_rank():
    _, codebook, _, rows = problem(codes=40)
    codebook[:, 2] = codebook[:, 0]
    table = torch.zeros(80, 4, dtype=torch.double)
    table[rows] = codebook @ torch.arange(12.0, dtype=torch.double).view(3, 4) + 5
    weight, r2 = linear_map(codebook, table, rows)
    assert r2 == pytest.approx(1)
    torch.testing.assert_close((codebook - codebook.mean(0)) @ weight, table[rows] - table[rows].mean(0))


def test_spacing_of_a_line():
    """On a line of integers the two nearest others are at 1 and 1, at the ends at 1 and 2."""
    codes = torch.arange(10.0)[:, None]
    assert spacing(codes, 2) == pytest.approx((8 * 1 + 2 * (1 + 4) / 2) / 10)


def test_bad_inputs():
    z, codebook, table, rows = problem()
    with pytest.raises(ValueError, match=r"^codebook: got shape \(11, 2\), expected a tensor of shape \(K, 3\)$"):
        soft_mixture(z, codebook[:, :2], table, rows)
    with pytest.raises(ValueError, match=r"^rows: got shape \(3,\), expected"):
        soft_mixture(z, codebook, table, rows[:3])
    with pytest.raises(ValueError, match=r"^temperature: got 0, expected"):
        soft_mixture(z, codebook, table, rows, temperature=0)
    with pytest.raises(ValueError, match=r"^codebook: got 'code vectors that are all equal', expected"):
        spacing(torch.ones(4, 2))
    with pytest.raises(ValueError, match=r"^table: got 'equal embeddings for all codes', expected"):
        linear_map(codebook, torch.ones(22, 2), rows)
    with pytest.raises(ValueError, match=r"^surrogate: got shape"):
        with_gradient_of(z, table)
