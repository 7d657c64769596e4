"""Matching pursuit of factored gradients: inner products of all rows with what the picks leave of the target.

Rows are `r` (s, n, c) and `h` (s, n, d), bias 1 or 0. Sums over all rows are float32, sums about candidates float64.
"""

from __future__ import annotations

import numpy as np

from coreset_explore.compiled.loop import compiled

TILE = 8192  # rows whose correlations stay in the cache while the picks' columns stream past


@compiled
def columns(r, h, bias, four, slots, out, start, stop):
    """⟨g_j, g_row⟩ for each of four rows added to its slot of `out` (slots, n), for rows j from start to stop."""
    for s in range(r.shape[0]):
        r0, r1, r2, r3 = r[s, four[0]], r[s, four[1]], r[s, four[2]], r[s, four[3]]
        h0, h1, h2, h3 = h[s, four[0]], h[s, four[1]], h[s, four[2]], h[s, four[3]]
        for j in range(start, stop):
            rj, hj = r[s, j], h[s, j]
            a0, a1, a2, a3 = np.float32(0.0), np.float32(0.0), np.float32(0.0), np.float32(0.0)
            b0, b1, b2, b3 = bias, bias, bias, bias
            for c in range(rj.size):
                x = rj[c]
                a0, a1, a2, a3 = a0 + r0[c] * x, a1 + r1[c] * x, a2 + r2[c] * x, a3 + r3[c] * x
            for f in range(hj.size):
                x = hj[f]
                b0, b1, b2, b3 = b0 + h0[f] * x, b1 + h1[f] * x, b2 + h2[f] * x, b3 + h3[f] * x
            out[slots[0], j] += a0 * b0
            out[slots[1], j] += a1 * b1
            out[slots[2], j] += a2 * b2
            out[slots[3], j] += a3 * b3


@compiled
def advance(columns, total, before, change, start, stop, correlation):
    """correlation_j = before_j − Σ_i change_i·columns_ij over `total` picks, for rows j from start to stop."""
    for begin in range(start, stop, TILE):
        end = min(begin + TILE, stop)
        out, old = correlation[begin:end], before[begin:end]
        for j in range(out.size):
            out[j] = old[j]
        four = total - total % 4
        for i in range(0, four, 4):
            w0, w1, w2, w3 = change[i], change[i + 1], change[i + 2], change[i + 3]
            c0, c1 = columns[i, begin:end], columns[i + 1, begin:end]
            c2, c3 = columns[i + 2, begin:end], columns[i + 3, begin:end]
            for j in range(out.size):
                out[j] -= w0 * c0[j] + w1 * c1[j] + w2 * c2[j] + w3 * c3[j]
        for i in range(four, total):
            w0, c0 = change[i], columns[i, begin:end]
            for j in range(out.size):
                out[j] -= w0 * c0[j]


@compiled
def weigh(r, along, offset, start, out):
    """Adds Σ_c r_c·(along_c + offset_c) to `out` (m,), for factors r (c, n) of the rows from start on, along (c, m)."""
    for c in range(along.shape[0]):
        own, product = r[c, start : start + out.size], along[c]
        more = offset[c] if offset.size else np.float32(0.0)
        for j in range(out.size):
            out[j] += own[j] * (product[j] + more)


@compiled
def foremost(correlation, sign, share, norms, reach, rows):
    """How many rows might have the largest max(x, sign·x)·reach, where each x may be off by share·norm; their numbers.

    A row of reach 0 counts as uncorrelated.
    """
    floor = np.float32(-np.inf)
    for begin in range(0, correlation.size, TILE):
        x, norm, scale = (
            correlation[begin : begin + TILE],
            norms[begin : begin + TILE],
            reach[begin : begin + TILE],
        )
        for j in range(x.size):
            other = sign * x[j]
            low = ((other if other > x[j] else x[j]) - share * norm[j]) * scale[j]
            floor = low if low > floor else floor
    count = 0
    for begin in range(0, correlation.size, TILE):
        x, norm, scale = (
            correlation[begin : begin + TILE],
            norms[begin : begin + TILE],
            reach[begin : begin + TILE],
        )
        inside = 0
        for j in range(x.size):
            other = sign * x[j]
            inside += ((other if other > x[j] else x[j]) + share * norm[j]) * scale[j] >= floor
        for j in range(x.size if inside else 0):
            other = sign * x[j]
            if ((other if other > x[j] else x[j]) + share * norm[j]) * scale[j] >= floor:
                rows[count] = begin + j
                count += 1
    return count


@compiled
def against(r, h, residual, rows, out):
    """⟨g_j, residual⟩ in float64 for the given rows; the residual is (s, c, d + bias)."""
    for p in range(rows.size):
        total = 0.0
        for s in range(r.shape[0]):
            own_r, own_h = r[s, rows[p]], h[s, rows[p]]
            for c in range(own_r.size):
                part, inner = residual[s, c], 0.0
                for f in range(own_h.size):
                    inner += own_h[f] * part[f]
                total += own_r[c] * (inner + part[-1] if part.size > own_h.size else inner)
        out[p] = total


@compiled
def line(r, h, bias, row, picks, out):
    """⟨g_row, g_picks[i]⟩ in float64, as many as `out` is long."""
    for i in range(out.size):
        total = 0.0
        for s in range(r.shape[0]):
            own_r, own_h, pick_r, pick_h = r[s, row], h[s, row], r[s, picks[i]], h[s, picks[i]]
            left, right = 0.0, np.float64(bias)
            for c in range(own_r.size):
                left += np.float64(own_r[c]) * pick_r[c]
            for f in range(own_h.size):
                right += np.float64(own_h[f]) * pick_h[f]
            total += left * right
        out[i] = total


@compiled
def moved(gram, slopes, change, total):
    """By how much Σ change_i g_i shortens ‖residual‖², where slopes_i = ⟨g_i, residual⟩; and Σ |change_i|·‖g_i‖."""
    shorter, spread = 0.0, 0.0
    for i in range(total):
        row, both = gram[i, :i], 0.0
        for j in range(row.size):
            both += row[j] * change[j]
        shorter += change[i] * (2.0 * (slopes[i] - both) - gram[i, i] * change[i])
        spread += abs(change[i]) * np.sqrt(gram[i, i])
    return shorter, spread
