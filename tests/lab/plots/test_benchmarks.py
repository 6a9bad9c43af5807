"""The figures of the benchmark lesson, drawn from a row or from many."""

import pytest

from infotok.lab.plots import benchmarks as plots
from infotok.lab.plots.style import redraw


@pytest.mark.parametrize("worlds", [1, 3])
def test_scores(worlds):
    points = [[[0.0, 1.0], [2.0, 3.0]]] * worlds
    fig = plots.scores(raw=points, scored=points, names=["a world"] * worlds)
    assert len(fig.axes) == 2 * worlds


@pytest.mark.parametrize("tasks", [1, 40])
def test_table_marks_every_method_on_every_task(tasks):
    fig = plots.table(
        tasks=[f"task {i}" for i in range(tasks)],
        panels={
            "ours": {"auto": [0.0] * tasks, "ksg": [-0.1] * tasks},
            "theirs": {"bmi": [0.1] + [None] * (tasks - 1)},
        },
        truth=[1.0] * tasks,
    )
    marks = [line for ax in fig.axes for line in ax.lines if line.get_label() in ("auto", "ksg", "bmi")]
    assert [len(line.get_xdata()) for line in marks] == [tasks, tasks, 1], "what was not run has no mark"


def test_an_error_beyond_the_table_is_a_triangle_at_its_edge():
    fig = plots.table(tasks=["a", "b"], panels={"theirs": {"far": [-300.0, 0.1]}}, truth=[1.0, 1.0], reach=1.0)
    marks = {line.get_marker(): list(line.get_xdata()) for line in fig.axes[0].lines}
    assert (marks["o"], marks["<"], marks[">"]) == ([0.1], [-1.0], [])


def test_ratios_mark_libraries_and_floors():
    fig = plots.ratios(rows=[["step", "a library", 3.0, 2.0, 4.0, True], ["step", "bare", 0.5, 0.4, 0.7, False]])
    filled = [line.get_markerfacecolor() != "white" for line in fig.axes[0].lines if line.get_marker() == "o"]
    assert filled == [True, False]
    assert redraw(fig.recipe).alt == fig.alt


def test_coverage_counts_what_holds():
    fig = plots.coverage(tasks=["a", "b"], low=[[0, 0], [2, 0]], high=[[1, 1], [3, 1]], truth=[0.5, 0.5])
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["a\n100% of 2", "b\n50% of 2"]


def test_speed_leaves_out_what_cannot_be_timed():
    fig = plots.speed(dims=[1, 2], seconds={"ksg": [0.1, 0.2], "one dimension only": [0.3, None]})
    assert [len(line.get_xdata()) for line in fig.axes[0].lines] == [2, 1]


@pytest.mark.parametrize("chosen", ["gaussian", "mixed"])
def test_choice(chosen):
    fig = plots.choice(candidates={"gaussian": 0.1, "student": 0.4}, truth=0.4, interval=[0.0, 0.2], chosen=chosen)
    assert redraw(fig.recipe).alt == fig.alt
