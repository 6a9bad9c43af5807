"""Pictures of lessons 08 to 10: three unified models at work, and what goes on inside them."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infotok.images import unpacked
from infotok.lab.plots.images import show
from infotok.lab.plots.style import BLACK, BLUE, GRAY, GREEN, ORANGE, PURPLE, SKY, VERMILLION, drawn, new

RIGHT, WRONG = ("✓", GREEN), ("✗", VERMILLION)  # told apart by the mark, not only by the colour


@drawn
def masks(*, mask: list, parts: list[str], sizes: list[int], title: str) -> Figure:
    """Who sees whom in a row: a dark square where the token of this row of the picture sees that of this column.

    mask (N, N) of 0 and 1; the row's parts, in order, and how many tokens each has.
    """
    fig, ax = new(width=5.2, height=5.0)
    ax.imshow(1 - 0.75 * np.array(mask, dtype=float), cmap="gray", vmin=0, vmax=1)
    edges = np.cumsum([0, *sizes]) - 0.5
    for edge in edges[1:-1]:
        ax.axhline(edge, color=VERMILLION, lw=0.8)
        ax.axvline(edge, color=VERMILLION, lw=0.8)
    centres = (edges[1:] + edges[:-1]) / 2
    ax.set_xticks(centres, labels=parts, rotation=30, ha="right")
    ax.set_yticks(centres, labels=parts)
    ax.set(xlabel="is seen", ylabel="sees", title=title)
    ax.grid(False)
    return fig


@drawn
def learning(*, steps: list[int], understanding: list[float], generation: list[float], reconstruction: list[float],
             unit: str) -> Figure:  # fmt: skip
    """The three losses along training: answering, drawing, and the tokenizer's reconstruction."""
    fig, axes = new(width=9.6, height=2.9, ncols=3)
    panels = (
        (understanding, BLUE, "answering", "cross-entropy / nats per answer"),
        (generation, VERMILLION, "drawing", unit),
        (reconstruction, GREEN, "reconstruction", "loss, as weighted"),
    )
    for ax, (values, colour, name, label) in zip(axes, panels, strict=True):
        ax.plot(steps, [math.nan if value is None else value for value in values], color=colour)
        ax.set(xlabel="training step", ylabel=label, title=name)
        known = [value for value in values[len(values) // 20 :] if value is not None]  # none during a warm-up
        ax.set_ylim(0, 1.05 * max(known))
    return fig


@drawn
def scores(*, known: dict, novel: dict) -> Figure:
    """Both sides with what bounds them: two results of `evaluate`, on scenes of known parts and on new combinations."""
    fig, (left, right) = new(width=10.2, height=2.9, ncols=2)
    answered = {
        "host": known["understanding"]["mean"],
        "host, new combinations": novel["understanding"]["mean"],
        "host, shuffled images": known["shuffled"]["mean"],
        "question only": known["question_only"]["mean"],
    }
    read = {
        "host": known["generations"]["present"],
        "host, new combinations": novel["generations"]["present"],
        "reconstructions": known["reconstructions"]["present"],
        "reconstructions, new combinations": novel["reconstructions"]["present"],
        "renders": known["renders"]["present"],
    }
    _bars(left, answered, "questions answered right")
    _bars(right, read, "present cells read right")
    return fig


@drawn
def by_kind(*, kinds: list[str], host: list[float], blind: list[float]) -> Figure:
    """Accuracy for each kind of question, with the image and without."""
    fig, ax = new(width=7.4, height=3.2)
    place = np.arange(len(kinds))
    ax.bar(place - 0.2, host, 0.38, color=BLUE, label="the host")
    ax.bar(place + 0.2, blind, 0.38, color="#BBBBBB", label="question only")
    for x, value in zip(place, host, strict=True):
        ax.annotate(f"{value:.2f}", (x - 0.2, value), (0, 2), textcoords="offset points", ha="center", fontsize=9)
    ax.set_xticks(place, labels=kinds)
    ax.set(ylabel="share answered right", ylim=(0, 1.12))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=2)
    ax.grid(False, axis="x")
    return fig


@drawn
def drawings(*, prompts: list[str], pictures: list[str], readings: list[str], right: list[bool]) -> Figure:
    """Pictures drawn from captions: what was asked above each, what the parser reads in it below."""
    columns = min(4, len(pictures))
    rows = -(-len(pictures) // columns)
    fig, axes = new(width=2.6 * columns, height=3.8 * rows, ncols=columns, nrows=rows, squeeze=False)
    for ax in axes.flat[len(pictures) :]:
        ax.set_visible(False)
    for ax, prompt, picture, reading, good in zip(axes.flat, prompts, pictures, readings, right, strict=False):
        show(ax, picture)
        mark, colour = RIGHT if good else WRONG
        ax.set_title(_lines(prompt), fontsize=8, loc="left")
        ax.set_xlabel(f"{mark} {_lines(reading)}", fontsize=8, color=colour, loc="left")
    return fig


@drawn
def answer(*, picture: str, question: str, words: list[str], probabilities: list[float], truth: str,
           attention: list) -> Figure:  # fmt: skip
    """A question about an image: how likely each answer is, and which visual tokens the question looked at.

    attention (g, g): the share of attention on each of the image's g x g tokens.
    """
    fig, (image, looked, bars) = new(width=9.6, height=3.1, ncols=3, gridspec_kw={"width_ratios": [1, 1, 1.5]})
    show(image, picture)
    image.set_title(question, fontsize=10)
    look(looked, picture, attention)
    looked.set_title("where it looked", fontsize=10)
    order = np.argsort(probabilities)[::-1][:6][::-1]
    chosen = int(np.argmax(probabilities))
    colours = [(GREEN if words[i] == truth else VERMILLION) if i == chosen else "#BBBBBB" for i in order]
    bars.barh([words[i] for i in order], [probabilities[i] for i in order], color=colours)
    mark = RIGHT[0] if words[chosen] == truth else WRONG[0]
    bars.set(xlim=(0, 1), xlabel="probability of the answer", title=f"{mark} {words[chosen]} (truth: {truth})")
    bars.grid(False, axis="y")
    return fig


@drawn
def attention(*, picture: str, questions: list[str], weights: list, names: list[str]) -> Figure:
    """Attention from the end of each question to the image's tokens; one row a question, one column a layer or head.

    weights (Q, columns, g, g).
    """
    rows, columns = len(questions), len(names)
    fig, axes = new(width=1.9 * (columns + 1), height=2.15 * rows, nrows=rows, ncols=columns + 1, squeeze=False)
    for row, question, maps in zip(axes, questions, weights, strict=True):
        show(row[0], picture)
        row[0].set_title(question, fontsize=8)
        for ax, name, weight in zip(row[1:], names, maps, strict=True):
            look(ax, picture, weight)
            ax.set_title(name, fontsize=8)
    return fig


@drawn
def surprise(*, pictures: list[str], nats: list, names: list[str]) -> Figure:
    """How surprising each token was to the model that draws them: nats of every place, over the image it stands for.

    nats (N, g, g).
    """
    fig, axes = new(width=2.3 * len(pictures) + 0.9, height=2.6, ncols=len(pictures), squeeze=False)
    top = max(np.max(nats), 1e-3)
    for ax, picture, values, name in zip(axes[0], pictures, nats, names, strict=True):
        grid = np.array(values)
        size = unpacked(picture).shape[0]
        ax.imshow(unpacked(picture).mean(-1), cmap="gray", vmin=0, vmax=255, extent=(0, size, size, 0))
        shown = ax.imshow(grid, cmap="viridis", vmin=0, vmax=top, alpha=0.65, extent=(0, size, size, 0))
        for (i, j), value in np.ndenumerate(grid):
            step = size / len(grid)
            ax.text((j + 0.5) * step, (i + 0.5) * step, f"{value:.1f}", ha="center", va="center", fontsize=7.5,
                    color="white" if value < 0.65 * top else BLACK)  # fmt: skip
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.set_title(_lines(name), fontsize=8)
    fig.colorbar(shown, ax=list(axes[0]), label="nats per token", fraction=0.05)
    return fig


@drawn
def unmasking(*, prompt: str, pictures: list[str], settled: list, still: list[int]) -> Figure:
    """A picture restored in rounds: the finished image, what was still hidden after each round hatched, and the order.

    pictures: one a round; settled (g, g): the round in which each token was settled, from 0; still: how many tokens are
    hidden after each round.
    """
    order = np.array(settled)
    fig, axes = new(width=1.75 * (len(pictures) + 1), height=2.45, ncols=len(pictures) + 1)
    for i, (ax, picture, count) in enumerate(zip(axes, pictures, still, strict=False)):
        show(ax, picture)
        step = unpacked(picture).shape[0] / len(order)
        for row, column in np.argwhere(order > i):
            ax.fill_between([column * step - 0.5, (column + 1) * step - 0.5], row * step - 0.5, (row + 1) * step - 0.5,
                            facecolor="white", alpha=0.8, hatch="////", edgecolor=GRAY, lw=0)  # fmt: skip
        ax.set_title(f"round {i + 1}", fontsize=9)
        ax.set_xlabel(f"{count} hidden", fontsize=9)
    last = axes[-1]
    last.imshow(order, cmap="viridis_r", vmin=-1)
    for (i, j), value in np.ndenumerate(order):
        late = value > 0.45 * order.max()
        last.text(j, i, value + 1, ha="center", va="center", fontsize=9, color="white" if late else BLACK)
    last.set(xticks=[], yticks=[])
    last.grid(False)
    last.set_title("settled in round", fontsize=9)
    fig.suptitle(_lines(prompt, 3), fontsize=9, x=0.01, ha="left")
    return fig


@drawn
def rounds(*, steps: list[int], right: list[float], ceiling: float, sure: list[float], objects: list[float],
           true_objects: float) -> Figure:  # fmt: skip
    """What the number of rounds does to drawings from captions, and to drawings without: shares of cells.

    right: of present cells, with captions. Without: sure, of cells with anything in them, those read with confidence;
    objects, of all cells, those that hold one.
    """
    fig, (told, free) = new(width=9.2, height=3.3, ncols=2)
    told.plot(steps, right, "o-", color=BLUE)
    told.axhline(ceiling, color=GRAY, ls="--", lw=1.2, label="reconstructions")
    told.set(ylabel="present cells right", title="with a caption")
    told.legend(loc="lower right")
    free.plot(steps, sure, "o-", color=PURPLE, label="clear, of cells with something in them")
    free.plot(steps, objects, "s-", color=ORANGE, label="hold an object")
    free.axhline(true_objects, color=ORANGE, ls="--", lw=1.2, label="hold one in the world")
    free.set(ylabel="share of cells", title="without")
    free.legend(loc="center right", bbox_to_anchor=(1, 0.33))
    for ax in (told, free):
        ax.set(xscale="log", xlabel="rounds a drawing takes", ylim=(0, 1.08))
        ax.set_xticks(steps, labels=[str(step) for step in steps])
        ax.minorticks_off()
    return fig


@drawn
def flow(*, prompt: str, pictures: list[str], times: list[float], paths: list, kept: float) -> Figure:
    """Tokens that flow out of noise: the image decoded along the way, and the paths in two principal directions.

    paths (N, steps + 1, 2); kept: the share of the tokens' variance that the two directions show.
    """
    columns = len(pictures)
    fig, axes = new(width=1.45 * columns + 3.3, height=3.0, ncols=columns + 1,
                    gridspec_kw={"width_ratios": [1] * columns + [2.2]})  # fmt: skip
    for ax, picture, time in zip(axes, pictures, times, strict=False):
        show(ax, picture)
        ax.set_title(f"t = {time:.2f}", fontsize=9)
    plane = axes[-1]
    for path in np.array(paths):
        plane.plot(path[:, 0], path[:, 1], color=SKY, lw=0.9)
    starts, ends = np.array(paths)[:, 0], np.array(paths)[:, -1]
    plane.plot(starts[:, 0], starts[:, 1], ".", color=GRAY, ms=4, label="noise")
    plane.plot(ends[:, 0], ends[:, 1], "o", color=PURPLE, ms=4, label="token")
    plane.set(xlabel=f"two directions, {kept:.0%} of the variance", xticks=[], yticks=[], title="the tokens' paths")
    plane.legend(loc="best", fontsize=8)
    fig.suptitle(_lines(prompt, 3), fontsize=9, x=0.01, ha="left")
    return fig


@drawn
def guided(*, guidance: list[float], right: list[float], spread: list[float], ceiling: float) -> Figure:
    """What guidance buys and costs: cells drawn right, and how much two drawings of one caption differ."""
    fig, (left, other) = new(width=8.4, height=3.2, ncols=2)
    left.plot(guidance, right, "o-", color=BLUE)
    left.axhline(ceiling, color=GRAY, ls="--", lw=1.2, label="reconstructions")
    left.set(xlabel="guidance w", ylabel="present cells right", ylim=(0, 1.08), title="how well they follow it")
    left.legend(loc="lower right")
    other.plot(guidance, spread, "s-", color=ORANGE)
    other.set(xlabel="guidance w", ylabel="root mean square difference", title="how much two of one caption differ")
    other.set_ylim(0, 1.15 * max(spread))
    return fig


def look(ax: Axes, picture: str, weight: list) -> None:
    """The image in grey under a map of weights (g, g)."""
    pixels = unpacked(picture)
    size = pixels.shape[0]
    ax.imshow(pixels.mean(-1), cmap="gray", vmin=0, vmax=255, extent=(0, size, size, 0))
    ax.imshow(np.array(weight), cmap="viridis", vmin=0, vmax=max(np.max(weight), 1e-6), alpha=0.6,
              extent=(0, size, size, 0))  # fmt: skip
    ax.set(xticks=[], yticks=[])
    ax.grid(False)


def _bars(ax: Axes, values: dict, label: str) -> None:
    names = list(values)
    colours = [BLUE if name.startswith("host") else "#BBBBBB" for name in names]
    ax.barh(names, list(values.values()), color=colours)
    for name, value in values.items():
        ax.annotate(f"{value:.3f}", (value, name), (3, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set(xlim=(0, 1.16), xlabel=label)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1.0])
    ax.invert_yaxis()
    ax.grid(False, axis="y")


def _lines(caption: str, per_line: int = 1) -> str:
    """A caption with a line for every object (or every few); other sentences as they are."""
    places = ("top-", "bottom-")
    objects: list[str] = []
    for word in caption.split():
        if word.startswith(places) or not objects:
            objects.append(word)
        else:
            objects[-1] += f" {word}"
    return "\n".join(",  ".join(objects[i : i + per_line]) for i in range(0, len(objects), per_line))
