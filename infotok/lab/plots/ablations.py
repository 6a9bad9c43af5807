"""Pictures of lessons 12 and 13: scores along a setting, sub-scores, and what the tokens hold.

A colour and a line are a variant's in every picture (`style.VARIANTS`).
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from infotok.lab.plots.headline import SIDES
from infotok.lab.plots.style import BLACK, GRAY, OTHER_VARIANT, VARIANTS, drawn, new


@drawn
def sweep(*, values: list, label: str, scores: dict, log: bool = False) -> Figure:
    """Both sides of each host along one setting, a line per variant: dots are seeds, the line their mean.

    scores: {side: {host: {variant: [[a score per seed], a list per value]}}}; an empty list is a value without runs.
    """
    hosts = list(next(iter(scores.values())))
    if len(hosts) > 1:
        fig, axes = new(width=1.2 + 2.9 * len(hosts), height=5.2, nrows=len(SIDES), ncols=len(hosts), sharex=True,
                        sharey="row", squeeze=False)  # fmt: skip
    else:  # side by side
        fig, axes = new(width=8.0, height=3.4, ncols=len(SIDES), squeeze=False)
        axes = axes.T
    for row, (side, name) in zip(axes, SIDES.items(), strict=True):
        for ax, host in zip(row, hosts, strict=True):
            for variant, found in scores[side][host].items():
                colour, mark, line = VARIANTS.get(variant, OTHER_VARIANT)
                known = [(x, seeds) for x, seeds in zip(values, found, strict=True) if seeds]
                ax.plot([x for x, _ in known], [np.mean(s) for _, s in known], line, color=colour, marker=mark, ms=6,
                        label=variant)  # fmt: skip
                for x, seeds in known:
                    ax.plot([x] * len(seeds), seeds, mark, color=colour, ms=3, alpha=0.5, mew=0)
            if side == "U" or len(hosts) == 1:
                ax.set_title(host)
        row[0].set_ylabel(name)
    for ax in axes[-1] if len(hosts) > 1 else axes[:, 0]:
        ax.set_xlabel(label)
        if log:
            ax.set_xscale("log")
        ax.set_xticks(values, labels=[f"{x:g}" for x in values])
        ax.minorticks_off()
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return fig


@drawn
def tightness(*, candidates: list[int], infonce: list[float], ceilings: list[float], exact: float) -> Figure:
    """Lower bounds on a known I(Z;T), each with its best critic: InfoNCE along its candidates, the decoder bound."""
    fig, ax = new(width=6.4, height=3.6)
    ax.axhline(exact, color=VARIANTS["decoder"][0], label=f"decoder bound = I(Z;T) = {exact:.2f}")
    ax.plot(candidates, ceilings, color=GRAY, ls="--", label="log N, InfoNCE's ceiling")
    ax.plot(candidates, infonce, color=VARIANTS["InfoNCE 32"][0], marker="^", label="InfoNCE among N texts")
    ax.set_xscale("log", base=2)
    ax.set_xticks(candidates, labels=[str(n) for n in candidates])
    ax.minorticks_off()
    ax.set(xlabel="candidates N", ylabel="lower bound on I(Z;T) / nats", ylim=(0, exact + 1.2))
    ax.legend(loc="lower right")
    return fig


@drawn
def rate_and_utility(*, points: dict, rates: dict) -> Figure:
    """Both sides of each host against the nats that tokens take: a small mark is a seed, a large one a variant's mean.

    points: {side: {host: {variant: [[nats, score], a pair per seed]}}}; rates: {host: what the nats are}.
    """
    hosts = list(rates)
    fig, axes = new(width=1.2 + 2.9 * len(hosts), height=5.6, nrows=len(SIDES), ncols=len(hosts), sharex="col",
                    sharey="row", squeeze=False)  # fmt: skip
    for row, (side, name) in zip(axes, SIDES.items(), strict=True):
        for ax, host in zip(row, hosts, strict=True):
            for variant, pairs in points[side][host].items():
                colour, mark, _ = VARIANTS.get(variant, OTHER_VARIANT)
                x, y = np.array(pairs).T
                ax.plot(x, y, mark, color=colour, ms=3.5, alpha=0.5, mew=0)
                ax.plot(x.mean(), y.mean(), mark, color=colour, ms=9, mec=BLACK, mew=0.8, label=variant)
        row[0].set_ylabel(name)
    for host, above, below in zip(hosts, axes[0], axes[-1], strict=True):
        above.set_title(host)
        below.set_xlabel(rates[host])
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=3)
    return fig


PRIORS = {"text": ("o", "-"), "host": ("D", "-."), "learned": ("s", "--"), "standard": ("^", ":")}  # mark, line


@drawn
def frontier(*, lines: dict, rates: dict) -> Figure:
    """Both sides of each host along the weight of a rate term, against the nats that tokens take; marks grow with it.

    lines: {host: {line: [{"weight", "nats", "U", "G"}, ...]}}, the first point of a line without a rate term.
    rates: {host: what the nats are}.
    """
    hosts = list(lines)
    fig, axes = new(width=1.2 + 2.9 * len(hosts), height=5.6, nrows=len(SIDES), ncols=len(hosts), sharex="col",
                    sharey="row", squeeze=False)  # fmt: skip
    handles = {}
    for row, (side, name) in zip(axes, SIDES.items(), strict=True):
        for ax, host in zip(row, hosts, strict=True):
            for line, points in lines[host].items():
                bound, _, prior = line.partition(", ")
                mark, style = PRIORS.get(prior.removesuffix(" prior"), ("v", "-"))
                colour = VARIANTS["InfoTok HSIC" if bound == "HSIC" else bound][0]
                x, y = ([point[key] for point in points] for key in ("nats", side))
                handles[line] = ax.plot(x, y, style, color=colour, marker=mark, ms=3, lw=1.2)[0]
                ax.scatter(x, y, s=[16 + 14 * i for i in range(len(x))], marker=mark, color=colour, zorder=3)
        row[0].set_ylabel(name)
    for host, above, below in zip(hosts, axes[0], axes[-1], strict=True):
        above.set_title(host)
        below.set_xlabel(rates[host])
    fig.legend(handles.values(), list(handles), loc="outside lower center", ncols=3)
    return fig


@drawn
def plane(*, paths: dict, steps: list[int], entropy: float) -> Figure:
    """The information plane of the shared tokens along joint training: nats of structure against nats of nuisance.

    paths: {host: {variant: [[nuisance, structure], a pair per evaluation]}}; steps of the evaluations.
    """
    fig, axes = new(width=1 + 3.0 * len(paths), height=3.6, ncols=len(paths), sharey=True, squeeze=False)
    for ax, (host, variants) in zip(axes[0], paths.items(), strict=True):
        for variant, path in variants.items():
            colour, mark, line = VARIANTS.get(variant, OTHER_VARIANT)
            x, y = np.array(path).T
            ax.plot(x, y, line, color=colour, lw=1.4, label=variant)
            ax.scatter(x, y, s=np.linspace(14, 60, len(x)), marker=mark, color=colour, zorder=3)
        ax.axhline(entropy, color=GRAY, lw=1, ls=":")
        ax.set(title=host, xlabel="nuisance in the tokens / nats")
    axes[0, 0].set(ylabel="structure in the tokens / nats", ylim=(0, entropy + 1))
    axes[0, 0].annotate(f"all there is, {entropy:.1f}", (0, entropy), (2, 3), textcoords="offset points", color=GRAY,
                        fontsize=9)  # fmt: skip
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    fig.suptitle(f"after {', '.join(map(str, steps))} steps (growing marks)", x=0.01, ha="left", fontsize=10)
    return fig


@drawn
def probed(*, nats: dict, entropies: dict[str, float]) -> Figure:
    """Nats of structure and of nuisance that a probe finds in the tokens: a mark per seed, a bar at their mean.

    nats: {group: {host: {variant: [a number per seed]}}}.
    """
    import seaborn as sns  # here, since the other pictures do without it

    fig, axes = new(width=9.4, height=3.9, ncols=len(nats), sharey=True)
    for ax, (group, hosts) in zip(axes, nats.items(), strict=True):
        rows = [(host, variant, value) for host, named in hosts.items() for variant, seeds in named.items()
                for value in seeds]  # fmt: skip
        frame = pd.DataFrame(rows, columns=["host", "variant", "nats"])
        variants = list(frame["variant"].unique())
        colours = {variant: VARIANTS.get(variant, OTHER_VARIANT)[0] for variant in variants}
        named = {"data": frame, "x": "nats", "y": "host", "hue": "variant", "palette": colours, "legend": False}
        sns.stripplot(**named, dodge=True, jitter=False, size=4.5, alpha=0.6, ax=ax)
        width = 0.8 * (1 - 1 / len(variants))  # where stripplot puts the outermost variants
        sns.pointplot(**named, dodge=width, errorbar=None, linestyle="none", marker="|", markersize=16,
                      markeredgewidth=2.5, ax=ax)  # fmt: skip
        ax.axvline(0, color=GRAY, lw=0.8)
        ax.set(xlabel="in the tokens, at least / nats", ylabel="", title=f"{group}, of {entropies[group]:.1f}")
        ax.grid(visible=False, axis="y")
    handles = [axes[0].plot([], [], "o", color=colour)[0] for colour in colours.values()]
    fig.legend(handles, list(colours), loc="outside lower center", ncols=len(colours))
    return fig


@drawn
def subscores(*, names: list[str], differences: dict, sure: dict) -> Figure:
    """Every sub-score's paired difference, a panel per host, a mark per estimator: full where Holm's test rejects 0.

    differences, sure: {host: {variant: [a number, or True and False, per sub-score]}}.
    """
    fig, axes = new(width=1.8 + 2.7 * len(differences), height=0.9 + 0.27 * len(names), ncols=len(differences),
                    sharey=True, squeeze=False)  # fmt: skip
    for ax, (host, variants) in zip(axes[0], differences.items(), strict=True):
        ax.axvline(0, color=BLACK, lw=1)
        for k, (variant, values) in enumerate(variants.items()):
            colour, mark, _ = VARIANTS.get(variant, OTHER_VARIANT)
            for i, (value, holds) in enumerate(zip(values, sure[host][variant], strict=True)):
                if value is not None:
                    fill = colour if holds else "white"
                    ax.plot([value], [i + 0.3 * (k - 0.5)], mark, color=colour, mfc=fill, ms=5.5)
        ax.set(title=host, xlabel="difference")
        ax.grid(visible=True, axis="y", lw=0.4)
    axes[0, 0].set_yticks(range(len(names)), labels=names)
    axes[0, 0].set_ylim(len(names) - 0.5, -0.5)
    styles = [VARIANTS.get(variant, OTHER_VARIANT) for variant in variants]
    handles = [axes[0, 0].plot([], [], mark, color=colour)[0] for colour, mark, _ in styles]
    fig.legend(handles, list(variants), loc="outside lower center", ncols=len(variants))
    return fig
