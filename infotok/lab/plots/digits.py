"""Pictures of lesson 04: the information plane of a bottleneck on digits, its code, and what the code forgets."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from infotok.lab.plots.style import BLUE, GRAY, GREEN, VERMILLION, drawn, new

RATE = "rate / bits per digit"


@drawn
def plane(*, trained: list[dict], label_entropy: float, chosen: float) -> Figure:
    """What a code knows of the label, and how often it is read rightly, at every price of a bit.

    trained: one dict a price, "price", "rate" and "relevance" in bits, accuracies "one" (from one draw of the code)
    and "many" (averaged over several). label_entropy in bits; `chosen` is the price to be marked.
    """
    fig, (left, right) = new(width=9, height=4.2, ncols=2, gridspec_kw={"wspace": 0.08})
    rate, relevance, one, many = ([row[name] for row in trained] for name in ("rate", "relevance", "one", "many"))
    top = 1.25 * max(*rate, label_entropy)
    grid = np.linspace(0, top, 500)
    left.plot(grid, np.minimum(grid, label_entropy), color=GRAY, lw=1.2, ls="--")
    left.annotate("no code can pass: min(rate, H(Y))", (top, label_entropy), (0, 4), textcoords="offset points",
                  ha="right", color=GRAY, fontsize=9)  # fmt: skip
    left.plot(rate, relevance, "o-", color=BLUE)
    for row in trained:
        weight = "bold" if row["price"] == chosen else "normal"
        left.annotate(f"β = {row['price']:g}", (row["rate"], row["relevance"]), (3, -6), textcoords="offset points",
                      rotation=-50, rotation_mode="anchor", va="top", fontsize=9, weight=weight)  # fmt: skip
    left.set(title="what the code knows of the label", ylabel="I(Z;Y) at least / bits")
    left.set_ylim(-0.15, 1.15 * label_entropy)

    right.plot(grid, most_accurate(grid), color=GRAY, lw=1.2, ls="--", label="no single draw can pass (Fano)")
    right.plot(rate, many, "s:", color=VERMILLION, mfc="white", label="average of 12 draws")
    right.plot(rate, one, "o-", color=BLUE, label="one draw")
    right.set(title="how often it is read rightly", ylabel="test accuracy", ylim=(0, 1.05))
    right.legend(loc="lower right")
    for ax in (left, right):
        _rate_axis(ax, top)
    return fig


@drawn
def forgetting(*, originals: list, rebuilt: list[dict]) -> Figure:
    """Digits, and what a painter draws from one draw of their code, at every price.

    originals: (n, 8, 8), neighbours two by two of one class. rebuilt: one dict a price, "price", "rate" in bits and
    "images" (n, 8, 8).
    """
    rows = [("what comes in", originals)]
    rows += [(f"β = {code['price']:g}: {code['rate']:.1f} bits", code["images"]) for code in rebuilt]
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
    """What is left in the code: which class, and which way of writing it.

    trained: one dict a price, "rate" in bits, "one" (accuracy), and the shares of pixel variance "between"
    classes and "within" them that a painter recovers from the code.
    """
    fig, ax = new(width=6.4, height=3.8)
    rate = [row["rate"] for row in trained]
    ax.plot(rate, [row["one"] for row in trained], "o-", color=BLUE, label="accuracy of the label")
    ax.plot(rate, [row["between"] for row in trained], "s--", color=GREEN, label="variance between classes recovered")
    ax.plot(rate, [row["within"] for row in trained], "D-", color=VERMILLION, label="variance within classes recovered")
    _rate_axis(ax, 1.1 * max(rate))
    ax.set(ylabel="share", ylim=(0, 1.3), yticks=np.linspace(0, 1, 6))
    ax.legend(loc="upper left")
    return fig


@drawn
def code(*, spots: list, labels: list[int], price: float, rate: float, originals: list, rebuilt: list) -> Figure:
    """The code of one price, seen from its two widest sides in units of its own noise, and what a painter makes of it.

    spots: (N, 2) mean codes. labels: (N,). originals and rebuilt: (n, 8, 8).
    """
    fig, (left, right) = new(width=8.8, height=4.6, ncols=2, width_ratios=(1.8, 1))
    spots = np.asarray(spots)
    for (x, y), label in zip(spots, labels, strict=True):
        left.text(x, y, str(label), ha="center", va="center", fontsize=8, color=BLUE)
    reach = max(2.0, 1.08 * np.abs(spots).max())
    left.add_patch(Circle((reach - 1, 1 - reach), 1, color=VERMILLION, alpha=0.35, lw=0, zorder=0))
    left.annotate("noise of one code ", (reach - 2, 1 - reach), ha="right", va="center", color=VERMILLION, fontsize=9)
    left.set(
        xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title=f"β = {price:g}: {rate:.1f} bits per digit"
    )
    left.set(xlabel="widest direction / noise", ylabel="second widest / noise")

    half = (len(originals) + 1) // 2
    for i, (before, after) in enumerate(zip(originals, rebuilt, strict=True)):
        x, y = i // half * 26, -(i % half) * 10
        for image, shift in ((before, 0), (after, 11)):
            right.imshow(image, cmap="gray_r", vmin=0, vmax=1, extent=(x + shift, x + shift + 8, y, y + 8))
        right.text(x + 9.5, y + 4, "›", ha="center", va="center", fontsize=13)
    right.set(xlim=(-1, 46), ylim=(-(half - 1) * 10 - 1, 9), title="a digit › what is left of it")
    right.axis("off")
    return fig


def most_accurate(bits: np.ndarray) -> np.ndarray:
    """Fano's ceiling: the highest accuracy on ten equally likely labels that `bits` of information allow."""
    accuracy = np.linspace(0.1, 1, 2000)
    error = 1 - accuracy
    entropy = -accuracy * np.log2(accuracy) - np.where(error > 0, error * np.log2(np.maximum(error, 1e-300)), 0)
    return np.interp(bits, np.log2(10) - entropy - error * np.log2(9), accuracy)


def _rate_axis(ax: Axes, top: float) -> None:
    """Square-root scale: it shows both the first bit and the tenth."""
    ax.set_xscale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square))
    ax.set(xlabel=RATE, xlim=(0, top), xticks=[tick for tick in (0, 1, 2, 3.3, 5, 10, 20, 40) if tick < top])
    ax.set_xticklabels([f"{tick:g}" for tick in ax.get_xticks()])
