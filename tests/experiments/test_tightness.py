"""How tight InfoNCE is: the exact value by enumeration, the ceilings, and that it rises to the exact value."""

import math
from itertools import pairwise, product

import pytest

from infotok.experiments.tightness import tightness


def test_the_exact_information_is_that_of_the_joint_distribution():
    """Enumerated: three attributes, each wrong with probability 0.1."""
    texts, error = list(product((0, 1), repeat=3)), 0.1
    joint = {
        (z, t): math.prod(error if a != b else 1 - error for a, b in zip(z, t, strict=True)) / 8
        for z in texts
        for t in texts
    }
    truth = sum(p * math.log(p * 64) for p in joint.values())
    found = tightness(3, error, candidates=(2,), images=10)
    assert found["exact"] == pytest.approx(truth)


def test_infonce_rises_with_its_ceiling_to_the_exact_information():
    found = tightness(images=500)
    for (low, high), ceiling in zip(pairwise(found["infonce"]), found["ceilings"][1:], strict=True):
        assert low < high <= ceiling + 1e-6
    assert found["infonce"][0] == pytest.approx(math.log(8), abs=0.01), "among few it is at its ceiling"
    assert found["infonce"][-1] == pytest.approx(found["exact"], abs=0.25)


def test_few_candidates_say_all_where_there_is_little_to_say():
    """One attribute read with 30 % errors: I = 0.08 nats, far below log 64."""
    found = tightness(1, 0.3, candidates=(64,), images=20_000)
    assert found["infonce"][0] == pytest.approx(found["exact"], abs=0.01)


@pytest.mark.parametrize(
    ("options", "message"), [({"attributes": 0}, "attributes: got 0"), ({"error": 0.5}, "error: got 0.5")]
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        tightness(**options)
