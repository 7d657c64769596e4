"""Tiles of distances, read once: counts above a limit, and what a soft coverage loses."""

from __future__ import annotations

import numpy as np

from coreset_explore.kernels import compiled

LINE = 64  # values looked at together: most lines hold none above the limit


@compiled
def count_above(tile, limit, own, by_row, by_column):
    """How many values are above `limit`, added to `by_row`; to `by_column` those after the first `own` columns."""
    bar = np.float32(limit)
    for i in range(tile.shape[0]):
        inner, outer = tile[i, :own], tile[i, own:]
        total = 0
        for j in range(inner.size):
            total += np.int32(inner[j] > bar)
        for j in range(outer.size):
            hit = np.int32(outer[j] > bar)
            total += hit
            by_column[j] += hit
        by_row[i] += total


@compiled
def lost(tile, low, high, out):
    """out[j] += Σ_x exp(min(tile[x, j], high[x])) − exp(low[x]) over the x with tile[x, j] > low[x]."""
    for x in range(tile.shape[0]):
        floor, top = low[x], high[x]
        base = np.exp(np.float64(floor))
        for start in range(0, tile.shape[1], LINE):
            line, found = tile[x, start : start + LINE], out[start : start + LINE]
            most = line[0]
            for j in range(line.size):
                value = line[j]
                most = value if value > most else most
            if most > floor:
                for j in range(line.size):
                    value = line[j]
                    if value > floor:
                        found[j] += np.exp(np.float64(value if value < top else top)) - base
