"""What a method makes small, as one number a selection: two devices, two orders of rows or two methods then compare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from coreset_explore.greedy import Given
from coreset_explore.measures.nearest import represent
from coreset_explore.pool import Pool
from coreset_explore.registry import Method, find
from coreset_explore.selecting.bare import bind
from coreset_explore.selecting.views import class_groups
from coreset_explore.selecting.weights import match_target
from coreset_explore.selection import Selection, fitting


def objective(pool: Pool, selection: Selection, by: str | Method | None = None) -> float:
    """The selection by the yardstick that its method names (`Method.objective`), lower is better; O(n·k·d) at most.

    Read as the selection's own parameters say: its space, its steps, its metric or similarity. `by` names another
    method, with whose yardstick and default parameters it is judged: two methods compare at one objective. Raises
    ValueError where there is none: a method that draws, or ranks, is told by its picks alone.

    >>> from coreset_explore import Pool, Selection
    >>> from coreset_explore.measures import objective
    >>> pool = Pool.of([[0.0], [1.0], [2.0], [9.0]])
    >>> objective(pool, Selection.of([1, 3]), by="kcenter")
    1.0
    """
    method = find(by if by is not None else fitting(selection, pool).info.get("method", "?"))
    if by is not None:
        params = method.settled(bind(method).where(pool))
        told = {"method": method.name, "params": params, "weights": method.weights}
        gains = selection.gains if selection.info.get("method") == method.name else None
        selection = replace(selection, gains=gains, info={**selection.info, **told})
    if method.objective is None:
        raise ValueError(
            f"{method.name} names no objective: its picks are drawn or ranked, so compare the picks themselves"
        )
    measure = method.objective if callable(method.objective) else OBJECTIVES[method.objective]
    return float(measure(pool, selection))


def distance(pool: Pool, selection: Selection) -> float:
    """Σ_i of the distance from row i to the pick that stands for it."""
    return float(represent(pool, selection)[1].double().sum())


def radius(pool: Pool, selection: Selection) -> float:
    """The largest such distance, after leaving out the share of rows that the method may leave out."""
    left_out = int(selection.info.get("params", {}).get("outliers", 0.0) * len(pool))
    return float(represent(pool, selection)[1].sort().values[-1 - left_out])


def dissimilarity(pool: Pool, selection: Selection) -> float:
    """Σ_i (1 − s) of row i and the pick that it is most like, s as `greedy.Similarity` has it."""
    if selection.info["params"].get("space") == "similarity":
        return _unlikeness(pool, selection)
    squared = represent(pool, selection)[1].double().square()
    if selection.info["params"]["similarity"] == "cosine":
        return float(squared.sum() / 4)
    sigma = selection.info["sigma"]
    if not isinstance(sigma, float):  # chosen per class, each with its own width
        sigma = torch.tensor([sigma.get(pool.classes[label], 1.0) for label in pool.y.tolist()])
    return float(-torch.expm1(-squared / (2 * sigma**2)).sum())


def _unlikeness(pool: Pool, selection: Selection) -> float:
    """Σ_i (the largest similarity given − max_{j ∈ S} s_ij), in each class its own where it was chosen per class."""
    where = torch.full((len(pool),), -1, dtype=torch.int64)
    where[selection.indices] = torch.arange(len(selection))
    wrap = [options for name, options in selection.info.get("wrap", ()) if name == "per_class"]
    parts = class_groups(pool, wrap[-1].get("view")) if wrap else [(0, torch.arange(len(pool)), pool)]
    found = 0.0
    for _, members, part in parts:
        near = Given(part.need("similarity"))
        rows = (where[members.cpu()] >= 0).nonzero().flatten().to(part.device)
        alike = near.most(rows)[0] if len(rows) else torch.zeros(1)
        found += len(part) * near.top - float(alike.sum())
    return found


def gradient_distance(pool: Pool, selection: Selection) -> float:
    """‖Σ_S w_i g_i − target‖ / ‖target‖ at the steps, and of the rows, that were to be matched."""
    params = selection.info.get("params", {})
    steps = params.get("steps", "last")
    grads, target = pool.vectors("grads", steps), match_target(pool, params.get("against", "training"), steps)
    weights = selection.weights
    if weights is None:
        weights = torch.full((len(selection),), len(pool) / max(len(selection), 1), dtype=torch.float64)
    got = grads[selection.indices.to(grads.device)].sum(weights.double().to(grads.device))
    return float((got - target).norm() / target.norm())


def mean_distance(pool: Pool, selection: Selection) -> float:
    """‖mean of the picks − mean of all rows‖."""
    vectors = pool.vectors(selection.info.get("params", {}).get("space", "emb"))
    picks = vectors[selection.indices.to(vectors.device)].sum() / len(selection)
    return float((picks - vectors.sum() / len(pool)).norm())


def gains(pool: Pool, selection: Selection) -> float:
    """−Σ of what the picks say they gained: the method's own account, where only it can compute its function."""
    if selection.gains is None:
        raise ValueError(
            f"{selection.info.get('method')} is judged by the gains of its own steps, and these picks have none"
        )
    return -float(selection.gains.double().sum())


OBJECTIVES: dict[str, Callable[[Pool, Selection], float]] = {
    "distance": distance,
    "radius": radius,
    "dissimilarity": dissimilarity,
    "gradient distance": gradient_distance,
    "mean distance": mean_distance,
    "gains": gains,
}
