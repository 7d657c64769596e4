"""Least squares that grow by a pick at a time: a Cholesky factor that rows enter and leave, weights free or ≥ 0."""

from __future__ import annotations

import numpy as np

from coreset_explore.compiled.loop import compiled


@compiled
def factor_grow(gram, ridge, factor, active, size, j):
    """Append j to the Cholesky factor of G + ridge·I over `active`; the same size comes back if it depends on them."""
    pivot = gram[j, j] + ridge
    limit = 1e-11 * pivot
    for a in range(size):
        value, new, old = gram[j, active[a]], factor[size, :a], factor[a, :a]
        for b in range(old.size):
            value -= new[b] * old[b]
        value /= factor[a, a]
        factor[size, a] = value
        pivot -= value * value
    if pivot <= limit:
        return size
    factor[size, size] = np.sqrt(pivot)
    active[size] = j
    return size + 1


@compiled
def factor_drop(factor, active, size, q):
    """Take the q-th row out of the factor: close the gap, then rotate the columns back to a triangle."""
    for a in range(q, size - 1):
        active[a] = active[a + 1]
        for b in range(a + 2):
            factor[a, b] = factor[a + 1, b]
    size -= 1
    for a in range(q, size):
        long = np.hypot(factor[a, a], factor[a, a + 1])
        cos, sin = factor[a, a] / long, factor[a, a + 1] / long
        for b in range(a, size):
            left, right = factor[b, a], factor[b, a + 1]
            factor[b, a] = cos * left + sin * right
            factor[b, a + 1] = cos * right - sin * left
    return size


@compiled
def _factor_solve(factor, active, size, wanted, answer):
    for a in range(size):
        value, row, known = wanted[active[a]], factor[a, :a], answer[:a]
        for b in range(row.size):
            value -= row[b] * known[b]
        answer[a] = value / factor[a, a]
    for a in range(size - 1, -1, -1):
        answer[a] /= factor[a, a]
        value, row, rest = answer[a], factor[a, :a], answer[:a]
        for b in range(row.size):
            rest[b] -= row[b] * value


@compiled
def refit(gram, wanted, ridge, nonnegative, weights, factor, active, size, total):
    """Weights of the first `total` picks that minimize wᵀ(G + ridge·I)w − 2wᵀb, from the last fit and its factor.

    Free, all picks in the factor take part. Non-negative, an active set moves (Lawson & Hanson 1974, chapter 23): picks
    that would go below 0 leave the factor, picks whose gradient is positive come back. Returns the factor's size.
    """
    answer = np.empty(total)
    if not nonnegative:
        _factor_solve(factor, active, size, wanted, answer)
        for a in range(size):
            weights[active[a]] = answer[a]
        return size
    blocked = np.zeros(total, dtype=np.bool_)
    inside = np.zeros(total, dtype=np.bool_)
    for a in range(size):
        inside[active[a]] = True
    small = 0.0
    for i in range(total):
        small = max(small, 1e-13 * abs(wanted[i]))
    for _ in range(10 * total + 100):
        steepest, best = small, -1
        for i in range(total):
            if not inside[i] and not blocked[i]:
                slope = wanted[i]
                for a in range(size):
                    slope -= gram[i, active[a]] * weights[active[a]]
                if slope > steepest:
                    steepest, best = slope, i
        if best < 0:
            return size
        grown = factor_grow(gram, ridge, factor, active, size, best)
        if grown == size:
            blocked[best] = True
            continue
        size, inside[best] = grown, True
        while size:
            _factor_solve(factor, active, size, wanted, answer)
            share, worst = 1.0, -1
            for a in range(size):
                if answer[a] <= 0:
                    held = weights[active[a]]
                    reached = held / (held - answer[a]) if held > answer[a] else 0.0
                    if worst < 0 or reached < share:
                        share, worst = reached, a
            for a in range(size):
                weights[active[a]] += share * (answer[a] - weights[active[a]])
            if worst < 0:
                break
            out = active[worst]
            weights[out], inside[out] = 0.0, False
            blocked[out] = (
                out == best
            )  # only rounding throws the newcomer out: it would come in again for ever
            size = factor_drop(factor, active, size, worst)
    return size
