"""What a person sees: plots, widgets, exercises.

- `plots`  every picture, as pure functions of plain data (`infotok.lab.plots`)
"""
