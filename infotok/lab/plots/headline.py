"""Pictures of lesson 11: do hosts get better with InfoTok, by how much, when, and by which of its terms?"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infotok.lab.plots.images import show
from infotok.lab.plots.style import BLACK, BLUE, GRAY, GREEN, ORANGE, PURPLE, SKY, VERMILLION, drawn, new

SIDES = {"U": "understanding U", "G": "generation G"}
HOSTS = {"autoregressive": (BLUE, "o"), "masked": (ORANGE, "s"), "continuous": (GREEN, "^")}
ARMS = {  # colour, mark and line of the arms that have a line of their own
    "host alone": (GRAY, "o", "--"),
    "InfoTok variational": (BLUE, "s", "-"),
    "InfoTok HSIC": (VERMILLION, "v", "-"),
    "consistency only": (ORANGE, "^", "-"),
    "caption head": (PURPLE, "D", "-"),
}
OTHER = (SKY, "P", "-")


@drawn
def forest(*, differences: dict, title: str = "", reported: dict | None = None) -> Figure:
    """Paired differences with 95 % intervals, a row for every arm and host, a panel for each side.

    differences: {side: {arm: {host: [low, mean, high, pairs] or None}}}; pairs, how many seeds, may be left out.
    reported: the same of the committed runs, in full marks; `differences` are then drawn open, below them.
    Of two pairs the mean is drawn alone: their interval says nothing. An interval that ends in an arrowhead goes on
    beyond the frame. An arm without any difference has no row, unless none has one.
    """
    main = reported or differences
    arms = list(next(iter(main.values())))
    arms = [arm for arm in arms if any(any(named[arm].values()) for named in main.values())] or arms
    hosts = [name for name in HOSTS if any(name in found for found in main["U"].values())]
    fig, axes = new(width=9.4, height=1.3 + 0.17 * len(arms) * (len(hosts) + 1.4), ncols=len(SIDES), sharey=True)
    block = len(hosts) + 1.4
    for ax, (side, label) in zip(axes, SIDES.items(), strict=True):
        ax.axvline(0, color=BLACK, lw=1)
        rows = [(i * block + j, host, main[side][arm].get(host), True) for i, arm in enumerate(arms)
                for j, host in enumerate(hosts)]  # fmt: skip
        if reported:
            rows += [(i * block + j + 0.36, host, differences[side].get(arm, {}).get(host), False)
                     for i, arm in enumerate(arms) for j, host in enumerate(hosts)]  # fmt: skip
        rows = [row for row in rows if row[2]]
        # Intervals of this run's few seeds may leave the picture; reported ones and every mean must be in it.
        ends = [end for _, _, found, full in rows if full and not _few(found) for end in (found[0], found[2])]
        ends += [found[1] for _, _, found, _ in rows] + [0.0]
        room = 0.08 * (max(ends) - min(ends)) + 1e-3
        frame = min(ends) - room, max(ends) + room
        for y, host, found, full in rows:
            _interval(ax, found, y, host, full, frame)
        ax.set(xlabel=f"{label}: difference, paired by seed", xlim=frame)
        ax.grid(visible=False, axis="y")
    seeds = [sorted({found[3] for side in SIDES for found in main[side][arm].values() if found and len(found) > 3})
             for arm in arms]  # fmt: skip
    labels = [_label(f"{arm} ({'–'.join(map(str, dict.fromkeys((n[0], n[-1]))))})" if n else arm)
              for arm, n in zip(arms, seeds, strict=True)]  # fmt: skip
    axes[0].set_yticks([i * block + (len(hosts) - 1) / 2 for i in range(len(arms))], labels=labels)
    axes[0].set_ylim(len(arms) * block - 0.6, -0.8)
    handles = [axes[0].plot([], [], mark, color=colour)[0] for colour, mark in (HOSTS[host] for host in hosts)]
    labels = [f"{host} host" for host in hosts]
    if reported:
        handles += [axes[0].plot([], [], "o", color=GRAY, mfc=fill)[0] for fill in (GRAY, "white")]
        labels += ["reported seeds", "this run"]
    fig.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    if title:
        fig.suptitle(title, x=0.01, ha="left", fontsize=11)
    return fig


@drawn
def sweep(*, values: list, label: str, scores: dict, log: bool = False) -> Figure:
    """Both sides of each host along one dial, a line an arm: dots are seeds, the line their mean.

    scores: {side: {host: {arm: [[a score a seed], a list a value]}}}; an empty list is a value without runs.
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
            for arm, found in scores[side][host].items():
                colour, mark, line = ARMS.get(arm, OTHER)
                known = [(x, seeds) for x, seeds in zip(values, found, strict=True) if seeds]
                ax.plot([x for x, _ in known], [np.mean(s) for _, s in known], line, color=colour, marker=mark, ms=6,
                        label=arm)  # fmt: skip
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
def first_drawings(*, prompts: list[str], drawings: dict, right: dict) -> Figure:
    """The first prompts of the evaluation set, as each arm draws them; a tick where the prompt is followed.

    drawings: {arm: [picture, ...]}, right: {arm: [bool, ...]}.
    """
    fig, axes = new(width=1.35 * len(prompts) + 1.4, height=1.35 * len(drawings) + 0.75, nrows=len(drawings),
                    ncols=len(prompts), squeeze=False)  # fmt: skip
    for row, (arm, pictures) in zip(axes, drawings.items(), strict=True):
        for ax, picture, good in zip(row, pictures, right[arm], strict=True):
            show(ax, picture)
            mark, colour = ("✓", GREEN) if good else ("✗", VERMILLION)
            ax.set_xlabel(mark, color=colour, fontsize=10, labelpad=1)
        row[0].set_ylabel(arm.replace(" ", "\n"), rotation=0, ha="right", va="center", fontsize=9)
    for ax, prompt in zip(axes[0], prompts, strict=True):
        ax.set_title(_wrapped(prompt), fontsize=8, loc="center")
    return fig


@drawn
def composed(*, drawings: dict, right: dict, cells: int) -> Figure:
    """One caption as every host draws it, without InfoTok and with: how many of its cells the parser reads as asked.

    drawings: {host: {arm: picture}}, right: {host: {arm: how many of `cells`}}.
    """
    hosts, arms = list(drawings), list(next(iter(drawings.values())))
    fig, axes = new(width=2.0 * len(hosts) + 1.2, height=2.15 * len(arms) + 0.3, nrows=len(arms), ncols=len(hosts),
                    squeeze=False)  # fmt: skip
    for row, arm in zip(axes, arms, strict=True):
        for ax, host in zip(row, hosts, strict=True):
            show(ax, drawings[host][arm])
            good = right[host][arm]
            ax.set_xlabel(f"{good} of {cells} cells right", color=GREEN if good == cells else VERMILLION, fontsize=10)
        row[0].set_ylabel(arm.replace(" ", "\n"), rotation=0, ha="right", va="center", fontsize=10)
    for ax, host in zip(axes[0], hosts, strict=True):
        ax.set_title(host)
    return fig


@drawn
def first_answers(*, picture: str, questions: list[str], truth: list[str], likely: dict) -> Figure:
    """The first image of the evaluation set and how likely each arm takes each answer to be, the four likeliest.

    likely: {arm: [{word: probability}, a dict a question]}.
    """
    fig, axes = new(width=10.2, height=1.0 + 0.28 * 4.6 * len(likely), nrows=len(likely), ncols=len(questions) + 1,
                    width_ratios=[0.9] + [1] * len(questions), squeeze=False)  # fmt: skip
    for i, (row, (arm, asked)) in enumerate(zip(axes, likely.items(), strict=True)):
        if i == 0:
            show(row[0], picture)
        else:
            row[0].axis("off")
        for ax, question, right, words in zip(row[1:], questions, truth, asked, strict=True):
            best = sorted(words, key=words.get, reverse=True)[:4]
            colours = [GREEN if word == right else "#BBBBBB" for word in best]
            ax.barh(best, [words[word] for word in best], color=colours)
            ax.invert_yaxis()
            ax.set(xlim=(0, 1))
            ax.set_xticks([0, 0.5, 1], labels=["0", ".5", "1"])
            ax.grid(visible=False, axis="y")
            ax.tick_params(labelsize=8)
            if i == 0:
                ax.set_title(f"{_wrapped(question, 20)}\n({right})", fontsize=8)
        row[1].set_ylabel(arm.replace(" ", "\n"), fontsize=9)
    return fig


@drawn
def plane(*, paths: dict, steps: list[int], entropy: float) -> Figure:
    """The information plane of the shared tokens along joint training: structure carried against nuisance carried.

    paths: {host: {arm: [[nuisance, structure], a pair a look]}}; steps of the looks.
    """
    fig, axes = new(width=1 + 3.0 * len(paths), height=3.6, ncols=len(paths), sharey=True, squeeze=False)
    for ax, (host, arms) in zip(axes[0], paths.items(), strict=True):
        for arm, path in arms.items():
            colour, mark, line = ARMS.get(arm, OTHER)
            x, y = np.array(path).T
            ax.plot(x, y, line, color=colour, lw=1.4, label=arm)
            ax.scatter(x, y, s=np.linspace(14, 60, len(x)), marker=mark, color=colour, zorder=3)
        ax.axhline(entropy, color=GRAY, lw=1, ls=":")
        ax.set(title=host, xlabel="nuisance carried / nats")
    axes[0, 0].set(ylabel="structure carried / nats", ylim=(0, entropy + 1))
    axes[0, 0].annotate(f"all there is, {entropy:.1f}", (0, entropy), (2, 3), textcoords="offset points", color=GRAY,
                        fontsize=9)  # fmt: skip
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    fig.suptitle(f"after {', '.join(map(str, steps))} steps (growing marks)", x=0.01, ha="left", fontsize=10)
    return fig


@drawn
def carried(*, nats: dict, entropies: dict[str, float]) -> Figure:
    """Nats of structure and of nuisance in the tokens of every host and arm: one mark a seed, a bar at their mean.

    nats: {group: {host: {arm: [a number a seed]}}}.
    """
    fig, axes = new(width=9.4, height=3.6, ncols=len(nats), sharey=True)
    for ax, (group, hosts) in zip(axes, nats.items(), strict=True):
        names, y = [], 0.0
        for host, arms in hosts.items():
            for arm, seeds in arms.items():
                colour, mark, _ = ARMS.get(arm, OTHER)
                ax.plot(seeds, [y] * len(seeds), mark, color=colour, ms=4.5, alpha=0.7, mew=0)
                ax.plot([np.mean(seeds)] * 2, [y - 0.35, y + 0.35], color=colour, lw=2.5)
                names.append((y, f"{host}: {arm}"))
                y += 1
            y += 0.6
        ax.axvline(0, color=GRAY, lw=0.8)
        ax.set(xlabel="carried, at least / nats", title=f"{group}, of {entropies[group]:.1f}")
        ax.grid(visible=False, axis="y")
    axes[0].set_yticks([place for place, _ in names], labels=[name for _, name in names])
    axes[0].set_ylim(y - 1, -0.6)
    return fig


@drawn
def subscores(*, names: list[str], differences: dict, sure: dict) -> Figure:
    """Every sub-score's paired difference, a panel a host, a mark an estimator: full where it holds after correction.

    differences, sure: {host: {arm: [a number, or True and False, a sub-score]}}.
    """
    fig, axes = new(width=1.8 + 2.7 * len(differences), height=0.9 + 0.27 * len(names), ncols=len(differences),
                    sharey=True, squeeze=False)  # fmt: skip
    for ax, (host, arms) in zip(axes[0], differences.items(), strict=True):
        ax.axvline(0, color=BLACK, lw=1)
        for k, (arm, values) in enumerate(arms.items()):
            colour, mark, _ = ARMS.get(arm, OTHER)
            for i, (value, holds) in enumerate(zip(values, sure[host][arm], strict=True)):
                if value is not None:
                    fill = colour if holds else "white"
                    ax.plot([value], [i + 0.3 * (k - 0.5)], mark, color=colour, mfc=fill, ms=5.5)
        ax.set(title=host, xlabel="difference")
        ax.grid(visible=True, axis="y", lw=0.4)
    axes[0, 0].set_yticks(range(len(names)), labels=names)
    axes[0, 0].set_ylim(len(names) - 0.5, -0.5)
    handles = [axes[0, 0].plot([], [], ARMS.get(arm, OTHER)[1], color=ARMS.get(arm, OTHER)[0])[0] for arm in arms]
    fig.legend(handles, list(arms), loc="outside lower center", ncols=len(arms))
    return fig


def _interval(ax: Axes, found: list, y: float, host: str, full: bool, frame: tuple[float, float]) -> None:
    low, mean, high = found[:3]
    colour, mark = HOSTS[host]
    if not _few(found):
        ax.plot([low, high], [y, y], color=colour, lw=2 if full else 1.2)
    ax.plot([mean], [y], mark, color=colour, mfc=colour if full else "white", ms=6 if full else 5)
    for beyond, end, arrow in ((low < frame[0], frame[0], "<"), (high > frame[1], frame[1], ">")):
        if beyond and not _few(found):
            ax.plot([end], [y], arrow, color=colour, ms=5, clip_on=False)


def _few(found: list) -> bool:
    """Whether there are too few pairs for an interval to be of use."""
    return len(found) > 3 and found[3] < 3


def _label(text: str, width: int = 30) -> str:
    """A row's label, broken at its minus where it is long."""
    left, minus, right = text.partition(" − ")
    return text if len(text) <= width else f"{left} −\n{right}" if minus else _wrapped(text, width)


def _wrapped(text: str, width: int = 16) -> str:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)
