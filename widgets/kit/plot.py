"""What panels draw with plotly: its widget class, loaded once, how it is changed, and numbers on a log axis."""

from __future__ import annotations

import copy
import importlib
import math
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from html import escape
from typing import Any

from coreset_explore.plots import palette
from coreset_explore.plots.base import brief
from widgets.kit import plain as w
from widgets.kit import room
from widgets.kit.once import once
from widgets.kit.session import Session

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif'
BESIDE = {"xref": "paper", "yref": "paper", "showarrow": False}


@cache
def figure_class() -> type[Any]:
    """plotly's widget class; its import takes two seconds, which a thread may spend while nobody waits."""
    # plotly looks at pandas wherever it is imported already, and fails of one that another thread is just importing
    importlib.import_module("pandas")
    from plotly.graph_objs._figurewidget import FigureWidget

    return once(FigureWidget)


def figure(layout: dict[str, Any]) -> Any:
    """A FigureWidget without a bar of buttons, as wide as its layout says."""
    # no template: plotly's own takes 0.2 s to be read and 7 KB of each figure, and axes and ground say all that is seen
    made = figure_class()(layout={**layout, "template": {}})
    # typesetMath: a page that has MathJax, as voila's, would set what stands between two dollars as mathematics
    made._config = {"displayModeBar": False, "responsive": False, "typesetMath": False}
    return made


def boxed(figure: Any) -> w.Box:
    """The figure in a box, whose layout may keep the room that it will take."""
    return w.Box([figure], layout={}).add_class("cx-plotted")


@contextmanager
def kept(figure: Any) -> Iterator[None]:
    """Change a FigureWidget in one message, for the page that shows it and for one that is loaded anew.

    plotly tells changes to views that are there, and to those that come later what the figure was made of: which it is
    told here as well, where no view listens.
    """
    with figure.batch_update():
        yield
    with figure.hold_sync():
        figure._widget_data = copy.deepcopy(figure._data)
        figure._widget_layout = copy.deepcopy(figure._layout_obj._props)


def redraw(figure: Any, traces: Sequence[dict[str, Any]], layout: dict[str, Any]) -> None:
    """Show these traces and this layout, by one message where there were as many traces: what has changed of them.

    A page takes a tenth of a second for each message, so that traces taken away and put back, some times a second,
    would hardly ever be seen.
    """
    before = getattr(figure, "_shown", ((), {}))
    kinds = [[one.get("type", "scatter") for one in some] for some in (before[0], traces)]
    with kept(figure):
        if kinds[0] != kinds[1]:  # a trace's type is for good
            figure.data = ()
            figure.add_traces(list(traces))
        else:
            for trace, old, new in zip(figure.data, before[0], traces, strict=True):
                trace.update(_changed(old, new), overwrite=True)
        figure.update_layout(_changed(before[1], layout), overwrite=True)
    figure._shown = (tuple(traces), layout)


def _changed(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    changed = {name: value for name, value in new.items() if name not in old or old[name] != value}
    return {
        name: value
        for name, value in {**dict.fromkeys(old.keys() - new), **changed}.items()
        if name != "type"
    }


def line_of(name: str, style: palette.Style) -> dict[str, Any]:
    """A trace's look: a method's color, dash and marker, under a name in which plotly reads no markup."""
    return {
        "line": {"color": style.color, "dash": style.dash, "width": 2},
        "marker": {"color": style.color, "symbol": style.marker, "size": 7},
        "mode": "lines+markers",
        "type": "scatter",
        "name": escape(brief(name, 40), quote=False),
        "hoverlabel": {"namelength": -1},
        "showlegend": False,
    }


def band(x: list, mean: list[float], sd: list[float], color: str) -> dict[str, Any]:
    """One standard deviation up and down from a line, as a trace; a NaN is none."""
    wide = [0.0 if math.isnan(one) else one for one in sd]
    red, green, blue = (round(255 * part) for part in palette.rgb(color))
    upper = [m + s for m, s in zip(mean, wide, strict=True)]
    lower = [m - s for m, s in zip(mean, wide, strict=True)]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [*x, *reversed(x)],
        "y": [*upper, *reversed(lower)],
        "fill": "toself",
        "fillcolor": f"rgba({red},{green},{blue},.16)",
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def axis(dark: bool) -> dict[str, Any]:
    """What all axes look like."""
    grid = palette.ink("grid", dark)
    look = {"gridcolor": grid, "linecolor": grid, "zeroline": False, "automargin": False}
    return {**look, "ticks": "outside", "ticklen": 4}


def ground(width: int, height: int, margin: dict[str, int], dark: bool) -> dict[str, Any]:
    """What all layouts hold: size, and the page seen through."""
    return {
        "width": width,
        "height": height,
        "margin": margin,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": palette.ink("text", dark), "size": 12, "family": FONT},
        "hovermode": "closest",
        "hoverlabel": {"align": "left"},
        "autotypenumbers": "strict",
        "uirevision": "keep",
    }


def head(title: str, x: float, y: float) -> dict[str, Any]:
    """A title over the upper left corner of axes that stands at x, y of the paper."""
    place = {"x": x, "y": y, "xanchor": "left", "yanchor": "bottom", "yshift": 10}
    return {**BESIDE, **place, "text": f"<b>{title}</b>", "font": {"size": 13}}


def notice(words: str, across: Sequence[float], up: Sequence[float], dark: bool) -> dict[str, Any]:
    """Words in the middle of axes that have nothing to show; these reach so far across and up the paper."""
    place = {"x": sum(across) / 2, "y": sum(up) / 2, "xanchor": "center", "yanchor": "middle"}
    look = {"color": palette.ink("muted", dark), "size": 13}
    return {**BESIDE, **place, "text": "<br>".join(textwrap.wrap(words, 38)), "font": look}


def width(session: Session) -> int:
    """Pixels a figure may take: the panel less rail and padding; plotly cannot find this out by itself."""
    return max(300, room.width(session) - 2)


def log_axis(values: list[float]) -> dict[str, Any]:
    """A log axis from the least to the greatest of `values`, with numbers on it."""
    low, high = (min(values), max(values)) if values else (0.1, 1.0)
    margin = max(0.06 * math.log10(high / low), 0.004)
    ends = [math.log10(low) - margin, math.log10(high) + margin]
    ticks = log_ticks(10 ** ends[0], 10 ** ends[1])
    return {"type": "log", "range": ends, "tickvals": ticks, "ticktext": [f"{tick:,.6g}" for tick in ticks]}


def log_ticks(low: float, high: float) -> list[float]:
    """Three or more round numbers from low to high: decades, 1-2-5, 1 to 9, or where it is short equal steps."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1,), (1, 2, 5), range(1, 10)):
        inside = [tick for e in decades for d in digits if low <= (tick := float(f"{d}e{e}")) <= high]
        if 3 <= len(inside) <= 9:
            return inside
    if len(inside) > 9:  # so many decades: every second, third, … of them
        powers = [e for e in decades if low <= 10.0**e <= high]
        return [float(f"1e{e}") for e in powers[:: math.ceil(len(powers) / 9)]]
    finest = math.floor(math.log10(high - low))
    for step in (d * 10.0**e for e in (finest, finest - 1) for d in (5, 2, 1)):
        first, last = math.ceil(low / step), math.floor(high / step)
        if last - first >= 2:
            return [round(i * step, 12) for i in range(first, last + 1)]
    return [low, high]
