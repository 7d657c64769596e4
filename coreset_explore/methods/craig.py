"""CRAIG: the medoids of gradient space, each weighted by the rows it stands for."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from coreset_explore import greedy
from coreset_explore.params import Space, Steps
from coreset_explore.pool import Pool
from coreset_explore.registry import selector
from coreset_explore.selecting import weights
from coreset_explore.selection import Selection


@selector(
    needs="grads|emb",
    weights="counts",
    nested=True,
    draws=False,
    purpose="cover",
    title="CRAIG",
    paper="Mirzasoleiman, Bilmes & Leskovec 2020, arXiv:1906.01827",
    bytes=lambda n, d, c, k: 4.5 * n * n + 2**26,
)
def craig(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    space: Space = "grads",
    steps: Steps = "last",
) -> Selection:
    """Facility location: picks whose gradients are near every row's, weighted by how many rows they stand for.

    Greedily minimizes Σ_i min_{j ∈ S} ‖g_i − g_j‖ (not squared), an upper bound of the error of Σ_S γ_j g_j, where
    γ_j counts the rows nearest to j and Σ γ_j = n. At least (1 − 1/e) of the best saving; `gains` are what each pick
    saves. Exact lazy greedy (Minoux 1978). n²·(c + d) operations, 4.5 n² bytes: use per_class on large pools, as the
    paper does.

    Differs from the paper: the auxiliary point that the first pick is compared with lies at the largest distance
    between two rows, which makes the first pick the medoid and changes no other.
    """
    vectors, order, held = greedy.by_id(pool.vectors(space, steps), pool.ids, given)
    picks, saved, owner = greedy.cover(greedy.distances(vectors), k, held.to(vectors.device))
    rows = order[picks]
    if len(
        held
    ):  # rows nearer to a given row count for the nearest pick too: weights are the selection's alone
        counted = weights.counts(pool, rows, {"space": space, "steps": steps})
    else:
        counted = torch.bincount(owner, minlength=len(rows)).double()
    return Selection(rows, counted, gains=saved)
