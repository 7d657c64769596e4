"""What travels to the map: two small codes a point, and short lookup tables that a slider move swaps. numpy only.

`valueA = class·(B+1) + bin` and `valueB = bin·Q + weight class`, where `bin` is the first of the B budgets that holds
the point (B: none does). The codes travel once; a move of the slider sends the tables alone, so its cost does not
depend on the number of points.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from coreset_explore.plots import palette

Q = 6  # weight classes
_EDGES = 2.0 ** np.arange(
    -2.5, 2.0
)  # between classes whose centers are 1/8, 1/4, 1/2, 1, 2, 4 times the mean weight
RATIOS = 2.0 ** np.arange(-3.0, 3.0)
MAX_COLORS = 100  # classes beyond share colors: nobody tells so many apart, and a move stays under 64 kB
TICKS = 500
ALL_ALPHA = 0.75  # of points that are not selected, where their colors say something


class Table(NamedTuple):
    """Lookup tables of one moment: RGBA floats by `color_by`, diameters and opacities by `by`."""

    color: list[list[float]]
    color_by: str
    size: list[float]
    opacity: list[float]
    by: str


class Theme(NamedTuple):
    """What the canvas itself needs, in RGBA floats; jupyter-scatter draws nothing when it is given hex strings here."""

    background: list[float]
    lasso: list[float]
    selected: list[float]


def rgba(color: str, alpha: float = 1.0) -> list[float]:
    """[r, g, b, a] from 0 to 1 with two decimals: a third of the bytes, off by one level of 255 at most."""
    return [round(c, 2) for c in palette.rgb(color)] + [alpha]


def theme(dark: bool) -> Theme:
    """Background, lasso line and the ring around looked-at points."""
    return Theme(*(rgba(palette.ink(name, dark)) for name in ("background", "accent", "both")))


def square(xy: np.ndarray) -> np.ndarray:
    """(n, 2) coordinates moved and scaled by one factor into [-0.94, 0.94], so that distances keep their ratio."""
    xy = np.asarray(xy, np.float32)
    low, high = xy.min(0), xy.max(0)
    span = float((high - low).max())
    return np.zeros_like(xy) if span == 0 else (xy - (low + high) / 2) * (1.88 / span)


def bins(picks: Sequence[np.ndarray], n: int) -> np.ndarray:
    """(n,) index of the first budget whose picks hold the row; `len(picks)` where none does."""
    first = np.full(n, len(picks), np.int32)
    for b in range(len(picks) - 1, -1, -1):
        first[np.asarray(picks[b])] = b
    return first


def member(rows: np.ndarray, n: int, budgets: int) -> np.ndarray:
    """(n,) 0 for `rows`, `budgets` elsewhere: the bins of one budget of a method whose prefixes are not its answers."""
    return bins([rows], n) * np.int32(budgets)


def weight_classes(weights: np.ndarray | None, k: int) -> np.ndarray:
    """(k,) 0..Q-1: each weight's size beside the mean of all, on a scale of doublings; 3 is the mean.

    Relative, so that a class keeps its meaning from budget to budget. Signs are dropped; no weights: all 3.
    """
    if weights is None:
        return np.full(k, 3, np.int32)
    size = np.abs(np.asarray(weights, np.float64))
    mean = size.mean() if k else 0.0
    return np.full(k, 3, np.int32) if mean == 0 else np.searchsorted(_EDGES, size / mean).astype(np.int32)


def point_classes(
    picks: Sequence[np.ndarray], weights: Sequence[np.ndarray | None], n: int, j: int
) -> np.ndarray:
    """(n,) weight class of every row: as stated at budget j, else at the first budget that holds the row."""
    found = np.zeros(n, np.int32)
    for b in [*range(len(picks) - 1, -1, -1), j]:
        found[np.asarray(picks[b])] = weight_classes(weights[b], len(picks[b]))
    return found


def codes(labels: np.ndarray | None, bin_: np.ndarray, classes: np.ndarray, budgets: int) -> np.ndarray:
    """(n, 2) float32: valueA, valueB. No labels: one class."""
    group = 0 if labels is None else np.asarray(labels) % MAX_COLORS
    return np.stack([group * (budgets + 1) + bin_, bin_ * Q + classes], 1).astype(np.float32)


def order(bin_: np.ndarray) -> np.ndarray:
    """(n,) uint32 drawing order: never chosen first, the first picks last and so on top."""
    return np.argsort(-bin_, kind="stable").astype(np.uint32)


def diameters(k: int) -> np.ndarray:
    """(Q,) pixels: area proportional to weight, within 4 to 18; fewer picks are drawn larger.

    A pick may be light, but it must be told from the grey points, which are never larger than 3.2 pixels.
    """
    mean = float(np.interp(np.log10(max(k, 1)), [1.5, 3.3], [10.0, 6.0]))
    return np.clip(mean * np.sqrt(RATIOS), 4.0, 18.0)


def rest_diameter(n: int) -> float:
    """Pixels of a point that is not selected: a few can be seen well, many must not run into one grey."""
    return round(float(np.interp(np.log10(max(n, 1)), [3.0, 4.3], [3.2, 2.2])), 2)


def tables(
    j: int,
    budgets: int,
    classes: int,
    n: int,
    k: int,
    by: str = "class",
    dark: bool = False,
    tick: int = 0,
    shades: Sequence[list[float]] | None = None,
) -> Table:
    """Color, size and opacity for budget j, k picks of n points: bins 0..j stand out, others are small and grey.

    `by` is "class", "rank" or "weight"; `shades`, RGBA a group, color all points instead, picked or not. `tick` must
    differ from the last call's: regl-scatterplot ignores a list whose set of values it already holds, so entries that
    stand out carry a tiny epsilon.
    """
    chosen = np.arange(budgets + 1) <= min(j, budgets - 1)
    rest = rgba(palette.ink("rest", dark))
    if shades is not None:
        color = [shade for shade in shades for _ in range(budgets + 1)]
        by = "group"
    elif by == "weight":
        shade = [weight_color(q, dark) for q in range(Q)]
        color = [shade[q] if chosen[b] else rest for b in range(budgets + 1) for q in range(Q)]
    elif by == "rank":
        shade = [rank_color(min(b / max(j, 1), 1.0), dark) for b in range(budgets + 1)]
        one = [shade[b] if chosen[b] else rest for b in range(budgets + 1)]
        color = one * min(classes, MAX_COLORS)
    else:
        shade = [rgba(c) for c in palette.class_colors(min(classes, MAX_COLORS), dark)]
        color = [c if chosen[b] else rest for c in shade for b in range(budgets + 1)]
    bump = (tick % TICKS + 1) * 1e-4
    wide, small = diameters(k), rest_diameter(n)
    size = [_px(wide[q] + bump) if chosen[b] else small for b in range(budgets + 1) for q in range(Q)]
    below = palette.REST_ALPHA if shades is None else ALL_ALPHA
    opacity = [_px(0.93 + bump) if c else below for c in chosen for _ in range(Q)]
    return Table(color, "valueB" if by == "weight" else "valueA", size, opacity, "valueB")


def compare_codes(bin_a: np.ndarray, bin_b: np.ndarray, budgets: int) -> np.ndarray:
    """(n, 2) float32 with the one code binA·(B+1) + binB in both columns."""
    code = (np.asarray(bin_a) * (budgets + 1) + bin_b).astype(np.float32)
    return np.stack([code, code], 1)


def compare_states(j: int, budgets: int) -> np.ndarray:
    """((B+1)²,) state of each compare code at budget j: 0 neither, 1 A only, 2 B only, 3 both."""
    chosen = (np.arange(budgets + 1) <= min(j, budgets - 1)).astype(int)
    return (chosen[:, None] + 2 * chosen[None]).ravel()


def compare_tables(
    j: int,
    budgets: int,
    n: int,
    k: int,
    dark: bool = False,
    tick: int = 0,
    inks: tuple[str, str] | None = None,
) -> Table:
    """Four states on one map: A only, B only (in `inks`), both (a quarter larger), neither."""
    state = compare_states(j, budgets)
    a, b = inks or (palette.ink("a", dark), palette.ink("b", dark))
    shade = [rgba(color) for color in (palette.ink("rest", dark), a, b, palette.ink("both", dark))]
    bump = (tick % TICKS + 1) * 1e-4
    mean = float(diameters(k)[3])
    size = [rest_diameter(n), _px(mean + bump), _px(mean + bump), _px(1.25 * mean + bump)]
    opacity = [palette.REST_ALPHA, *[_px(0.93 + bump)] * 3]
    return Table(
        [shade[s] for s in state], "valueA", [size[s] for s in state], [opacity[s] for s in state], "valueA"
    )


def compare_order(bin_a: np.ndarray, bin_b: np.ndarray) -> np.ndarray:
    """(n,) uint32 drawing order: rows that either method holds are drawn last."""
    return order(np.minimum(bin_a, bin_b))


def compare_counts(a: np.ndarray, b: np.ndarray, n: int) -> dict[str, int]:
    """Rows that only A, only B, both and neither hold."""
    both = len(np.intersect1d(a, b))
    return {"a": len(a) - both, "b": len(b) - both, "both": both, "neither": n - len(a) - len(b) + both}


def rank_color(t: float, dark: bool = False) -> list[float]:
    """First chosen (0) stands out most from the page, last (1) least."""
    return _ramp(1 - t if dark else t, dark)


def weight_color(q: int, dark: bool = False) -> list[float]:
    """Color of weight class q: heavier stands out more."""
    t = q / (Q - 1)
    return _ramp(t if dark else 1 - t, dark)


def _ramp(t: float, dark: bool) -> list[float]:
    """Cividis at t in [0, 1], without the end that vanishes into the page."""
    low, high = (2, 9) if dark else (0, 8)
    return rgba(palette.RAMP[round(low + t * (high - low))])


def _px(value: float) -> float:
    return round(float(value), 4)
