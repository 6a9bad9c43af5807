"""One look for every figure, and figures that remember how to draw themselves.

    @drawn
    def curve(*, rate: list[float], relevance: list[float]) -> Figure:
        "Relevance against rate."
        fig, ax = new(height=3.5)
        ax.plot(rate, relevance)
        ax.set(xlabel="rate I(T;X) / nats", ylabel="relevance I(T;Y) / nats")
        return fig

- No pyplot: a figure is a value. It is shown once, where a cell ends with it, and leaks nowhere.
- Arrays and tensors become plain lists *before* drawing, so the picture drawn from arrays and the
  one redrawn from JSON are the same, byte for byte.
- `fig.recipe` is `{"plot": "gaussian.curve", "data": {...}}`; `redraw(recipe)` draws it again.
"""

import importlib
import inspect
import io
import math
import os
import pkgutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from pathlib import Path
from typing import Any

import matplotlib.style
from cycler import cycler
from IPython.display import Markdown, display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from infotok.errors import require
from infotok.files import plain, write_atomically

# Okabe and Ito's palette, which colour-blind readers can tell apart: https://jfly.uni-koeln.de/color/
BLUE, VERMILLION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
PURPLE, SKY, YELLOW, BLACK = "#CC79A7", "#56B4E9", "#F0E442", "#000000"
GRAY = "#6E6E6E"  # for what is beside the point: references, bounds, annotations (5:1 on white)
PALETTE = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, BLACK)  # yellow is for fills: as a line on white it vanishes

# Lessons 11 to 13: a colour and a line are a variant's, a mark and the remaining colours a host's.
VARIANTS = {  # colour, mark, line
    "baseline": (GRAY, "o", "--"),
    "InfoTok variational": (BLUE, "s", "-"),
    "InfoTok HSIC": (VERMILLION, "v", "-"),
    "InfoTok host prior": (BLUE, "X", "-."),
    "decoder": (BLUE, "D", ":"),  # one colour for one bound
    "InfoNCE 32": (ORANGE, "^", "-"),
    "InfoNCE 8192": (ORANGE, "P", ":"),
    "InfoNCE 32 + text prior": (ORANGE, "s", "--"),
    "HSIC alone": (VERMILLION, "<", ":"),
}
OTHER_VARIANT = (YELLOW, "P", "-")
HOSTS = {"autoregressive": (BLACK, "o"), "masked": (GREEN, "s"), "continuous": (SKY, "^")}  # colour, mark

MOST_TEXT = 280  # characters of a text in place of a picture, before it counts the panels left
DPI = 120  # 6.4 inches fill the width of a notebook's cell
STYLE = {
    "figure.dpi": DPI,
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",  # ships with matplotlib, so the picture is the same everywhere
    "font.size": 10.5,
    "axes.titlesize": 11.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 10.5,
    "axes.prop_cycle": cycler(color=PALETTE),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "image.cmap": "viridis",
    "image.interpolation": "nearest",  # a pixel is a pixel
}
_PACKAGE = __name__.rpartition(".")[0]


class Drawing(Figure):
    """A figure that shows itself in a notebook, with or without pyplot, above its caption, and carries its recipe."""

    recipe: dict[str, Any] | None = None
    alt: str = "figure"  # the text in place of the picture
    caption: str = ""
    rendered: bytes = b""  # the last PNG, which is the figure's for as long as Matplotlib does not call it stale

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        return {"image/png": png(self), "text/plain": self.alt}, {"image/png": {"alt": self.alt}}

    def _ipython_display_(self) -> None:
        # Asked for before the formatter that %matplotlib inline registers: shown once, and in our style.
        data, metadata = self._repr_mimebundle_()
        display(data, metadata=metadata, raw=True)
        if self.caption:
            display(Markdown(f"*{self.caption}*"))


def new(
    width: float = 6.4, height: float = 4.0, ncols: int = 1, nrows: int = 1, **subplots: Any
) -> tuple[Drawing, Any]:
    """A new figure, `width` by `height` inches, and its axes: one `Axes`, or an array of them (as `Figure.subplots`).

    `subplots` goes to `matplotlib.figure.Figure.subplots` (`sharex`, `width_ratios`, `subplot_kw`, ...).
    Call it inside a `@drawn` function, which applies the style.
    """
    fig = Drawing(figsize=(width, height))
    return fig, fig.subplots(nrows, ncols, **subplots)


def drawn(plot: Callable[..., Figure]) -> Callable[..., Figure]:
    """Make `plot`, a function of keyword-only data in `infotok.lab.plots`, draw in the one style and leave its recipe.

    The data are numbers, strings, None, and lists, dicts, NumPy arrays or torch tensors of them; None is a missing
    point. Raises TypeError for anything else, ValueError for NaN and infinity.
    """
    module = plot.__module__.removeprefix(_PACKAGE + ".")
    require(module != plot.__module__, "drawn", plot.__module__, f"a function in {_PACKAGE}, where redraw can find it")
    signature = inspect.signature(plot)
    for name, parameter in signature.parameters.items():
        require(parameter.kind is parameter.KEYWORD_ONLY, f"{plot.__name__}({name})", str(parameter.kind.description),
                "keyword-only data", TypeError)  # fmt: skip
    summary = (inspect.getdoc(plot) or plot.__name__).splitlines()[0]

    @wraps(plot)
    def draw(**data: Any) -> Figure:
        arguments = signature.bind(**data)
        arguments.apply_defaults()  # a recipe must outlive a change of defaults
        data = plain(arguments.arguments)
        for name, value in data.items():
            _check(value, name)
        with _styled():
            fig = plot(**data)
        fig.recipe = {"plot": f"{module}.{plot.__name__}", "data": data}
        fig.alt = _describe(fig, summary)
        return fig

    draw.is_drawn = True
    return draw


def redraw(recipe: dict[str, Any]) -> Figure:
    """Draw a figure again from its recipe, `{"plot": "module.function", "data": {...}}`.

    Only functions marked `@drawn` inside `infotok.lab.plots` are ever called: a recipe comes from a file.
    """
    require(
        isinstance(recipe, dict) and recipe.keys() == {"plot", "data"}, "recipe", recipe, "{'plot': ..., 'data': {...}}"
    )
    name, data = recipe["plot"], recipe["data"]
    require(isinstance(data, dict), "recipe['data']", data, "a dict of the plot's keyword arguments")
    package = importlib.import_module(_PACKAGE)
    modules = [module.name for module in pkgutil.iter_modules(package.__path__)]
    module, _, function = str(name).partition(".")
    require(
        module in modules,
        "recipe['plot']",
        name,
        f"'module.function' with a module of {_PACKAGE}: {', '.join(modules)}",
    )
    drawings = {
        key: value for key, value in vars(importlib.import_module(f"{_PACKAGE}.{module}")).items() if _is_drawn(value)
    }
    require(
        function in drawings, "recipe['plot']", name, f"a @drawn function of {module}: {', '.join(drawings) or 'none'}"
    )
    return drawings[function](**data)


def png(fig: Figure) -> bytes:
    """The figure as a PNG in the one style: same recipe and libraries, same bytes (no date, no software tag).

    A figure that has not changed since is not rendered again: a recorded figure is saved, and then shown.
    """
    if getattr(fig, "rendered", b"") and not fig.stale:
        return fig.rendered
    buffer = io.BytesIO()
    with _styled():  # ticks are made while rendering, so the style must still hold
        fig.set_dpi(DPI)
        # savefig gives the same bytes, but draws a figure with a layout twice: once to lay it out
        FigureCanvasAgg(fig).print_png(buffer, metadata={"Software": None})
    if isinstance(fig, Drawing):
        fig.rendered, fig.stale = buffer.getvalue(), False
    return buffer.getvalue()


def save(fig: Figure, path: str | os.PathLike[str]) -> Path:
    """Write the figure to `path` as a PNG, whole or not at all; returns the path."""
    path = Path(path)
    require(path.suffix == ".png", "path", str(path), "a name that ends in .png")
    write_atomically(path, png(fig))
    return path


def _check(value: Any, name: str) -> None:
    """Refuse what JSON cannot hold; None stands for a missing point."""
    if isinstance(value, dict):
        for key, item in value.items():
            _check(item, f"{name}[{key!r}]")
    elif isinstance(value, list):
        for item in value:
            _check(item, name)
    else:
        known = value is None or isinstance(value, str | bool | int | float)
        require(
            known, name, type(value).__name__, "numbers, strings, None, and lists, dicts, arrays of them", TypeError
        )
        finite = not isinstance(value, float) or math.isfinite(value)
        require(finite, name, value, "finite numbers (None for a missing point)")


def _styled() -> AbstractContextManager[None]:
    return matplotlib.style.context(["default", STYLE])  # from the defaults: no one's matplotlibrc changes a picture


def _is_drawn(value: Any) -> bool:
    return getattr(value, "is_drawn", False) is True


def _describe(fig: Figure, summary: str) -> str:
    """Alternative text: what the plot function says it shows, then title and axes of its first panels."""
    panels = []
    for ax in fig.axes:
        axes = " against ".join(label for label in (ax.get_ylabel(), ax.get_xlabel()) if label)
        panels.append(": ".join(text for text in (ax.get_title(loc="left") or ax.get_title(), axes) if text))
    text, told = summary, list(dict.fromkeys(f"{panel}." for panel in panels if panel))
    for index, panel in enumerate(told):
        if len(text) + len(panel) > MOST_TEXT:  # a grid of images would be read aloud for minutes
            left = len(told) - index
            text += f" {left} more panel{'s' * (left > 1)}."
            break
        text += f" {panel}"
    return text.replace("\n", " ")
