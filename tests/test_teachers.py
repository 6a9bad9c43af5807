"""The page for teachers agrees with the lessons: minutes, headings, exercises, and what each lesson asks."""

import re
from pathlib import Path

import pytest

from infotok.course.course import Course
from infotok.course.material import read_lesson

ROOT = Path(__file__).parents[1]
COURSE = Course(ROOT)
PAGE = (ROOT / "docs" / "teachers.md").read_text()
NAMES = {name[:2]: name for name in COURSE.names}


def rows(heading: str) -> list[list[str]]:
    """The rows of the table under a heading, without its own head."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" |")] for line in table[2:]]


def headings(number: str) -> list[str]:
    cells = COURSE.cells(NAMES[number])
    text = "\n".join(cell["source"] for cell in cells if cell["cell_type"] == "markdown")
    return re.findall(r"^#+ (.*)$|^\*\*(Predict[^*.]*)", text, re.MULTILINE)


@pytest.mark.parametrize("name", COURSE.names)
def test_what_each_lesson_asks_is_what_it_asks(name):
    lesson = read_lesson(COURSE, name)
    asked = sum(max(1, len(part.items)) for part in lesson.of("prediction"))
    found = sum(len(part.items) for part in lesson.of("play"))
    numbers = [str(number) for number in (lesson.minutes, asked, found, len(lesson.of("exercise")))]
    link = f"[{name[:2]} {lesson.title}](../notebooks/{name}.ipynb)"
    assert [row[1:] for row in rows("What each lesson asks") if row[0] == link] == [numbers]
    assert len(rows("What each lesson asks")) == len(COURSE.names)


def test_the_readme_has_the_minutes_of_the_lessons():
    readme = (ROOT / "README.md").read_text()
    said = dict(re.findall(r"\(notebooks/(\w+)\.ipynb\) \|[^|\n]*\| (\d+) \|", readme))
    assert said == {name: str(read_lesson(COURSE, name).minutes) for name in COURSE.names}


def test_the_session_fills_its_ninety_minutes_and_names_headings_that_are_there():
    session = rows("One session of 90 minutes")
    times = [tuple(map(int, row[0].split("–"))) for row in session]
    assert [first for first, _ in times] == [0, *(last for _, last in times[:-1])]
    assert times[-1][1] == 90
    named = []
    for row in session:
        for number, after in re.findall(r"lesson (\d\d)(.*?)(?=lesson \d\d|$)", row[-1]):
            named += [(number, quoted) for quoted in re.findall(r'"([^"]+)"', after)]
    assert len(named) >= 7
    there = {number: {text for pair in headings(number) for text in pair} for number, _ in named}
    assert [each for each in named if each[1] not in there[each[0]]] == []
    exercises = re.findall(r"(\d\d) / (\d)", " ".join(row[-1] for row in session))
    assert exercises
    assert [each for each in exercises if int(each[1]) > len(read_lesson(COURSE, NAMES[each[0]]).of("exercise"))] == []


def test_the_six_weeks_have_every_lesson_once_with_an_exercise():
    weeks = rows("Six weeks")
    assert len(weeks) == 6
    lessons = [re.findall(r"notebooks/(\d\d)\w+\.ipynb", week[1]) for week in weeks]
    assert sorted(number for week in lessons for number in week) == [*NAMES]
    for week, numbers in zip(weeks, lessons, strict=True):
        exercises = re.findall(r"(\d\d)/(\d)", week[3])
        assert {number for number, _ in exercises} <= set(numbers)
        assert {number for number, _ in exercises} == set(numbers) or "both of one's own lesson" in week[3]
        assert {which for _, which in re.findall(r"(\d\d)/(\d)", week[3] + week[4])} <= {"1", "2"}


def test_the_first_session_drags_through_as_many_transitions_as_there_are():
    """One transition for each correlation of lesson 02 that its largest weight reaches."""
    source = "\n".join(cell["source"] for cell in COURSE.cells(NAMES["02"]) if cell["cell_type"] == "code")
    space = {}
    exec(next(cell["source"] for cell in COURSE.cells(NAMES["02"]) if "correlations:" in cell["source"]), space)
    reached = sum(1 / rho**2 < space["beta_max"] for rho in space["correlations"])
    assert "critical_betas" in source
    assert f"the {['no', 'one', 'two', 'three', 'four', 'five'][reached]} transitions" in PAGE
