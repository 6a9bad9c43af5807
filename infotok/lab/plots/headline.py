"""Pictures of lessons 11 to 13: paired differences with intervals, drawings and answers.

Each variant and each host has the same colour in every picture (`style.VARIANTS`, `style.HOSTS`).
"""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from infotok.lab.plots.images import show
from infotok.lab.plots.style import BLACK, GRAY, HOSTS, OTHER_VARIANT, VARIANTS, drawn, new
from infotok.worlds.shapes.prompts import TAGS

SIDES = {"U": "understanding U", "G": "generation G"}
LIGHT = "#BBBBBB"


@drawn
def forest(*, differences: dict, title: str = "", reported: dict | None = None) -> Figure:
    """Paired differences with 95 % intervals: a row for every variant and host, a panel for each side.

    differences: {side: {label: {host: [low, mean, high, seeds] or None}}}; seeds may be left out.
    reported: the same of the committed runs, in full marks; `differences` are then drawn open, below them.
    Of fewer than three seeds the mean is drawn alone. An interval that ends in an arrowhead goes on beyond the frame. A
    label without any difference has no row, unless none has one.
    """
    main = reported or differences
    labels = list(dict.fromkeys(label for each in (main, differences) for label in next(iter(each.values()))))
    labels = [
        label
        for label in labels
        if any(any(named.get(label, {}).values()) for each in (main, differences) for named in each.values())
    ] or labels
    known = [found for each in (main, differences) for named in each.values() for found in named.values()]
    hosts = [name for name in HOSTS if any(found.get(name) for found in known)]
    hosts = hosts or [name for name in HOSTS if any(name in found for found in known)]
    block = len(hosts) + 1.4
    fig, axes = new(width=9.4, height=1.3 + 0.17 * len(labels) * block, ncols=len(SIDES), sharey=True)
    for ax, (side, name) in zip(axes, SIDES.items(), strict=True):
        ax.axvline(0, color=BLACK, lw=1)
        rows = [(i * block + j, host, main[side].get(label, {}).get(host), True) for i, label in enumerate(labels)
                for j, host in enumerate(hosts)]  # fmt: skip
        if reported:
            rows += [(i * block + j + 0.36, host, differences[side].get(label, {}).get(host), False)
                     for i, label in enumerate(labels) for j, host in enumerate(hosts)]  # fmt: skip
        rows = [row for row in rows if row[2]]
        # Intervals of this run's few seeds may leave the picture; reported ones and every mean must be in it.
        ends = [end for _, _, found, full in rows if full and not _few(found) for end in (found[0], found[2])]
        ends += [found[1] for _, _, found, _ in rows] + [0.0]
        room = 0.08 * (max(ends) - min(ends)) + 1e-3
        frame = min(ends) - room, max(ends) + room
        for y, host, found, full in rows:
            _interval(ax, found, y, host, full, frame)
        ax.set(xlabel=f"{name}: difference, paired by seed", xlim=frame)
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.grid(visible=False, axis="y")
    axes[0].set_yticks([i * block + (len(hosts) - 1) / 2 for i in range(len(labels))], labels=_counted(labels, main))
    axes[0].set_ylim(len(labels) * block - 0.6, -0.8)
    handles = [axes[0].plot([], [], mark, color=colour)[0] for colour, mark in (HOSTS[host] for host in hosts)]
    names = [f"{host} host" for host in hosts]
    if reported:
        handles += [axes[0].plot([], [], "o", color=GRAY, mfc=fill)[0] for fill in (GRAY, "white")]
        names += ["reported seeds", "this run"]
    fig.legend(handles, names, loc="outside lower center", ncols=len(names))
    if title:
        fig.suptitle(title, x=0.01, ha="left", fontsize=11)
    return fig


@drawn
def pairs(*, scores: dict, names: list[str], label: str) -> Figure:
    """One score of two variants, a line per seed, a panel per host: a line that rises is a seed that gains.

    scores: {host: [[first, second], a pair per seed]}; names: of the two variants; label: of the score.
    """
    fig, axes = new(width=1.6 + 2.2 * len(scores), height=3.2, ncols=len(scores), sharey=True, squeeze=False)
    for ax, (host, found) in zip(axes[0], scores.items(), strict=True):
        for pair in found:
            ax.plot([0, 1], pair, color=LIGHT, lw=1)
        for x, name in enumerate(names):
            colour, mark, _ = VARIANTS.get(name, OTHER_VARIANT)
            ax.plot([x] * len(found), [pair[x] for pair in found], mark, color=colour, ms=5)
        ax.set_xticks([0, 1], labels=[_wrapped(name) for name in names])
        ax.set(title=f"{host} ({len(found)})", xlim=(-0.4, 1.4))
    axes[0, 0].set_ylabel(label)
    return fig


@drawn
def first_drawings(*, prompts: list[str], drawings: dict, right: dict, categories: list[str] | None = None) -> Figure:
    """The first prompts of the evaluation set, as each model draws them; a tick where the prompt is followed.

    prompts: with their categories below them, which come in turn in every evaluation set.
    drawings: {model: [picture, ...]}, right: {model: [bool, ...]}.
    categories: in that turn; those of ShapesWorld by default.
    """
    categories = categories or list(TAGS)
    fig, axes = new(width=1.35 * len(prompts) + 1.4, height=1.35 * len(drawings) + 0.75, nrows=len(drawings),
                    ncols=len(prompts), squeeze=False)  # fmt: skip
    for row, (model, pictures) in zip(axes, drawings.items(), strict=True):
        for ax, picture, good in zip(row, pictures, right[model], strict=True):
            show(ax, picture)
            mark, colour = ("✓", BLACK) if good else ("✗", GRAY)
            ax.set_xlabel(mark, color=colour, fontsize=10, labelpad=1)
        row[0].set_ylabel(_wrapped(model, 13), rotation=0, ha="right", va="center", fontsize=9)
    for i, (ax, prompt) in enumerate(zip(axes[0], prompts, strict=True)):
        category = categories[i % len(categories)].replace("_", " ")
        ax.set_title(f"{_wrapped(prompt)}\n[{category}]", fontsize=8, loc="center")
    return fig


@drawn
def composed(*, drawings: dict, right: dict, cells: int) -> Figure:
    """One caption as every host draws it, without InfoTok and with: how many of its cells the parser finds as asked.

    drawings: {host: {variant: picture}}, right: {host: {variant: how many of `cells`}}.
    """
    hosts, variants = list(drawings), list(next(iter(drawings.values())))
    fig, axes = new(width=2.0 * len(hosts) + 1.2, height=2.15 * len(variants) + 0.3, nrows=len(variants),
                    ncols=len(hosts), squeeze=False)  # fmt: skip
    for row, variant in zip(axes, variants, strict=True):
        for ax, host in zip(row, hosts, strict=True):
            show(ax, drawings[host][variant])
            good = right[host][variant]
            weight = "bold" if good == cells else "normal"
            ax.set_xlabel(f"{good} of {cells} cells right", weight=weight, fontsize=10)
        row[0].set_ylabel(_wrapped(variant, 10), rotation=0, ha="right", va="center", fontsize=10)
    for ax, host in zip(axes[0], hosts, strict=True):
        ax.set_title(host)
    return fig


@drawn
def first_answers(*, picture: str, questions: list[str], truth: list[str], likely: dict) -> Figure:
    """The first image of the evaluation set, and each model's four most probable answers: black is right.

    likely: {model: [{word: probability}, a dict per question]}.
    """
    fig, axes = new(width=10.2, height=1.0 + 0.28 * 4.6 * len(likely), nrows=len(likely), ncols=len(questions) + 1,
                    width_ratios=[0.9] + [1] * len(questions), squeeze=False)  # fmt: skip
    for i, (row, (model, asked)) in enumerate(zip(axes, likely.items(), strict=True)):
        if i == 0:
            show(row[0], picture)
        else:
            row[0].axis("off")
        for ax, question, right, words in zip(row[1:], questions, truth, asked, strict=True):
            best = sorted(words, key=words.get, reverse=True)[:4]
            ax.barh(best, [words[word] for word in best], color=[BLACK if word == right else LIGHT for word in best])
            ax.invert_yaxis()
            ax.set(xlim=(0, 1))
            ax.set_xticks([0, 0.5, 1], labels=["0", "0.5", "1"])
            ax.grid(visible=False, axis="y")
            ax.tick_params(labelsize=8)
            if i == 0:
                ax.set_title(f"{_wrapped(question, 20)}\n({right})", fontsize=8)
        row[1].set_ylabel(_wrapped(model, 14), fontsize=9)
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


def _counted(labels: list[str], differences: dict) -> list[str]:
    """Labels with the number of seeds in brackets, broken where they are long."""
    counted = []
    for label in labels:
        found = [
            each for named in differences.values() for each in named.get(label, {}).values() if each and len(each) > 3
        ]
        seeds = sorted({each[3] for each in found})
        span = "–".join(map(str, dict.fromkeys((seeds[0], seeds[-1])))) if seeds else ""
        counted.append(_label(f"{label} ({span})" if span else label))
    return counted


def _label(text: str, width: int = 30) -> str:
    """A row's label; a long one is broken at its minus, else behind its comma, else between words."""
    left, _, right = text.partition(" − ")
    if len(text) <= width:
        return text
    if len(right) > 12:
        return f"{left} −\n{right}"
    return text.replace(", ", ",\n", 1) if ", " in text else _wrapped(text, width)


def _wrapped(text: str, width: int = 16) -> str:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)
