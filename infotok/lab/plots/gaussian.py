"""Figures of lesson 02: the information curve, its phase transitions, and trained networks compared with them."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

from infotok.lab.plots.style import BLACK, BLUE, GRAY, GREEN, ORANGE, PURPLE, SKY, VERMILLION, YELLOW, drawn, new

RATE, RELEVANCE = "rate I(T;X) / nats", "relevance I(T;Y) / nats"
WEIGHT = "weight β of the relevance"
DIRECTIONS = (GREEN, ORANGE, PURPLE, SKY)  # blue is the optimal code for Y, vermillion the one for X
NETWORK = {"color": BLACK, "mfc": YELLOW, "mec": BLACK}  # a trained network


@drawn
def curve(*, solved: dict, compressor: dict, beta: float) -> Figure:
    """Information curve with the optimal code of one beta (left), and the rate of each direction at every beta (right).

    solved: "betas" (B,), "i_tx" and "i_ty" (B,) in nats, "directions" (B, K) rates in nats, "critical" (K,) betas,
        "ceiling" I(X;Y) in nats.
    compressor: "i_tx" and "i_ty" in nats of the codes that reconstruct X best.
    beta: the weight whose code is marked.
    """
    fig, (left, right) = new(width=9, height=4, ncols=2, gridspec_kw={"wspace": 0.08})
    betas, i_tx, i_ty = (np.asarray(solved[name]) for name in ("betas", "i_tx", "i_ty"))
    end = _frame(left, solved)
    left.plot(compressor["i_tx"], compressor["i_ty"], color=VERMILLION, ls=(0, (4, 2)), label="optimal code for X")
    left.plot(i_tx, i_ty, color=BLUE, label="optimal code for Y")
    at = np.interp(beta, betas, i_tx), np.interp(beta, betas, i_ty)
    reach = np.array([-0.16, 0.16]) * end
    left.plot(at[0] + reach, at[1] + reach / beta, color=BLACK, lw=1, label="slope 1/β")
    left.plot(*at, "o", color=BLACK, ms=8, zorder=4)
    left.set_title("information curve")
    left.legend(loc="lower right")

    for i, (nats, critical) in enumerate(zip(np.transpose(solved["directions"]), solved["critical"], strict=True)):
        colour, name = DIRECTIONS[i % len(DIRECTIONS)], f"direction {i + 1}"
        right.plot(betas, nats, color=colour, label=name)
        right.plot(critical, 0, "o", mfc="white", mec=colour, clip_on=False, zorder=4)
        right.plot(beta, np.interp(beta, betas, nats), "o", color=colour, zorder=4)
    right.axvline(beta, color=BLACK, lw=1)
    _log_beta(right, betas[0], betas[-1])
    right.set(title="rate of each direction", xlabel=WEIGHT, ylabel="rate / nats")
    right.set_ylim(bottom=0)
    right.legend(loc="upper left")
    return fig


@drawn
def networks(*, solved: dict, trained: list[dict], tolerance: float) -> Figure:
    """Trained networks and the information curve (left), and the gap of each network to the curve (right).

    solved: as for `curve`.
    trained: one dict a network, "beta", and in nats "rate", "relevance", "gap" and its 95 % half-width "error".
    tolerance: the largest gap that is claimed, in nats.
    """
    fig, (left, right) = new(width=9, height=3.8, ncols=2, width_ratios=(1.2, 1))
    end = _frame(left, solved)
    left.plot(solved["i_tx"], solved["i_ty"], color=BLUE, label="closed form")
    rate, relevance = ([row[name] for row in trained] for name in ("rate", "relevance"))
    left.plot(rate, relevance, "o", **NETWORK, ms=6, zorder=4, label="trained networks (held out)")
    left.set(title="trained networks and the exact curve", xlim=(0, max(end, 1.04 * max(rate))))
    left.legend(loc="lower right")

    betas, gap, error = ([row[name] for row in trained] for name in ("beta", "gap", "error"))
    right.axhline(0, color=BLUE)
    right.axhline(tolerance, color=GRAY, ls="--", lw=1.2)
    right.annotate("largest gap claimed", (0.02, tolerance), (0, 4), xycoords=("axes fraction", "data"), color=GRAY,
                   textcoords="offset points", fontsize=9)  # fmt: skip
    right.errorbar(betas, gap, error, fmt="o", **NETWORK, ms=6, capsize=3, lw=1.2)
    _log_beta(right, min(betas) / 1.1, max(betas) * 1.1)
    right.set(title="gap to the curve", xlabel=WEIGHT, ylabel="relevance below the curve / nats")
    right.set_ylim(min(-0.4 * tolerance, *np.subtract(gap, error)), 1.3 * max(tolerance, *np.add(gap, error)))
    return fig


@drawn
def transitions(*, betas: list[float], directions: list, fits: list[dict], critical: list[float]) -> Figure:
    """exp(2 I) of each direction in the trained networks, and the fitted lines that locate its transition.

    betas: (N,) of the networks.
    directions: (N, K) measured rates in nats.
    fits: one dict for each fitted direction, "direction" (from 0), "used" (indices of networks), "slope", "intercept"
        and "beta", where the line reaches one.
    critical: (K,) exact transitions.
    """
    fig, ax = new(width=7.6, height=4.4)
    height = np.exp(2 * np.asarray(directions))  # (N, K)
    x = np.asarray(betas) - 1
    for i, value in enumerate(critical):
        ax.axvline(value - 1, color=DIRECTIONS[i % len(DIRECTIONS)], lw=1, ls=":")
    for fit in fits:
        i, used = fit["direction"], fit["used"]
        colour = DIRECTIONS[i % len(DIRECTIONS)]
        grid = np.geomspace(fit["beta"], 1 + x[-1], 100)
        ax.plot(grid - 1, fit["slope"] * grid + fit["intercept"], color=colour, lw=1.3)
        ax.plot(x[used], height[used, i], "o", color=colour, ms=6)
        ax.annotate(f"direction {i + 1}", (x[-1], height[used[-1], i]), (8, 0), textcoords="offset points",
                    va="center", color=colour, fontsize=9.5)  # fmt: skip
        rest = np.setdiff1d(np.flatnonzero(height[:, i] > 1.02), used)
        ax.plot(x[rest], height[rest, i], "o", mfc="white", mec=colour, ms=6)
        ax.plot(fit["beta"] - 1, 1, "D", color=colour, ms=8, clip_on=False, zorder=4)
    ax.set(xscale="log", yscale="log", xlabel="β - 1", ylabel="exp(2 I) of each direction")
    ax.set_ylim(bottom=1)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FormatStrFormatter("%g"))
    ax.set_title("dotted: exact transition; diamond: where the fitted line reaches one")
    return fig


def _frame(ax: Axes, solved: dict) -> float:
    """The upper limit of every code, and open circles at the transitions; returns the largest rate shown."""
    i_tx, i_ty, ceiling = np.asarray(solved["i_tx"]), np.asarray(solved["i_ty"]), solved["ceiling"]
    end = max(i_tx[-1], 1.2 * ceiling)
    ax.plot([0, ceiling, end], [0, ceiling, ceiling], color=GRAY, lw=1.2, ls="--")
    ax.annotate("upper limit of every code", (end, ceiling), (0, 4), ha="right", textcoords="offset points", color=GRAY,
                fontsize=9)  # fmt: skip
    on = [beta for beta in solved["critical"] if beta <= solved["betas"][-1]]
    ax.plot(np.interp(on, solved["betas"], i_tx), np.interp(on, solved["betas"], i_ty), "o", mfc="white", mec=BLUE,
            zorder=3)  # fmt: skip
    ax.set(xlabel=RATE, ylabel=RELEVANCE, xlim=(0, end), ylim=(0, 1.12 * ceiling))
    return end


def _log_beta(ax: Axes, low: float, high: float) -> None:
    ax.set(xscale="log", xlim=(low, high))
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    ax.xaxis.set_minor_formatter(NullFormatter())
