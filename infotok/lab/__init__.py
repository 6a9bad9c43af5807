"""What a person sees: plots, widgets, exercises.

- `plots`      every picture, as pure functions of plain data (`infotok.lab.plots`, one file per lesson)
- `widgets`    `explore`: sliders on such a function
- `exercises`  `Exercise`: a question that checks its answer (`infotok.lab.exercises`, one file per lesson)
"""

from infotok.lab.exercises import Exercise
from infotok.lab.widgets import explore

__all__ = ["Exercise", "explore"]
