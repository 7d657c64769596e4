"""Distances between rows, farthest rows and the nearest pick: exact where float32 would cancel."""

from __future__ import annotations

import numpy as np

from coreset_explore.compiled.loop import CHUNK, DOUBT, NEAR, compiled


@compiled
def squared_distance(r, h, bias, i, j):
    """‖g_i − g_j‖² without cancellation: differences are taken before squaring. Symmetric, 0 for equal rows."""
    if i > j:
        i, j = j, i
    total = 0.0
    for s in range(r.shape[0]):
        ri, rj, hi, hj = r[s, i], r[s, j], h[s, i], h[s, j]
        dr, rr, cross_r = 0.0, 0.0, 0.0
        for c in range(ri.size):
            diff = ri[c] - rj[c]
            dr += diff * diff
            rr += rj[c] * rj[c]
            cross_r += diff * rj[c]
        dh, hh, cross_h = 0.0, 0.0, 0.0
        for f in range(hi.size):
            diff = hi[f] - hj[f]
            dh += diff * diff
            hh += hi[f] * hi[f]
            cross_h += hi[f] * diff
        total += dr * (hh + bias) + rr * dh + 2.0 * cross_r * cross_h
    return max(total, 0.0)


@compiled
def _argmax(values):
    """First place of the largest value: the maximum by chunks, then the place in the winning chunk.

    A maximum of floats is not vectorized, one of whole numbers is: bits are compared, turned over where negative.
    """
    bits = values.view(np.int32)
    best, where = np.int32(-(2**31)), 0
    for start in range(0, values.size, CHUNK):
        part, top = bits[start : start + CHUNK], np.int32(-(2**31))
        for i in range(part.size):
            top = max(top, part[i] ^ ((part[i] >> np.int32(31)) & np.int32(2**31 - 1)))
        if top > best:
            best, where = top, start
    largest, part = best ^ ((best >> np.int32(31)) & np.int32(2**31 - 1)), bits[where : where + CHUNK]
    for i in range(part.size):
        if part[i] == largest:
            return where + i
    return where


@compiled
def _approach(products, row, number, norms, r, h, bias, nearest, owner):
    """Lower `nearest` (squared distances) to those from `row`, whose inner products with all rows are `products`."""
    own = norms[row]
    for start in range(0, nearest.size, CHUNK):
        product, norm = products[start : start + CHUNK], norms[start : start + CHUNK]
        near, mine = nearest[start : start + CHUNK], owner[start : start + CHUNK]
        cancelled = 0
        for i in range(near.size):
            both = own + norm[i]
            distance = both - np.float32(2.0) * product[i]
            cancelled += (distance < near[i] + DOUBT * both) & (distance < NEAR * both)
        if cancelled == 0:
            for i in range(near.size):
                distance = own + norm[i] - np.float32(2.0) * product[i]
                closer = distance < near[i]
                near[i] = distance if closer else near[i]
                mine[i] = number if closer else mine[i]
        else:
            for i in range(near.size):
                both = own + norm[i]
                distance = both - np.float32(2.0) * product[i]
                if distance < NEAR * both and distance < near[i] + DOUBT * both:
                    distance = np.float32(squared_distance(r, h, bias, row, start + i))
                if distance < near[i]:
                    near[i], mine[i] = distance, number


@compiled
def approach(products, rows, norms, r, h, bias, nearest, owner):
    """`_approach` for several rows that count as nobody's picks (already held)."""
    for b in range(rows.size):
        nearest[rows[b]] = -np.inf
        _approach(products[b], rows[b], np.int32(-1), norms, r, h, bias, nearest, owner)


@compiled
def farthest(products, slot, norms, r, h, bias, nearest, owner, picks, reach, made, limit):
    """Pick the farthest row (the first of equals) while its inner products are at hand in `products[slot]`.

    `reach` gets the squared distance each pick had; picked rows have `nearest` −inf. Returns how many picks there are.
    """
    while made < limit:
        row = _argmax(nearest)
        if slot[row] < 0 or nearest[row] <= 0:
            return made
        picks[made], reach[made] = row, nearest[row]
        nearest[row], owner[row] = -np.inf, made
        _approach(products[slot[row]], row, np.int32(made), norms, r, h, bias, nearest, owner)
        made += 1
    return made


@compiled
def distances(panel, step, r, h, columns, bias, norms, start, out):
    """Rows `start`… of the distance matrix `out` (n, n) from h_i·h_j (rows, n − start) of one step at a time.

    After the last step they are mirrored below the diagonal. `columns` (c, n) is the step's r transposed.
    """
    n, last = out.shape[0], step == r.shape[0] - 1
    inner = np.empty(CHUNK, dtype=np.float32)
    for p in range(panel.shape[0]):
        i = start + p
        for begin in range(i, n, CHUNK):
            end = min(begin + CHUNK, n)
            dot, line, target = inner[: end - begin], panel[p, begin - start : end - start], out[i, begin:end]
            dot[:] = np.float32(0.0)
            for c in range(columns.shape[0]):
                factor, column = r[step, i, c], columns[c, begin:end]
                for j in range(dot.size):
                    dot[j] += factor * column[j]
            if step == 0:
                target[:] = np.float32(0.0)
            for j in range(dot.size):
                target[j] += dot[j] * (line[j] + bias)
            if last:
                _to_distances(target, norms[i], norms[begin:end], r, h, bias, i, begin)
        if last:
            out[i, i] = 0.0
    if last:
        _mirror(out, start, start + panel.shape[0])


@compiled
def _to_distances(target, own, norm, r, h, bias, i, begin):
    cancelled = 0
    for j in range(target.size):
        both = own + norm[j]
        squared = both - np.float32(2.0) * target[j]
        near = squared < NEAR * both
        cancelled += near
        target[j] = np.float32(-1.0) if near else np.sqrt(squared)
    if cancelled:
        for j in range(target.size):
            if target[j] < 0:
                target[j] = np.sqrt(np.float32(squared_distance(r, h, bias, i, begin + j)))


@compiled
def _mirror(out, start, end):
    """Copy rows start…end right of the diagonal to the columns below it, in tiles that stay in the cache."""
    tile = 64
    for top in range(start, end, tile):
        for left in range(top, out.shape[0], tile):
            for j in range(left, min(left + tile, out.shape[0])):
                for i in range(top, min(top + tile, end, j)):
                    out[j, i] = out[i, j]
