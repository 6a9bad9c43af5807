"""Figures of lessons 08 to 10: three unified models at work, and what happens inside them.

An image is packed text, as `infotok.images.packed` returns it. An image has g x g tokens.
"""

import numpy as np
from matplotlib.figure import Figure

from infotok.lab.plots.images import pixels, show, show_under
from infotok.lab.plots.style import BLACK, GRAY, GREEN, ORANGE, PURPLE, SKY, VERMILLION, drawn, new

RIGHT, WRONG = ("✓", GREEN), ("✗", VERMILLION)  # told apart by the mark, not only by the colour


@drawn
def masks(*, mask: list, parts: list[str], sizes: list[int], title: str) -> Figure:
    """An attention mask: a dark square where the token of this row attends to the token of this column.

    Args:
        mask: (N, N), 1 where attention is allowed and 0 elsewhere.
        parts: names of the parts of the row, in order.
        sizes: number of tokens in each part; their sum is N.
        title: the title.
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
    ax.set(xlabel="attended to (key)", ylabel="attending (query)", title=title)
    ax.grid(False)
    return fig


@drawn
def drawings(*, prompts: list[str], pictures: list[str], readings: list[str], right: list[bool]) -> Figure:
    """Images generated from captions: the caption above each, the parser's estimate of its scene below.

    Args:
        prompts: the captions.
        pictures: the generated images.
        readings: captions of the scenes that the parser finds.
        right: whether the scene is the one that was asked for.
    """
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
    """One question about an image: the distribution of its answer, and attention from its end to the image tokens.

    Args:
        picture: the image.
        question: its words.
        words: the possible answers.
        probabilities: of each answer.
        truth: the right answer.
        attention: (g, g), the share of attention on each token.
    """
    fig, (image, attended, bars) = new(width=9.6, height=3.1, ncols=3, gridspec_kw={"width_ratios": [1, 1, 1.5]})
    show(image, picture)
    image.set_title(question, fontsize=10)
    show_under(attended, picture, attention)
    attended.set_title("attention", fontsize=10)
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
    """Attention from the end of each question to the image tokens: one row per question, one column per layer or head.

    Args:
        picture: the image.
        questions: their words.
        weights: (questions, columns, g, g).
        names: of the columns.
    """
    rows, columns = len(questions), len(names)
    fig, axes = new(width=1.9 * (columns + 1), height=2.15 * rows, nrows=rows, ncols=columns + 1, squeeze=False)
    for row, question, maps in zip(axes, questions, weights, strict=True):
        show(row[0], picture)
        row[0].set_title(question, fontsize=8)
        for ax, name, weight in zip(row[1:], names, maps, strict=True):
            show_under(ax, picture, weight)
            ax.set_title(name, fontsize=8)
    return fig


@drawn
def surprise(*, pictures: list[str], nats: list, names: list[str]) -> Figure:
    """Cross-entropy of each token under the model that generates it, over the part of the image that it stands for.

    Args:
        pictures: N images.
        nats: (N, g, g), the negative log-probability of each code.
        names: a caption for each image.
    """
    fig, axes = new(width=2.3 * len(pictures) + 0.9, height=2.6, ncols=len(pictures), squeeze=False)
    top = max(np.max(nats), 1e-3)
    for ax, picture, values, name in zip(axes[0], pictures, nats, names, strict=True):
        grid = np.array(values)
        shown = show_under(ax, picture, grid, top=top, opacity=0.65)
        step = len(pixels(picture)) / len(grid)
        for (i, j), value in np.ndenumerate(grid):
            ax.text((j + 0.5) * step, (i + 0.5) * step, f"{value:.1f}", ha="center", va="center", fontsize=8,
                    color="white" if value < 0.65 * top else BLACK)  # fmt: skip
        ax.set_title(_lines(name), fontsize=8)
    fig.colorbar(shown, ax=list(axes[0]), label="nats per token", fraction=0.05)
    return fig


@drawn
def unmasking(*, prompt: str, pictures: list[str], settled: list, still: list[int]) -> Figure:
    """An image generated by unmasking: tokens that are still masked after each round, hatched over the final image.

    Args:
        prompt: the caption.
        pictures: the finished image, once for each round.
        settled: (g, g), the round in which each token was predicted for good, from 0.
        still: the number of masked tokens after each round.
    """
    order = np.array(settled)
    fig, axes = new(width=1.75 * (len(pictures) + 1), height=2.45, ncols=len(pictures) + 1)
    for i, (ax, picture, count) in enumerate(zip(axes, pictures, still, strict=False)):
        show(ax, picture)
        step = len(pixels(picture)) / len(order)
        for row, column in np.argwhere(order > i):
            ax.fill_between([column * step - 0.5, (column + 1) * step - 0.5], row * step - 0.5, (row + 1) * step - 0.5,
                            facecolor="white", alpha=0.8, hatch="////", edgecolor=GRAY, lw=0)  # fmt: skip
        ax.set_title(f"round {i + 1}", fontsize=9)
        ax.set_xlabel(f"{count} masked", fontsize=9)
    last = axes[-1]
    show(last, order, cmap="viridis_r", vmin=-1)
    for (i, j), value in np.ndenumerate(order):
        late = value > 0.45 * order.max()
        last.text(j, i, value + 1, ha="center", va="center", fontsize=9, color="white" if late else BLACK)
    last.set_title("predicted in round", fontsize=9)
    fig.suptitle(_lines(prompt, 3), fontsize=9, x=0.01, ha="left")
    return fig


@drawn
def rounds(*, steps: list[int], right: list[float], ceiling: float, sure: list[float], objects: list[float],
           true_objects: float) -> Figure:  # fmt: skip
    """Images against the number of unmasking rounds: accuracy with a caption, coherence and content without one.

    Args:
        steps: numbers of rounds.
        right: share of present cells drawn right from captions.
        ceiling: the same share for reconstructions of real images.
        sure: without captions, of cells that are not plain background, the share that the parser finds clear.
        objects: without captions, the share of all cells that hold an object.
        true_objects: that share in the world.
    """
    fig, (told, free) = new(width=9.2, height=4.0, ncols=2)
    told.plot(steps, right, "o-", color=VERMILLION)  # of drawing, as along training
    told.axhline(ceiling, color=GRAY, ls="--", lw=1.2, label="reconstructions")
    told.set(ylabel="present cells drawn right", title="with a caption")
    told.legend(loc="lower right")
    free.plot(steps, sure, "o-", color=PURPLE, label="clear, of cells with something in them")
    free.plot(steps, objects, "s-", color=ORANGE, label="with an object, of all cells")
    free.axhline(true_objects, color=ORANGE, ls="--", lw=1.2, label="with an object, in the world")
    free.set(ylabel="share of cells", title="without a caption")
    free.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), fontsize=8.5)
    for ax in (told, free):
        ax.set(xscale="log", xlabel="rounds per image", ylim=(0, 1.08))
        ax.set_xticks(steps, labels=[str(step) for step in steps])
        ax.minorticks_off()
    return fig


@drawn
def flow(*, prompt: str, pictures: list[str], times: list[float], paths: list, kept: float) -> Figure:
    """Tokens that flow from noise: images decoded along the way, and the paths in two principal directions.

    Args:
        prompt: the caption.
        pictures: the images decoded at `times`.
        times: t of each image, 0 for noise and 1 for the token.
        paths: (tokens, steps + 1, 2), each token's path in the two directions.
        kept: the share of the tokens' variance in these directions.
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
    plane.plot(starts[:, 0], starts[:, 1], ".", color=GRAY, ms=4, label="noise (t = 0)")
    plane.plot(ends[:, 0], ends[:, 1], "o", color=PURPLE, ms=4, label="token (t = 1)")
    plane.set(xlabel=f"two directions, {kept:.0%} of the variance", xticks=[], yticks=[], title="paths of the tokens")
    plane.legend(loc="best", fontsize=8)
    fig.suptitle(_lines(prompt, 3), fontsize=9, x=0.01, ha="left")
    return fig


@drawn
def guided(*, guidance: list[float], right: list[float], spread: list[float], ceiling: float) -> Figure:
    """Classifier-free guidance: how often images follow their caption, and how much two images of one caption differ.

    Args:
        guidance: weights w.
        right: share of present cells drawn right at each.
        spread: root mean square difference between two images of one caption, pixels in [0, 1].
        ceiling: share of present cells that is right in reconstructions of real images.
    """
    fig, (left, other) = new(width=8.4, height=3.2, ncols=2)
    left.plot(guidance, right, "o-", color=VERMILLION)
    left.axhline(ceiling, color=GRAY, ls="--", lw=1.2, label="reconstructions")
    left.set(xlabel="guidance w", ylabel="present cells drawn right", ylim=(0, 1.08), title="following the caption")
    left.legend(loc="lower right")
    other.plot(guidance, spread, "s-", color=ORANGE)
    other.set(xlabel="guidance w", ylabel="root mean square difference", title="two images of one caption")
    other.set_ylim(0, 1.15 * max(spread))
    return fig


def _lines(caption: str, per_line: int = 1) -> str:
    """A caption with one line per object, or per `per_line` objects; other text as it is."""
    places = ("top-", "bottom-")
    objects: list[str] = []
    for word in caption.split():
        if word.startswith(places) or not objects:
            objects.append(word)
        else:
            objects[-1] += f" {word}"
    return "\n".join(",  ".join(objects[i : i + per_line]) for i in range(0, len(objects), per_line))
