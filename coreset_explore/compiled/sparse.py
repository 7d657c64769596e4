"""Facility location on sparse similarities: lazy greedy that reads of each candidate only the rows it still serves.

The similarity to the best pick only grows, so an entry s_ij that is not above it never counts again and is dropped.
Differences are float32, their sums float64, as in `facility`: equal candidates tie.
"""

from __future__ import annotations

import numpy as np

from coreset_explore.compiled.heap import sift
from coreset_explore.compiled.loop import compiled


@compiled
def look(j, starts, size, places, like, best):
    """What candidate j would add: Σ_i max(s_ij − best_i, 0). Its entries that no longer count are dropped."""
    total, left = 0.0, 0
    where, value = places[starts[j] : starts[j] + size[j]], like[starts[j] : starts[j] + size[j]]
    for i in range(where.size):
        place, own = where[i], value[i]
        more = own - best[place]
        counts = more > 0
        total += more if counts else np.float32(0.0)
        where[left], value[left] = place, own
        left += counts
    size[j] = left
    return total


@compiled
def gains(starts, size, places, like, best, rows, out):
    """What each of `rows` would add if picked now."""
    for i in range(rows.size):
        out[i] = look(rows[i], starts, size, places, like, best)


@compiled
def take(j, starts, size, places, like, best):
    """Candidate j is picked: raise `best` to the similarities to it."""
    for i in range(starts[j], starts[j] + size[j]):
        best[places[i]] = max(best[places[i]], like[i])


@compiled
def lazy(starts, size, places, like, best, heap, left, bound, picks, added, made, limit, work):
    """Lazy greedy: a gain only shrinks, so a candidate whose fresh gain still leads every old one is next.

    `heap` holds `left` candidates by (bound descending, row). Stops after `limit` picks or `work` entries read; returns
    the picks made and the candidates left.
    """
    while made < limit and work > 0:
        row = heap[0]
        work -= 16 + size[row]
        bound[row] = look(row, starts, size, places, like, best)
        if sift(heap, left, bound, 0) > 0:
            continue
        picks[made], added[made] = row, bound[row]
        take(row, starts, size, places, like, best)
        left -= 1
        heap[0] = heap[left]
        if left:
            sift(heap, left, bound, 0)
        made += 1
    return made, left
