"""The classes and their colors, as a line of keys."""

from __future__ import annotations

from coreset_explore.plots import palette
from coreset_explore.plots.base import brief
from widgets.continual.result import Looked, Result
from widgets.kit import encode
from widgets.kit.markup import text

MOST = 12  # classes with a key of their own


def shown(result: Result, looked: Looked) -> list[int]:
    """The classes with a key: all, or of many those that most often arrive."""
    totals = looked.tasks(result).counts.sum(0)
    return sorted(totals.argsort(descending=True, stable=True)[:MOST].tolist())


def keys_html(result: Result, looked: Looked, dark: bool) -> str:
    """Dots and names, and how many classes there are besides."""
    classes, own = result.ground.setting.data.classes, shown(result, looked)
    colors = palette.class_colors(min(len(classes), encode.MAX_COLORS), dark)
    keys = [(colors[i % len(colors)], classes[i]) for i in own]
    if len(own) < len(classes):
        keys.append((palette.ink("rest", dark), f"{len(classes) - len(own):,} other classes"))
    dots = ((f'<i style="background:{color}"></i>', text(brief(name, 30))) for color, name in keys)
    return f'<div class="cx-keys">{"".join(f"<span>{dot}{name}</span>" for dot, name in dots)}</div>'
