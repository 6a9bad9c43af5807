"""The figures of lessons 02 to 05 over a grid of values, each redrawn from its recipe byte for byte."""

import json

import numpy as np
import pytest

from infotok.bottleneck import critical_betas, gaussian_ib_curve
from infotok.lab.exercises import digits as digit_exercises
from infotok.lab.plots import digits, discrete, gaussian, hsic, redraw
from infotok.lab.plots.style import png
from infotok.worlds import JointGaussian

rng = np.random.default_rng(0)


def solved(rho, beta_max):
    world = JointGaussian.correlated(len(rho), 0.5)
    cov_xy = np.diag(rho)
    betas = np.geomspace(1, beta_max, 50)
    i_tx, i_ty = gaussian_ib_curve(world.blocks[0], cov_xy, world.blocks[2], betas)
    nats = 0.5 * np.log(np.maximum(1, np.outer(betas - 1, np.square(rho) / (1 - np.square(rho)))))
    return {
        "betas": betas,
        "i_tx": i_tx,
        "i_ty": i_ty,
        "directions": nats,
        "critical": critical_betas(world.blocks[0], cov_xy, world.blocks[2]),
        "ceiling": -0.5 * np.log(1 - np.square(rho)).sum(),
    }


def networks(betas):
    return [{"beta": b, "rate": b / 9, "relevance": b / 20, "gap": 0.01 - b / 900, "error": 0.002} for b in betas]


COMPRESSOR = {"i_tx": np.linspace(0, 4, 9), "i_ty": np.linspace(0, 0.6, 9)}
FITS = [{"direction": 0, "used": [1, 2, 3], "slope": 2.0, "intercept": -1.5, "beta": 1.25}]
FOUND = np.array([[0.1, 0.0], [0.5, 0.1], [0.9, 0.3], [1.4, 0.5]])


def weights(values):
    names = ("rate", "relevance", "single", "averaged", "between", "within")
    return [
        {"beta": beta, **dict(zip(names, (9 / (1 + beta), 2.0, 0.9, 0.95, 0.8, 0.1), strict=True))} for beta in values
    ]


def images(n):
    return rng.random((n, 8, 8))


def coded(points, n):
    labels = np.arange(len(points)) % 10
    return {"points": points, "labels": labels, "beta": 0.1, "rate": 5.0, "originals": images(n), "rebuilt": images(n)}


def differences(variants, seeds):
    of = {name: rng.normal(size=(variants, seeds)) for name in ("nuisance", "accuracy")}
    bars = {f"{name}_intervals": [[row.min(), row.max()] for row in values] for name, values in of.items()}
    return {"names": [f"variant {i}" for i in range(variants)], **of, **bars}


PLANE = {"i_tx": [0.0, 0.5, 1.0], "i_ty": [0.0, 0.4, 0.6]}
TABLE = np.array([[0.3, 0.1], [0.1, 0.5]])
CASES = [
    (discrete.table, {"p_xy": TABLE, "levels": [0.3, 0.1]}),
    (discrete.splits, {"betas": [1.0, 2.0, 4.0], "clusters": [1, 2, 2], **PLANE, "limit": 0.7}),
    *[(discrete.encoders, {"panels": [{"beta": 1.5, "encoder": TABLE}] * n}) for n in (1, 4)],
    (discrete.state, {"encoder": TABLE, "beta": 1.5, **PLANE, "here": 1}),
    (discrete.closed_forms, {"rates": [0, 0.7], "symmetric": [0, 0.4], "erasure": [0, 0.35],
                             "symmetric_points": [[0.1], [0.05]], "erasure_points": [[0, 0.7], [0, 0.35]]}),
    (discrete.jump, {"hull_tx": [0, 1], "hull_ty": [0, 1], "found_tx": [0, 1], "found_ty": [0, 1],
                     "betas": [0.5, 2.0], "h_y": 1.0}),
    (hsic.kernels, {"x": [1, 2], "y": [2, 1], "kernel_x": np.eye(2), "kernel_y": -np.eye(2), "value": -1.0}),
    (hsic.against_information, {"gaussian": [0, 0.5], "gaussian_mi": [0, 1], "waves": [0.7, 0.1], "waves_mi": [1, 1],
                                "frequencies": [1, 2]}),
    (hsic.scaling, {"factors": [0.1, 1.0, 10.0], "right": [0.7, 0.7, 0.7], "wrong": [0.2, 0.6, 0.5]}),
    (hsic.examples, {"images": rng.random((3, 8, 8)), "labels": [1, 2, 3], "kinds": [4, 5, 6]}),
    *[
        (hsic.variants, {"names": names, "nuisance": rng.random((len(names), seeds)),
                         "accuracy": rng.random((len(names), seeds)), "ceiling": 2.3})
        for names, seeds in ((["baseline", "InfoTok HSIC"], 2), (["baseline", "a", "b", "c"], 20))
    ],
    *[(hsic.intervals, differences(variants, seeds)) for variants, seeds in ((1, 2), (3, 5))],
    *[
        (gaussian.curve, {"solved": solved(rho, top), "compressor": COMPRESSOR, "beta": beta})
        for rho, top, beta in [([0.9, 0.5], 20.0, 4.0), ([0.6], 1.5, 1.0), (np.linspace(0.9, 0.1, 9), 200.0, 200.0)]
    ],
    *[
        (gaussian.networks, {"solved": solved([0.9, 0.5], 20.0), "trained": networks(betas), "tolerance": 0.03})
        for betas in ([1.2, 20.0], np.geomspace(1.1, 20, 12))
    ],
    *[
        (gaussian.transitions, {"betas": [1.2, 2, 4, 9], "directions": FOUND, "fits": fits, "critical": [1.25, 4.0]})
        for fits in (FITS, [])
    ],
    *[
        (digits.plane, {"trained": weights(values), "label_entropy": 3.32, "chosen": values[0]})
        for values in ([0.03, 2.0], [0.001, 0.01, 0.1, 0.5, 1.0, 5.0])
    ],
    *[
        (digits.forgetting, {"originals": images(n), "rebuilt": [{"beta": 0.1, "rate": 5.0, "images": images(n)}] * k})
        for n, k in ((2, 1), (10, 7))
    ],
    (digits.style, {"trained": weights([0.001, 0.1, 2.0])}),
    *[(digits.code, coded(scale * rng.normal(size=(n, 2)), m)) for scale, n, m in ((0.01, 5, 1), (9, 200, 10))],
]  # fmt: skip
BARE = (discrete.encoders, hsic.examples, hsic.intervals)  # images, and panels that share an axis


@pytest.mark.parametrize(("plot", "data"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_each_figure_is_redrawn_from_its_recipe(plot, data):
    fig = plot(**data)
    assert png(redraw(json.loads(json.dumps(fig.recipe)))) == png(fig)
    for ax in fig.axes:
        images = not len(ax.get_xticks()) and not len(ax.get_yticks())
        colours = ax.get_label() == "<colorbar>"
        assert plot in BARE or not ax.axison or images or colours or (ax.get_xlabel() and ax.get_ylabel())


def test_fanos_ceiling_is_the_inverse_of_the_exercise():
    accuracy = np.array([0.1, 0.3, 0.8, 0.99, 1.0])
    bits = np.array([digit_exercises.fano.answer(a) for a in accuracy]) / np.log(2)
    assert digits.most_accurate(bits) == pytest.approx(accuracy, abs=1e-3)
    assert digits.most_accurate(np.array([30.0])) == 1
