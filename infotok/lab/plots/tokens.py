"""Figures of lesson 07: the entropies of a world, what probing finds in tokens, and reconstructions."""

import numpy as np
from matplotlib.figure import Figure

from infotok.lab.plots.images import show, show_error
from infotok.lab.plots.style import BLUE, GRAY, GREEN, ORANGE, PURPLE, SKY, VERMILLION, YELLOW, drawn, new

GROUPS = {"structure": GREEN, "jitter": SKY, "nuisance": YELLOW}  # fills, in colours that no variant has
VARIANTS = {  # colour and mark of each tokenizer of the lesson
    "baseline": (GRAY, "o"),
    "caption head": (PURPLE, "D"),
    "consistency only": (ORANGE, "^"),
    "InfoTok variational": (BLUE, "s"),
    "InfoTok HSIC": (VERMILLION, "v"),
}


@drawn
def ledger(*, names: list[str], nats: list[float], budgets: dict[str, float]) -> Figure:
    """The entropy of each part of an image in nats, beside the largest information that its tokens can hold.

    Args:
        names: of the parts.
        nats: their entropies.
        budgets: name -> capacity of the tokens in nats, each a dashed line.
    """
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
def kept(*, names: list[str], nats: dict[str, list], entropies: dict[str, float]) -> Figure:
    """Probed information: nats of each group found in the tokens of each variant, seed by seed, with the mean.

    Args:
        names: of the variants.
        nats: group -> for each variant its nats, one number per seed.
        entropies: group -> its entropy in nats.
    """
    fig, axes = new(width=9.2, height=0.95 + 0.42 * len(names), ncols=len(nats), sharey=True)
    for ax, (group, values) in zip(axes, nats.items(), strict=True):
        for i, (name, row) in enumerate(zip(names, values, strict=True)):
            colour, mark = VARIANTS[name]
            ax.plot(row, np.full(len(row), i), mark, color=colour, ms=4.5, alpha=0.75, mew=0)
            ax.plot([np.mean(row)] * 2, [i - 0.3, i + 0.3], color=colour, lw=2.5)
        ax.axvline(0, color=GRAY, lw=0.8)
        top = max(max(row) for row in values)
        ax.set(
            xlabel="found by probing / nats",
            title=f"{group}, of {entropies[group]:.1f}",
            xlim=(-0.3, 1.1 * max(top, 1)),
        )
    axes[0].set_yticks(range(len(names)), labels=names)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    return fig


@drawn
def differences(*, names: list[str], here: dict[str, list], reported: dict[str, list], seeds: list[int]) -> Figure:
    """Paired differences from the baseline with 95 % intervals, of the runs made here and of the reported ones.

    Args:
        names: of the variants.
        here: group -> for each variant (low, mean, high) in nats, or None.
        reported: the same of the reported runs.
        seeds: how many stand behind each interval, here and reported.
    """
    fig, axes = new(width=9.2, height=1.15 + 0.5 * len(names), ncols=len(reported), sharey=True)
    made = (f"runs made here, {seeds[0]} seeds", f"reported runs, {seeds[1]} seeds")
    runs = ((here, 0.14, "o", "white"), (reported, -0.14, "s", None))
    for ax, group in zip(axes, reported, strict=True):
        ax.axvline(0, color=GRAY, lw=1)
        for (rows, shift, mark, fill), label in zip(runs, made, strict=True):
            for i, (name, row) in enumerate(zip(names, rows[group], strict=True)):
                if row is not None:
                    low, mean, high = row
                    colour, _ = VARIANTS[name]
                    ax.plot([low, high], [i + shift] * 2, color=colour, lw=2)
                    ax.plot([mean], [i + shift], mark, color=colour, mfc=fill or colour, label=label)
        wide = max(abs(v) for rows in (here, reported) for row in rows[group] if row for v in row[1:2])
        ax.set(xlabel="minus baseline / nats", title=group, xlim=(-2.2 * wide - 0.2, 2.2 * wide + 0.2))
    axes[0].set_yticks(range(len(names)), labels=names)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    handles, labels = axes[0].get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    fig.legend(unique.values(), list(unique), loc="outside lower center", ncols=2)
    return fig


@drawn
def plane(*, names: list[str], structure: list, nuisance: list, steps: list[int], entropy: float) -> Figure:
    """The information plane of a tokenizer: structure against nuisance along training, one path per variant.

    Args:
        names: of the variants.
        structure, nuisance: for each variant, nats after each of `steps`.
        steps: training steps.
        entropy: of structure, in nats.
    """
    fig, ax = new(width=6.8, height=4.6)
    for x, y, name in zip(nuisance, structure, names, strict=True):
        colour, mark = VARIANTS[name]
        ax.plot(x, y, "-", color=colour, lw=1.6, label=name)
        ax.scatter(x, y, s=np.linspace(12, 60, len(x)), marker=mark, color=colour, zorder=3)
    ax.axhline(entropy, color=GRAY, lw=1, ls="--")
    ax.annotate("entropy of structure", (0, entropy), xytext=(2, 4), textcoords="offset points", color=GRAY)
    ax.set(
        xlabel="nuisance found by probing / nats",
        ylabel="structure found by probing / nats",
        ylim=(-0.4, entropy + 1),
    )
    ax.set_title("after " + ", ".join(map(str, steps)) + " steps (growing marks)")
    ax.legend(loc="lower right")
    return fig


@drawn
def gallery(*, originals: list[str], names: list[str], drawings: list[list[str]]) -> Figure:
    """Originals, and for each variant the reconstructions from its tokens and their errors.

    Args:
        originals: packed images.
        names: of the variants.
        drawings: for each variant its packed reconstructions.
    """
    columns, lines = len(originals), 1 + 2 * len(names)
    fig, axes = new(width=1.15 * columns + 1.2, height=1.12 * lines, nrows=lines, ncols=columns)
    for j, original in enumerate(originals):
        show(axes[0, j], original)
        for i, rows in enumerate(drawings):
            show(axes[1 + 2 * i, j], rows[j])
            show_error(axes[2 + 2 * i, j], original, rows[j])
    for ax, label in zip(axes[:, 0], ["original", *(text for name in names for text in (name, "error"))], strict=True):
        ax.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9)
    return fig


@drawn
def budgets(
    *, names: list[str], bits: list[int], structure: list, nuisance: list, entropies: dict[str, float]
) -> Figure:
    """Structure and nuisance found by probing, against the budget, for each variant.

    Args:
        names: of the variants.
        bits: per token, the budgets.
        structure, nuisance: for each variant and budget, nats, one number per seed.
        entropies: group -> its entropy in nats.
    """
    fig, axes = new(width=8.8, height=3.6, ncols=2)
    for ax, group, values in ((axes[0], "structure", structure), (axes[1], "nuisance", nuisance)):
        for name, rows in zip(names, values, strict=True):
            rows = np.array(rows)  # (bits, seeds)
            colour, mark = VARIANTS[name]
            ax.plot(bits, rows.mean(1), "-", color=colour, label=name, marker=mark)
            ax.fill_between(bits, rows.min(1), rows.max(1), color=colour, alpha=0.15, lw=0)
        ax.set(xlabel="budget / bits per token, 16 tokens", ylabel=f"{group} found by probing / nats", xticks=bits)
        ax.set_ylim(bottom=min(0, ax.get_ylim()[0]))
    axes[0].axhline(entropies["structure"], color=GRAY, lw=1, ls="--")
    axes[0].plot(bits, np.minimum(np.array(bits) * 16 * np.log(2), entropies["structure"]), color=GRAY, lw=1, ls=":")
    axes[0].set_ylim(top=1.08 * entropies["structure"])
    axes[0].legend(loc="lower right")
    return fig


@drawn
def dial(
    *, variant: str, originals: list[str], drawings: list[str], nats: dict[str, float], baseline: dict[str, float],
    budget: float, entropies: dict[str, float],
) -> Figure:  # fmt: skip
    """Images, reconstructions and their errors; beside them the nats that probing finds in the tokens.

    Args:
        variant: its name.
        originals, drawings: packed images.
        nats: group -> nats of this variant.
        baseline: group -> nats of the baseline.
        budget: capacity of the tokens in nats.
        entropies: group -> its entropy in nats.
    """
    columns = len(originals)
    fig, axes = new(width=9.0, height=3.2, nrows=3, ncols=columns + 1, width_ratios=[1] * columns + [3.4])
    for j, original in enumerate(originals):
        show(axes[0, j], original)
        show(axes[1, j], drawings[j])
        show_error(axes[2, j], original, drawings[j])
    for ax, label in zip(axes[:, 0], ("original", "decoded", "error"), strict=True):
        ax.set_ylabel(label, fontsize=9)
    for ax in axes[1:, -1]:
        ax.remove()
    axes[0, -1].remove()
    ax = fig.add_subplot(axes[0, -1].get_gridspec()[:, -1])
    for i, (group, colour) in enumerate(GROUPS.items()):
        label = "baseline" if i == 0 else None
        ax.barh(i, nats[group], color=colour, height=0.6)
        ax.plot([baseline[group]] * 2, [i - 0.42, i + 0.42], color="black", lw=1.6, label=label)
        at = max(nats[group], baseline[group], 0)
        ax.annotate(f"  {max(nats[group], 0):.1f} of {entropies[group]:.3g}", (at, i), va="center")
    ax.set_yticks(range(3), labels=list(GROUPS))
    ax.set(xlabel="found by probing / nats", xlim=(min(0, *nats.values()), 16), ylim=(2.6, -0.6))
    ax.set_title(f"{variant}: budget {budget:.1f} nats")
    ax.legend(loc="lower right")
    return fig
