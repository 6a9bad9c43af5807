"""Comparisons: intervals are SciPy's, words follow from them, and the test of agreement errs as often as stated."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from infotok.experiments import plan, variants
from infotok.experiments.comparisons import Comparisons, agreement, interval, subscores, word, words
from infotok.experiments.frontier import spent
from infotok.experiments.questions import PAIRS_OF_BOUNDS, PARTS, QUESTIONS, answered
from infotok.experiments.rate_questions import RATES
from infotok.experiments.results import Runs, load, means, score
from infotok.experiments.sensitivity import along, varied
from infotok.files import read_json

ROOT = Path(__file__).parents[2]
ROWS = load(ROOT / "figures" / "11_infotok" / "cells.json")
RUNS = Runs(ROWS)
ASKED_IN_0_1 = ("version 0.1", "longer training", "ablations", "controls", "rate weight, text prior",
                "rate weight, host prior", "rate weight, followed up", "trends")  # fmt: skip
FOUND = answered(RUNS, ASKED_IN_0_1)
REPORTED = Runs(row for row in ROWS if row["seed"] in plan.REPORTED_SEEDS)
HEADLINE = answered(REPORTED, ["headline", "estimators"])
RENAMED = {  # questions and labels of version 0.1
    "headline": "version 0.1",
    "contrastive after": "InfoNCE after the quantizer",
    "3 bits a token": "3 bits per token",
}
VARIANTS_RENAMED = (
    {  # within labels, in this order
        "InfoTok variational": variants.EARLIER,
        "caption head": variants.BILINEAR,
        "consistency only, HSIC": variants.HSIC_ALONE,
        "consistency only": variants.INFONCE,
    }
    | {f"consistency + {end}": f"InfoNCE 32 + {end} prior" for end in variants.PRIORS}
    | {"consistency + noise": "InfoNCE 32 + noise"}
)
VERSION_0_1 = read_json(ROOT / "tests" / "data" / "version_0_1.json")
SPREAD = {"U": 0.02, "G": 0.1}  # of one run's score, about what the reported ones have


def made(effects, seeds, rng, first=0):
    "Gaussian runs of the headline: {host: {variant: ...}}; `effects` are the estimators' on U and G."
    rows = []
    for seed in range(first, first + seeds):
        for host in variants.HOSTS:
            for name in variants.HEADLINE:
                shift = effects if name != variants.BASELINE else {"U": 0.0, "G": 0.0}
                scores = {side: shift[side] + rng.normal(0.0, SPREAD[side]) for side in "UG"}
                rows.append({"host": host, "variant": variants.options(host, name), "seed": seed, **scores})
    return Runs(rows)


def test_an_interval_is_students():
    pairs = dict(enumerate(np.random.default_rng(0).normal(0.3, 1.0, 7)))
    test = stats.ttest_1samp(list(pairs.values()), 0.0).confidence_interval(0.95)
    assert interval(pairs) == pytest.approx([test.low, np.mean(list(pairs.values())), test.high, 7])
    assert interval({5: 0.1}) is None


@pytest.mark.parametrize(
    ("found", "one", "many"),
    [
        ([0.1, 0.2, 0.3, 5], "better", "+0.200 [+0.100, +0.300]"),
        ([-0.3, -0.2, -0.1, 3], "worse", "-0.200 [-0.300, -0.100]"),
        ([-0.1, 0.2, 0.5, 8], "undecided", "+0.200 [-0.100, +0.500]"),
        ([0.1, 0.2, 0.3, 2], "preliminary (2 seeds)", "+0.200 (2 seeds)"),
        (None, "not run", "not run"),
    ],
)
def test_a_verdict_says_what_its_interval_does(found, one, many):
    assert (word(found), words(found)) == (one, many)


def renamed(label):
    "A label of version 0.1 in today's names of variants."
    label = RENAMED.get(label, label)
    for former, name in VARIANTS_RENAMED.items():
        label = label.replace(former, name)
    return label


def of_version_0_1(part):
    "Its lines in today's names, but for the questions that are asked of other seeds now, or no more."
    names = ("question", "label", "comparison", "variant")
    lines = [{key: renamed(said) if key in names else said for key, said in line.items()} for line in VERSION_0_1[part]]
    return [line for line in lines if line.get("question") not in ("other scores", "rivals")]


def test_every_comparison_of_version_0_1_has_the_same_numbers():
    mine = {(c.question, c.label, c.side, c.host): c.interval for c in FOUND.list}
    theirs = {
        tuple(c[name] for name in ("question", "label", "side", "host")): [
            c[name] for name in ("low", "mean", "high", "seeds")
        ]
        for c in of_version_0_1("comparisons")
    }
    assert mine.keys() == theirs.keys()
    for key, interval_then in theirs.items():
        assert mine[key] == pytest.approx(interval_then, abs=1e-8), key


def test_the_verdict_of_version_0_1_is_the_same():
    by_label = lambda lines: {(line["question"], line["comparison"]): line for line in lines}  # noqa: E731
    assert by_label(FOUND.verdict()) == by_label(of_version_0_1("verdict"))


def test_means_and_subscores_of_version_0_1_are_the_same():
    among = (variants.BASELINE, *variants.EARLIER_ESTIMATORS)
    assert means(RUNS, FOUND.hosts, among, plan.EARLIER_SEEDS) == [
        pytest.approx(line) for line in of_version_0_1("means")
    ]
    found = subscores(FOUND, PARTS, variants.EARLIER_ESTIMATORS, plan.EARLIER_SEEDS)
    assert found == [pytest.approx(line) for line in of_version_0_1("subscores")]


def test_a_comparison_is_of_pairs():
    hsic, bare = (
        REPORTED.find("masked", variants.options("masked", name)) for name in (variants.HSIC, variants.BASELINE)
    )
    (mine,) = [c for c in HEADLINE.named("headline", variants.HSIC, "G") if c.host == "masked"]
    by_hand = [hsic[seed]["G"] - bare[seed]["G"] for seed in plan.REPORTED_SEEDS]
    assert [mine.pairs[seed] for seed in plan.REPORTED_SEEDS] == by_hand
    test = stats.ttest_rel([hsic[s]["G"] for s in hsic], [bare[s]["G"] for s in hsic]).confidence_interval()
    assert mine.interval == pytest.approx([test.low, np.mean(by_hand), test.high, 8])


def test_the_estimators_are_compared_by_pairs_in_every_host():
    found = HEADLINE
    for c in found.named("estimators"):
        hsic, other = (
            REPORTED.find(c.host, variants.options(c.host, name)) for name in (variants.HSIC, variants.VARIATIONAL)
        )
        by_hand = stats.ttest_rel([hsic[s][c.side] for s in hsic], [other[s][c.side] for s in hsic])
        ends = by_hand.confidence_interval()
        assert [c.interval[0], c.interval[2], c.interval[3]] == pytest.approx([ends.low, ends.high, 8])
    rows = found.rows("estimators")
    assert [(row["comparison"], row["side"]) for row in rows] == [
        ("InfoTok HSIC − InfoTok variational", s) for s in "UG"
    ]
    (masked,) = [c for c in found.named("estimators", side="G") if c.host == "masked"]
    assert rows[1]["masked"] == words(masked.interval)
    assert list(rows[0])[2:] == list(variants.HOSTS)


def test_pooled_is_each_seeds_mean_over_hosts():
    mine = HEADLINE.named("headline", variants.HSIC, "U")
    each = [np.mean([c.pairs[seed] for c in mine]) for seed in plan.REPORTED_SEEDS]
    assert HEADLINE.pooled("headline", variants.HSIC, "U")[1] == pytest.approx(np.mean(each))
    assert HEADLINE.pooled("headline", "no such variant", "U") is None
    assert HEADLINE.sentence("headline", "no such variant") == "not run"
    assert "better in 3; G" in HEADLINE.sentence("headline", variants.HSIC)


def test_effects_of_one_seed_are_its_differences():
    one = Comparisons(Runs(row for row in ROWS if row["seed"] == 5), ["masked"])
    (pair,) = one.by_seed("masked", variants.HSIC, path="G").values()
    assert one.effects()["G"][variants.HSIC] == {"masked": [pair] * 3 + [1]}
    assert one.effects({"bits": 5})["G"][variants.HSIC] == {"masked": None}
    assert HEADLINE.effects() == HEADLINE.table("headline")


def test_runs_along_a_setting_are_of_the_seeds_that_all_have():
    found = along(RUNS, "budget", (variants.BASELINE, *variants.EARLIER_ESTIMATORS), "autoregressive")
    assert [len(seeds) for seeds in found["G"][variants.BASELINE]] == [2, 2, 2]
    at_4_bits = RUNS.find("autoregressive", {}, bits=4)
    assert found["U"][variants.BASELINE][0] == [score(at_4_bits[seed], "U") for seed in (5, 6)]
    assert varied(RUNS, "budget") == ["autoregressive"]
    assert varied(RUNS, "training") == ["autoregressive"]


def test_without_runs_there_is_nothing_to_compare():
    with pytest.raises(ValueError, match="runs: got 'no host with two seeds of each variant'"):
        Comparisons(Runs(ROWS[:3]))


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 2])
def test_agreement_raises_false_alarms_as_rarely_as_it_says(seeds):
    rng, effects, trials = np.random.default_rng(seeds), {"U": 0.08, "G": 0.5}, 300
    alarms = {0.01: 0, 0.1: 0}
    for _ in range(trials):
        fresh = Comparisons(made(effects, seeds, rng, first=100), variants.HOSTS)
        reported = Comparisons(made(effects, 8, rng))
        for level in alarms:
            alarms[level] += max(agreement(fresh, reported, false_alarms=level).values()) > 1
    for level, count in alarms.items():
        assert count <= stats.binom.ppf(0.999, trials, level), level
    # The two estimators share a baseline, so that alarms come together and are fewer than the bound.
    assert alarms[0.1] >= stats.binom.ppf(0.001, trials, 0.05)


def test_agreement_finds_estimators_that_do_nothing():
    rng, found = np.random.default_rng(0), 0
    for _ in range(100):
        reported = Comparisons(made({"U": 0.08, "G": 0.5}, 8, rng))
        fresh = Comparisons(made({"U": 0.0, "G": 0.0}, 1, rng, first=100), variants.HOSTS)
        found += max(agreement(fresh, reported).values()) > 1
    assert found >= 90


def test_each_reported_seed_agrees_with_the_others():
    for seed in plan.REPORTED_SEEDS:
        one = Comparisons(Runs(row for row in ROWS if row["seed"] == seed), variants.HOSTS)
        found = agreement(one, HEADLINE)
        assert set(found) == {f"{side}, {name}" for side in "UG" for name in variants.ESTIMATORS}
        assert max(found.values()) <= 1, (seed, found)


def test_agreement_needs_runs_of_the_same_settings():
    assert agreement(HEADLINE, HEADLINE) == {}, "all seeds are shared: there are no others"
    fresh = Comparisons(Runs(row for row in ROWS if row["seed"] == 5), variants.HOSTS)
    assert agreement(fresh, HEADLINE, {"bits": 5}) == {}


def test_agreement_is_of_the_hosts_that_both_have():
    one = [row for row in HEADLINE.runs.rows() if row["seed"] == plan.REPORTED_SEEDS[0]]
    fresh, few = Comparisons(Runs(one), variants.HOSTS), variants.HOSTS[:2]
    two = Comparisons(Runs(row for row in HEADLINE.runs.rows() if row["host"] in few), few)
    assert agreement(fresh, two) == agreement(Comparisons(Runs(one), few), HEADLINE)


PLACES = {name: i for i, name in enumerate((*variants.BOUNDS, *variants.ESTIMATORS))}


def made_of_bounds(seeds=plan.REPORTED_SEEDS[:4]):
    """Runs of each bound and estimator, with scores and rates that depend on variant and seed alone."""
    rows = []
    for name, number in PLACES.items():
        for host in variants.HOSTS:
            rate = {"rate_text": 60.0} if host == "continuous" else {"cross_entropy": 40.0, "cross_entropy_free": 50.0}
            for seed in seeds:
                noise = seed % 7 / 100
                rates = {key: value - 2 * number + noise for key, value in rate.items()}
                variant = variants.options(host, name)
                score = {"U": 0.1 * number + noise, "G": 0.15 * number + noise, "rates": rates}
                rows.append({"host": host, "variant": variant, "seed": seed, **score})
    return Runs(rows)


def test_bounds_are_compared_with_each_other_and_with_what_tokens_take():
    runs = made_of_bounds()
    found = Comparisons(runs, variants.HOSTS)
    for question in ("bounds", "between bounds", "rate term", "rate spent"):
        QUESTIONS[question](found)
    places = PLACES
    for variant, other in PAIRS_OF_BOUNDS:
        for c in found.named("between bounds", f"{variant} − {other}"):
            step = 0.1 if c.side == "U" else 0.15
            assert c.interval[1] == pytest.approx(step * (places[variant] - places[other]))
            assert c.interval[3] == 4
    changed = 2 * (places[variants.DECODER] - places[variants.VARIATIONAL])
    label = f"{variants.VARIATIONAL}: H(Z|T), by the host"
    (line,) = [row for row in found.rows("rate spent") if row["comparison"] == label]
    assert line["masked"].startswith(f"{changed:+.3f}")
    assert "continuous" not in line, "no codes there"
    points = spent(runs)["G"]["masked"]["InfoNCE 8192"]
    assert points[0] == pytest.approx([40 - 2 * places["InfoNCE 8192"] + 0.06, 0.15 * places["InfoNCE 8192"] + 0.06])


def test_seeds_of_other_studies_take_no_part_in_the_comparison_of_bounds():
    found = Comparisons(made_of_bounds(seeds=(5, 6, 20, 21)), variants.HOSTS)
    QUESTIONS["bounds"](found)
    assert {seed for c in found.list for seed in c.pairs} == {20, 21}
    assert set(RATES.values()) >= {"cross_entropy", "rate_text"}


@pytest.mark.parametrize(
    ("question", "study", "seeds", "labels"),
    [
        ("scarce bits", "scarce", {4, 5}, 5),
        ("weak learners", "weak", {4}, 9),
        ("narrow, again", "narrow", {4, 8}, 4),
        ("learning curves", "curves", {3, 4, 8}, 8),
    ],
)
def test_a_study_has_the_runs_that_its_question_compares(question, study, seeds, labels):
    def number(run):  # a score that depends on the variant alone
        return 0.01 * len(str(run["variant"]))

    planned = plan.unique([*plan.runs([study]), *plan.grid((variants.BASELINE, *variants.BOUNDS, *variants.ESTIMATORS),
                                                           plan.REPORTED_SEEDS[:4])])  # fmt: skip
    runs = [{**run, **(both := {"U": number(run), "G": number(run)}), "novel": both} for run in planned]
    found = Comparisons(Runs(runs), variants.HOSTS)
    QUESTIONS[question](found)
    mine = [c for c in found.named(question, side="G") if c.host == "autoregressive"]
    assert len(mine) == labels
    assert {len(c.pairs) for c in mine} <= seeds
    first = mine[0]
    options = [variants.options("autoregressive", name) for name in (variants.DECODER, variants.BASELINE)]
    assert first.interval[1] == pytest.approx(0.01 * (len(str(options[0])) - len(str(options[1]))))


def test_a_rate_is_compared_with_a_heavier_relevance_of_the_same_seeds():
    runs = []
    for run in plan.runs(["narrow"]):
        v = run["variant"]
        score = 0.3 * ("bound" in v) + 0.2 * (v.get("prior") == "host") + 0.01 * v.get("consistency", 0.0)
        runs.append({**run, "U": 0.5, "G": score})
    headline = [{**run, "U": 0.0, "G": 0.0} for run in plan.runs(["headline"])]
    found = Comparisons(Runs([*runs, *headline]), variants.HOSTS)
    QUESTIONS["narrow, again"](found)
    weight = variants.options("autoregressive", variants.DECODER)["consistency"]
    rate, heavier, beside = (
        found.named("narrow, again", label, "G")
        for label in (
            "decoder + 0.01 host − decoder",
            "decoder, 3 times as heavy − decoder",
            "decoder + 0.01 host − decoder, 3 times as heavy",
        )
    )
    assert [c.host for c in rate] == [*variants.HOSTS]
    assert all(c.interval[1] == pytest.approx(0.2) for c in rate)
    (only,), (against) = heavier, beside
    assert only.interval[1] == pytest.approx(0.01 * 2 * weight)
    assert against[0].interval[1] == pytest.approx(0.2 - 0.01 * 2 * weight)


def test_the_wider_baseline_has_the_parameters_of_a_variant_in_training():
    planned = [*plan.runs(["wider"]), *plan.grid((variants.BASELINE, variants.DECODER), plan.REPORTED_SEEDS[:4])]
    runs = [{**run, "U": 0.1 * len(run.get("variant", {})) + 0.5 * ("hidden" in run), "G": 0.0} for run in planned]
    found = Comparisons(Runs(runs), variants.HOSTS)
    QUESTIONS["wider baseline"](found)
    wider, against = (found.named("wider baseline", label, "U")[0].interval for label in
                      ("wider baseline − baseline", f"{variants.DECODER} − wider baseline"))  # fmt: skip
    assert wider[1] == pytest.approx(0.5)
    assert against[1] == pytest.approx(0.1 * len(variants.options("autoregressive", variants.DECODER)) - 0.5)


def test_own_variants_stand_beside_the_estimators():
    own = {"mine": {"bound": "decoder", "consistency": 0.7, "compression": 0.0}}
    planned = plan.fresh_runs(3, 2, ["masked"], own, steps=300)
    mine = [run for run in planned if run["variant"] == own["mine"]]
    assert {run["seed"] for run in mine} == {run["seed"] for run in planned} == {1003, 1004}
    scores = [{**run, "U": 0.5 + 0.1 * (run in mine), "G": 0.2} for run in planned]
    effects = Comparisons(Runs(scores), ["masked"], own).effects({"steps": 300})
    assert effects["U"]["mine"]["masked"][1] == pytest.approx(0.1)
    assert list(effects["U"]) == [*variants.ESTIMATORS, "mine"]
    with pytest.raises(ValueError, match=r"variants: got .*decoder.*, expected names that the plan does not have"):
        plan.fresh_runs(0, 1, ["masked"], {"decoder": {}})
