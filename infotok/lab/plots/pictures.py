"""Pictures of lesson 14's study of many objects."""

import textwrap

import numpy as np
from matplotlib.figure import Figure

from infotok.lab.plots.style import OTHER_VARIANT, VARIANTS, drawn, new


@drawn
def settings(*, names: list[str], scores: dict) -> Figure:
    """Scores of each variant at several settings, a row for each: small marks are seeds, large ones their mean.

    names: of the settings, from the top.
    scores: {label of a score: {variant: [[a value per seed], a list per setting]}}; an empty list has no mark.
    """
    fig, axes = new(width=8.0, height=1.3 + 0.4 * len(names), ncols=len(scores), sharey=True, squeeze=False)
    for ax, (label, by_variant) in zip(axes[0], scores.items(), strict=True):
        for shift, (variant, found) in zip((-0.13, 0.13), by_variant.items(), strict=True):
            colour, mark, _ = VARIANTS.get(variant, OTHER_VARIANT)
            known = [(row + shift, seeds) for row, seeds in enumerate(found) if seeds]
            means = [float(np.mean(seeds)) for _, seeds in known]
            ax.plot(means, [y for y, _ in known], mark, color=colour, ms=7, label=variant)
            for y, seeds in known:
                ax.plot(seeds, [y] * len(seeds), mark, color=colour, ms=3, alpha=0.5, mew=0)
        ax.set(xlabel=textwrap.fill(label, 18), xlim=(-0.05, 1.05), xticks=[0, 0.5, 1])
        ax.grid(visible=False, axis="y")
    axes[0, 0].set_yticks(range(len(names)), labels=[textwrap.fill(name, 24) for name in names])
    axes[0, 0].set_ylim(len(names) - 0.5, -0.5)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return fig
