"""Facility location on a distance matrix: row sums, and lazy greedy that reads of each row only what still matters.

The distance to the nearest pick only falls, so an entry d_ij that is not below it never counts again. Once few of a
row's entries do, they are gathered (after some picks, one in some hundred), and from then on these alone are read.
Differences are float32, their sums float64, which adds them exactly unless they span some eight orders of magnitude:
the gain is the same in whichever order, and equal rows tie.
"""

from __future__ import annotations

import numpy as np

from coreset_explore.compiled.heap import sift
from coreset_explore.compiled.loop import compiled

LINE = 64  # entries compared at once: most lines hold none that matters
KEEP = 16  # a row is gathered once at most one in so many entries matters


@compiled
def sums(matrix, bits, start, end, out):
    """Σ_i d_ij in float64 for rows j from start to end; returns the largest d_ij among them, as bits.

    `bits` is the matrix's memory as int32, ordered as numbers of 0 and above are: this maximum is vectorized.
    """
    top = np.int32(0)
    for j in range(start, end):
        total, row, own = 0.0, matrix[j], bits[j]
        for i in range(row.size):
            total += row[i]
            top = max(top, own[i])
        out[j] = total
    return top


@compiled
def _read(row, nearest, hits):
    """Σ_i max(nearest_i − d_i, 0) and how many entries count in it; `hits` gets how many do in each line."""
    total, count = 0.0, 0
    for line in range(hits.size):
        start = line * LINE
        part, near = row[start : start + LINE], nearest[start : start + LINE]
        some = np.int32(0)
        for i in range(part.size):
            some += np.int32(part[i] < near[i])
        hits[line] = some
        count += some
        if some:
            for i in range(part.size):
                saved = near[i] - part[i]
                total += saved if saved > 0 else np.float32(0.0)
    return total, count


@compiled
def _gather(row, nearest, hits, places, far):
    """Put the entries of a row that count at the front of `places` and `far`, which have room for one more."""
    found = 0
    for line in range(hits.size):
        start = line * LINE
        part, near = row[start : start + LINE], nearest[start : start + LINE]
        if hits[line] > LINE // 16:
            for i in range(part.size):
                places[found], far[found] = start + i, part[i]
                found += part[i] < near[i]
        elif hits[line]:  # so few that a branch is foreseen nearly always
            for i in range(part.size):
                if part[i] < near[i]:
                    places[found], far[found] = start + i, part[i]
                    found += 1


@compiled
def _look(matrix, j, nearest, first, size, places, far, room, hits):
    """What row j would save: Σ_i max(nearest_i − d_ij, 0).

    `first[j]` is where the `size[j]` entries that count in it were gathered, −1 if they were not: then they are put at
    room[0], if they are few and end before room[1]. room[2] counts those that have ceased to count.
    """
    at = first[j]
    if at < 0:
        total, count = _read(matrix[j], nearest, hits)
        if count * KEEP <= nearest.size and room[0] + count < room[1]:
            _gather(matrix[j], nearest, hits, places[room[0] :], far[room[0] :])
            first[j], size[j] = room[0], count
            room[0] += count
        return total
    where, value = places[at : at + size[j]], far[at : at + size[j]]
    total, left = 0.0, 0
    for i in range(where.size):
        place, away = where[i], value[i]
        saved = nearest[place] - away
        counts = saved > 0
        total += saved if counts else np.float32(0.0)
        where[left], value[left] = place, away
        left += counts
    room[2] += where.size - left
    size[j] = left
    return total


@compiled
def gains(matrix, nearest, first, size, places, far, room, start, end, bound):
    """What each row from start to end would save if picked now."""
    hits = np.empty((nearest.size + LINE - 1) // LINE, dtype=np.int32)
    for j in range(start, end):
        bound[j] = _look(matrix, j, nearest, first, size, places, far, room, hits)


@compiled
def _take(matrix, j, number, nearest, owner, first, size, places, far):
    """Row j is pick `number`: lower `nearest` to the distances from it."""
    if first[j] >= 0:  # looked at just before: all of them are below
        for i in range(first[j], first[j] + size[j]):
            nearest[places[i]], owner[places[i]] = far[i], number
    else:
        row = matrix[j]
        for i in range(row.size):
            closer = row[i] < nearest[i]
            nearest[i] = row[i] if closer else nearest[i]
            owner[i] = number if closer else owner[i]
    owner[j] = number  # where an equal row was picked before, it is no closer


@compiled
def tidy(order, first, size, places, far):
    """Move what was gathered of some rows, in the order in which it lies, to the front; returns where it ends."""
    top = 0
    for j in order:
        at, first[j] = first[j], top
        for i in range(at, at + size[j]):
            places[top], far[top] = places[i], far[i]
            top += 1
    return top


@compiled
def lazy(
    matrix, nearest, first, size, places, far, room, owner, heap, left, bound, picks, saved, made, limit, work
):
    """Lazy greedy facility location: a gain only shrinks, so a row whose fresh gain still leads every old one is next.

    `heap` holds `left` rows by (bound descending, row). Stops after `limit` picks or `work` entries read; returns the
    picks made and the rows left.
    """
    hits = np.empty((nearest.size + LINE - 1) // LINE, dtype=np.int32)
    while made < limit and work > 0:
        row = heap[0]
        work -= LINE + (4 * size[row] if first[row] >= 0 else nearest.size)  # gathered entries cost more
        bound[row] = _look(matrix, row, nearest, first, size, places, far, room, hits)
        if sift(heap, left, bound, 0) > 0:
            continue
        picks[made], saved[made] = row, bound[row]
        _take(matrix, row, made, nearest, owner, first, size, places, far)
        left -= 1
        heap[0] = heap[left]
        if left:
            sift(heap, left, bound, 0)
        made += 1
    return made, left
