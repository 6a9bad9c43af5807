"""Figures of lesson 06: rate and distortion on N(0, 1), a codebook that collapses, and photographs at equal bits."""

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from infotok.lab.plots.images import show
from infotok.lab.plots.style import BLACK, BLUE, GRAY, GREEN, ORANGE, PALETTE, VERMILLION, drawn, new

SHAPING = 0.5 * np.log2(2 * np.pi * np.e / 12)  # bits per number between rounding and Shannon at high rates
MARKERS = "osD^vP*X"


@drawn
def gaussian(
    *,
    bits: list[float],
    lloyd_max: list[float],
    vector: list[float],
    uniform: list[float],
    scalar: list[float],
    rounded_bits: list[float],
    rounded: list[float],
) -> Figure:
    """Rate and distortion on N(0, 1): the mean square error, and the number of bits above Shannon's bound.

    Args:
        bits: log2 of the number of levels.
        lloyd_max: error of the best levels, at each of `bits`.
        vector: error of a trained vector quantizer.
        uniform: error of the best evenly spaced levels.
        scalar: error of a finite scalar quantizer.
        rounded_bits: entropy of plain rounding, in bits per number, at many steps.
        rounded: its error.
    """
    fig, (left, right) = new(width=9.2, height=4.0, ncols=2)
    grid = np.linspace(0, 1.08 * max(bits), 100)
    left.plot(grid, 4.0**-grid, color=BLACK, lw=1.2, label="Shannon's bound $2^{-2R}$")
    left.plot(rounded_bits, rounded, color=GREEN, label="rounding, entropy coded")
    left.plot(bits, uniform, color=ORANGE, lw=1, ls=":")
    left.plot(bits, scalar, "s", color=ORANGE, mfc="white", ms=6, label="even levels (dotted) and FSQ")
    left.plot(bits, lloyd_max, color=BLUE, lw=1, ls="--")
    left.plot(bits, vector, "o", color=BLUE, label="Lloyd-Max (dashed) and a trained VQ")
    left.set(xlabel="rate / bits per number", ylabel="mean square error", title="Distortion")
    left.set_yscale("log", base=2)
    left.set(xlim=(0, grid[-1]), ylim=(0.7 * 4.0 ** -grid[-1], 1.3))
    left.legend(loc="lower left")

    def above(rate: list[float], error: list[float]) -> np.ndarray:
        return np.asarray(rate) - 0.5 * np.log2(1 / np.asarray(error))

    right.axhline(SHAPING, color=GRAY, lw=1, ls="--")
    right.text(grid[-1], SHAPING - 0.012, f"{SHAPING:.4f} bits", ha="right", va="top", color=GRAY, fontsize=9)
    right.plot(rounded_bits, above(rounded_bits, rounded), color=GREEN)
    right.plot(bits, above(bits, uniform), color=ORANGE, lw=1, ls=":")
    right.plot(bits, above(bits, scalar), "s", color=ORANGE, mfc="white", ms=6)
    right.plot(bits, above(bits, lloyd_max), color=BLUE, lw=1, ls="--")
    right.plot(bits, above(bits, vector), "o", color=BLUE)
    right.set(xlabel="rate / bits per number", ylabel="bits per number above it", title="Distance from Shannon's bound")
    right.set(xlim=(0, grid[-1]), ylim=(0, None))
    return fig


@drawn
def spent(*, cloud: list[list], tokens: list[list], titles: list[list[str]]) -> Figure:
    """The tokens that quantizers can produce, over the data: one row per data set, one column per quantizer.

    Args:
        cloud: for each row (N, 2), the data.
        tokens: for each row and column (K, 2), every token that the codes can name.
        titles: for each row and column.
    """
    rows, columns = len(tokens), len(tokens[0])
    fig, axes = new(width=9.2, height=3.05 * rows, nrows=rows, ncols=columns, squeeze=False)
    for row in range(rows):
        x, y = np.array(cloud[row]).T
        for column in range(columns):
            ax = axes[row, column]
            ax.scatter(x, y, s=4, color="#C9DDEC", linewidths=0)
            ax.plot(*np.array(tokens[row][column]).T, ".", color=BLUE, ms=4)
            ax.set(title=titles[row][column], xlim=(-3.6, 3.6), ylim=(-3.6, 3.6), aspect="equal")
            ax.set(xlabel="first number" if row == rows - 1 else "", ylabel="second number" if column == 0 else "")
            ax.title.set_fontsize(10)
    return fig


@drawn
def film(
    *, cloud: list, codebook: list, counts: list[int], passes: list[int], used: list[float], now: int, size: int
) -> Figure:
    """A codebook in the plane with the cells of its codes, and the share of codes in use along training.

    Args:
        cloud: (N, 2), the data.
        codebook: (K, 2).
        counts: (K,), vectors in each cell.
        passes: numbers of training steps.
        used: share of codes in use after each of them.
        now: the number of steps that is shown.
        size: K.
    """
    fig, (left, right) = new(width=9.2, height=4.4, ncols=2, width_ratios=(1.15, 1))
    codes, alive = np.array(codebook), np.array(counts) > 0
    reach = 3.4
    line = np.linspace(-reach, reach, 240)
    plane = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    cell = ((codes**2).sum(1) - 2 * plane @ codes.T).argmin(1).reshape(240, 240)
    tints = ListedColormap(["#F3F3F3", "#DCE9F3", "#E3F1EB", "#FBEBDD", "#F6E6EF", "#E4F2FB", "#FAF6D8"])
    left.imshow(cell % 7, cmap=tints, vmin=-0.5, vmax=6.5, origin="lower", extent=(-reach, reach, -reach, reach))
    left.contour(line, line, cell, levels=np.arange(len(codes)) + 0.5, colors="white", linewidths=0.4)
    left.plot(*np.array(cloud).T, ".", color=GRAY, ms=2, alpha=0.5)
    inside = np.abs(codes).max(1) < reach
    left.plot(*codes[~alive & inside].T, "x", color=VERMILLION, ms=7, mew=2, label="unused code")
    left.plot(*codes[alive & inside].T, "o", color=BLUE, ms=6, mec="white", mew=0.8, label="code in use")
    outside = int((~inside).sum())
    left.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="first number", ylabel="second number")
    beyond = f", {outside} outside the frame" if outside else ""
    left.set_title(f"after {now} steps: {int(alive.sum())} of {size} codes in use{beyond}", fontsize=10.5)
    left.grid(False)
    marks = left.get_legend_handles_labels()
    right.legend(*marks, loc="center right")
    right.plot(passes, used, "o-", color=BLUE, ms=4)
    right.plot([now], [used[passes.index(now)]], "o", ms=11, mfc="none", mec=BLACK, mew=2)
    right.set(xlabel="training steps", ylabel="share of codes in use", ylim=(-0.03, 1.06), xscale="symlog")
    ticks = [tick for tick in (0, 1, 10, 100, 1000) if tick <= max(passes)]
    right.set_xticks(ticks, [str(tick) for tick in ticks])
    right.set(xlim=(-0.2, 1.3 * max(passes)))
    return fig


@drawn
def rate_distortion(*, quantizers: dict[str, dict], gaussian: dict, pixels: int) -> Figure:
    """PSNR of held-out patches against bits per pixel: the room of the codes, and their entropy.

    Args:
        quantizers: name -> {"bits": room per patch, "entropy": of the codes in bits, "psnr"}, lists over budgets.
        gaussian: "bits" (KL) and "psnr" of continuous tokens.
        pixels: in a patch.
    """
    fig, (left, right) = new(width=9.6, height=4.2, ncols=2, sharey=True)
    for (name, row), color, marker in zip(quantizers.items(), [*PALETTE, GRAY], MARKERS, strict=False):
        for ax, key in ((left, "bits"), (right, "entropy")):
            bits = np.array(row[key]) / pixels
            ax.plot(bits, row["psnr"], marker=marker, color=color, lw=1.4, ms=5.5, label=name)
    right.plot(np.array(gaussian["bits"]) / pixels, gaussian["psnr"], color=BLACK, ls=":", lw=1.4, label="Gaussian")
    left.set(xlabel="room / bits per pixel", ylabel="held-out PSNR / dB", title="By room")
    right.set(xlabel="entropy (KL for Gaussian) / bits per pixel", title="By entropy")
    handles, labels = right.get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside right center")
    return fig


@drawn
def pictures(*, columns: list[dict]) -> Figure:
    """Originals and reconstructions: one column per quantizer.

    columns: for each its "title", and "images", packed (`infotok.images.packed`), one for each row.
    """
    count, rows = len(columns), len(columns[0]["images"])
    fig, axes = new(width=9.6, height=rows * 9.6 / count + 0.5, ncols=count, nrows=rows, squeeze=False)
    fig.get_layout_engine().set(w_pad=0.015, h_pad=0.015, wspace=0, hspace=0)
    for column, content in enumerate(columns):
        for row, image in enumerate(content["images"]):
            show(axes[row, column], image)
        axes[0, column].set_title(content["title"], fontsize=8.5, loc="center")
    return fig
