"""Small pieces of HTML that several panels show. Labels and file names are escaped here, once."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import PurePath

from coreset_explore.plots.base import brief
from coreset_explore.plots.palette import Style
from widgets.kit import plain as w

_DASHES = {
    "solid": "",
    "dash": "6 3",
    "dot": "2 2",
    "dashdot": "6 2 2 2",
    "longdash": "9 3",
    "longdashdot": "9 2 2 2",
}


def text(value: object) -> str:
    """Escaped for HTML."""
    return html.escape(str(value))


def cut(name: str, most: int = 24) -> str:
    """A user's name for something, escaped: of a long one the ends, and all of it where it is pointed at."""
    short = brief(name, most)
    return text(name) if short == name else f'<span title="{text(name)}">{text(short)}</span>'


def brief_name(name: str) -> str:
    """A dataset's name as titles and captions say it: of a folder the last two parts of its path."""
    return "/".join(PurePath(name.removeprefix("folder:")).parts[-2:]) if name.startswith("folder:") else name


def percent(share: float, digits: int = 0) -> str:
    """0.43: 43 %."""
    return f"{100 * share:.{digits}f} %"


def swatch(style: Style, width: int = 24) -> str:
    """A method's line: its color and its dash."""
    dash = _DASHES.get(style.dash, style.dash.replace("px", "").replace(",", " "))
    return (
        f'<svg class="cx-swatch" width="{width}" height="8" viewBox="0 0 {width} 8" aria-hidden="true">'
        f'<line x1="0" y1="4" x2="{width}" y2="4" stroke="{style.color}" stroke-width="3" '
        f'stroke-dasharray="{dash}"/></svg>'
    )


def note(value: str = "", *classes: str) -> w.HTML:
    """A line of text; `value` is HTML."""
    made = w.HTML(value)
    for name in classes or ("cx-note",):
        made.add_class(name)
    return made


def field(label: str, control: w.Widget) -> w.VBox:
    """A control under its label."""
    return w.VBox([w.HTML(text(label)), control]).add_class("cx-field")


def show(widget: w.DOMWidget, visible: bool) -> None:
    """Show or hide without taking the widget's view away."""
    (widget.remove_class if visible else widget.add_class)("cx-hidden")


def duration(seconds: float) -> str:
    """2.1 s, 48 s, 3 min 20 s."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def roughly(seconds: float) -> str:
    """A guess, in no more digits than it has: 0.5 s, 40 s, 27 min, 3.5 h; in one piece on a line."""
    if seconds < 90:
        return duration(max(seconds, 0.1)).replace(" ", "\u00a0")
    return f"{seconds / 60:.0f}\u00a0min" if seconds < 5400 else f"{seconds / 3600:.1f}\u00a0h"


def short(value: float) -> str:
    """34, 3.2, 0.04, 1.2k: at most four characters and a sign, since it stands under small thumbnails."""
    size = abs(value)
    if size >= 999.5:
        return f"{value / 1000:.0f}k" if size >= 9_950 else f"{value / 1000:.1f}k"
    if size >= 9.95 or value == int(value):
        return f"{value:.0f}"
    if 0 < size < 0.005:
        return "0.00"
    return f"{value:.1f}" if size >= 0.995 else f"{value:.2f}"


def listed(names: Sequence[str], limit: int = 5) -> str:
    """a, b and c; from `limit` on: a, b, c and 12 more."""
    if len(names) <= limit:
        return " and ".join(", ".join(names).rsplit(", ", 1))
    return f"{', '.join(names[: limit - 1])} and {len(names) - limit + 1:,} more"
