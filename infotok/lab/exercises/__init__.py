"""The exercises of the course, which check themselves: one file per lesson.

- `exercise`  `Exercise`, a question that explains wrong answers, and the `Verdict` on an answer

They live here and not in the notebooks, so that a solution is out of sight until it is unfolded, and
so that a test imports every exercise: one whose own solution fails cannot be made.
"""

from infotok.lab.exercises.exercise import Exercise, Verdict

__all__ = ["Exercise", "Verdict"]
