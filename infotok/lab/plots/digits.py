"""Figures of lesson 04: the information plane of a bottleneck on digits, its code, and what the code discards."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from infotok.lab.plots.style import BLUE, GRAY, GREEN, VERMILLION, drawn, new

RATE = "rate / bits per digit"


@drawn
def plane(*, trained: list[dict], label_entropy: float, chosen: float) -> Figure:
    """Information plane: relevance against rate (left), and accuracy against rate (right), at every weight of the rate.

    trained: one dict a weight, "beta", "rate" and "relevance" in bits, accuracies "single" (from one sample of the
        code) and "averaged" (of predictions averaged over twelve samples).
    label_entropy: H(Y) in bits.
    chosen: the beta that is printed in bold.
    """
    fig, (left, right) = new(width=9, height=4.2, ncols=2, gridspec_kw={"wspace": 0.08})
    names = ("rate", "relevance", "single", "averaged")
    rate, relevance, single, averaged = ([row[name] for row in trained] for name in names)
    top = 1.25 * max(*rate, label_entropy)
    grid = np.linspace(0, top, 500)
    left.plot(grid, np.minimum(grid, label_entropy), color=GRAY, lw=1.2, ls="--")
    left.annotate("upper limit: min(rate, H(Y))", (top, label_entropy), (0, 4), textcoords="offset points",
                  ha="right", color=GRAY, fontsize=9)  # fmt: skip
    left.plot(rate, relevance, "o-", color=BLUE)
    for row in trained:
        weight = "bold" if row["beta"] == chosen else "normal"
        left.annotate(f"β = {row['beta']:g}", (row["rate"], row["relevance"]), (3, -6), textcoords="offset points",
                      rotation=-50, rotation_mode="anchor", va="top", fontsize=9, weight=weight)  # fmt: skip
    left.set(title="information about the label", ylabel="I(Z;Y), lower bound / bits")
    left.set_ylim(-0.15, 1.15 * label_entropy)

    right.plot(grid, most_accurate(grid), color=GRAY, lw=1.2, ls="--", label="upper limit for one sample (Fano)")
    right.plot(rate, averaged, "s:", color=VERMILLION, mfc="white", label="average of 12 samples")
    right.plot(rate, single, "o-", color=BLUE, label="one sample")
    right.set(title="accuracy of the classifier", ylabel="test accuracy", ylim=(0, 1.05))
    right.legend(loc="lower right")
    for ax in (left, right):
        _rate_axis(ax, top)
    return fig


@drawn
def forgetting(*, originals: list, rebuilt: list[dict]) -> Figure:
    """Test digits, and their reconstructions from one sample of the code, at every weight of the rate.

    originals: (n, 8, 8), in pairs of one class.
    rebuilt: one dict a weight, "beta", "rate" in bits and "images" (n, 8, 8).
    """
    rows = [("input images", originals)]
    rows += [(f"β = {code['beta']:g}: {code['rate']:.1f} bits", code["images"]) for code in rebuilt]
    fig, ax = new(width=8.4, height=0.57 * len(rows) + 0.15)
    for row, (title, images) in enumerate(rows):
        n, h, w = np.shape(images)
        place = np.arange(n) * (w + 1) + np.arange(n) // 2 * 4  # pairs stand together
        bottom = -row * (h + 1.5)
        for x, image in zip(place, images, strict=True):
            ax.imshow(image, cmap="gray_r", vmin=0, vmax=1, extent=(x, x + w, bottom, bottom + h))
        ax.text(-2, bottom + h / 2, title, ha="right", va="center")
    ax.set(xlim=(-34, place[-1] + w), ylim=(bottom - 0.5, h + 0.5))
    ax.axis("off")
    return fig


@drawn
def style(*, trained: list[dict]) -> Figure:
    """Accuracy, and the reconstructed shares of the pixel variance between and within classes, against the rate.

    trained: one dict a weight, "rate" in bits, "single" (accuracy of one sample), and the shares "between" and
        "within".
    """
    fig, ax = new(width=6.4, height=3.8)
    rate = [row["rate"] for row in trained]
    ax.plot(rate, [row["single"] for row in trained], "o-", color=BLUE, label="accuracy of the classifier")
    ax.plot(rate, [row["between"] for row in trained], "s--", color=GREEN, label="variance between classes")
    ax.plot(rate, [row["within"] for row in trained], "D-", color=VERMILLION, label="variance within classes")
    _rate_axis(ax, 1.1 * max(rate))
    ax.set(ylabel="accuracy, or share reconstructed", ylim=(0, 1.3), yticks=np.linspace(0, 1, 6))
    ax.legend(loc="upper left")
    return fig


@drawn
def code(
    *,
    points: list,
    labels: list[int],
    beta: float,
    rate: float,
    originals: list,
    rebuilt: list,
    reach: float | None = None,
) -> Figure:
    """The code at one weight, on its two directions of largest variance, and reconstructions from it.

    points: (N, 2) mean codes, in units of the code's own noise.
    labels: (N,).
    beta: the weight of the rate.
    rate: in bits.
    originals, rebuilt: (n, 8, 8) images.
    reach: how far both axes reach from 0, the same at every weight; None: as far as these points.
    """
    fig, (left, right) = new(width=9.2, height=5.0, ncols=2, width_ratios=(1.9, 1))
    points = np.asarray(points)
    for (x, y), label in zip(points, labels, strict=True):
        left.text(x, y, str(label), ha="center", va="center", fontsize=8, color=BLUE)
    reach = max(2.0, 1.08 * (np.abs(points).max() if reach is None else reach))
    corners = (reach - 1) * np.array([(1, -1), (1, 1), (-1, -1), (-1, 1)])
    room = [np.linalg.norm(points - corner, axis=1).min() for corner in corners]
    x, y = corners[np.argmax(room)]
    left.add_patch(Circle((x, y), 1, color=VERMILLION, alpha=0.35, lw=0, zorder=0))
    inward, side = (-1.1, "right") if x > 0 else (1.1, "left")
    left.text(x + inward, y, "noise of a code", ha=side, va="center", color=VERMILLION, fontsize=9)
    left.set(
        xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title=f"β = {beta:g}: {rate:.1f} bits per digit"
    )
    left.set(xlabel="first direction / noise", ylabel="second direction / noise")

    half = (len(originals) + 1) // 2
    for i, (before, after) in enumerate(zip(originals, rebuilt, strict=True)):
        x, y = i // half * 26, -(i % half) * 10
        for image, shift in ((before, 0), (after, 11)):
            right.imshow(image, cmap="gray_r", vmin=0, vmax=1, extent=(x + shift, x + shift + 8, y, y + 8))
        right.text(x + 9.5, y + 4, "›", ha="center", va="center", fontsize=13)
    right.set(xlim=(-1, 46), ylim=(-(half - 1) * 10 - 1, 9), title="digit › reconstruction")
    right.axis("off")
    return fig


def most_accurate(bits: np.ndarray) -> np.ndarray:
    """Fano's limit: the highest accuracy on ten equally likely labels that `bits` of information allow."""
    accuracy = np.linspace(0.1, 1, 2000)
    error = 1 - accuracy
    entropy = -accuracy * np.log2(accuracy) - np.where(error > 0, error * np.log2(np.maximum(error, 1e-300)), 0)
    return np.interp(bits, np.log2(10) - entropy - error * np.log2(9), accuracy)


def _rate_axis(ax: Axes, top: float) -> None:
    """A square-root scale, which shows small and large rates."""
    ax.set_xscale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square))
    ax.set(xlabel=RATE, xlim=(0, top), xticks=[tick for tick in (0, 1, 2, 3.3, 5, 10, 20, 40) if tick < top])
    ax.set_xticklabels([f"{tick:g}" for tick in ax.get_xticks()])
