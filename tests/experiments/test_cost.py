"""What variants cost: their steps are timed beside the baseline's."""

import pytest

from infotok.experiments.cost import step_seconds


def test_steps_of_variants_are_timed_beside_the_baseline():
    seconds = step_seconds(["baseline", "InfoNCE 256"], 1, 0)
    assert {name: len(taken) for name, taken in seconds.items()} == {"baseline": 1, "InfoNCE 256": 1}
    assert all(taken[0] > 0 for taken in seconds.values())


def test_a_variant_of_no_name_is_refused():
    with pytest.raises((KeyError, ValueError)):
        step_seconds(["InfoNCE 3"], 1, 0)
