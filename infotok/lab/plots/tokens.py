"""Pictures of lesson 07: the ledger of a world, what tokens keep of it, and what becomes of the images."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infotok.lab.plots.style import BLUE, GRAY, GREEN, ORANGE, PURPLE, VERMILLION, drawn, new

GROUPS = {"structure": BLUE, "jitter": GREEN, "nuisance": VERMILLION}
ARMS = {  # colour and mark of each tokenizer of the lesson
    "plain": (GRAY, "o"),
    "caption head": (PURPLE, "D"),
    "consistency only": (ORANGE, "^"),
    "InfoTok variational": (BLUE, "s"),
    "InfoTok HSIC": (VERMILLION, "v"),
}


@drawn
def ledger(*, names: list[str], nats: list[float], budgets: dict[str, float]) -> Figure:
    """How many nats there are in an image, and how many its tokens can hold."""
    fig, ax = new(width=8.4, height=2.6)
    colours = [GROUPS.get(name, GRAY) for name in names]
    ax.barh(names, nats, color=colours, height=0.62)
    for i, value in enumerate(nats):
        ax.annotate(f"{value:.4g}", (value, i), xytext=(4, 0), textcoords="offset points", va="center")
    for name, value in budgets.items():
        ax.axvline(value, color="black", lw=1.2, ls="--")
        ax.annotate(name, (value, -0.62), xytext=(3, 0), textcoords="offset points", fontsize=9)
    ax.set(xscale="log", xlabel="entropy of an image / nats", xlim=(4, 2.2 * max(nats)), ylim=(len(names) - 0.4, -1.1))
    ax.grid(axis="y", visible=False)
    return fig


@drawn
def examples(*, images: list, captions: list[str]) -> Figure:
    """Scenes with their captions, which name objects and never the background."""
    fig, axes = new(width=8.8, height=2.1, ncols=len(images))
    for ax, image, caption in zip(np.atleast_1d(axes), images, captions, strict=True):
        _show(ax, image)
        ax.set_title(caption, fontsize=7.5, loc="center")
    return fig


@drawn
def kept(*, names: list[str], nats: dict[str, list], entropies: dict[str, float]) -> Figure:
    """Nats of each group that the tokens of each arm carry, seed by seed, with the mean."""
    fig, axes = new(width=9.2, height=0.95 + 0.42 * len(names), ncols=len(nats), sharey=True)
    for ax, (group, values) in zip(axes, nats.items(), strict=True):
        for i, (name, row) in enumerate(zip(names, values, strict=True)):
            colour, mark = ARMS[name]
            ax.plot(row, np.full(len(row), i), mark, color=colour, ms=4.5, alpha=0.75, mew=0)
            ax.plot([np.mean(row)] * 2, [i - 0.3, i + 0.3], color=colour, lw=2.5)
        ax.axvline(0, color=GRAY, lw=0.8)
        top = max(max(row) for row in values)
        ax.set(
            xlabel="carried, at least / nats",
            title=f"{group}, of {entropies[group]:.1f}",
            xlim=(-0.3, 1.1 * max(top, 1)),
        )
    axes[0].set_yticks(range(len(names)), labels=names)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    return fig


@drawn
def differences(*, names: list[str], here: dict[str, list], reported: dict[str, list], seeds: list[int]) -> Figure:
    """Paired differences from the plain tokenizer with 95 % intervals: of this run, and of the reported one."""
    fig, axes = new(width=9.2, height=1.15 + 0.5 * len(names), ncols=len(reported), sharey=True)
    runs = ((here, 0.14, "o", "white"), (reported, -0.14, "s", None))
    for ax, group in zip(axes, reported, strict=True):
        ax.axvline(0, color=GRAY, lw=1)
        for (rows, shift, mark, fill), count in zip(runs, seeds, strict=True):
            for i, (name, row) in enumerate(zip(names, rows[group], strict=True)):
                if row is not None:
                    low, mean, high = row
                    colour, _ = ARMS[name]
                    ax.plot([low, high], [i + shift] * 2, color=colour, lw=2)
                    ax.plot([mean], [i + shift], mark, color=colour, mfc=fill or colour, label=f"{count} seeds")
        wide = max(abs(v) for rows in (here, reported) for row in rows[group] if row for v in row[1:2])
        ax.set(xlabel="carried, minus plain / nats", title=group, xlim=(-2.2 * wide - 0.2, 2.2 * wide + 0.2))
    axes[0].set_yticks(range(len(names)), labels=names)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    handles, labels = axes[0].get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    fig.legend(
        unique.values(),
        [f"this run, {seeds[0]} seeds", f"reported, {seeds[1]} seeds"][-len(unique) :],
        loc="outside lower center",
        ncols=2,
    )
    return fig


@drawn
def plane(*, names: list[str], structure: list, nuisance: list, steps: list[int], entropy: float) -> Figure:
    """The information plane of a tokenizer: the path of each arm through training, structure against nuisance."""
    fig, ax = new(width=6.8, height=4.6)
    for x, y, name in zip(nuisance, structure, names, strict=True):
        colour, mark = ARMS[name]
        ax.plot(x, y, "-", color=colour, lw=1.6, label=name)
        ax.scatter(x, y, s=np.linspace(12, 60, len(x)), marker=mark, color=colour, zorder=3)
    ax.axhline(entropy, color=GRAY, lw=1, ls="--")
    ax.annotate("all the structure there is", (0, entropy), xytext=(2, 4), textcoords="offset points", color=GRAY)
    ax.set(
        xlabel="nuisance carried, at least / nats",
        ylabel="structure carried, at least / nats",
        ylim=(-0.4, entropy + 1),
    )
    ax.set_title("after " + ", ".join(map(str, steps)) + " steps (growing marks)")
    ax.legend(loc="lower right")
    return fig


@drawn
def gallery(*, originals: list, names: list[str], drawings: list) -> Figure:
    """Originals; below, for each arm, what its tokens are drawn as, and where that is wrong."""
    columns = len(originals)
    fig, axes = new(
        width=1.15 * columns + 1.2, height=1.12 * (1 + 2 * len(names)), nrows=1 + 2 * len(names), ncols=columns
    )
    for j, original in enumerate(originals):
        _show(axes[0, j], original)
        for i, rows in enumerate(drawings):
            _show(axes[1 + 2 * i, j], rows[j])
            _error(axes[2 + 2 * i, j], original, rows[j])
    for ax, label in zip(axes[:, 0], ["original", *(text for name in names for text in (name, "error"))], strict=True):
        ax.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9)
    return fig


@drawn
def budgets(
    *, names: list[str], bits: list[int], structure: list, nuisance: list, entropies: dict[str, float]
) -> Figure:
    """Structure and nuisance carried, each against the budget, for each arm."""
    fig, axes = new(width=8.8, height=3.6, ncols=2)
    for ax, group, values in ((axes[0], "structure", structure), (axes[1], "nuisance", nuisance)):
        for name, rows in zip(names, values, strict=True):
            rows = np.array(rows)  # (bits, seeds)
            colour, mark = ARMS[name]
            ax.plot(bits, rows.mean(1), "-", color=colour, label=name, marker=mark)
            ax.fill_between(bits, rows.min(1), rows.max(1), color=colour, alpha=0.15, lw=0)
        ax.set(xlabel="budget / bits a token, 16 tokens", ylabel=f"{group} carried, at least / nats", xticks=bits)
        ax.set_ylim(bottom=min(0, ax.get_ylim()[0]))
    axes[0].axhline(entropies["structure"], color=GRAY, lw=1, ls="--")
    axes[0].plot(bits, np.minimum(np.array(bits) * 16 * np.log(2), entropies["structure"]), color=GRAY, lw=1, ls=":")
    axes[0].set_ylim(top=1.08 * entropies["structure"])
    axes[0].legend(loc="lower right")
    return fig


@drawn
def dial(
    *, arm: str, originals: list, drawings: list, nats: dict[str, float], plain: dict[str, float], budget: float,
    entropies: dict[str, float],
) -> Figure:  # fmt: skip
    """Images, what an arm's tokens are drawn as and where that is wrong; beside it the nats they carry."""
    columns = len(originals)
    fig, axes = new(width=9.0, height=3.2, nrows=3, ncols=columns + 1, width_ratios=[1] * columns + [3.4])
    for j, original in enumerate(originals):
        _show(axes[0, j], original)
        _show(axes[1, j], drawings[j])
        _error(axes[2, j], original, drawings[j])
    for ax, label in zip(axes[:, 0], ("original", "drawn", "error"), strict=True):
        ax.set_ylabel(label, fontsize=9)
    for ax in axes[1:, -1]:
        ax.remove()
    axes[0, -1].remove()
    ax = fig.add_subplot(axes[0, -1].get_gridspec()[:, -1])
    for i, (group, colour) in enumerate(GROUPS.items()):
        ax.barh(i, nats[group], color=colour, height=0.6)
        ax.plot([plain[group]] * 2, [i - 0.42, i + 0.42], color="black", lw=1.6, label="plain" if i == 0 else None)
        ax.annotate(
            f"  {max(nats[group], 0):.1f} of {entropies[group]:.3g}",
            (max(nats[group], plain[group], 0), i),
            va="center",
        )
    ax.set_yticks(range(3), labels=list(GROUPS))
    ax.set(xlabel="carried, at least / nats", xlim=(min(0, *nats.values()), 16), ylim=(2.6, -0.6))
    ax.set_title(f"{arm}: budget {budget:.1f} nats")
    ax.legend(loc="lower right")
    return fig


def _show(ax: Axes, image: list) -> None:
    ax.imshow(np.clip(image, 0, 1))
    ax.set(xticks=[], yticks=[])
    ax.grid(False)


def _error(ax: Axes, original: list, drawing: list) -> None:
    ax.imshow(np.abs(np.array(original) - np.array(drawing)).mean(2), cmap="magma", vmin=0, vmax=0.4)
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
