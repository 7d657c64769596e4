"""Bounds of a row's distance to every group of rows, filled a line at a time, and what a pick would save by them."""

from __future__ import annotations

import numpy as np

from coreset_explore.compiled.loop import CHUNK, DOUBT, NEAR, compiled


@compiled
def group_maxima(between, codes, groups, out):
    """out[b, t] = the largest between[b, c] over the codes c that group t holds; one (code, group) pair an entry."""
    line = np.zeros(between.shape[0], dtype=out.dtype)
    for p in range(codes.size):
        row = between[codes[p]]
        for b in range(line.size):
            line[b] = row[b] if row[b] > line[b] else line[b]
        if p + 1 == codes.size or groups[p + 1] != groups[p]:
            for b in range(line.size):
                out[b, groups[p]] = line[b]
                line[b] = 0.0


@compiled
def table_lines(tables, codes, root, own, spread, out):
    """out[i, t] = Σ_l tables[l, codes[i, l], t], or √ of it plus own[i] plus spread[t] where `root`."""
    for i in range(out.shape[0]):
        for start in range(0, out.shape[1], CHUNK):
            line, wide = out[i, start : start + CHUNK], spread[start : start + CHUNK]
            first = tables[0, codes[i, 0], start : start + CHUNK]
            for t in range(line.size):
                line[t] = first[t]
            for l in range(1, tables.shape[0]):
                more = tables[l, codes[i, l], start : start + CHUNK]
                for t in range(line.size):
                    line[t] += more[t]
            if root:
                for t in range(line.size):
                    line[t] = np.sqrt(line[t]) + own[i] + wide[t]


@compiled
def center_lines(products, rows, centers, own, norms, radius, out):
    """out[i, t] = ‖rows[i] − centers[t]‖ + radius[t] from float32 products, no less than it is.

    Where own[i] + norms[t] − 2·products[i, t] has cancelled, differences are taken first.
    """
    for i in range(out.shape[0]):
        for start in range(0, norms.size, CHUNK):
            line, product = out[i, start : start + CHUNK], products[i, start : start + CHUNK]
            norm, wide = norms[start : start + CHUNK], radius[start : start + CHUNK]
            cancelled = 0
            for t in range(line.size):
                both = own[i] + norm[t]
                squared = both - np.float32(2.0) * product[t]
                near = squared < NEAR * both
                cancelled += near
                line[t] = np.float32(-1.0) if near else np.sqrt(squared + DOUBT * both) + wide[t]
            if cancelled:
                for t in range(line.size):
                    if line[t] < 0:
                        line[t] = np.float32(np.sqrt(_squared(rows[i], centers[start + t]))) + wide[t]


@compiled
def _squared(a, b):
    total = 0.0
    for f in range(a.size):
        difference = a[f] - b[f]
        total += difference * difference
    return total


@compiled
def savings(lines, sizes, nearest, out):
    """out[i] = Σ_t sizes[t] · max(nearest[t] − lines[i, t], 0)."""
    for i in range(lines.shape[0]):
        total = 0.0
        for start in range(0, sizes.size, CHUNK):
            line, near = lines[i, start : start + CHUNK], nearest[start : start + CHUNK]
            size, part = sizes[start : start + CHUNK], np.float32(0.0)
            for t in range(line.size):
                saved = near[t] - line[t]
                part += size[t] * saved if saved > 0 else np.float32(0.0)
            total += part
        out[i] = total


@compiled
def hulls(points, starts, out, ends):
    """Convex hull of each group of `points` (n, 2), sorted by group and then by coordinates (Andrew's chain).

    Group t holds the rows starts[t] to starts[t + 1]; its corners are written one after the other to `out`, up to
    ends[t].
    """
    made = 0
    for t in range(starts.size - 1):
        first = made
        for turn in range(2):
            base = made  # of the lower chain, then of the upper one, which starts at the last point
            for step in range(starts[t + 1] - starts[t]):
                p = points[starts[t] + step] if turn == 0 else points[starts[t + 1] - 1 - step]
                while made - base >= 2 and _right(out[made - 2], out[made - 1], p):
                    made -= 1
                out[made] = p
                made += 1
            made -= 1  # the end of one chain begins the other
        ends[t] = made = max(made, first + 1)


@compiled
def _right(a, b, c):
    """Whether a → b → c does not turn left."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) <= 0.0


@compiled
def hull_lines(points, corners, starts, out):
    """out[i, t] += the largest distance from points[i] (2,) to group t's corners, starts[t] to starts[t + 1]."""
    for i in range(points.shape[0]):
        x, y = points[i, 0], points[i, 1]
        for t in range(starts.size - 1):
            far = 0.0
            part = corners[starts[t] : starts[t + 1]]
            for v in range(part.shape[0]):
                dx, dy = part[v, 0] - x, part[v, 1] - y
                square = dx * dx + dy * dy
                far = square if square > far else far
            out[i, t] += np.sqrt(far)
