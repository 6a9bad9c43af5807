"""Pictures of lesson 03: a joint table, clusters that split, and curves a Lagrangian can and cannot trace."""

import numpy as np
from matplotlib.figure import Figure

from infotok.lab.plots.style import BLACK, BLUE, GRAY, GREEN, VERMILLION, drawn, new


@drawn
def table(*, p_xy: list, levels: list[float]) -> Figure:
    """The joint table of the tree, and how much of its information lies at each level."""
    fig, (left, right) = new(width=7.6, height=3.4, ncols=2)
    p_y_given_x = np.array(p_xy) / np.sum(p_xy, axis=1, keepdims=True)
    image = left.imshow(p_y_given_x, cmap="Blues", vmin=0)
    fig.colorbar(image, ax=left, label="p(y|x)")
    left.set(xlabel="leaf y", ylabel="leaf x", title="What each leaf says")
    left.grid(False)
    right.bar([f"level {i + 1}" for i in range(len(levels))], levels, color=BLUE, width=0.6)
    right.set(ylabel="information about Y / nats", title="Where the information lies")
    return fig


@drawn
def splits(*, betas: list, clusters: list, i_tx: list, i_ty: list, limit: float) -> Figure:
    """Clusters appear one split after another as beta grows, and the curve that the optima trace."""
    fig, (left, right) = new(width=8.4, height=3.6, ncols=2)
    left.step(betas, clusters, where="mid", color=BLUE)
    left.set(xscale="log", xlabel="beta", ylabel="clusters in use", yticks=sorted(set(clusters)), title="Splits")
    left.set_xticks([1, 2, 5, 10, 20], labels=["1", "2", "5", "10", "20"])
    left.minorticks_off()
    right.axhline(limit, color=GRAY, ls="--", lw=1)
    right.text(0, limit, "I(X;Y)", va="bottom", color=GRAY)
    right.plot(i_tx, i_ty, color=BLUE, marker="o", ms=3)
    counts = np.array(clusters)
    for count in sorted(set(clusters)):
        first = int(np.flatnonzero(counts == count)[0])
        right.annotate(f"{count}", (i_tx[first], i_ty[first]), (9, -5), textcoords="offset points", color=VERMILLION)
    right.set(xlabel="rate I(T;X) / nats", ylabel="relevance I(T;Y) / nats", title="The information curve")
    right.set_ylim(-0.03 * limit, 1.12 * limit)
    return fig


@drawn
def encoders(*, panels: list[dict]) -> Figure:
    """Encoders q(t|x): which cluster each x is sent to, clusters with the same meaning as one column."""
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
def state(*, p_xy: list, encoder: list, beta: float, betas: list, i_tx: list, i_ty: list, here: int) -> Figure:
    """One beta: its encoder, and its place on the curve."""
    fig, (left, right) = new(width=8.0, height=3.4, ncols=2)
    q = np.array(encoder)
    fig.colorbar(left.imshow(q, cmap="Blues", vmin=0, vmax=1, aspect="auto"), ax=left, label="q(t|x)")
    left.set(xlabel="cluster t", ylabel="leaf x", xticks=range(q.shape[1]), title=f"q(t|x) at beta = {beta:.3g}")
    left.grid(False)
    right.plot(i_tx, i_ty, color=GRAY, lw=1)
    right.plot([i_tx[here]], [i_ty[here]], "o", ms=9, color=VERMILLION)
    right.set(xlabel="rate I(T;X) / nats", ylabel="relevance I(T;Y) / nats", title="Where on the curve")
    return fig


@drawn
def closed_forms(
    *, rates: list, symmetric: list, erasure: list, symmetric_points: list, erasure_points: list
) -> Figure:
    """Two channels whose curves are known, and what the iteration finds for many betas."""
    fig, ax = new(height=3.8)
    ax.plot(rates, symmetric, color=BLUE, label="binary symmetric, closed form")
    ax.plot(*symmetric_points, "o", color=BLUE, label="iteration")
    ax.plot(rates, erasure, color=GREEN, label="erasure: a line")
    ax.plot(*erasure_points, "s", color=GREEN, label="iteration: its two ends")
    ax.set(xlabel="rate I(T;X) / nats", ylabel="relevance I(T;Y) / nats", title="Known curves")
    ax.legend(loc="upper left")
    return fig


@drawn
def jump(*, hull_tx: list, hull_ty: list, found_tx: list, found_ty: list, betas: list, h_y: float) -> Figure:
    """Y a function of X: the exact curve has a corner, and the Lagrangian finds its two ends and nothing between."""
    fig, (left, right) = new(width=8.4, height=3.6, ncols=2)
    left.plot(hull_tx, hull_ty, color=BLACK, lw=1.4, label="exact: min(rate, H(Y))")
    left.plot(found_tx, found_ty, "o", color=VERMILLION, ms=8, label="found at any beta")
    left.set(xlabel="rate I(T;X) / nats", ylabel="relevance I(T;Y) / nats", title="What can be had, what is found")
    left.legend(loc="lower right")
    right.axhline(h_y, color=GRAY, ls="--", lw=1)
    right.text(betas[0], h_y, "H(Y)", va="bottom", color=GRAY)
    right.plot(betas, found_ty, "o", color=VERMILLION, ms=4)
    right.set(xlabel="beta", ylabel="relevance I(T;Y) / nats", title="All or nothing")
    right.set_ylim(-0.05 * h_y, 1.15 * h_y)
    return fig
