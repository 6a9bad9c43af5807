"""Every picture of the course, as pure functions of plain data: one file per lesson.

- `style`  the one look, `new` and `@drawn` to make a plot, `redraw` and `save` to make it again

A plot function takes keyword data and returns a figure. The figure remembers its recipe (which
function, which data), so `infotok figures` redraws it from metrics.json without training anything.
"""

from infotok.optional import needs

with needs("notebooks", "infotok.lab.plots"):
    from infotok.lab.plots.style import drawn, new, redraw, save

__all__ = ["drawn", "new", "redraw", "save"]
