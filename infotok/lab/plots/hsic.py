"""Figures of lesson 05: kernel matrices, nHSIC against mutual information, and InfoTok under a labelled nuisance."""

import numpy as np
from matplotlib.figure import Figure

from infotok.lab.plots.style import BLACK, BLUE, GRAY, GREEN, ORANGE, PURPLE, VERMILLION, drawn, new

COLOURS = (GRAY, ORANGE, BLUE, VERMILLION)  # of the variants
NHSIC = GREEN


@drawn
def kernels(*, x: list, y: list, kernel_x: list, kernel_y: list, value: float) -> Figure:
    """A sample, and its two centred kernel matrices in the order of x.

    x, y: (N,).
    kernel_x, kernel_y: (N, N).
    value: nHSIC, the cosine of the two matrices.
    """
    fig, (left, middle, right) = new(width=9.0, height=3.1, ncols=3)
    left.plot(x, y, ".", color=BLACK, ms=3)
    left.set(xlabel="x", ylabel="y", title=f"nHSIC (biased) = {value:.3f}")
    for ax, kernel, name in ((middle, kernel_x, "K of x, centred"), (right, kernel_y, "K of y, centred")):
        image = np.array(kernel)
        top = np.abs(image).max()
        ax.imshow(image, cmap="RdBu_r", vmin=-top, vmax=top)
        ax.set(title=name, xticks=[], yticks=[], xlabel="samples, sorted by x")
        ax.grid(False)
    return fig


@drawn
def against_information(*, gaussian: list, gaussian_mi: list, waves: list, waves_mi: list, frequencies: list) -> Figure:
    """nHSIC against mutual information for Gaussians (left), and both against the frequency of a sine wave (right).

    gaussian, gaussian_mi: (G,) nHSIC, and nats.
    waves, waves_mi: (F,) nHSIC, and nats.
    frequencies: (F,) periods over the range of x.
    """
    fig, (left, right) = new(width=8.4, height=3.5, ncols=2)
    left.plot(gaussian_mi, gaussian, "o-", color=NHSIC)
    left.set(xlabel="I(X;Y) / nats", ylabel="nHSIC", title="correlated Gaussians", ylim=(-0.03, 1))
    right.plot(frequencies, waves_mi, "s--", color=GRAY, label="I(X;Y) / nats")
    right.plot(frequencies, waves, "o-", color=NHSIC, label="nHSIC")
    right.set(xlabel="frequency", ylabel="nHSIC, or nats", title="y = sin(frequency x) + noise", xticks=frequencies)
    right.set_ylim(-0.05, 1.25 * max(waves_mi))
    right.legend(loc="upper right", ncols=2)
    return fig


@drawn
def scaling(*, factors: list, right: list, wrong: list) -> Figure:
    """nHSIC of the same data in other units, for two choices of the bandwidth sigma.

    factors: (F,) by which both variables are multiplied.
    right: (F,) nHSIC with the median distance as sigma.
    wrong: (F,) nHSIC with the median squared distance as sigma.
    """
    fig, ax = new(height=3.3)
    ax.plot(factors, right, "o-", color=NHSIC, label="sigma = median distance")
    ax.plot(factors, wrong, "s-", color=PURPLE, label="sigma = median squared distance")
    ax.set(xscale="log", xlabel="both variables multiplied by", ylabel="nHSIC (biased)", ylim=(-0.03, 1.1))
    ax.legend(loc="lower right")
    return fig


@drawn
def examples(*, images: list, labels: list, kinds: list) -> Figure:
    """Digits under gratings, each with its label and the orientation of its grating.

    images: (n, 8, 8).
    labels, kinds: (n,).
    """
    fig, axes = new(width=8.4, height=1.5, ncols=len(images))
    for ax, image, label, kind in zip(axes, images, labels, kinds, strict=True):
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[], title=f"{label} | {kind}")
        ax.grid(False)
    return fig


@drawn
def variants(*, names: list[str], nuisance: list, accuracy: list, ceiling: float) -> Figure:
    """Probed information about the nuisance (left), and accuracy of the classifier (right), by variant and seed.

    names: (V,) variants, the baseline first.
    nuisance: (V, seeds) nats, lower bounds.
    accuracy: (V, seeds).
    ceiling: H(nuisance) in nats.
    """
    import seaborn  # here and not above: it takes a second, and brings pyplot with it

    fig, (left, right) = new(width=8.4, height=3.7, ncols=2)
    for ax, values in ((left, np.array(nuisance)), (right, np.array(accuracy))):
        at = np.repeat(np.arange(len(names)), values.shape[1])
        ax.plot(range(len(names)), values, color="#CCCCCC", lw=0.8, zorder=0)  # a line per seed
        seaborn.stripplot(x=at, y=values.ravel(), hue=at, palette=[*COLOURS[: len(names)]], jitter=False, size=6,
                          legend=False, ax=ax)  # fmt: skip
        for i, mean in enumerate(values.mean(axis=1)):
            ax.plot([i - 0.22, i + 0.22], [mean, mean], color=COLOURS[i], lw=2.5)
        ax.set_xticks(range(len(names)), labels=[name.replace(" ", "\n") for name in names])
        ax.set(xlim=(-0.5, len(names) - 0.5), xlabel="variant")
    left.axhline(0, color=GRAY, lw=0.8)
    left.set(ylabel="I(Z; grating), lower bound / nats", title=f"information about the grating, of {ceiling:.2f} nats")
    right.set(ylabel="accuracy on held-out images", title="accuracy of the digit")
    return fig


@drawn
def intervals(
    *, names: list[str], nuisance: list, accuracy: list, nuisance_intervals: list, accuracy_intervals: list
) -> Figure:
    """Differences from the baseline, paired by seed: one dot per seed, and the 95 % interval of the mean.

    names: (V,) variants without the baseline.
    nuisance, accuracy: (V, seeds) differences, in nats and as a share.
    nuisance_intervals, accuracy_intervals: (V, 2), low and high.
    """
    import seaborn

    fig, (left, right) = new(width=8.4, height=0.9 + 0.6 * len(names), ncols=2, sharey=True)
    panels = (
        (left, nuisance, nuisance_intervals, "I(Z; grating) / nats"),
        (right, accuracy, accuracy_intervals, "accuracy"),
    )
    for ax, values, bars, title in panels:
        values = np.array(values)
        at = np.repeat(np.arange(len(names)), values.shape[1])
        ax.axvline(0, color=GRAY, lw=1)
        seaborn.stripplot(x=values.ravel(), y=at, hue=at, orient="h", palette=[*COLOURS[1 : len(names) + 1]], size=4.5,
                          alpha=0.6, jitter=False, legend=False, ax=ax)  # fmt: skip
        for i, (low, high) in enumerate(bars):
            ax.plot([low, high], [i + 0.25, i + 0.25], color=COLOURS[i + 1], lw=2.5)
            ax.plot(values[i].mean(), i + 0.25, "|", color=BLACK, ms=9, mew=1.6)
        ax.set(xlabel=f"{title}, minus the baseline", ylabel="")
    left.set_yticks(range(len(names)), labels=names)
    left.set_ylim(len(names) - 0.4, -0.5)
    return fig
