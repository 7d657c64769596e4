"""Gradient error: how well the weighted picks' gradient matches the whole set's, at one budget or many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from coreset_explore.gradients import Gradients
from coreset_explore.measures.budgets import asked_for
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.selecting.weights import reweigh_path
from coreset_explore.selection import Selection, fitting


@dataclass(frozen=True)
class Path:
    """Gradient error at each budget, and the selections it was measured on: prefixes with that budget's weights."""

    budgets: tuple[int, ...]
    errors: tuple[float, ...]
    at: tuple[Selection, ...]


def gradient_error(
    pool: Pool,
    selection: Selection,
    step: int | Literal["last", "all"] = "last",
    *,
    grads: Pool | Gradients | None = None,
) -> float:
    """‖Σ_S w_i g_i − Σ_all g_i‖ / ‖Σ_all g_i‖ over all rows: 0 is a perfect match, 1 is as good as nothing.

    `step` is "last", "all" (as one long vector) or a number, also one that selecting did not use. `grads`
    judges by other gradients of the same rows: another model's, or later ones (a Pool or the gradients).
    Equal weights n/k where the selection has none. Sums in float64; O(n(c + d)) a step. Infinite where the
    gradients sum to zero and the selection's do not.

    >>> import torch, coreset_explore as cx
    >>> pool = cx.Pool.of(grads=cx.Dense(torch.tensor([[3.0], [1.0], [2.0]])))
    >>> cx.gradient_error(pool, cx.Selection.of([0], weights=[2]))
    0.0
    >>> cx.gradient_error(pool, cx.Selection.of([0]))  # without weights it counts for n / k = 3 rows
    0.5
    """
    return gradient_errors(pool, [selection], step, grads=grads)[0]


def gradient_errors(
    pool: Pool,
    selections: Sequence[Selection],
    step: int | Literal["last", "all"] = "last",
    *,
    grads: Pool | Gradients | None = None,
) -> list[float]:
    """`gradient_error` of each of several selections; the whole set's sum is taken once. O(n(c + d))."""
    found = _at_step(pool.need("grads") if grads is None else grads, len(pool), step)
    total = found.sum()
    return [_error(found, total, fitting(one, pool)) for one in track(selections, "gradient error")]


def gradient_path(
    pool: Pool, selection: Selection, budgets: Sequence[int], step: int | Literal["last", "all"] = "last"
) -> Path:
    """Gradient error of `reweigh(pool, selection[:b])` at every budget b, for a nested selection.

    Costs what `prefixes` costs, and O(b(c + d)) a budget.
    """
    at = prefixes(pool, selection, budgets)
    return Path(tuple(budgets), tuple(gradient_errors(pool, at, step)), tuple(at))


def prefixes(pool: Pool, selection: Selection, budgets: Sequence[int]) -> list[Selection]:
    """`reweigh(pool, selection[:b])` for every budget b, and at its own budget the selection itself.

    One n x k pass for "counts" weights and one Gram matrix for "match", whatever the number of budgets. A budget
    beyond the picks (a method that stopped early) is answered with all of them. The weights that a selection has
    hold at its own budget and are left alone there; where they are stated anew `info["reweighed"]` is True. One's
    own weights are not: shorter prefixes of them have none.
    """
    asked = asked_for(budgets, fitting(selection, pool))
    own = sorted(set(asked))
    stated = [b for b in own if b < len(selection) or selection.weights is None]
    at = dict(zip(stated, reweigh_path(pool, selection, stated), strict=True)) if stated else {}
    return [at.get(b, selection) for b in asked]


def _at_step(grads: Pool | Gradients, n: int, step: int | str) -> Gradients:
    found = grads.need("grads") if isinstance(grads, Pool) else grads
    if len(found) != n:
        raise ValueError(f"grads= wants the gradients of the same {n:,} rows, got {len(found):,}")
    if step == "all":
        return found
    if step == "last":
        return found.last
    steps = found.steps
    if not isinstance(step, int) or not -len(steps) <= step < len(steps):
        raise ValueError(f"step is 'last', 'all' or a number from 0 to {len(steps) - 1}, got {step!r}")
    return steps[step]


def _error(grads: Gradients, total: Tensor, selection: Selection) -> float:
    k = len(selection)
    weights = selection.weights
    if weights is None:
        weights = torch.full((k,), len(grads) / max(k, 1), dtype=torch.float64)
    return apart(grads[selection.indices.to(grads.device)], weights, total)


def apart(grads: Gradients, weights: Tensor, total: Tensor) -> float:
    """‖Σ w_i g_i − g‖ / ‖g‖ for k rows with these gradients and weights (k,), g a gradient of one row's length."""
    far, whole = float((grads.sum(weights.to(grads.device)) - total).norm()), float(total.norm())
    return far / whole if whole else (float("inf") if far else 0.0)
