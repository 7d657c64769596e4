"""What the map's points are told: codes and order of a run, which rows are hidden, and which stand out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from widgets.explorer.rows import Reading
from widgets.explorer.session import Session
from widgets.kit import encode
from widgets.kit.canvas import Canvas

BESIDE, SIDE = 500, 230  # px: what stands beside the map in a tab wider than this, and how much it takes


def coded(run: Any, n: int, stated: int, groups: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Codes (n, 2) and drawing order (n,) of a run whose sizes, and where prefixes are no answers its members, are
    stated at one budget; `groups` (n,) are what colors tell apart."""
    picks = [s.indices.numpy() for s in run.at]
    weights = [None if s.weights is None else s.weights.double().numpy() for s in run.at]
    bins = encode.bins(picks, n) if run.nested else encode.member(picks[stated], n, len(picks))
    classes = encode.point_classes(picks, weights, n, stated)
    return encode.codes(groups, bins, classes, len(run.at)), encode.order(bins)


def shown(reading: Reading, session: Session) -> np.ndarray | None:
    """Rows of the class and of the search that are asked for; None for all."""
    label, labels, found = session.only_class, reading.labels, session.found
    kept = np.ones(reading.n, bool)
    if label >= 0 and labels is not None:
        kept &= labels == label
    if found is not None:
        kept &= np.isin(np.arange(reading.n), np.asarray(found, int))
    return None if kept.all() else np.flatnonzero(kept)


def ring(canvas: Canvas, reading: Reading, rows: Sequence[int], kind: str) -> None:
    """A lasso keeps its colors; what a pick stands for has the pick's, and the pick lies ringed on top."""
    picks = [row for row in rows if row in reading.place] if kind == "click" else []
    if not picks:
        canvas.ring(rows, kind or "lasso")
    else:
        rows = [*picks, *(row for row in rows if row not in reading.place)]
        canvas.ring(rows, kind, like=picks[0])
    canvas.halo(picks[:1])


def distance(width: int, height: int) -> float:
    """Camera distance at which a square map is whole in a tab this wide."""
    plot = width - (SIDE if width > BESIDE else 0)
    return round(max(1.0, 0.98 * height / max(plot, 200)), 2)
