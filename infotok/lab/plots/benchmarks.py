"""The figures of lesson 19: errors, intervals and times of the estimators, and times of training steps."""

import numpy as np
from matplotlib.figure import Figure

from infotok.lab.plots.style import BLACK, GRAY, GREEN, PALETTE, VERMILLION, drawn, new


@drawn
def scores(*, raw: list, scored: list, names: list[str]) -> Figure:
    """Scatter plots of pairs before and after their margins are made normal.

    raw, scored: for each task (N, 2) points, as they are and as normal scores; names: of the tasks.
    """
    fig, axes = new(width=9.5, height=5, ncols=len(names), nrows=2)
    axes = np.reshape(axes, (2, len(names)))
    for column, name in enumerate(names):
        for row, points in enumerate((raw[column], scored[column])):
            x, y = np.array(points).T
            axes[row, column].scatter(x, y, s=3, alpha=0.4, linewidths=0)
            axes[row, column].set(xlabel="x" if row == 0 else "normal score of x")
        axes[0, column].set_title(name)
    axes[0, 0].set_ylabel("y")
    axes[1, 0].set_ylabel("normal score of y")
    return fig


@drawn
def table(
    *,
    tasks: list[str],
    panels: dict[str, dict[str, list]],
    truth: list[float],
    tolerance: float = 0.1,
    reach: float = 1.1,
) -> Figure:
    """Mean error of each method on each task, in nats, with methods in panels side by side.

    tasks: names, one row each
    panels: {title: {method: error on each task, None where it was not run}}
    truth: mutual information of each task in nats
    tolerance: half-width of the grey band, as a share of the truth; 0.02 nats at least where the truth is below 0.2
    reach: errors beyond it, in nats, are triangles at the edge
    """
    fig, axes = new(width=9.5, height=0.2 * len(tasks) + 1.5, ncols=len(panels), sharex=True, sharey=True)
    place = np.arange(len(tasks))
    band = np.where(np.array(truth) < 0.2, np.maximum(0.02, tolerance * np.array(truth)), tolerance * np.array(truth))
    for ax, (title, methods) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        label = f"within {tolerance:.0%}" if ax is np.atleast_1d(axes)[0] else None
        ax.barh(place, 2 * band, left=-band, color="#E6E6E6", height=0.9, label=label)
        for (name, values), color, marker in zip(methods.items(), PALETTE, "osD^vP", strict=False):
            errors = np.array([np.nan if value is None else value for value in values])
            near = np.abs(errors) <= reach
            ax.plot(errors[near], place[near], marker, color=color, label=name, alpha=0.85, linestyle="none")
            for side, edge in ((errors < -reach, "<"), (errors > reach, ">")):
                ax.plot(np.full(side.sum(), -reach if edge == "<" else reach), place[side], edge, color=color)
        ax.axvline(0, color=BLACK, linewidth=0.8)
        ax.set(xlabel="estimate - truth / nats", xlim=(-1.06 * reach, 1.06 * reach), ylim=(len(tasks) - 0.4, -0.6))
        ax.set_yticks(place, tasks, fontsize=8)
        ax.legend(loc="lower left", bbox_to_anchor=(-0.02, 1), ncols=2, title=title, alignment="left")
    return fig


@drawn
def ratios(*, rows: list) -> Figure:
    """Time of another implementation over the time of infotok; right of 1 infotok is faster.

    rows: (task, name, ratio, lowest, highest, is a library) each; lowest and highest over repetitions are the bar.
    Filled marks are libraries. Hollow ones are floors: hand-written code that does the minimum of the task.
    """
    fig, ax = new(width=8, height=0.32 * len(rows) + 1.1)
    for i, (_, name, ratio, low, high, library) in enumerate(rows):
        ax.plot([1, ratio], [i, i], color=GRAY, linewidth=1)
        ax.plot([low, high], [i, i], color=PALETTE[0], linewidth=3, alpha=0.4)
        ax.plot(ratio, i, "o", markersize=7, color=PALETTE[0], markerfacecolor=PALETTE[0] if library else "white")
        text, place = f"{name} {ratio:.{1 if ratio >= 1 else 2}f}", (max(high, 1), i)
        ax.annotate(text, place, (8, 0), textcoords="offset points", va="center", fontsize=9)
    ax.axvline(1, color=BLACK, linewidth=1)
    ax.set_yticks(range(len(rows)), [task for task, *_ in rows])
    lowest, highest = min(0.8, *(row[3] for row in rows)), max(row[4] for row in rows)
    ax.set(xscale="log", ylim=(len(rows) - 0.5, -0.5), xlim=(lowest / 1.3, highest * 16),
           xlabel="its time / infotok's (right of 1 infotok is faster)")  # fmt: skip
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter("")
    return fig


@drawn
def coverage(*, tasks: list[str], low: list, high: list, truth: list[float]) -> Figure:
    """95 % intervals of repeated samples, one panel for each task; green where an interval contains the truth.

    tasks: names; low, high: ends of the intervals of each task, in nats; truth: of each task, in nats.
    """
    fig, axes = new(width=9.5, height=3, ncols=len(tasks))
    for ax, name, lows, highs, value in zip(np.atleast_1d(axes), tasks, low, high, truth, strict=True):
        lows, highs = np.array(lows), np.array(highs)
        hit = (lows <= value) & (value <= highs)
        for inside, color in ((hit, GREEN), (~hit, VERMILLION)):
            ax.vlines(np.flatnonzero(inside), lows[inside], highs[inside], color=color, linewidth=1.2)
        ax.axhline(value, color=BLACK, linewidth=0.8)
        ax.set_title(f"{name}\n{hit.mean():.0%} of {len(hit)}", fontsize=9)
        ax.set(xlabel="repetition", ylabel="95 % interval / nats" if ax is np.atleast_1d(axes)[0] else "")
    return fig


@drawn
def speed(*, dims: list[int], seconds: dict[str, list]) -> Figure:
    """Seconds of one estimate over the dimension of x and of y; seconds: {name: one for each of `dims`, or None}."""
    fig, ax = new(height=3.5)
    for (name, values), color in zip(seconds.items(), PALETTE, strict=False):
        known = [(d, v) for d, v in zip(dims, values, strict=True) if v is not None]
        ax.plot(*zip(*known, strict=True), "o-", label=name, color=color)
    ax.set(xlabel="dimensions of x, and of y", ylabel="time / s", yscale="log", xticks=dims)
    ax.legend()
    return fig


@drawn
def choice(*, candidates: dict[str, float], truth: float, interval: list[float], chosen: str) -> Figure:
    """Value of each candidate of the method "auto" on one task; the chosen one, its interval and the truth, in nats."""
    fig, ax = new(height=2.6)
    names = list(candidates)
    ax.plot(list(candidates.values()), names, "o", color=GRAY)
    if chosen in names:
        ax.plot(interval, [chosen, chosen], color=PALETTE[0], linewidth=3, alpha=0.5)
        ax.plot([candidates[chosen]], [chosen], "o", color=PALETTE[0], label="chosen, with its 95 % interval")
    ax.axvline(truth, color=BLACK, linewidth=1, label="truth")
    ax.set(xlabel="estimate / nats", ylim=(len(names) - 0.5, -0.5))
    ax.legend()
    return fig
