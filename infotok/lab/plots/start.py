"""Figures of lesson 00: the map of the course, and two codes of the same size."""

import math

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from infotok.lab.plots.style import BLUE, GRAY, GREEN, ORANGE, VERMILLION, drawn, new

# Each row of the map: what it asks, and its lessons with where they stand (0 left to 2 right).
COURSE = [
    ("Why?", [("00_start_here", "Start here", "one budget, two codes", 1)]),
    ("How much?", [("01_measuring_information", "Measuring information", "what two variables share", 1)]),
    (
        "What to keep?",
        [
            ("02_gaussian_bottleneck", "Gaussian bottleneck", "solved exactly", 0.5),
            ("03_discrete_bottleneck", "Discrete bottleneck", "clusters that matter", 1.5),
        ],
    ),
    (
        "How to learn it?",
        [
            ("04_variational_bottleneck", "Variational bottleneck", "a bound to train on", 0),
            ("05_hsic_bottleneck", "HSIC bottleneck", "dependence by kernels", 1),
            ("06_quantizers", "Quantizers", "from vectors to tokens", 2),
        ],
    ),
    ("How to share it?", [("07_shared_tokens", "Shared tokens", "one code to read and draw", 1)]),
    (
        "Who reads it?",
        [
            ("08_autoregressive_host", "Autoregressive host", "token after token", 0),
            ("09_masked_host", "Masked host", "by unmasking", 1),
            ("10_continuous_host", "Continuous host", "by a flow", 2),
        ],
    ),
    (
        "Does it help?",
        [
            ("11_infotok", "InfoTok", "three hosts, paired seeds", 0),
            ("12_ablations", "Ablations", "which term does it", 1),
            ("13_rate_and_utility", "Rate and utility", "where compression helps", 2),
        ],
    ),
    (
        "And elsewhere?",
        [
            ("14_real_pictures", "Real pictures", "drawings and their names", 0.5),
            ("15_published_models", "Published models", "where the gradient stops", 1.5),
        ],
    ),
    (
        "Other methods?",
        [
            ("16_diffusion_pruning", "Diffusion pruning", "a bottleneck on weights", 0),
            ("17_unlearnable_examples", "Unlearnable examples", "noise through bottlenecks", 1),
            ("18_face_anti_spoofing", "Anti-spoofing", "a domain never seen", 2),
        ],
    ),
    ("How good is the code?", [("19_benchmarks", "Benchmarks", "side by side with others", 1)]),
]
LEADS_TO = {"00": "01", "01": "02 03", "02": "04 05", "03": "06", "04": "07", "05": "07", "06": "07", "07": "08 09 10",
            "08": "11", "09": "11", "10": "11", "11": "12", "12": "13", "13": "14", "14": "15",
            "15": "16 17 18",
            "16": "19", "17": "19", "18": "19"}  # fmt: skip


@drawn
def course(*, ready: list[str]) -> Figure:
    """Map of the course: which lesson leads to which, and which are still to come."""
    fig, ax = new(width=9, height=7.2)
    width, height, places = 0.93, 0.62, {}
    for row, (question, lessons) in enumerate(COURSE):
        ax.text(-1.12, -row, question, va="center", style="italic", color=GRAY, fontsize=11)
        for name, title, idea, column in lessons:
            here, there = name.startswith("00"), name in ready
            colour = VERMILLION if here else BLUE if there else GRAY
            corner = (column - width / 2, -row - height / 2)
            box = FancyBboxPatch(corner, width, height, boxstyle="round,pad=0,rounding_size=0.08", mutation_aspect=1.6,
                                 zorder=2, edgecolor=colour, facecolor=colour if here or there else "white",
                                 linestyle="-" if here or there else (0, (4, 3)))  # fmt: skip
            ax.add_patch(box)
            ink = {"color": "white" if here or there else "#444444", "ha": "center", "va": "center"}
            ax.text(column, -row + 0.11, f"{name[:2]}  {title}", **ink, weight="bold", fontsize=9.5)
            ax.text(column, -row - 0.15, "you are here" if here else idea, **ink, fontsize=9)
            places[name[:2]] = (column, -row)
    for start, ends in LEADS_TO.items():
        for end in ends.split():
            (x0, y0), (x1, y1) = places[start], places[end]
            if y0 == y1:
                tail, head = (x0 + width / 2, y0), (x1 - width / 2, y1)
            else:
                tail, head = (x0, y0 - height / 2), (x1, y1 + height / 2)
            arrow = {"arrowstyle": "-|>", "color": GRAY, "shrinkA": 0, "shrinkB": 0}
            ax.annotate("", head, tail, zorder=1, arrowprops=arrow)
    if any(name not in ready for _, lessons in COURSE for name, *_ in lessons[1:]):
        ax.text(2.48, 0, "dashed: to come", ha="right", va="center", color=GRAY, fontsize=9)
    ax.set(xlim=(-1.15, 2.5), ylim=(-len(COURSE) + 0.6, 0.4))
    ax.axis("off")
    return fig


@drawn
def two_codes(*, bits: int, images: list, labels: list[int], codes: dict[str, dict]) -> Figure:
    """Input images, and what two codes of the same size keep of them: reconstructions and predicted labels.

    images: (n, h, w).
    labels: (n,).
    codes: what each code keeps -> {"reconstructed": (n, h, w), "predicted": (n,) labels, "accuracy": the share of all
        held-out images whose label is predicted correctly}.
    """
    fig, ax = new(width=8.4, height=4.4)
    rows = [("input images", images, None)]
    for keep, code in codes.items():
        title = f"{bits} bits that keep {keep}: {code['accuracy']:.0%} of the held-out labels predicted correctly"
        rows.append((title, code["reconstructed"], code["predicted"]))
    for row, (title, pictures, predicted) in enumerate(rows):
        n, h, w = np.shape(pictures)
        top, step = -row * (h + 6), w + 2
        strip = np.pad(pictures, ((0, 0), (0, 0), (0, 2)), constant_values=np.nan)  # (n, h, step)
        strip = strip.transpose(1, 0, 2).reshape(h, n * step)  # each strip is shown from its darkest to its lightest
        ax.imshow(strip, cmap="gray", extent=(0, n * step, top - h, top))
        ax.text(0, top + 0.6, title, va="bottom")
        for i in range(n):
            note, colour = f"label {labels[i]}", GRAY
            if predicted:
                right = predicted[i] == labels[i]
                note, colour = (f"{predicted[i]} ✓", GREEN) if right else (f"{predicted[i]} ✗", VERMILLION)
            place, weight = (i * step + w / 2, top - h - 0.3), "bold" if predicted else "normal"
            ax.text(*place, note, color=colour, weight=weight, ha="center", va="top")
    ax.set(xlim=(0, n * step - 2), ylim=(top - h - 2.2, 2))
    ax.axis("off")
    return fig


@drawn
def budgets(*, bits: list[int], codes: dict[str, dict], label_entropy: float) -> Figure:
    """What each code keeps of the label and of the pixels as the budget grows.

    bits: (budgets,).
    codes: by name, "relevance" in nats and "fidelity" (explained share of the pixel variance), each (splits, budgets).
    label_entropy: H(Y) in nats.
    """
    fig, (left, right) = new(width=8.4, height=3.8, ncols=2)
    rates = np.linspace(0, max(bits), 200)
    left.plot(rates, np.minimum(rates * math.log(2), label_entropy), color=GRAY, lw=1.2, ls="--")
    left.annotate("upper limit: min(bits · ln 2, H(Y))", (max(bits), label_entropy), (0, 4), ha="right",
                  textcoords="offset points", color=GRAY, fontsize=9)  # fmt: skip
    for (name, code), colour, marker in zip(codes.items(), (BLUE, ORANGE), "os", strict=True):
        for ax, kept in ((left, code["relevance"]), (right, code["fidelity"])):
            ax.plot(bits, np.mean(kept, axis=0), marker=marker, color=colour, label=f"code of {name}")
            ax.fill_between(bits, np.min(kept, axis=0), np.max(kept, axis=0), color=colour, alpha=0.2, lw=0)
    left.set(title="information about the label", xlabel="budget / bits per image", ylabel="I(T;Y), lower bound / nats")
    right.set(title="information about the pixels", xlabel="budget / bits per image", ylabel="pixel variance explained")
    left.set_ylim(top=label_entropy * 1.14)
    right.set_ylim(0, 1)
    right.legend(loc="upper left")
    return fig
