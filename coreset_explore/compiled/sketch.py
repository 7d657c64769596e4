"""Count sketches of outer products δ ⊗ a, which are never built: each parameter is added to its bucket, with its sign.

Eight rows are worked on together: a parameter's bucket and sign are read once for them, and its eight sums lie side by
side. Sums are float32; each bucket adds some p/width terms.
"""

from __future__ import annotations

from coreset_explore.compiled.loop import compiled

LANES = 8


@compiled
def add(slope, given, bucket, sign, out):
    """out[bucket[at], row] += sign[at]·slope[o, row]·given[j, row], at = o·i + j, of eight rows.

    slope (o, 8), given (i, 8), out (width, 8).
    """
    at = 0
    for o in range(slope.shape[0]):
        s0, s1, s2, s3 = slope[o, 0], slope[o, 1], slope[o, 2], slope[o, 3]
        s4, s5, s6, s7 = slope[o, 4], slope[o, 5], slope[o, 6], slope[o, 7]
        for j in range(given.shape[0]):
            g, e, to = given[j], sign[at], out[bucket[at]]
            v0, v1, v2, v3 = e * s0 * g[0], e * s1 * g[1], e * s2 * g[2], e * s3 * g[3]
            v4, v5, v6, v7 = e * s4 * g[4], e * s5 * g[5], e * s6 * g[6], e * s7 * g[7]
            v0, v1, v2, v3 = to[0] + v0, to[1] + v1, to[2] + v2, to[3] + v3
            v4, v5, v6, v7 = to[4] + v4, to[5] + v5, to[6] + v6, to[7] + v7
            to[0], to[1], to[2], to[3] = v0, v1, v2, v3
            to[4], to[5], to[6], to[7] = v4, v5, v6, v7
            at += 1


@compiled
def sketch(slope, given, bucket, sign, out):
    """`add` for all rows: slope (rows/8, o, 8), given (rows/8, i, 8), out (rows/8, width, 8)."""
    for block in range(slope.shape[0]):
        add(slope[block], given[block], bucket, sign, out[block])
