"""Figures of lessons 08 to 10: the training of a unified model, and its scores beside their references."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from infotok.lab.plots.style import BLACK, BLUE, GRAY, GREEN, SKY, VERMILLION, drawn, new

MEASURED = {"host": BLUE, "host, new combinations": BLUE}  # the other bars are floors, in grey, or ceilings


@drawn
def learning(*, curve: dict, longer: dict, unit: str) -> Figure:
    """Losses and scores along training, of this run and of the longer, reported run.

    Args:
        curve: of this run, as `infotok.experiments.curves.learning_curve` returns it.
        longer: the same of the reported run.
        unit: the unit of the generation loss.
    """
    fig, axes = new(width=9.8, height=5.4, ncols=3, nrows=2)
    panels = (
        ("understanding", BLUE, "understanding loss", "nats per answer"),
        ("generation", VERMILLION, "generation loss", unit),
        ("reconstruction", GREEN, "reconstruction loss", "weighted squared error"),
        ("answered", BLUE, "questions answered right", "share of questions"),
        ("drawn", VERMILLION, "present cells drawn right", "share of cells"),
    )
    for ax, (name, colour, title, label) in zip(axes.flat, panels, strict=False):
        step = "scored" if name in ("answered", "drawn") else "step"
        mark, top = "o" if step == "scored" else "", 0.0
        for run, style in ((longer, {"color": GRAY, "lw": 1.2}), (curve, {"color": colour})):
            values = run[name]
            ax.plot(run[step], [math.nan if value is None else value for value in values], marker=mark, ms=4, **style)
            known = [value for value in values[len(values) // 20 :] if value is not None]  # none during a warm-up
            top = max(top, *known) if known else top
        ax.set(xlabel="training step", ylabel=label, title=title, ylim=(0, 1.0 if mark else 1.05 * top))
    axes.flat[-1].remove()
    marks = [Line2D([], [], color=color, lw=2) for color in (BLACK, GRAY)]
    names = [f"colour: this run, {curve['step'][-1]} steps", f"grey: reported run, {longer['step'][-1]} steps"]
    fig.legend(marks, names, loc="center left", bbox_to_anchor=(0.68, 0.28))
    return fig


@drawn
def scores(*, known: dict, novel: dict, here: dict) -> Figure:
    """Both sides with their floors and ceilings: two results of `evaluate`, and those of the run made here.

    Args:
        known: scores on scenes made of combinations that training shows.
        novel: scores on scenes with new combinations.
        here: "steps", "answered" and "drawn" of the run made here.
    """
    fig, (left, right) = new(width=10.6, height=3.2, ncols=2)
    short = f"trained here, {here['steps']} steps"
    answered = {
        short: here["answered"],
        "host": known["understanding"]["mean"],
        "host, new combinations": novel["understanding"]["mean"],
        "host, shuffled images": known["shuffled"]["mean"],
        "question only": known["question_only"]["mean"],
    }
    read = {
        short: here["drawn"],
        "host": known["generations"]["present"],
        "host, new combinations": novel["generations"]["present"],
        "reconstructions": known["reconstructions"]["present"],
        "reconstructions, new combinations": novel["reconstructions"]["present"],
        "renders": known["renders"]["present"],
    }
    _bars(left, answered, "questions answered right")
    _bars(right, read, "present cells parsed right")
    return fig


@drawn
def by_kind(*, kinds: list[str], host: list[float], blind: list[float]) -> Figure:
    """Accuracy for each kind of question, with the image and without it.

    Args:
        kinds: names of the kinds of questions.
        host: accuracy of the host on each.
        blind: accuracy of the best guess from the question alone.
    """
    fig, ax = new(width=7.4, height=3.2)
    place = np.arange(len(kinds))
    ax.bar(place - 0.2, host, 0.38, color=BLUE, label="host")
    ax.bar(place + 0.2, blind, 0.38, color="#BBBBBB", label="question only")
    for x, value in zip(place, host, strict=True):
        ax.annotate(f"{value:.2f}", (x - 0.2, value), (0, 2), textcoords="offset points", ha="center", fontsize=9)
    ax.set_xticks(place, labels=kinds)
    ax.set(ylabel="accuracy", ylim=(0, 1.12))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=2)
    ax.grid(False, axis="x")
    return fig


def _bars(ax: Axes, values: dict, label: str) -> None:
    names = list(values)
    colours = [MEASURED.get(name, SKY if "here" in name else "#BBBBBB") for name in names]
    ax.barh(names, list(values.values()), color=colours)
    for name, value in values.items():
        ax.annotate(f"{value:.3f}", (value, name), (3, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set(xlim=(0, 1.16), xlabel=label)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1.0])
    ax.invert_yaxis()
    ax.grid(False, axis="y")
