"""What a selection is worth before anybody trains: gradient error, coverage, balance, overlap, effective size.

Everything is measured over all n rows of the pool. Each `…_path` answers for many budgets of one order at
once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from coreset_explore.gradients import Dense, Gradients
from coreset_explore.greedy import Distances
from coreset_explore.measures.nearest import Space, represent, vectors_in, walk
from coreset_explore.measures.objectives import objective
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.selecting.weights import reweigh_path
from coreset_explore.selection import Selection, fitting

THIN = 0.2  # weights whose effective size falls below this share of k make training diverge


class Coverage(NamedTuple):
    """Distances from all rows to their nearest pick: the largest and the mean."""

    radius: float
    mean_distance: float


class Balance(NamedTuple):
    """Picks per class, each (c,): their number, their share, their share of the weights, and the pool's own."""

    counts: Tensor
    share: Tensor
    weight: Tensor
    pool_counts: Tensor
    pool_share: Tensor


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
    """
    found = _at_step(pool.need("grads") if grads is None else grads, len(pool), step)
    return _error(found, found.sum(), fitting(selection, pool))


def gradient_path(
    pool: Pool, selection: Selection, budgets: Sequence[int], step: int | Literal["last", "all"] = "last"
) -> Path:
    """Gradient error of `reweigh(pool, selection[:b])` at every budget b, for a nested selection.

    Costs what `prefixes` costs, and O(b(c + d)) a budget.
    """
    found = _at_step(pool.need("grads"), len(pool), step)
    at = prefixes(pool, selection, budgets)
    total = found.sum()
    errors = tuple(_error(found, total, part) for part in track(at, "gradient error"))
    return Path(tuple(budgets), errors, tuple(at))


def prefixes(pool: Pool, selection: Selection, budgets: Sequence[int]) -> list[Selection]:
    """`reweigh(pool, selection[:b])` for every budget b, and at its own budget the selection itself.

    One n x k pass for "counts" weights and one Gram matrix for "match", whatever the number of budgets. A budget
    beyond the picks (a method that stopped early) is answered with all of them. The weights that a selection has
    hold at its own budget and are left alone there; where they are stated anew `info["reweighed"]` is True. One's
    own weights are not: shorter prefixes of them have none.
    """
    asked = _asked(budgets, fitting(selection, pool))
    own = sorted(set(asked))
    stated = [b for b in own if b < len(selection) or selection.weights is None]
    at = dict(zip(stated, reweigh_path(pool, selection, stated), strict=True)) if stated else {}
    return [at.get(b, selection) for b in asked]


def coverage(pool: Pool, selection: Selection, space: Space = "emb") -> Coverage:
    """The largest and the mean Euclidean distance from a row to its nearest pick, over all rows. O(n·k·d)."""
    return coverage_path(pool, selection, [len(selection)], space)[0]


def coverage_path(
    pool: Pool, selection: Selection, budgets: Sequence[int], space: Space = "emb"
) -> list[Coverage]:
    """Coverage of the first b picks for every budget b, in one pass over n x k distances.

    A budget beyond the picks is answered with all of them.
    """
    asked = _asked(budgets, fitting(selection, pool))
    own = sorted(set(asked))
    found = walk(Distances(vectors_in(pool, space)), selection.indices, own, "coverage")
    at = {b: Coverage(float(found.radius[i]), float(found.total[i]) / len(pool)) for i, b in enumerate(own)}
    return [at[b] for b in asked]


def facility_location(pool: Pool, selection: Selection, space: Space = "grads") -> float:
    """F(S) = Σ_i (D − min_{j ∈ S} ‖v_i − v_j‖), what CRAIG makes large.

    D = 2 max_i ‖v_i − v̄‖ bounds every distance. Higher is better; values compare between selections of one
    pool in one space. O(n·k·d).
    """
    vectors = vectors_in(pool, space)
    if isinstance(vectors, Dense):  # centered already
        reach = 2 * float(vectors.norm().max())
    else:
        mean = vectors.sum() / len(pool)
        squared = vectors.squared_norm().double() - 2 * vectors.dot(mean) + mean.square().sum()
        reach = 2 * float(squared.clamp_min(0).max().sqrt())
    if len(fitting(selection, pool)) == 0:
        return 0.0
    found = walk(Distances(vectors), selection.indices, [len(selection)], "facility location")
    return len(pool) * reach - float(found.total[0])


def class_balance(pool: Pool, selection: Selection) -> Balance:
    """Picks, share of the picks and share of the weights of each class, beside the pool's own."""
    y, c = pool.need("y").cpu(), pool.n_classes
    mine = y[fitting(selection, pool).indices]
    counts, all_counts = torch.bincount(mine, minlength=c), torch.bincount(y, minlength=c)
    size = torch.ones(len(mine)) if selection.weights is None else selection.weights.abs()
    weight = torch.bincount(mine, size.double(), minlength=c)
    return Balance(counts, _share(counts), _share(weight), all_counts, _share(all_counts))


def effective_size(weights: Tensor | Selection) -> float:
    """(Σ|w|)² / Σw² (Kish): how many equal weights these are worth; k without weights, 0 for zeros."""
    if isinstance(weights, Selection):
        if weights.weights is None:
            return float(len(weights))
        weights = weights.weights
    w = torch.as_tensor(weights).double().abs()
    largest = float(w.max()) if len(w) else 0.0
    if not largest:
        return 0.0
    w = w / largest  # so that squares of tiny weights do not vanish
    return float(w.sum()) ** 2 / float(w.square().sum())


def jaccard(a: Selection | Iterable[int], b: Selection | Iterable[int]) -> float:
    """|A ∩ B| / |A ∪ B| of two selections or two lists of rows; 1 for two empty ones."""
    one, two = _rows(a, b)
    return len(one & two) / len(one | two) if one | two else 1.0


def overlap_matrix(selections: Sequence[Selection] | Mapping[str, Selection]) -> Tensor:
    """Jaccard overlap (m, m) of every two of m selections, float64, ones on the diagonal."""
    found = list(selections.values()) if isinstance(selections, Mapping) else list(selections)
    return torch.tensor([[jaccard(a, b) for b in found] for a in found], dtype=torch.float64)


def _asked(budgets: Sequence[int], selection: Selection) -> list[int]:
    """Every budget as a number of picks there are."""
    if len(selection) == 0:
        raise ValueError("an empty selection covers nothing; select at least 1 row")
    if len(budgets) == 0 or min(budgets) < 1:
        raise ValueError(f"budgets are numbers of picks from 1, got {list(budgets)}")
    return [min(int(b), len(selection)) for b in budgets]


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
    rows = selection.indices.to(grads.device)
    apart = float((grads[rows].sum(weights.to(grads.device)) - total).norm())
    whole = float(total.norm())
    return apart / whole if whole else (float("inf") if apart else 0.0)


def _rows(a, b) -> tuple[set[int], set[int]]:
    """Both as sets of rows: of the original dataset where both say which, else of the pool."""
    whole = all(isinstance(s, Selection) and s.ids is not None for s in (a, b))
    rows = [(s.ids if whole else s.indices) if isinstance(s, Selection) else s for s in (a, b)]
    one, two = (set(torch.as_tensor(r).tolist() if isinstance(r, Tensor) else map(int, r)) for r in rows)
    return one, two


def _share(counts: Tensor) -> Tensor:
    counts = counts.double()
    return counts / (counts.sum() or 1.0)


__all__ = [
    "THIN",
    "Balance",
    "Coverage",
    "Path",
    "class_balance",
    "coverage",
    "coverage_path",
    "effective_size",
    "facility_location",
    "gradient_error",
    "gradient_path",
    "jaccard",
    "objective",
    "overlap_matrix",
    "prefixes",
    "represent",
]
