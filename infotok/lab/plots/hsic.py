"""Pictures of lesson 05: kernel matrices, where dependence and information part, and InfoTok under a nuisance."""

import numpy as np
from matplotlib.figure import Figure

from infotok.lab.plots.style import BLUE, GRAY, GREEN, ORANGE, VERMILLION, drawn, new

COLOURS = (GRAY, ORANGE, BLUE, VERMILLION, GREEN)


@drawn
def kernels(*, x: list, y: list, kernel_x: list, kernel_y: list, value: float) -> Figure:
    """A sample, its two centred kernel matrices in the order of x, and the cosine between them."""
    fig, (left, middle, right) = new(width=9.0, height=3.1, ncols=3)
    left.plot(x, y, ".", color=BLUE, ms=3)
    left.set(xlabel="x", ylabel="y", title=f"nHSIC = {value:.3f}")
    for ax, kernel, name in ((middle, kernel_x, "K of x, centred"), (right, kernel_y, "K of y, centred")):
        image = np.array(kernel)
        top = np.abs(image).max()
        ax.imshow(image, cmap="RdBu_r", vmin=-top, vmax=top)
        ax.set(title=name, xticks=[], yticks=[], xlabel="samples, sorted by x")
        ax.grid(False)
    return fig


@drawn
def against_information(*, gaussian: list, gaussian_mi: list, waves: list, waves_mi: list, frequencies: list) -> Figure:
    """nHSIC against mutual information for Gaussians, and for waves of growing frequency, which all share as much."""
    fig, (left, right) = new(width=8.4, height=3.5, ncols=2)
    left.plot(gaussian_mi, gaussian, "o-", color=BLUE)
    left.set(xlabel="I(X;Y) / nats", ylabel="nHSIC", title="Correlated Gaussians", ylim=(-0.03, 1))
    right.plot(frequencies, waves_mi, "s--", color=GRAY, label="I(X;Y) / nats")
    right.plot(frequencies, waves, "o-", color=VERMILLION, label="nHSIC")
    right.set(xlabel="waves across the range of x", title="y = sin(frequency x) + noise", xticks=frequencies)
    right.set_ylim(-0.05, 1.25 * max(waves_mi))
    right.legend(loc="upper right", ncols=2)
    return fig


@drawn
def scaling(*, factors: list, right: list, wrong: list) -> Figure:
    """nHSIC of the same data in other units: it stays with sigma a distance, not with sigma a squared distance."""
    fig, ax = new(height=3.3)
    ax.plot(factors, right, "o-", color=BLUE, label="sigma = median distance")
    ax.plot(factors, wrong, "s-", color=VERMILLION, label="sigma = median squared distance")
    ax.set(xscale="log", xlabel="both variables multiplied by", ylabel="nHSIC (biased)", ylim=(-0.03, 1.1))
    ax.set(title="A bandwidth must be a distance")
    ax.legend(loc="lower right")
    return fig


@drawn
def examples(*, images: list, labels: list, kinds: list) -> Figure:
    """Digits under gratings, each with its label and the kind of its grating."""
    fig, axes = new(width=8.4, height=1.5, ncols=len(images))
    for ax, image, label, kind in zip(axes, images, labels, kinds, strict=True):
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[], title=f"{label} | {kind}")
        ax.grid(False)
    return fig


@drawn
def arms(*, names: list[str], nuisance: list, accuracy: list, ceiling: float) -> Figure:
    """What the tokens keep of the nuisance and how well the label is read, seed by seed, for each arm."""
    fig, (left, right) = new(width=8.4, height=3.7, ncols=2)
    for ax, values in ((left, np.array(nuisance)), (right, np.array(accuracy))):
        ax.plot(range(len(names)), values, color="#CCCCCC", lw=0.8)  # a line per seed
        for i, name in enumerate(names):
            ax.plot(np.full(values.shape[1], i), values[i], "o", color=COLOURS[i], label=name)
            ax.plot([i - 0.22, i + 0.22], [values[i].mean()] * 2, color=COLOURS[i], lw=2.5)
        ax.set_xticks(range(len(names)), labels=[name.replace(" ", "\n") for name in names])
        ax.set_xlim(-0.5, len(names) - 0.5)
    left.axhline(0, color=GRAY, lw=0.8)
    left.set(ylabel="I(Z; nuisance), at least / nats", title=f"Nuisance kept, of {ceiling:.2f} nats")
    right.set(ylabel="accuracy on held-out images", title="Label read")
    return fig


@drawn
def intervals(*, names: list[str], nuisance: list, accuracy: list) -> Figure:
    """Paired differences from the host alone, with 95 % intervals."""
    fig, (left, right) = new(width=8.4, height=0.9 + 0.5 * len(names), ncols=2, sharey=True)
    for ax, rows, title in ((left, nuisance, "I(Z; nuisance) / nats"), (right, accuracy, "label accuracy")):
        ax.axvline(0, color=GRAY, lw=1)
        for i, (low, mean, high) in enumerate(rows):
            ax.plot([low, high], [i, i], color=COLOURS[i + 1], lw=2.5)
            ax.plot([mean], [i], "o", color=COLOURS[i + 1])
        ax.set(xlabel=f"{title}, minus the host alone")
    left.set_yticks(range(len(names)), labels=names)
    left.set_ylim(len(names) - 0.5, -0.5)
    return fig
