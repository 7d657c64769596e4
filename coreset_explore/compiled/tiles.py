"""Tiles of distances, read once: counts above a limit, and what a soft coverage loses."""

from __future__ import annotations

import numpy as np

from coreset_explore.compiled.loop import compiled

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
    """out[j] += Σ_x exp(min(tile[x, j], high[x])) − exp(low[x]) over the x with tile[x, j] > low[x] > −80."""
    power, bits = np.empty(LINE, dtype=np.float32), np.empty(LINE, dtype=np.int32)
    scale, zero = bits.view(np.float32), np.float32(0.0)
    for x in range(tile.shape[0]):
        floor, top = low[x], high[x]
        base = np.float32(np.exp(np.float64(floor)))
        for start in range(0, tile.shape[1], LINE):
            line, found = tile[x, start : start + LINE], out[start : start + LINE]
            above = np.int32(0)  # counted, as a maximum of floats is not vectorized
            for j in range(line.size):
                above += np.int32(line[j] > floor)
            if above:
                for j in range(line.size):
                    value = line[j]
                    value = value if value < top else top
                    _exp(value if value > floor else floor, j, power, bits)
                for j in range(line.size):
                    more = power[j] * scale[j] - base
                    found[j] += more if line[j] > floor and more > zero else zero


@compiled
def _exp(value, j, power, bits):
    """exp(value) as power[j] · 2^…, whose bits go to `bits[j]`: 2^f on [0, 1] by a polynomial, which is vectorized."""
    value *= np.float32(1.4426950408889634)
    whole = np.floor(value)
    f = value - whole
    bits[j] = (np.int32(whole) + np.int32(127)) << np.int32(23)
    p = np.float32(1.8775767e-3)
    p = p * f + np.float32(8.9893397e-3)
    p = p * f + np.float32(5.5826318e-2)
    p = p * f + np.float32(2.4015361e-1)
    p = p * f + np.float32(6.9315308e-1)
    power[j] = p * f + np.float32(0.99999994)
