"""Figures of lesson 17: poisoned images, victims, the water level, and one noise through two bottlenecks."""

import numpy as np
from matplotlib.figure import Figure

from infotok.lab.plots.style import BLACK, BLUE, GRAY, GREEN, ORANGE, PURPLE, SKY, VERMILLION, YELLOW, drawn, new

# A colour and a mark is a noise's, or a bottleneck's, in every figure of the lesson.
NOISES = {
    "none": (GRAY, "o"),
    "random": (BLACK, "x"),
    "class sign": (VERMILLION, "s"),
    "patches": (ORANGE, "D"),
    "feature collapse": (PURPLE, "^"),
    "class density": (SKY, "v"),
}
BOTTLENECKS = {"VIB": (YELLOW, "P"), "VAE": (BLUE, "o"), "water-filling": (GREEN, "^")}


@drawn
def examples(*, clean: list, noise: dict, poisoned: dict, eps: float) -> Figure:
    """Clean images, and below them each noise, enlarged in contrast, and the images with it.

    clean: (n, h, w); noise, poisoned: by name, (n, h, w) each; eps: the budget in pixel values.
    """
    rows = [("clean", clean, (0, 1))]
    for name in noise:
        rows += [(f"{name}\nnoise", noise[name], (-eps, eps)), (f"with\n{name}", poisoned[name], (0, 1))]
    fig, axes = new(width=8.4, height=1.05 * len(rows), nrows=len(rows), ncols=len(clean), squeeze=False)
    for line, (name, images, (low, high)) in zip(axes, rows, strict=True):
        for ax, image in zip(line, images, strict=True):
            ax.imshow(image, cmap="gray", vmin=low, vmax=high)
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    return fig


@drawn
def victims(*, panels: dict[str, dict[str, dict[str, list]]], chance: float) -> Figure:
    """Accuracy on clean images of victims trained on poisoned ones: means over seeds and 95 % intervals.

    panels: data set -> noise -> victim -> [mean, low, high].
    """
    fig, axes = new(width=8.8, height=3.7, ncols=len(panels), sharey=True, squeeze=False)
    for ax, (title, found) in zip(axes[0], panels.items(), strict=True):
        names = list(next(iter(found.values())))
        for i, (noise, scores) in enumerate(found.items()):
            colour, mark = NOISES.get(noise, (GREEN, "*"))
            at = np.arange(len(names)) + 0.11 * (i - (len(found) - 1) / 2)
            mean, low, high = np.array([scores[name] for name in names]).T
            ax.vlines(at, low, high, color=colour, lw=1.5)
            ax.plot(at, mean, mark, color=colour, label=noise)
        ax.axhline(chance, color=GRAY, ls="--", lw=1)
        ax.set_xticks(range(len(names)), [name.replace(" ", "\n") for name in names])
        ax.set(title=title, ylim=(0, 1))
    axes[0, 0].set_ylabel("accuracy on clean images")
    axes[0, 0].text(1.5, chance - 0.05, "chance", color=GRAY, fontsize=9, ha="center")
    axes[0, 0].legend(loc="upper right", ncols=2)
    return fig


@drawn
def level(*, variances: list, pattern: list, level: float, rate: float, kept: float) -> Figure:
    """Reverse water-filling: variances of the principal directions, those of the noise marked, and the level theta.

    variances: (d,), the largest first; pattern: (d,) the share of each direction that lies in the noise's span.
    """
    fig, ax = new(height=3.4)
    order = np.arange(1, len(variances) + 1)
    v, share = np.maximum(variances, 1e-5), np.array(pattern)
    ax.plot(order, v, ".", color=GRAY, ms=4, label="other direction")
    noisy = share > 0.15
    ax.plot(order[noisy], v[noisy], "s", color=VERMILLION, ms=5, label="direction with more than 15 % noise")
    ax.axhline(level, color=GREEN, lw=1.8, label=f"level θ at {rate:.0f} bits")
    ax.fill_between([1, len(v)], 1e-5, level, color=GREEN, alpha=0.12, lw=0)
    ax.set(xscale="log", yscale="log", xlabel="principal direction, by variance", ylabel="variance")
    ax.set(ylim=(max(v.min(), 1e-4) * 0.8, 2 * v[0]), title=f"the code keeps {kept:.0%} of the noise")
    ax.legend(loc="lower left")
    return fig


@drawn
def bottlenecks(*, curve: dict, kept: list, followed: dict[str, list], data: str) -> Figure:
    """What two bottlenecks do with the same noise: kept (left) and followed by a classifier (right), by rate.

    curve: {"rate": (r,) bits, "kept": (r,)} of reverse water-filling, the mean over the seeds.
    kept: rows [rate, mean, low, high] of the VAE; followed: bottleneck -> such rows.
    """
    fig, (left, right) = new(width=8.8, height=3.6, ncols=2, sharex=True)
    left.plot(curve["rate"], curve["kept"], color=GREEN, label="reverse water-filling, theory")
    groups = [(left, {"VAE": kept}), (right, followed)]
    for ax, points in groups:
        for name, rows in points.items():
            colour, mark = BOTTLENECKS[name]
            rate, mean, low, high = np.array(rows).T
            ax.vlines(rate, low, high, color=colour, lw=1.5)
            label = {"VIB": "VIB: sees labels", "VAE": "VAE: sees none"}.get(name, name)
            fill = "none" if name == "water-filling" else colour  # it may lie on the VAE's
            edge = BLACK if colour == YELLOW else colour  # yellow is for fills
            ax.plot(rate, mean, mark, color=edge, label=label, ms=9, markerfacecolor=fill)
    right.axhline(0.1, color=GRAY, ls="--", lw=1)
    right.text(90, 0.03, "chance", color=GRAY, fontsize=9)
    left.set(title=f"noise in the code, {data}", ylabel="share of the noise that is kept", ylim=(-0.03, 1.05))
    right.set(title="classifier behind the code", ylabel="share that follows the noise", ylim=(-0.03, 1.08))
    for ax in (left, right):
        ax.set(xscale="log", xlabel="rate / bits an image", xlim=(2, 200))
        ax.set_xticks([2, 5, 10, 20, 50, 100, 200], [2, 5, 10, 20, 50, 100, 200])
        ax.minorticks_off()
    left.legend(loc="upper left")
    right.legend(loc="center left", bbox_to_anchor=(0.0, 0.55))
    return fig
