"""The figures of lesson 16: a soft mask, variants against the dense network, what scores know, bits, and samples.

A colour is a schedule: blue removes at once, green in rounds, orange by a soft mask; grey is a network not pruned.
"""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import ScalarFormatter

from infotok.lab.plots.images import show
from infotok.lab.plots.style import BLACK, BLUE, GRAY, GREEN, ORANGE, PURPLE, SKY, VERMILLION, drawn, new

SCHEDULES = {"not pruned": GRAY, "one shot": BLUE, "iterative": GREEN, "soft": ORANGE}
MARKS = "os^D"
CRITERIA = {"magnitude": PURPLE, "taylor": SKY, "fisher": BLACK, "gradient_flow": VERMILLION}  # no schedule's
NAMES = {"gradient_flow": "gradient norm", "taylor": "Taylor", "fisher": "Fisher", "magnitude": "magnitude"}


@drawn
def mask(*, scores: list[float], masks: dict[str, list[float]], rate_weights: dict[str, float]) -> Figure:
    """Soft masks against their scores at several temperatures, with the multiplier of each budget.

    scores: of units; masks: by temperature, in the same order; rate_weights: lambda by temperature.
    """
    fig, ax = new(width=6.4, height=3.4)
    order = np.argsort(scores)
    for (name, values), line, marker in zip(masks.items(), ("-", "--", "-."), MARKS, strict=False):
        total = float(np.sum(values))
        ax.plot(np.array(scores)[order], np.array(values)[order], marker=marker, ms=4, color=ORANGE, ls=line,
                label=f"T = {name}, sum {total:.1f}")  # fmt: skip
        ax.axvline(rate_weights[name], color=GRAY, lw=1, ls=line)
    ax.set(xlabel="score a of a unit", ylabel="mask m", ylim=(-0.03, 1.03))
    ax.legend(title="grey: rate weight of a unit", loc="upper left", alignment="left")
    return fig


@drawn
def variants(*, found: dict, schedules: dict[str, str], panels: dict[str, str]) -> Figure:
    """Differences to the dense network by variant, 95 % intervals; a panel for each score.

    found: {data: {variant: {score: [low, mean, high, seeds] or None}}}.
    schedules: by variant, a key of `SCHEDULES`, in the order of the rows.
    panels: {score: the label of its axis}.
    """
    names = list(schedules)
    fig, axes = new(width=9.4, height=1.4 + 0.27 * len(names), ncols=len(panels), sharey=True, squeeze=False)
    shift = np.linspace(-0.2, 0.2, len(found)) if len(found) > 1 else [0.0]
    for ax, (score, label) in zip(axes[0], panels.items(), strict=True):
        ax.axvline(0, color=BLACK, lw=1)
        for (_, by_variant), offset, marker in zip(found.items(), shift, MARKS, strict=False):
            for row, name in enumerate(names):
                interval = by_variant.get(name, {}).get(score)
                if interval:
                    low, mean, high, seeds = interval
                    colour = SCHEDULES[schedules[name]]
                    if seeds > 2:
                        ax.plot([low, high], [row + offset] * 2, color=colour, lw=1.4)
                    ax.plot(mean, row + offset, marker, color=colour, ms=5)
        ax.set(xlabel=label)
        ax.grid(visible=False, axis="y")
    axes[0, 0].set_yticks(range(len(names)), labels=names)
    axes[0, 0].set_ylim(len(names) - 0.5, -0.5)
    lines = [Line2D([], [], color=colour, lw=3) for colour in SCHEDULES.values()]
    marks = [Line2D([], [], color=BLACK, marker=mark, ls="") for _, mark in zip(found, MARKS, strict=False)]
    fig.legend([*lines, *marks], [*SCHEDULES, *found], loc="outside lower center", ncols=len(lines) + len(marks))
    return fig


@drawn
def quality(*, panels: dict[str, dict[str, dict[str, list[float]]]]) -> Figure:
    """Rank correlations of the scores by criterion, a panel for each question: seeds as points, their mean as a bar.

    panels: {question: {setting, such as "late, batch 64": {criterion: a value per seed}}}.
    """
    fig, axes = new(width=9.8, height=3.6, ncols=len(panels), sharey=True, squeeze=False)
    for ax, (title, settings) in zip(axes[0], panels.items(), strict=True):
        ax.axhline(0, color=BLACK, lw=1)
        for place, by_criterion in enumerate(settings.values()):
            spread = np.linspace(-0.3, 0.3, len(CRITERIA))
            for offset, (name, colour), marker in zip(spread, CRITERIA.items(), MARKS, strict=True):
                values = by_criterion.get(name, [])
                ax.plot([place + offset] * len(values), values, marker, color=colour, ms=4, alpha=0.5)
                if values:
                    ax.plot([place + offset - 0.08, place + offset + 0.08], [np.mean(values)] * 2, color=colour, lw=2.5)
        ax.set_xticks(range(len(settings)), labels=[name.replace(", ", "\n") for name in settings], fontsize=8.5)
        ax.set(title=title, ylim=(-1.05, 1.05))
        ax.grid(visible=False, axis="x")
    axes[0, 0].set_ylabel("rank correlation")
    handles = [Line2D([], [], color=c, marker=m, ls="") for c, m in zip(CRITERIA.values(), MARKS, strict=True)]
    fig.legend(handles, [NAMES[name] for name in CRITERIA], loc="outside lower center", ncols=len(CRITERIA))
    return fig


@drawn
def bits(*, curves: dict[str, list]) -> Figure:
    """Held-out loss against the bits that describe a network: weights rounded to fewer bits, from right to left.

    curves: {network: [[kilobits, loss, bits of a weight], ...]}.
    """
    fig, ax = new(width=6.4, height=3.6)
    colours = (GRAY, GRAY, BLUE, ORANGE)
    for (name, points), colour, marker in zip(curves.items(), colours, MARKS, strict=False):
        size, loss, each = np.array(points).T
        ax.plot(size, loss, marker=marker, color=colour, ls="--" if marker == "s" else "-", label=name)
        for x, y, b in zip(size, loss, each, strict=True):
            ax.annotate(f"{b:.0f}", (x, y), (3, 4), textcoords="offset points", color=colour, fontsize=8.5)
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.set(xlabel="mask and weights / kilobits", ylabel="held-out loss")
    ax.legend(title="numbers: bits of a weight", loc="upper right", alignment="left")
    return fig


@drawn
def samples(*, rows: dict[str, list]) -> Figure:
    """Samples of several networks from the same noise, a column for each noise.

    rows: {network: images (n, S, S) in [0, 1]}.
    """
    n = max(len(images) for images in rows.values())
    fig, axes = new(width=9.0, height=0.1 + 0.8 * len(rows), ncols=n, nrows=len(rows), squeeze=False)
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        for ax, image in zip(line, images, strict=False):
            show(ax, np.clip(image, 0, 1), cmap="gray", vmin=0, vmax=1)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    return fig
