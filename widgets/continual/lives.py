"""What travels to the map: one code a row, of its class and its life in a memory; a step swaps short tables alone.

A row comes in one task and is kept, if at all, from then until it is let go for good: a rule sees its memory and the
batch, and nothing else. So a row's life is two numbers, and what stands out at a step follows from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from coreset_explore.plots import palette
from widgets.kit import encode

UNSEEN, GONE, KEPT, FRESH = range(4)  # not here yet; seen and not kept; kept; kept, and just come
FAINT = 0.10  # opacity of what has not come yet


class Lives(NamedTuple):
    """`codes` (n,): each row's kind; of kind c: `group` (its class), `came` and `gone`, the first task without it."""

    codes: np.ndarray
    group: np.ndarray
    came: np.ndarray
    gone: np.ndarray

    @property
    def order(self) -> np.ndarray:
        """(n,) uint32 drawing order: what is kept longest lies on top."""
        return np.argsort((self.gone - self.came)[self.codes], kind="stable").astype(np.uint32)


def lives(came: np.ndarray, labels: np.ndarray, kept: Mapping[int, Sequence[int]], many: int) -> Lives:
    """Of n rows: `came` (n,) the task of each, −1 for never; `kept` {task: rows that a memory holds after it}.

    Of tasks that are not known nothing is: a row counts as kept until the last one that is known to hold it.
    """
    came = np.where(came < 0, many, came)
    gone = came.copy()
    for task, rows in kept.items():
        rows = np.asarray(rows, np.int64)
        gone[rows] = np.maximum(gone[rows], task + 1)
    kinds, codes = np.unique(
        np.stack([labels % encode.MAX_COLORS, came, gone], 1), axis=0, return_inverse=True
    )
    return Lives(codes.ravel().astype(np.int32), kinds[:, 0], kinds[:, 1], kinds[:, 2])


def states(found: Lives, task: int) -> np.ndarray:
    """What each kind of row is after this task."""
    kept = (found.came <= task) & (found.gone > task)
    state = np.where(found.came > task, UNSEEN, np.where(kept, KEPT, GONE))
    return np.where(kept & (found.came == task), FRESH, state)


def tables(found: Lives, task: int, n: int, k: int, dark: bool, tick: int) -> encode.Table:
    """Colors, diameters and opacities of each kind: what is kept has its class's color, what came just now is larger.

    `tick` must differ from the last call's, see `encode.tables`.
    """
    state = states(found, task)
    colors = [encode.rgba(color) for color in palette.class_colors(encode.MAX_COLORS, dark)]
    rest = encode.rgba(palette.ink("rest", dark))
    bump = (tick % encode.TICKS + 1) * 1e-4
    wide, small = float(encode.diameters(k)[3]), encode.rest_diameter(n)
    size = np.array([small, small, wide + bump, 1.3 * wide + bump])[state]
    opacity = np.array([FAINT, palette.REST_ALPHA, 0.93 + bump, 0.93 + bump])[state]
    color: list[Any] = [
        colors[group] if one >= KEPT else rest for group, one in zip(found.group, state, strict=True)
    ]
    by = "valueA"
    return encode.Table(
        color, by, [round(float(s), 4) for s in size], [round(float(o), 4) for o in opacity], by
    )


def counted(found: Lives, task: int) -> dict[int, int]:
    """How many rows are in each state after this task."""
    return {
        state: int((states(found, task)[found.codes] == state).sum()) for state in (UNSEEN, GONE, KEPT, FRESH)
    }
