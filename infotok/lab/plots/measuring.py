"""Figures of lesson 01: examples of mutual information, and estimates of it where the truth is known."""

import math

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from infotok.lab.plots.style import BLACK, BLUE, GRAY, GREEN, ORANGE, PURPLE, SKY, VERMILLION, drawn, new

COLOURS = {
    "InfoNCE": BLUE,
    "NWJ": VERMILLION,
    "Donsker-Varadhan": GREEN,
    "MINE": PURPLE,
    "Jensen-Shannon": ORANGE,
    "SMILE": SKY,
    "CLUB": GRAY,  # black is the truth
    "leave-one-out": PURPLE,
    "KSG": ORANGE,
}


@drawn
def meanings(*, panels: list[dict]) -> Figure:
    """Scatter plots of pairs of variables with their correlation and their mutual information.

    panels: one dict each, "title", "x" (n,), "y" (n,), "correlation", "nats".
    """
    fig, axes = new(width=9, height=3.1, ncols=len(panels))
    for ax, panel in zip(axes, panels, strict=True):
        ax.scatter(panel["x"], panel["y"], s=5, color=BLUE, alpha=0.4, lw=0)
        ax.set_title(panel["title"], fontsize=10.5)
        correlation = round(panel["correlation"], 2) + 0.0  # never "-0.00"
        ax.set(xlabel=f"x\ncorrelation {correlation:.2f}\nI(X;Y) = {panel['nats']:.2f} nats")
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
    axes[0].set_ylabel("y")
    return fig


@drawn
def matrix(*, scores: list, truth: float) -> Figure:
    """Heat map of a score matrix, and the distributions of its diagonal and of its other entries.

    scores: (B, B), the true log ratio in nats, joint pairs on the diagonal.
    truth: I(X;Y) in nats.
    """
    import seaborn  # here and not above: it takes a second, and brings pyplot with it

    fig, (left, right) = new(width=9, height=3.7, ncols=2, width_ratios=[1, 1.35])
    fig.get_layout_engine().set(w_pad=0.12)
    scores = np.array(scores)
    size = len(scores)
    limit = np.abs(np.diag(scores)).max()
    ticks = max(1, size // 4)
    bar = {"label": "log r(x, y) / nats", "extend": "min", "shrink": 0.9}
    seaborn.heatmap(scores, ax=left, cmap="PuOr_r", vmin=-limit, vmax=limit, square=True, cbar_kws=bar,
                    xticklabels=ticks, yticklabels=ticks)  # fmt: skip
    left.tick_params(rotation=0)
    left.set(xlabel="index j of y", ylabel="index i of x", title=f"one batch: {size} pairs, {size * size} scores")
    left.grid(False)
    bins = np.linspace(scores.min(), scores.max(), 50)
    rest = scores[~np.eye(size, dtype=bool)]
    for values, colour, alpha, label in (
        (rest, GRAY, 0.55, f"off the diagonal: {rest.size} unrelated pairs"),
        (np.diag(scores), ORANGE, 0.75, f"on the diagonal: {size} joint pairs"),
    ):
        seaborn.histplot(values, bins=bins, stat="density", ax=right, color=colour, alpha=alpha, lw=0, label=label)
    right.axvline(truth, color=BLACK, lw=1.2, ls="--", label=f"I(X;Y) = {truth:g} nats")
    right.set(xlabel="log r(x, y) / nats", ylabel="density", title="distribution of the scores")
    right.set_ylim(top=1.55 * right.get_ylim()[1])
    right.legend(loc="upper left", fontsize=9)
    return fig


@drawn
def staircase(
    *, levels: list[float], estimates: dict[str, list], ceiling: float, top: float, settled: float = 0.0
) -> Figure:
    """Estimates of each estimator, batch by batch, as the true information rises in steps.

    levels: (S,) true nats.
    estimates: name -> (S, n) nats, one estimate a batch.
    ceiling: log of the batch size, in nats.
    top: the upper end of the vertical axis; a mean above it is written as a number.
    settled: share of each step that the mean (thick line) leaves out at its beginning.
    """
    rows = math.ceil(len(estimates) / 3)
    fig, axes = new(width=9, height=2.7 * rows, ncols=3, nrows=rows, sharex=True, sharey=True, squeeze=False)
    for ax, (name, values) in zip(axes.flat, estimates.items(), strict=False):  # the last row may have room
        values, colour = np.array(values), COLOURS[name]
        steps, n = values.shape
        ax.plot(np.arange(steps * n), values.ravel().clip(-1, top), color=colour, lw=0.5, alpha=0.35)
        for step, level in enumerate(levels):
            span = (step * n, (step + 1) * n)
            late = values[step, int(settled * n) :].mean()
            ax.plot(span, (level, level), color=BLACK, lw=1.4, zorder=3)
            if late < top:
                ax.plot(((step + settled) * n, span[1]), (late, late), color=colour, lw=2.6, solid_capstyle="butt")
            else:
                ax.text(span[1], top - 0.3, f"{late:.0f} ↑", ha="right", va="top", color=colour, weight="bold")
        ax.axhline(ceiling, color=GRAY, lw=1, ls=":")
        ax.set_title(name)
        ax.set_xticks(np.arange(steps) * n + n / 2, [f"{level:g}" for level in levels])
        ax.grid(axis="x", visible=False)
    for ax in axes.flat[len(estimates) :]:
        ax.axis("off")
    for ax in axes[-1]:
        ax.set_xlabel("true I(X;Y) / nats")
    for ax in axes[:, 0]:
        ax.set_ylabel("estimate / nats")
    axes[0, 0].annotate("log B", (0, ceiling), (3, 3), textcoords="offset points", color=GRAY, fontsize=9)
    axes[0, 0].set_ylim(-1, top)
    return fig


@drawn
def limits(
    *, sizes: list[int], by_size: dict[str, list], truth: float, levels: list[float], spread: dict, theory: list
) -> Figure:
    """Mean estimate against the batch size (left), standard deviation against the information (right).

    sizes: (S,) batch sizes.
    by_size: name -> [mean (S,), standard error (S,)] in nats.
    truth: I(X;Y) of the left panel in nats.
    levels: (L,) nats, of the right panel.
    spread: name -> (L,) measured standard deviations in nats.
    theory: (L,) exact standard deviations of NWJ in nats.
    """
    fig, (left, right) = new(width=9, height=4.4, ncols=2)
    shades = {"alpha = 1 (InfoNCE)": (BLUE, "-"), "alpha = 0.1": (GRAY, "--"), "alpha = 0.01": (GRAY, "-."),
              "alpha = 0 (NWJ)": (VERMILLION, "-")}  # fmt: skip
    for name, (mean, error) in by_size.items():
        mean, error = np.array(mean), np.array(error)
        colour, line = shades[name]
        left.plot(sizes, mean, marker="o", color=colour, ls=line, label=name)
        left.fill_between(sizes, mean - 2 * error, mean + 2 * error, color=colour, alpha=0.2, lw=0)
    left.plot(sizes, np.log(sizes), color=GRAY, lw=1, ls=":")
    left.annotate("log B", (sizes[-2], math.log(sizes[-2])), (0, -6), textcoords="offset points", color=GRAY, va="top")
    left.axhline(truth, color=BLACK, lw=1.2)
    left.annotate("truth", (sizes[0], truth), (0, -3), textcoords="offset points", fontsize=9, va="top")
    left.set_xscale("log", base=2)
    left.set_xticks(sizes, [str(size) for size in sizes])
    left.minorticks_off()
    left.set(xlabel="batch size B", ylabel="mean estimate / nats", title="bias", ylim=(0, truth + 3))
    left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2, fontsize=9)
    for name, values in spread.items():
        right.plot(levels, values, marker="o", color=COLOURS[name], label=name)
    right.plot(levels, theory, color=VERMILLION, lw=1.2, ls="--", label="NWJ, exact")
    right.set_yscale("log")
    right.set(xlabel="true I(X;Y) / nats", ylabel="standard deviation / nats", title="variance", xticks=levels)
    right.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2, fontsize=9)
    return fig


@drawn
def clubs(*, widths: list[float], values: list[float], truth: float, exact: float) -> Figure:
    """CLUB's estimate for a conditional q(y|x) of the wrong variance.

    widths: (W,) q's variance over the true one.
    values: (W,) CLUB in nats.
    truth: I(X;Y) in nats.
    exact: CLUB's value at the true conditional, in nats.
    """
    fig, ax = new(width=6.4, height=3.4)
    ax.plot(widths, values, color=COLOURS["CLUB"], marker="o")
    ax.axhline(truth, color=BLACK, lw=1.2, ls="--")
    ax.annotate("I(X;Y)", (widths[0], truth), (0, 4), textcoords="offset points", color=BLACK)
    ax.annotate("the true conditional", (1, exact), (12, 4), textcoords="offset points")
    ax.set_xscale("log", base=2)
    ax.set_xticks([0.5, 1, 2, 4, 8], ["½", "1", "2", "4", "8"])
    ax.minorticks_off()
    ax.set(xlabel="variance of q(y|x) / true variance", ylabel="CLUB / nats", ylim=(0, 1.08 * max(values)))
    return fig


@drawn
def dimensions(*, dims: list[int], estimates: dict[str, list[float]], truth: float, samples: int) -> Figure:
    """Estimates of the same information against the number of dimensions that it is spread over.

    dims: (D,) dimensions of X, and of Y.
    estimates: name -> (D,) nats.
    truth: I(X;Y) in nats.
    samples: pairs in the sample.
    """
    fig, ax = new(width=7.4, height=4)
    styles = {
        "KSG, 3 neighbours": (ORANGE, "o", "-"),
        "InfoNCE, on its training samples": (BLUE, "s", ":"),
        "InfoNCE, on fresh samples": (BLUE, "s", "-"),
        "InfoNCE, true critic": (GRAY, "D", "-"),
    }
    for name, values in estimates.items():
        colour, marker, line = styles[name]
        ax.plot(dims, values, color=colour, marker=marker, ls=line, label=name)
    ax.axhline(truth, color=BLACK, lw=1.4)
    ax.annotate("truth", (dims[-1], truth), (0, 4), textcoords="offset points", ha="right", fontsize=9)
    ax.axhline(0, color=GRAY, lw=0.8)
    ax.set_xscale("log")
    ax.set_xticks(dims, [str(dim) for dim in dims])
    ax.minorticks_off()
    ax.set(xlabel="dimensions of X, and of Y", ylabel="estimate / nats", title=f"{samples} samples, {truth:g} nats")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return fig


@drawn
def histogram(*, name: str, values: list[float], truth: float, ceiling: float | None = None) -> Figure:
    """Histogram of many estimates of the same information.

    name: of the estimator.
    values: (n,) nats, one estimate a batch.
    truth: I(X;Y) in nats.
    ceiling: log of the batch size in nats, where the estimator is limited by it.
    """
    import seaborn

    fig, ax = new(width=6.8, height=3.4)
    values = np.array(values)
    low, high = np.quantile(values, [0.02, 0.98])
    low, high = min(low, truth) - 1, max(high, truth) + 1
    shown = values[(values >= low) & (values <= high)]
    seaborn.histplot(shown, bins=np.linspace(low, high, 45), ax=ax, color=COLOURS[name], alpha=0.6, lw=0)
    ax.axvline(truth, color=BLACK, lw=1.6, label=f"truth {truth:.2f}")
    ax.axvline(values.mean(), color=COLOURS[name], lw=2, ls="--", label=f"mean of the estimates {values.mean():.2f}")
    if ceiling is not None:
        ax.axvline(ceiling, color=GRAY, lw=1.2, ls=":", label=f"log B = {ceiling:.2f}")
    outside = len(values) - len(shown)
    title = f"{name}, {len(values)} batches" + (f" ({outside} outside the figure)" if outside else "")
    ax.set(xlabel="estimate / nats", ylabel="batches", title=title, xlim=(low, high))
    ax.set_ylim(top=1.45 * ax.get_ylim()[1])
    ax.legend(loc="upper left", ncols=2, fontsize=9)
    return fig


# Each row of the guide: a question, the function to use if the answer is yes, and what to know about it.
GUIDE = [
    ("Are both variables labels, with\nmany samples per pair of labels?", "plugin_mi",
     "exact up to a bias of $(K_{xy} - K_x - K_y + 1)\\,/\\,2N$;\nif the corrections disagree, collect more data"),
    ("Can you evaluate p(z|x),\nas with an encoder?", "gaussian_kl\nleave_one_out",
     "upper bounds; gaussian_kl is the rate to train on.\nCLUB grows far above the truth"),
    ("Are there at most about 5\ninformative dimensions?", "ksg",
     "no training, no hyperparameters; far too low\nin many dimensions"),
    ("Is the information well below\nlog of the batch size?", "infonce",
     "a lower bound with low variance, and a stable\ntraining loss; never above log B"),
    ("Do you need large values\nabout right?", "smile\njensen_shannon",
     "smile: low variance, may exceed the truth.\njensen_shannon: a bound, its variance grows like $e^{2I}$"),
    ("Is a measure of dependence\nenough, without a unit?", "nhsic",
     "no critic, no training, works as a loss;\nnot in nats, and weak in many dimensions"),
]  # fmt: skip


@drawn
def guide() -> Figure:
    """Decision list: which estimator to use, by questions answered from the top."""
    fig, ax = new(width=9, height=6.2)
    for row, (question, names, remark) in enumerate(GUIDE):
        y = -row
        for x, width, text, colour, ink in (
            (0, 2.55, question, "white", BLACK),
            (3.15, 2.35, names, BLUE, "white"),
        ):
            box = FancyBboxPatch((x, y - 0.32), width, 0.64, boxstyle="round,pad=0,rounding_size=0.08",
                                 edgecolor=BLUE, facecolor=colour, zorder=2)  # fmt: skip
            ax.add_patch(box)
            bold = "bold" if colour == BLUE else "normal"
            ax.text(x + width / 2, y, text, ha="center", va="center", color=ink, fontsize=9.5, weight=bold, zorder=3)
        ax.text(5.65, y, remark, va="center", fontsize=9.5, color="#333333")
        arrow = {"arrowstyle": "-|>", "color": GRAY, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", (3.15, y), (2.55, y), arrowprops=arrow)
        ax.text(2.85, y + 0.06, "yes", ha="center", va="bottom", fontsize=9, color=GRAY)
        if row + 1 < len(GUIDE):
            ax.annotate("", (1.275, y - 0.68), (1.275, y - 0.32), arrowprops=arrow)
            ax.text(1.33, y - 0.5, "no", va="center", fontsize=9, color=GRAY)
    ax.set(xlim=(-0.05, 9.1), ylim=(-len(GUIDE) + 0.55, 0.45))
    ax.axis("off")
    return fig
