"""The panel as a figure: what a notebook shows that is opened without its kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from widgets.explorer.session import Session


def portrait(session: Session) -> Callable[[], Any] | None:
    """A call that draws the map as it is now, or in Compare the pair on it; None while there is nothing to draw."""
    from coreset_explore import plots

    result, maps = session.result, session.maps
    if result is None or not maps:
        return None
    shown, j = maps.get(session.layout) or next(iter(maps.values())), session.j
    pair = [result.runs[name] for name in (session.compare_a, session.compare_b) if name in result.runs]
    if session.tab == "compare" and len(pair) == 2:
        names = [run.strategy.name for run in pair]
        return lambda: plots.compare(shown, *(run.at[min(j, len(run.at) - 1)] for run in pair), names)
    selection, color = session.selection, session.color_by
    title = f"{len(selection):,} of {result.n:,} by {session.run.strategy.name}"
    color = color if color in ("class", "rank", "weight") else "class"
    return lambda: plots.map(shown, selection, result.pool, color=color, title=title)
