"""Figures of lesson 18: captures, completed patches, errors by variant and threshold, and domain information."""

import numpy as np
from matplotlib.figure import Figure

from infotok.lab.plots.images import show
from infotok.lab.plots.style import BLACK, BLUE, GRAY, GREEN, ORANGE, PURPLE, SKY, VERMILLION, drawn, new

LOOKS = {  # colour, mark
    "cross-entropy": (GRAY, "o"),
    "contrastive": (ORANGE, "^"),
    "masked contrastive": (BLUE, "s"),
    "masked": (GREEN, "D"),
    "positives within a domain": (VERMILLION, "v"),
    "Fourier energy": (BLACK, "P"),
}
OTHER = (PURPLE, "X")
LIVE, SPOOF = SKY, PURPLE


@drawn
def captures(*, images: dict[str, dict[str, list[str]]]) -> Figure:
    """Captures of each domain, live ones on the left and spoofed ones on the right.

    images: domain -> {"live": packed images, "spoof": as many}.
    """
    count = len(next(iter(images.values()))["live"])
    fig, axes = new(
        width=8.4, height=1.05 * len(images), nrows=len(images), ncols=2 * count + 1, squeeze=False,
        width_ratios=[*[1] * count, 0.25, *[1] * count],
    )  # fmt: skip
    for row, (name, parts) in zip(axes, images.items(), strict=True):
        row[count].axis("off")
        for ax, image in zip([*row[:count], *row[count + 1 :]], parts["live"] + parts["spoof"], strict=True):
            show(ax, image)
        row[0].set_ylabel(name, fontsize=10)
    axes[0][0].set_title("live")
    axes[0][count + 1].set_title("spoof")
    return fig


@drawn
def completions(*, rows: dict[str, list[str]]) -> Figure:
    """Captures, their visible patches, and what a masked autoencoder makes of the hidden ones.

    rows: title -> packed images, equally many in each.
    """
    count = len(next(iter(rows.values())))
    fig, axes = new(width=8.4, height=1.05 * len(rows), nrows=len(rows), ncols=count, squeeze=False)
    for line, (title, images) in zip(axes, rows.items(), strict=True):
        for ax, image in zip(line, images, strict=True):
            show(ax, image)
        line[0].set_ylabel(title, fontsize=9)
    return fig


@drawn
def errors(*, source: dict[str, list[float]], target: dict[str, list[float]]) -> Figure:
    """HTER in the unseen domain by variant and seed, with the threshold from the known domains and from the target.

    source, target: variant -> HTER of each seed, the mean of its targets.
    """
    fig, ax = new(width=8.4, height=0.9 + 0.5 * len(source))
    for y, name in enumerate(source):
        colour, _ = LOOKS.get(name, OTHER)
        for values, mark, fill, shift in ((source[name], "o", colour, -0.13), (target[name], "D", "white", 0.13)):
            ax.plot(values, np.full(len(values), y + shift), mark, color=colour, mfc=fill, ms=5, alpha=0.75)
            ax.plot([np.mean(values)] * 2, [y + shift - 0.12, y + shift + 0.12], color=BLACK, lw=2)
    ax.axvline(0.5, color=GRAY, ls="--", lw=1)
    ax.annotate("chance", (0.5, -0.55), (-4, 0), textcoords="offset points", ha="right", color=GRAY, fontsize=9)
    for mark, fill, label in (("o", GRAY, "source threshold"), ("D", "white", "target threshold")):
        ax.plot([], [], mark, color=GRAY, mfc=fill, label=label)
    ax.plot([], [], "|", color=BLACK, ms=10, mew=2, label="mean of seeds")
    ax.set_yticks(range(len(source)), labels=list(source))
    ax.set(ylim=(len(source) - 0.4, -0.75), xlim=(0, 0.6), xlabel="HTER in the unseen domain, mean of four targets")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return fig


@drawn
def differences(*, panels: dict[str, dict[str, list[float]]]) -> Figure:
    """Paired differences of two variants with 95 % intervals, a panel for each score.

    panels: label of the axis -> what is compared -> low, mean, high.
    """
    names = list(next(iter(panels.values())))
    fig, axes = new(
        width=8.4, height=0.9 + 0.5 * len(names), ncols=len(panels), sharey=True, squeeze=False
    )  # fmt: skip
    for ax, (label, found) in zip(axes[0], panels.items(), strict=True):
        for y, (low, mean, high) in enumerate(found.values()):
            decided = low > 0 or high < 0
            ax.plot([low, high], [y, y], color=BLACK if decided else GRAY, lw=2)
            ax.plot([mean], [y], "o", color=BLACK if decided else GRAY, mfc=BLACK if decided else "white")
        ax.axvline(0, color=BLACK, lw=1)
        ax.set_yticks(range(len(names)), labels=names)
        ax.set(ylim=(len(names) - 0.4, -0.6), xlabel=label)
        ax.grid(visible=False, axis="y")
    return fig


@drawn
def information(*, bits: dict[str, list[float]], errors: dict[str, list[float]], ceiling: float) -> Figure:
    """HTER in the unseen domain against information about the domain in the features, a point for each seed.

    bits: variant -> I(Z; D given live) of each seed.
    errors: variant -> HTER of each seed.
    ceiling: H(D), bits.
    """
    fig, ax = new(width=7.2, height=3.8)
    for name, x in bits.items():
        colour, mark = LOOKS.get(name, OTHER)
        ax.plot(x, errors[name], mark, color=colour, ms=5, alpha=0.45)
        ax.plot([np.mean(x)], [np.mean(errors[name])], mark, color=colour, ms=10, mec=BLACK, label=name)
    ax.axvline(ceiling, color=GRAY, ls="--", lw=1)
    ax.annotate("H(D)", (ceiling, ax.get_ylim()[1]), (-3, -2), textcoords="offset points", ha="right", va="top",
                color=GRAY, fontsize=9)  # fmt: skip
    ax.set(xlabel="I(Z; D given live) / bits", ylabel="HTER, source threshold")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), title="large: mean of seeds")
    return fig


@drawn
def threshold(*, known: dict[str, list], new_domain: dict[str, list], at: float, title: str) -> Figure:
    """Scores of live and spoofed captures in the known domains and in the unseen one, with a threshold.

    known, new_domain: "live" and "spoof" -> scores.
    at: the threshold.
    title: of the lower panel.
    """
    fig, (top, bottom) = new(width=7.2, height=4.2, nrows=2, sharex=True)
    every = np.concatenate([*known.values(), *new_domain.values()])
    low, high = np.quantile(every, [0.01, 0.99])
    edges = np.linspace(low, high, 36)
    for ax, scores, name in ((top, known, "known domains, validation"), (bottom, new_domain, title)):
        for label, colour, look in (("live", LIVE, "-"), ("spoof", SPOOF, "--")):
            counts, _ = np.histogram(np.clip(scores[label], low, high), edges)
            ax.stairs(counts / counts.sum(), edges, color=colour, lw=2, ls=look, label=label)
            ax.stairs(counts / counts.sum(), edges, color=colour, fill=True, alpha=0.2)
        ax.axvline(np.clip(at, low, high), color=BLACK, lw=1.5)
        ax.set(ylabel="share", title=name)
    top.legend(loc="upper left")
    bottom.set_xlabel("score (log odds of live)")
    return fig
