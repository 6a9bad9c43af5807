"""The frontier: points are means over the reported seeds, a line begins without a rate, drawings are found again."""

import math

import pytest

from infotok.experiments import plan, variants
from infotok.experiments.comparisons import Comparisons
from infotok.experiments.frontier import LINES, drawings, keep_drawings, levels, points, savings, spent
from infotok.experiments.results import Runs


def rows(host="masked", seeds=plan.REPORTED_SEEDS[:3]):
    "A row for each point: fewer nats and a lower U with each heavier rate."
    found = {}
    for named in LINES.values():
        for place, (_, variant) in enumerate(named.items()):
            for seed in seeds:
                rate = {"rate_text" if host == "continuous" else "cross_entropy": 20.0 - place + seed}
                row = {"host": host, "variant": variants.options(host, variant), "seed": seed, "rates": rate}
                found[variant, seed] = row | {"U": 0.9 - 0.1 * place, "G": 0.5 + 0.01 * seed}
    return list(found.values())


@pytest.mark.parametrize("host", variants.HOSTS)
def test_a_point_is_the_mean_over_the_reported_seeds(host):
    found = points(Runs(rows(host)), host)
    assert list(found) == list(LINES)
    for line, each in found.items():
        assert [point["weight"] for point in each] == sorted(LINES[line])
        assert each[0]["variant"] in (variants.DECODER, variants.HSIC_ALONE)
        for place, point in enumerate(each):
            assert point["seeds"] == 3
            assert point["nats"] == pytest.approx(20.0 - place + 21)
            assert point["U"] == pytest.approx(0.9 - 0.1 * place)
            assert point["G"] == pytest.approx(0.5 + 0.21)


def test_savings_are_bits_paired_by_seed():
    """The chosen rate stands at place 1 or 2 of its line: so many nats fewer, and 0.1 of U for each."""
    made = [row for host in variants.HOSTS for row in rows(host, plan.REPORTED_SEEDS[:3])]
    bare = [{**row, "variant": {}} for row in made if row["variant"] == variants.options(row["host"], variants.DECODER)]
    found = Comparisons(Runs([*made, *bare]), variants.HOSTS)
    for line in savings(found, variants.VARIATIONAL):
        weights = sorted(LINES["decoder, text prior"])
        place = weights.index(variants.WEIGHTS[line["host"]]["exchange"])
        bits = place / math.log(2)
        assert line["bits saved per image, given its caption"] == f"{bits:+.3f} [{bits:+.3f}, {bits:+.3f}]"
        assert line["U"].startswith(f"{-0.1 * place:+.3f}")
        assert line["G"] == "+0.000 [+0.000, +0.000]"


def test_levels_are_means_by_setting_in_bits():
    runs = Runs([row | sizes for row in rows("autoregressive") for sizes in ({}, plan.SCARCE)])
    settings = {"usual": {}, "scarce": plan.SCARCE, "never run": {"bits": 3}}
    found = levels(runs, settings, [variants.DECODER, variants.BASELINE])
    assert [(line["setting"], line["variant"], line["seeds"]) for line in found] == [
        ("usual", variants.DECODER, 3),
        ("scarce", variants.DECODER, 3),
    ]
    for line in found:
        assert line["U"] == pytest.approx(0.9)
        assert line["G"] == pytest.approx(0.5 + 0.21)
        assert line["bits given the caption"] == pytest.approx((20 + 21) / math.log(2))


def test_runs_of_other_seeds_or_without_rates_are_no_points():
    other = [{**row, "seed": row["seed"] - 10} for row in rows()]
    assert points(Runs(other), "masked") == {}
    assert points(Runs({**row, "rates": None} for row in rows()), "masked") == {}


def test_points_of_a_line_are_compared_on_the_seeds_that_all_have():
    more = [row for row in rows(seeds=plan.REPORTED_SEEDS[:5]) if row["seed"] < 23 or not row["variant"].get("prior")]
    assert {point["seeds"] for point in points(Runs(more), "masked")["decoder, text prior"]} == {3}
    assert {point["seeds"] for point in points(Runs(more), "masked")["HSIC"]} == {5}
    assert points(Runs(rows(seeds=plan.REPORTED_SEEDS[:2])), "masked") == {}, "two seeds decide nothing"


def test_only_runs_whose_rates_were_measured_have_spent_nats():
    made = rows()
    made[0] = {**made[0], "rates": None}
    found = spent(Runs(made), [variants.DECODER])
    assert found["U"] == {"masked": {variants.DECODER: [[20.0 + 21, 0.9], [20.0 + 22, 0.9]]}}
    assert spent(Runs({**row, "rates": None} for row in made), [variants.DECODER]) == {"U": {}, "G": {}}


def test_a_line_without_a_rate_term_is_none():
    bare = [row for row in rows() if not row["variant"].get("compression")]
    assert points(Runs(bare), "masked") == {}


def test_the_chosen_rate_is_a_point_of_the_frontier():
    for host in variants.HOSTS:
        named = variants.frontier(host)
        assert variants.options(host, variants.VARIATIONAL) in named.values()
        assert variants.options(host, variants.HSIC) not in named.values(), "which LINES add"


def test_drawings_of_one_seed_are_kept_and_found(tmp_path):
    path, variant = tmp_path / "frontier.json", variants.options("masked", variants.DECODER)
    shown = {"prompts": ["a"], "drawn": ["x"], "followed": [True]}
    made = [{**row, **shown} for row in rows()]
    number = len({str(row["variant"]) for row in made})
    assert keep_drawings(path, made) == number
    assert drawings(path, "masked", variant) == shown
    assert drawings(path, "continuous", variant) is None
    again = [
        {**made[0], "drawn": ["y"]},
        {**made[1], "steps": 9, "drawn": ["z"]},
        {**made[1], "seed": 5, "drawn": ["z"]},
        {**made[0], "hidden": 32, "drawn": ["a narrow model's"]},
        {**made[0], "bits": 4, "drawn": ["z"]},
    ]
    assert keep_drawings(path, again) == number
    assert drawings(path, "masked", made[0]["variant"])["drawn"] == ["y"]
