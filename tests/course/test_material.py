"""What is read from a lesson: every lesson of the course, counted by other means, and lessons that lack a section."""

import re
from pathlib import Path

import nbformat
import pytest
from small_lesson import ANSWERS, CELLS, EXERCISE, METHOD, TITLE, small_course

from infotok.course.course import Course, Refusal
from infotok.course.material import read_lesson
from infotok.lab.exercises import gaussian

COURSE = Course(Path(__file__).parents[2])


@pytest.mark.parametrize("name", COURSE.names)
def test_every_lesson_of_the_course_is_read_whole(name):
    cells = nbformat.read(COURSE.notebook(name), as_version=4).cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    lesson = read_lesson(COURSE, name)
    assert lesson.title == COURSE.title(name)
    assert f"Reading: {lesson.minutes} minutes." in text
    assert len(lesson.of("prediction")) == len(re.findall(r"^\*\*Predict", text, re.MULTILINE))
    assert len(lesson.of("exercise")) == len(set(re.findall(r"exercises\.(\w+)\.check", code))) == 2
    assert len(lesson.of("answers")) == text.count("<details>")
    assert sum(map(len, lesson.able)) > 0
    recorded = {figure for part in lesson.of("figures") for figure in part.items}
    assert recorded == set(re.findall(r'record\.figure\(\s*"([^"]+)"', code))


@pytest.mark.parametrize("name", COURSE.names)
def test_numbered_predictions_have_as_many_answers(name):
    lesson = read_lesson(COURSE, name)
    asked = [len(part.items) for part in lesson.of("prediction")]
    if asked != [0] * len(asked):
        assert len(re.findall(r"(?:^|(?<=\. ))\d\. ", lesson.answers.text, re.MULTILINE)) == sum(asked)


@pytest.mark.parametrize("name", COURSE.names)
def test_what_is_to_be_found_out_has_folded_answers(name):
    lesson = read_lesson(COURSE, name)
    if lesson.of("play"):
        folded = [part for part in lesson.of("answers") if part is not lesson.answers]
        assert folded, f"{name} asks what to find out, and has no answers to it"
        assert all(part.heading.startswith("Answers") and part.text for part in folded)


def test_the_parts_of_a_small_lesson(tmp_path):
    lesson = read_lesson(small_course(tmp_path), "00_small")
    assert (lesson.title, lesson.minutes) == ("A small lesson", 5)
    assert lesson.question == "What is asked here?"
    assert lesson.able == ("count to $x_1 = 2$;", "say why.")
    kinds = ["formula", "prediction", "figures", "play", "answers", "answers", "exercise"]
    assert [part.kind for part in lesson.parts] == kinds
    formula, prediction, figures, play, _, answers, exercise = lesson.parts
    assert formula.text == "A rate and a relevance:\n\n$$L = R - \\beta V$$"
    assert prediction.text == "How *many*? With\n\n$$a < b$$"
    assert prediction.items == ("More than two?", "More than\nthree?")
    assert {part.heading for part in (formula, prediction, figures, play)} == {"The method"}
    assert figures.items == ("counted",)
    assert play.items == ("Where is it least?", "And where not?")
    assert lesson.answers is answers
    assert answers.text == "1. Yes, seven.\n2. Likewise."
    assert exercise.exercise is gaussian.rate_at_second


def test_a_list_that_explains_belongs_to_the_prediction_and_asks_nothing(tmp_path):
    method = METHOD.replace("1. More than two?\n2. More than\n   three?", "- **A**: the first.\n- **B**: the second.")
    (prediction,) = read_lesson(small_course(tmp_path, (TITLE, *CELLS[1:2], method, *CELLS[3:])), "00_small").of(
        "prediction"
    )
    assert prediction.items == ()
    assert prediction.text.endswith("- **A**: the first.\n- **B**: the second.")


@pytest.mark.parametrize(
    ("old", "new", "lacks"),
    [
        ("# A small lesson", "A small lesson", "title as its first line"),
        ("After this lesson you will be able to", "After this you can", "list after 'After this lesson"),
        ("Reading: 5 minutes.", "", "line 'Reading: N minutes.'"),
        ("**Predict before you run.** ", "", "paragraph that begins with '\\*\\*Predict'"),
        ("<b>Your predictions</b>", "<b>Hints</b>", "folded answers to its predictions"),
        (EXERCISE, "1 + 1", "exercise"),
        (EXERCISE, "exercises.no_such_thing", "an exercise of infotok.lab.exercises.gaussian"),
    ],
)
def test_a_lesson_without_a_section_is_refused_by_its_name(tmp_path, old, new, lacks):
    cells = tuple(cell.replace(old, new) for cell in CELLS)
    assert cells != CELLS
    with pytest.raises(Refusal, match=f"00_small: got .* expected .*{lacks}"):
        read_lesson(small_course(tmp_path, cells), "00_small")


def test_folded_answers_without_a_blank_line_before_their_end_are_whole(tmp_path):
    cells = (*CELLS[:5], ANSWERS.replace("Likewise.\n\n</details>", "Likewise.\n</details>"), EXERCISE)
    assert read_lesson(small_course(tmp_path, cells), "00_small").answers.text.endswith("Likewise.")
