"""The supervised contrastive loss: the formula in a loop, positives by hand, limits, and bad inputs."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from infotok.companions import POSITIVES, positive_pairs, supervised_contrastive

LABELS, DOMAINS = torch.tensor([1, 1, 1, 0, 0, 0]), torch.tensor([0, 0, 1, 0, 1, 1])
PAIRS = {  # of the six captures above, by hand
    "across": {(0, 1), (0, 2), (1, 2), (4, 5)},
    "live": {(0, 1), (0, 2), (1, 2)},
    "all": {(0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5)},
    "within": {(0, 1), (4, 5)},
}


def by_a_loop(z, labels, domains, positives, temperature):
    """Khosla et al., equation 2, anchor by anchor."""
    z = [row / row.norm() for row in z.double()]
    total, anchors = 0.0, 0
    for i in range(len(z)):
        others = [a for a in range(len(z)) if a != i]
        weight = {a: math.exp((z[i] @ z[a]).item() / temperature) for a in others}
        chosen = []
        for p in others:
            live, near = labels[i] == labels[p] == 1, domains[i] == domains[p]
            same = labels[i] == labels[p]
            if {"across": live or (same and near), "live": live, "all": same, "within": same and near}[positives]:
                chosen.append(p)
        if chosen:
            total -= sum(math.log(weight[p] / sum(weight.values())) for p in chosen) / len(chosen)
            anchors += 1
    return total / anchors if anchors else 0.0


@pytest.mark.parametrize("positives", POSITIVES)
@given(seed=st.integers(0, 10**6), count=st.integers(2, 12), temperature=st.sampled_from([0.07, 0.5, 2.0]))
def test_it_is_the_formula_of_khosla_et_al(positives, seed, count, temperature):
    g = torch.Generator().manual_seed(seed)
    z = torch.randn(count, 5, generator=g)
    labels, domains = torch.randint(2, (count,), generator=g), torch.randint(3, (count,), generator=g)
    found = supervised_contrastive(z, labels, domains, positives=positives, temperature=temperature)
    assert found.item() == pytest.approx(by_a_loop(z, labels, domains, positives, temperature), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("positives", POSITIVES)
def test_positives_are_those_that_the_words_say(positives):
    found = positive_pairs(LABELS, DOMAINS, positives)
    assert torch.equal(found, found.T)
    assert {(i, j) for i, j in found.nonzero().tolist() if i < j} == PAIRS[positives]
    assert not found.diagonal().any()


def test_equal_rows_give_the_logarithm_of_their_number():
    loss = supervised_contrastive(torch.ones(6, 3), LABELS, DOMAINS, positives="all")
    assert loss.item() == pytest.approx(math.log(5), rel=1e-6)


def test_classes_apart_give_the_logarithm_of_the_positives():
    z = torch.where(LABELS[:, None] == 1, torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 0.0]))
    loss = supervised_contrastive(z, LABELS, DOMAINS, positives="all", temperature=0.05)
    assert loss.item() == pytest.approx(math.log(2), abs=1e-6)  # two positives each: no loss is lower


def test_length_and_order_do_not_matter():
    z = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    order = torch.tensor([4, 2, 0, 5, 1, 3])
    first = supervised_contrastive(z, LABELS, DOMAINS)
    assert torch.allclose(first, supervised_contrastive(torch.arange(1, 7)[:, None] * z, LABELS, DOMAINS))
    assert torch.allclose(first, supervised_contrastive(z[order], LABELS[order], DOMAINS[order]))


def test_without_a_positive_the_loss_and_its_gradient_are_0():
    z = torch.randn(2, 3, requires_grad=True)
    loss = supervised_contrastive(z, torch.tensor([1, 0]), torch.tensor([0, 0]))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(z.grad, torch.zeros(2, 3))


def test_the_gradient_is_right():
    z = torch.randn(6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    assert torch.autograd.gradcheck(lambda rows: supervised_contrastive(rows, LABELS, DOMAINS, temperature=0.5), z)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"positives": "some"}, "positives: got 'some', expected one of across, live, all, within"),
        ({"temperature": 0.0}, "temperature: got 0.0, expected a number"),
        ({"z": torch.zeros(6)}, r"z: got shape \(6,\), expected a tensor of shape \(B, D\)"),
        ({"z": torch.full((6, 2), torch.nan)}, "z: got 'NaN or infinity', expected finite numbers"),
        ({"labels": LABELS[:3]}, r"labels: got shape \(3,\), expected a tensor of shape \(6,\)"),
        ({"labels": LABELS + 1}, r"labels: got 'values from 1 to 2', expected finite values in \[0, 1\]"),
        ({"domains": DOMAINS[:3]}, r"domains: got shape \(3,\), expected a tensor of shape \(6,\)"),
    ],
)
def test_bad_input_is_named(change, message):
    good = {"z": torch.randn(6, 2), "labels": LABELS, "domains": DOMAINS}
    with pytest.raises(ValueError, match=message):
        supervised_contrastive(**(good | change))
