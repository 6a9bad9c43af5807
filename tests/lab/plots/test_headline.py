"""Pictures of lessons 11 to 13 over a grid of values, each redrawn from its recipe byte for byte; and its exercises."""

import json
import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch.distributions import Normal, kl_divergence

from infotok.evaluation import holm, paired_difference
from infotok.images import packed
from infotok.lab.exercises import headline as exercises
from infotok.lab.plots import ablations, headline, redraw
from infotok.lab.plots.style import png
from infotok.worlds import ShapesWorld

rng = np.random.default_rng(0)
WORLD = ShapesWorld(nuisance=0.3)
BATCH = WORLD.batch(6, torch.Generator().manual_seed(0))
PICTURES = packed(BATCH.images)
HOSTS = ["autoregressive", "masked", "continuous"]
VARIANTS = ["baseline", "InfoTok variational", "InfoTok HSIC", "a variant without a colour"]


def found(variants, hosts=HOSTS, missing=None):
    interval = {host: None if host == missing else [*sorted(rng.normal(size=3)), 3 + i] for i, host in enumerate(hosts)}
    return {side: {variant: interval for variant in variants} for side in "UG"}


def along(values, hosts):
    seeds = [[] if i == 1 else list(rng.random(3)) for i in range(values)]
    return {side: {host: {variant: seeds for variant in VARIANTS} for host in hosts} for side in "UG"}


def reached(points):
    return [{"weight": float(i), "nats": 9.0 - i, "U": rng.random(), "G": rng.random()} for i in range(points)]


CASES = [
    (headline.forest, {"differences": found(VARIANTS)}),
    (headline.forest, {"differences": found(VARIANTS[:1], HOSTS[:1]), "title": "one"}),
    (headline.forest, {"differences": found(VARIANTS, HOSTS[1:2]), "reported": found(VARIANTS, missing="masked")}),
    (ablations.tightness, {"candidates": [8, 64], "infonce": [2.0, 3.9], "ceilings": [2.1, 4.2], "exact": 6.0}),
    (
        ablations.rate_and_utility,
        {
            "points": {side: {h: {v: rng.random((3, 2)) for v in VARIANTS} for h in HOSTS} for side in "UG"},
            "rates": dict.fromkeys(HOSTS, "H(Z|T) / nats"),
        },
    ),
    (
        ablations.frontier,
        {
            "lines": {host: {line: reached(4) for line in ("decoder, text prior", "HSIC")} for host in HOSTS},
            "rates": dict.fromkeys(HOSTS, "H(Z|T) / nats"),
        },
    ),
    (ablations.sweep, {"values": [4, 6, 8], "label": "bits", "scores": along(3, HOSTS)}),
    (ablations.sweep, {"values": [1, 2, 4], "label": "times", "scores": along(3, HOSTS[:1]), "log": True}),
    (
        headline.pairs,
        {"scores": {host: rng.random((3, 2)) for host in HOSTS}, "names": VARIANTS[:2], "label": "G"},
    ),
    (
        headline.first_drawings,
        {
            "prompts": WORLD.captions(BATCH.scenes)[:3],
            "drawings": {variant: PICTURES[:3] for variant in VARIANTS[:3]},
            "right": {variant: [True, False, True] for variant in VARIANTS[:3]},
        },
    ),
    (
        headline.composed,
        {
            "drawings": {host: {variant: PICTURES[i] for i, variant in enumerate(VARIANTS[:2])} for host in HOSTS},
            "right": {host: {VARIANTS[0]: 1, VARIANTS[1]: 4} for host in HOSTS},
            "cells": 4,
        },
    ),
    (
        headline.first_answers,
        {
            "picture": PICTURES[0],
            "questions": ["which colour is at top-left ?", "how many objects are there ?"],
            "truth": ["red", "two"],
            "likely": {variant: [{"red": 0.5, "blue": 0.2, "two": 0.2, "one": 0.1}] * 2 for variant in VARIANTS[:3]},
        },
    ),
    (
        ablations.plane,
        {
            "paths": {host: {variant: rng.random((4, 2)) for variant in VARIANTS} for host in HOSTS},
            "steps": [1, 2, 3, 4],
            "entropy": 10.2,
        },
    ),
    (
        ablations.probed,
        {
            "nats": {
                g: {h: {v: list(rng.random(4)) for v in VARIANTS} for h in HOSTS} for g in ("structure", "nuisance")
            },
            "entropies": {"structure": 10.2, "nuisance": 77.0},
        },
    ),
    (
        ablations.subscores,
        {
            "names": ["shape", "colour", "count"],
            "differences": {host: {variant: [0.1, None, -0.1] for variant in VARIANTS[1:3]} for host in HOSTS},
            "sure": {host: {variant: [True, False, False] for variant in VARIANTS[1:3]} for host in HOSTS},
        },
    ),
]


@pytest.mark.parametrize(("plot", "data"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_picture_and_its_recipe_are_one(plot, data):
    figure = plot(**data)
    assert png(redraw(json.loads(json.dumps(figure.recipe)))) == png(figure)


def test_the_first_prompts_have_their_categories():
    prompts = WORLD.prompts(6, torch.Generator().manual_seed(0))
    picture = packed(BATCH.images)[0]
    figure = headline.first_drawings(
        prompts=[each["prompt"] for each in prompts], drawings={"a": [picture] * 6}, right={"a": [True] * 6}
    )
    shown = [ax.get_title().splitlines()[-1] for ax in figure.axes[:6]]
    assert shown == [f"[{each['tag'].replace('_', ' ')}]" for each in prompts]


def test_a_forest_shows_every_interval_where_it_is():
    values = {side: {"a": {"masked": [-0.1, 0.2, 0.5]}} for side in "UG"}
    for ax in headline.forest(differences=values).axes:
        lines = [list(line.get_xdata()) for line in ax.lines]
        assert [-0.1, 0.5] in lines
        assert [0.2] in lines


def test_two_seeds_have_a_mean_and_no_interval():
    values = {side: {"a": {"masked": [-0.1, 0.2, 0.5, 3]}, "few": {"masked": [-9.0, 0.1, 9.2, 2]}} for side in "UG"}
    for ax in headline.forest(differences=values).axes:
        lines = [list(line.get_xdata()) for line in ax.lines]
        assert [-0.1, 0.5] in lines
        assert [0.1] in lines
        assert [-9.0, 9.2] not in lines
        assert ax.get_xlim()[1] < 1, "nor does it set the frame"


def test_exercises_follow_from_the_package():
    difference = paired_difference([0.74, 0.83, 0.95], [0.70, 0.80, 0.90])
    assert exercises.paired.answer == pytest.approx(difference.interval[0], abs=1e-6)
    assert pytest.approx(stats.t.ppf(0.975, 2), abs=1e-5) == exercises._T
    # X, Z, T jointly Gaussian, Z and T independent given X: the rule that the answer follows from, by determinants
    joint = np.array([[1.0, 0.8, 0.9], [0.8, 1.0, 0.72], [0.9, 0.72, 1.0]])
    given = joint[:2, :2] - np.outer(joint[:2, 2], joint[:2, 2])
    of_x, of_t = (-0.5 * math.log(1 - r**2) for r in (0.8, 0.72))
    conditional = 0.5 * math.log(given[0, 0] * given[1, 1] / np.linalg.det(given))
    assert conditional == pytest.approx(of_x - of_t), "I(X;Z|T) = I(X;Z) - I(Z;T)"
    assert exercises.unexplained.answer == 12 - 9
    assert exercises.corrected.answer == pytest.approx(max(holm(exercises._P)))
    assert exercises.decoder.answer == pytest.approx(10.2 - 1.5 - math.log(32))
    largest, _ = integrate.quad(lambda x: x * 5 * stats.norm.cdf(x) ** 4 * stats.norm.pdf(x), -10, 10)
    assert exercises.winner.answer == pytest.approx(largest, abs=1e-4)
    told, image = Normal(torch.tensor(0.5), torch.tensor(0.2)), Normal(torch.tensor(0.6), torch.tensor(0.1))
    assert exercises.gaussian_rate.answer == pytest.approx(kl_divergence(image, told).item(), rel=1e-5)
