"""How far the rows are from the picks: coverage, and what facility location makes large."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from coreset_explore.gradients import Dense
from coreset_explore.greedy import Distances
from coreset_explore.measures.budgets import asked_for
from coreset_explore.measures.nearest import Space, vectors_in, walk
from coreset_explore.pool import Pool
from coreset_explore.selection import Selection, fitting


class Coverage(NamedTuple):
    """Distances from all rows to their nearest pick: the largest and the mean."""

    radius: float
    mean_distance: float


def coverage(pool: Pool, selection: Selection, space: Space = "emb") -> Coverage:
    """The largest and the mean Euclidean distance from a row to its nearest pick, over all rows. O(n·k·d).

    >>> import coreset_explore as cx
    >>> pool = cx.Pool.of([[0.0], [1.0], [3.0], [10.0]])
    >>> cx.coverage(pool, cx.Selection.of([1, 3]))
    Coverage(radius=2.0, mean_distance=0.75)
    """
    return coverage_path(pool, selection, [len(selection)], space)[0]


def coverage_path(
    pool: Pool, selection: Selection, budgets: Sequence[int], space: Space = "emb"
) -> list[Coverage]:
    """Coverage of the first b picks for every budget b, in one pass over n x k distances.

    A budget beyond the picks is answered with all of them.
    """
    asked = asked_for(budgets, fitting(selection, pool))
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
