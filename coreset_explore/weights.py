"""Weights belong to a budget: what each pick of a selection must count for, so that Σ_S w_i f_i ≈ Σ_all f_i."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from coreset_explore import greedy
from coreset_explore.gradients import Dense, Gradients
from coreset_explore.pool import Pool
from coreset_explore.progress import check
from coreset_explore.selection import Selection, fitting
from coreset_explore.views import Batches, batch_groups, class_groups

BLOCK = 1 << 22  # entries of one block of distances


def uniform(pool: Pool, rows: Tensor, params: Mapping[str, Any]) -> Tensor:
    """n/k each."""
    return torch.full((len(rows),), len(pool) / max(len(rows), 1), dtype=torch.float64)


def counts(pool: Pool, rows: Tensor, params: Mapping[str, Any]) -> Tensor:
    """How many rows each pick is nearest to (itself included): exactly n in sum (CRAIG's γ_j)."""
    vectors = pool.vectors(params.get("space", "grads"), params.get("steps", "last"))
    if "similarity" in params:
        owner = greedy.Similarity(vectors, params["similarity"], 1.0).most_similar(rows)
        return torch.bincount(owner.cpu(), minlength=len(rows)).double()
    if params.get("metric") == "cosine":
        vectors = greedy.unit(vectors)
    owner, _ = nearest_pick(vectors, rows)
    return torch.bincount(owner.cpu(), minlength=len(rows)).double()


def match(pool: Pool, rows: Tensor, params: Mapping[str, Any]) -> Tensor:
    """argmin_w ‖Σ_S w_i g_i − Σ_all g_i‖² + ridge·‖w‖², with w ≥ 0 if `nonnegative` (GRAD-MATCH, eq. 1)."""
    grads = pool.vectors("grads", params.get("steps", "last"))
    target = match_target(pool, params.get("against", "training"), params.get("steps", "last"))
    chosen = grads[rows.to(grads.device)]
    gram = _double(chosen).gram().cpu()
    wanted = chosen.dot(target).cpu()
    return greedy.solve(
        gram, wanted, nonnegative=params.get("nonnegative", True), ridge=params.get("ridge", 0.0)
    )


def match_target(pool: Pool, against: str = "training", steps: str = "last") -> Tensor:
    """The gradient to be matched: the pool's own sum, or the validation rows' sum scaled to n rows."""
    if against == "training":
        return greedy.total(pool.vectors("grads", steps))
    target = pool.need("target")
    if len(target) == 0:
        raise ValueError(
            "no validation row belongs to this group; set more rows aside (holdout=) or match the training sum"
        )
    found = target.vectors("grads", steps).sum() * (len(pool) / len(target))
    # batches' gradients are dense where their validation rows' are factored
    return found.flatten() if isinstance(pool.vectors("grads", steps), Dense) else found


WEIGH: dict[str, Callable[[Pool, Tensor, Mapping[str, Any]], Tensor]] = {
    "uniform": uniform,
    "counts": counts,
    "match": match,
}


def restate(
    pool: Pool, rows: Tensor, kind: str | None, params: Mapping[str, Any], wrap: Sequence = ()
) -> Tensor | None:
    """Weights (k,) float64 of `rows` as a method of this `kind`, wrapped like this, would state them on `pool`."""
    if kind is None or kind == "given":
        return None
    if not wrap:
        return WEIGH[kind](pool, rows, params)
    *inner, (name, options) = wrap
    if name == "per_class":
        return _per_class(pool, rows, kind, params, inner, options)
    if name == "per_batch":
        return _per_batch(pool, rows, kind, params, inner, options)
    return restate(pool, rows, kind, params, inner)


def reweigh(pool: Pool, selection: Selection) -> Selection:
    """The selection with weights stated for exactly its picks: what the method itself would say at that budget.

    A prefix `sel[:j]` of a nested method gets the weights of budget j. Costs one n x k pass of distances for
    "counts", a k x k solve for "match". One's own selection with no declared kind comes back unchanged.
    """
    info = fitting(selection, pool).info
    wrap = [(name, dict(options)) for name, options in info.get("wrap", ())]
    kind = info.get("weights")
    if kind is None or kind == "given" or len(selection) == 0:
        return selection
    return replace(selection, weights=restate(pool, selection.indices, kind, info.get("params", {}), wrap))


def nearest_pick(vectors: Gradients, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Which pick each row is nearest to (n,), as its position in `rows`, and the Euclidean distance (n,).

    Ties go to the earlier pick; a pick is its own. n·k·d operations, in blocks.
    """
    rows = rows.to(vectors.device)
    n, k = len(vectors), len(rows)
    picks = vectors[rows]
    pick_norms, norms = picks.squared_norm(), vectors.squared_norm()
    owner = torch.empty(n, dtype=torch.int64, device=vectors.device)
    distance = torch.empty(n, dtype=torch.float32, device=vectors.device)
    step = max(1, BLOCK // max(k, 1))
    for start in range(0, n, step):
        check()
        block = slice(start, min(start + step, n))
        squared = _cross(vectors[block], picks).mul_(-2.0).add_(pick_norms[None])
        owner[block] = squared.argmin(1)
        distance[block] = (
            (squared.gather(1, owner[block][:, None])[:, 0] + norms[block]).clamp_min_(0).sqrt_()
        )
    owner[rows] = torch.arange(k, device=rows.device)
    distance[rows] = 0.0
    return owner, distance


def _cross(a: Gradients, b: Gradients) -> Tensor:
    """Inner products (a rows, b rows) of two gradient sets of the same kind."""
    if hasattr(a, "g"):
        return a.g @ b.g.T
    total = torch.zeros(len(a), len(b), device=a.device)
    for ra, ha, rb, hb in zip(a.r, a.h, b.r, b.h, strict=True):
        total += (ha @ hb.T).add_(1.0).mul_(ra @ rb.T)
    return total


def _double(grads: Gradients) -> Gradients:
    return type(grads)(*(getattr(grads, name).double() for name in grads.__dataclass_fields__))


def _per_class(pool, rows, kind, params, inner, options) -> Tensor:
    weights = torch.zeros(len(rows), dtype=torch.float64)
    place = torch.full((len(pool),), -1, dtype=torch.int64)
    place[rows] = torch.arange(len(rows))
    for _, members, part in class_groups(pool, options.get("view")):
        positions = place[members.cpu()]
        local = (positions >= 0).nonzero().flatten()
        if len(local):
            local = local[
                torch.argsort(positions[local])
            ]  # in pick order: ties between picks go to the earlier one
            weights[positions[local]] = restate(part, local, kind, params, inner)
    return weights


def _per_batch(pool, rows, kind, params, inner, options) -> Tensor:
    size = options.get("size", 128)
    groups = batch_groups(pool, size, options.get("seed", 0))
    batch_of = torch.empty(len(pool), dtype=torch.int64)
    for number, members in enumerate(groups):
        batch_of[members.cpu()] = number
    mine = batch_of[rows]
    chosen = list(dict.fromkeys(mine.tolist()))
    stated = restate(Batches.of_rows(pool, groups, size), torch.tensor(chosen), kind, params, inner)
    weights = torch.zeros(len(rows), dtype=torch.float64)
    for number, weight in zip(chosen, stated, strict=True):
        members = mine == number
        weights[members] = (
            weight * len(groups[number]) / int(members.sum())
        )  # a batch cut short counts for all of itself
    return weights
