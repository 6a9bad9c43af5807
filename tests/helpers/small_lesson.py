"""A small lesson with every section that a handout and slides are made of, in a course of the tests' own."""

from pathlib import Path

import nbformat
from courses import make_course

from infotok.course.course import Course

TITLE = """# A small lesson

What is asked here?

After this lesson you will be able to
- count to $x_1 = 2$;
- say why.

Reading: 5 minutes. Before this: [lesson 00](00_start_here.ipynb)."""
METHOD = """## The method

A rate and a relevance:

$$L = R - \\beta V$$

**Predict before you run.** How *many*? With

$$a < b$$

1. More than two?
2. More than
   three?

The next cell counts."""
PLAY = "Move it. Find out:\n- Where is it least?\n- And where not?"
FIGURE = 'record.figure("counted", 1, "What was counted.")'
IMPORTS = "from infotok.lab.exercises import gaussian as exercises"
ANSWERS = """<details><summary>Answers</summary>

In the middle.

</details>

<details><summary><b>Your predictions</b></summary>

1. Yes, seven.
2. Likewise.

</details>"""
EXERCISE = "exercises.rate_at_second"
TEXTS = (TITLE, METHOD, PLAY, ANSWERS)
CELLS = (TITLE, IMPORTS, METHOD, FIGURE, PLAY, ANSWERS, EXERCISE)


def small_course(root: Path, cells: tuple[str, ...] = CELLS) -> Course:
    """A course of this one lesson, 00_small."""
    course = Course(make_course(root, {"00_small": []}))
    path = course.notebook("00_small")
    notebook = nbformat.read(path, as_version=4)
    parameters = notebook.cells[1]
    made = [
        (nbformat.v4.new_markdown_cell if cell[0] in "#*<AMB$" else nbformat.v4.new_code_cell)(cell) for cell in cells
    ]
    notebook.cells = [made[0], parameters, *made[1:]]
    nbformat.write(notebook, path)
    return course
