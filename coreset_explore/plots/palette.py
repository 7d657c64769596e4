"""Colors, dashes and markers: data and tiny functions shared by the figures and the panel.

Every color is a hex string "#rrggbb"; every function takes `dark` for a dark page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

# Petroff's ten-color cycle (arXiv:2107.02270), made for color-vision deficiency; four are lightened on dark. Its two
# greys gave way to pink and lavender, since grey is what is not selected; on light the ten are farther apart than
# before for all eyes, those without red or green receptors too.
_CLASSES = "3f90da ffa90e bd1f01 ee44aa 832db6 a96b59 e76300 b9ac70 aaaaee 92dadd".split()
_CLASSES_DARK = "3f90da ffa90e e8503a ee44aa a463d6 c08a78 ff8126 b9ac70 aaaaee 92dadd".split()
VIVID = 0.05  # chroma in Oklab below which a color looks grey

RAMP = (
    "#00224e",
    "#123570",
    "#3b496c",
    "#575d6d",
    "#707173",
    "#8a8678",
    "#a59c74",
    "#c3b369",
    "#e1cc55",
    "#fee838",
)
"""Cividis in ten steps: rank or weight, low to high."""

_INK = {  # name: (on light, on dark)
    "rest": ("#aab4bf", "#6b7480"),  # points that are not selected, drawn at REST_ALPHA
    "a": ("#0072b2", "#56b4e9"),
    "b": ("#d55e00", "#f0893e"),
    "both": ("#1f2328", "#ffffff"),
    "accent": ("#0b6bcb", "#4aa3ff"),
    "error": ("#b42318", "#ff8a7d"),
    "warning": ("#9a6700", "#e3b341"),
    "done": ("#1a7f37", "#56d364"),
    "background": ("#ffffff", "#212121"),
    "text": ("#1f2328", "#e6e8eb"),
    "muted": ("#5c6570", "#a1a8b3"),
    "grid": ("#e4e7eb", "#3a3f46"),
}
REST_ALPHA = 0.42


class Style(NamedTuple):
    """How one method's line looks, so that it can be told apart without color too."""

    color: str
    dash: str  # plotly's name (solid, dash, dot, …) or lengths; MPL_DASH has matplotlib's
    marker: str  # plotly's name (circle, square, …); MPL_MARKER has matplotlib's


# Okabe and Ito's colors, each with its own dash and marker.
_METHODS = {
    "craig": (("#0072b2", "#56b4e9"), "solid", "circle"),
    "gradmatch": (("#d55e00", "#e8813a"), "dash", "square"),
    "kcenter": (("#009e73", "#2bc29a"), "dot", "diamond"),
    "herding": (("#cc79a7", "#e09cc4"), "dashdot", "triangle-up"),
    "gradsim": (("#e69f00", "#f0e442"), "longdash", "triangle-down"),
    "other": (("#7b4fc9", "#b79cf2"), "longdashdot", "cross"),
    "other again": (("#8c5a3c", "#c99b7d"), "solid", "star"),
}
_RANDOM = (("#6b7280", "#a1a8b3"), "3px,2px", "x")

MPL_DASH = {
    "solid": "-",
    "dash": (0, (5, 2)),
    "3px,2px": (0, (2.6, 1.6)),
    "dot": (0, (1.4, 1.6)),
    "dashdot": (0, (5, 1.6, 1.2, 1.6)),
    "longdash": (0, (9, 2.4)),
    "longdashdot": (0, (9, 2, 1.4, 2)),
}
MPL_MARKER = {
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "triangle-up": "^",
    "triangle-down": "v",
    "cross": "P",
    "star": "*",
    "x": "X",
}


def ink(name: str, dark: bool = False) -> str:
    """A named color: rest, a, b, both, accent, error, warning, done, background, text, muted or grid."""
    return _INK[name][dark]


def class_colors(count: int, dark: bool = False) -> list[str]:
    """`count` distinct colors: Petroff's ten, then always the color farthest from all before it."""
    first = [f"#{c}" for c in (_CLASSES_DARK if dark else _CLASSES)]
    return first[:count] if count <= len(first) else list(_extended(count, dark))


def method_styles(names: Sequence[str], dark: bool = False) -> dict[str, Style]:
    """One style a name: a known method has its own ("CRAIG per class" is craig), others take a free one.

    Two names never share a style; beyond seven they share a color, and not its dash and marker, up to 49.
    """
    free = list(_METHODS)
    chosen: dict[str, tuple] = {}
    for name in names:  # known names first, so that a curve keeps its color whatever stands beside it
        word = name.lower().replace("-", "").replace(" ", "").replace("_", "")
        known = next((key for key in free if word.startswith(key)), None)
        if word.startswith("random") and _RANDOM not in chosen.values():
            chosen[name] = _RANDOM
        elif known is not None:
            free.remove(known)
            chosen[name] = _METHODS[known]
    free.sort(key=lambda key: not key.startswith("other"))
    known = list(_METHODS.values())
    for number, name in enumerate(n for n in names if n not in chosen):
        again = number - len(free)  # a color once more, with another one's dash and marker
        turn = again // len(known) + 1
        mixed = (known[again % len(known)][0], *known[(again + turn) % len(known)][1:])
        chosen[name] = mixed if again >= 0 else _METHODS[free[number]]
    return {name: Style(chosen[name][0][dark], *chosen[name][1:]) for name in names}


def rgb(color: str) -> tuple[float, float, float]:
    """(red, green, blue) from 0 to 1 of "#rrggbb"."""
    return tuple(int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))


def greyish(color: str) -> bool:
    """Whether a color can be taken for grey."""
    return math.hypot(*_oklab(color)[1:]) < VIVID


def distance(one: str, other: str) -> float:
    """How different two colors look: in Oklab, where black and white are 1 apart."""
    return math.sqrt(_squared(_oklab(one), _oklab(other)))


def readable_on(color: str) -> str:
    """Black or white, whichever reads better on `color`."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb(color))
    return "#000000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 else "#ffffff"


@lru_cache(maxsize=8)
def _extended(count: int, dark: bool) -> tuple[str, ...]:
    """Farthest first in Oklab among a grid of colors that stand out from the page."""
    low, high = (0.5, 0.92) if dark else (0.32, 0.82)
    chosen = class_colors(10, dark)
    grid = [
        f"#{r:02x}{g:02x}{b:02x}"
        for r in range(0, 256, 17)
        for g in range(0, 256, 17)
        for b in range(0, 256, 17)
    ]
    points = [(c, p) for c in grid if low <= (p := _oklab(c))[0] <= high and not greyish(c)]
    kept = [_oklab(c) for c in [*chosen, ink("background", dark), ink("rest", dark), ink("both", dark)]]
    near = [min(_squared(p, q) for q in kept) for _, p in points]
    while len(chosen) < count:
        best = max(range(len(points)), key=near.__getitem__)
        color, place = points[best]
        chosen.append(color)
        near = [min(d, _squared(p, place)) for d, (_, p) in zip(near, points, strict=True)]
    return tuple(chosen)


def _squared(p: tuple, q: tuple) -> float:
    return sum((a - b) ** 2 for a, b in zip(p, q, strict=True))


def _oklab(color: str) -> tuple[float, float, float]:
    """Oklab coordinates (Björn Ottosson 2020): equal distances look about equally different."""
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb(color))
    l = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    m = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    s = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
        1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
        0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s,
    )
