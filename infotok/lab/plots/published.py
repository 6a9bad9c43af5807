"""Figures of lesson 15: surrogate gradients, and answers of an attached model."""

from matplotlib.figure import Figure

from infotok.lab.plots.style import BLUE, GRAY, drawn, new

__all__ = ["accuracies", "mixture"]


@drawn
def mixture(*, distances: list[float], weights: list[float]) -> Figure:
    """Weights of the nearest codes in the soft surrogate, by squared distance; the first is the code that is read."""
    fig, ax = new(height=3.2)
    markers, stems, _ = ax.stem(distances, weights, basefmt=" ")
    markers.set_color(BLUE), stems.set_color(BLUE)
    ax.plot(distances[:1], weights[:1], "o", color=GRAY, markersize=9, zorder=3, label="the code that is read")
    ax.set(xlabel="squared distance from z to the code", ylabel="weight in the mixture", xlim=(0, None), ylim=(0, 1.05))
    ax.legend(loc="upper right")
    return fig


@drawn
def accuracies(*, scores: dict[str, list[float]], floor: float) -> Figure:
    """Accuracy of answers by variant: a dot per seed, a bar at the mean; variants with InfoTok are blue."""
    fig, ax = new(height=0.5 + 0.45 * len(scores))
    for place, (name, values) in enumerate(scores.items()):
        colour = BLUE if "InfoTok" in name else GRAY
        ax.plot(values, [place] * len(values), "o", color=colour, alpha=0.5)
        ax.plot([sum(values) / len(values)] * 2, [place - 0.3, place + 0.3], color=colour, linewidth=3)
    ax.axvline(floor, color=GRAY, linestyle=":", linewidth=1.2)
    ax.annotate("guesses without the image", (floor, 1), (4, 4), xycoords=("data", "axes fraction"),
                textcoords="offset points", color=GRAY, fontsize=9.5)  # fmt: skip
    ax.set(xlabel="accuracy, mean over kinds of questions", ylim=(len(scores) - 0.5, -0.5))
    ax.set_yticks(range(len(scores)), list(scores))
    return fig
