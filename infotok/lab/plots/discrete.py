"""Figures of lesson 03: a joint distribution, clusters that split, and information curves with straight pieces."""

import numpy as np
from matplotlib.figure import Figure

from infotok.lab.plots.style import BLACK, BLUE, GRAY, GREEN, VERMILLION, drawn, new


@drawn
def table(*, p_xy: list, levels: list[float]) -> Figure:
    """Conditional distribution of a hierarchical source (left), and its information at each level (right).

    p_xy: (X, Y), the joint distribution.
    levels: (levels,) nats about Y, from the root.
    """
    fig, (left, right) = new(width=7.6, height=3.4, ncols=2)
    p_y_given_x = np.array(p_xy) / np.sum(p_xy, axis=1, keepdims=True)
    image = left.imshow(p_y_given_x, cmap="Blues", vmin=0)
    fig.colorbar(image, ax=left, label="p(y|x)")
    left.set(xlabel="leaf y", ylabel="leaf x", title="conditional distribution")
    left.grid(False)
    right.bar([str(i + 1) for i in range(len(levels))], levels, color=BLUE, width=0.6)
    right.set(xlabel="level, from the root", ylabel="information about Y / nats", title="information by level")
    return fig


@drawn
def splits(*, betas: list, clusters: list, i_tx: list, i_ty: list, limit: float) -> Figure:
    """Number of clusters against beta (left), and the information curve (right).

    betas, clusters: (B,) weights of the relevance, and the number of clusters at each.
    i_tx, i_ty: (B,) rate and relevance in nats.
    limit: I(X;Y) in nats.
    """
    fig, (left, right) = new(width=8.4, height=3.6, ncols=2)
    left.step(betas, clusters, where="mid", color=BLUE)
    left.set(xscale="log", xlabel="beta", ylabel="number of clusters", yticks=sorted(set(clusters)), title="splits")
    left.set_xticks([1, 2, 5, 10, 20], labels=["1", "2", "5", "10", "20"])
    left.minorticks_off()
    right.axhline(limit, color=GRAY, ls="--", lw=1)
    right.text(0, limit, "I(X;Y)", va="bottom", color=GRAY)
    right.plot(i_tx, i_ty, color=BLUE, marker="o", ms=3)
    counts = np.array(clusters)
    for count in sorted(set(clusters)):
        first = int(np.flatnonzero(counts == count)[0])
        right.annotate(f"{count}", (i_tx[first], i_ty[first]), (9, -5), textcoords="offset points", color=VERMILLION)
    right.set(xlabel="rate I(T;X) / nats", ylabel="relevance I(T;Y) / nats", title="information curve")
    right.set_ylim(-0.03 * limit, 1.12 * limit)
    return fig


@drawn
def encoders(*, panels: list[dict]) -> Figure:
    """Encoders q(t|x) at several betas: the cluster of each leaf x.

    panels: one dict each, "beta" and "encoder" (X, clusters), clusters with the same prediction as one column.
    """
    fig, axes = new(width=2.1 * len(panels) + 0.6, height=2.9, ncols=len(panels), squeeze=False)
    for ax, panel in zip(axes[0], panels, strict=True):
        q = np.array(panel["encoder"])
        image = ax.imshow(q, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        ax.set(xlabel="cluster t", xticks=range(q.shape[1]), title=f"beta = {panel['beta']:.3g}")
        ax.grid(False)
    axes[0][0].set_ylabel("leaf x")
    fig.colorbar(image, ax=list(axes[0]), label="q(t|x)")
    return fig


@drawn
def state(*, encoder: list, beta: float, i_tx: list, i_ty: list, here: int) -> Figure:
    """Encoder at one beta (left), and its point on the information curve (right).

    encoder: (X, clusters).
    beta: its weight of the relevance.
    i_tx, i_ty: (B,) rate and relevance in nats along the curve.
    here: the index of the point that is marked.
    """
    fig, (left, right) = new(width=8.0, height=3.4, ncols=2)
    q = np.array(encoder)
    fig.colorbar(left.imshow(q, cmap="Blues", vmin=0, vmax=1, aspect="auto"), ax=left, label="q(t|x)")
    left.set(xlabel="cluster t", ylabel="leaf x", xticks=range(q.shape[1]), title=f"q(t|x) at beta = {beta:.3g}")
    left.grid(False)
    right.plot(i_tx, i_ty, color=GRAY, lw=1)
    right.plot([i_tx[here]], [i_ty[here]], "o", ms=9, color=VERMILLION)
    right.set(xlabel="rate I(T;X) / nats", ylabel="relevance I(T;Y) / nats", title="point on the information curve")
    return fig


@drawn
def closed_forms(
    *, rates: list, symmetric: list, erasure: list, symmetric_points: list, erasure_points: list
) -> Figure:
    """Information curves of two channels in closed form, and the points that the iteration finds at several betas.

    rates: (R,) nats.
    symmetric, erasure: (R,) relevance of the two channels in nats, closed form.
    symmetric_points, erasure_points: [rates, relevances] of the iteration in nats.
    """
    fig, ax = new(height=3.8)
    ax.plot(rates, symmetric, color=BLUE, label="binary symmetric, closed form")
    ax.plot(*symmetric_points, "o", color=BLUE, label="iteration")
    ax.plot(rates, erasure, color=GREEN, label="erasure, closed form")
    ax.plot(*erasure_points, "s", color=GREEN, label="iteration")
    ax.set(xlabel="rate I(T;X) / nats", ylabel="relevance I(T;Y) / nats", title="closed forms and iterations")
    ax.legend(loc="upper left")
    return fig


@drawn
def jump(*, hull_tx: list, hull_ty: list, found_tx: list, found_ty: list, betas: list, h_y: float) -> Figure:
    """Y a function of X: the exact information curve and the codes that the Lagrangian finds, also against beta.

    hull_tx, hull_ty: exact rate and relevance in nats.
    found_tx, found_ty: (B,) rate and relevance in nats that the Lagrangian finds.
    betas: (B,) weights of the relevance.
    h_y: H(Y) in nats.
    """
    fig, (left, right) = new(width=8.4, height=3.6, ncols=2)
    left.plot(hull_tx, hull_ty, color=BLACK, lw=1.4, label="exact: min(rate, H(Y))")
    left.plot(found_tx, found_ty, "o", color=VERMILLION, ms=8, label="found by the Lagrangian")
    left.set(xlabel="rate I(T;X) / nats", ylabel="relevance I(T;Y) / nats", title="exact curve and codes found")
    left.legend(loc="lower right")
    right.axhline(h_y, color=GRAY, ls="--", lw=1)
    right.text(betas[0], h_y, "H(Y)", va="bottom", color=GRAY)
    right.plot(betas, found_ty, "o", color=VERMILLION, ms=4)
    right.set(xlabel="beta", ylabel="relevance I(T;Y) / nats", title="relevance found at each beta")
    right.set_ylim(-0.05 * h_y, 1.15 * h_y)
    return fig
