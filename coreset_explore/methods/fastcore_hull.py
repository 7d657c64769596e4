"""FastCore-hull: FastCore with distances bounded through convex hulls of pairs of features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch

from coreset_explore import codes, greedy
from coreset_explore.pool import Pool
from coreset_explore.registry import Range, selector
from coreset_explore.selection import Selection

OWN_WEIGHTS = "a pick counts the groups nearest to it by the bound, and reweigh() the rows nearest to it"


@selector(
    needs="emb|grads",
    weights="counts",
    nested=True,
    purpose="fast",
    title="FastCore-hull",
    paper="Chai, Wang, Tang, Yuan, Liu, Deng & Wang 2023, KDD, doi:10.1145/3580305.3599326, §5.2",
    bytes=lambda n, d, c, k: 32 * n * d + 200 * n + 4 * d * min(n, 1024) + 2**24,
    skips={"reweigh_states_a_selections_own_weights": OWN_WEIGHTS, "reweigh_a_prefix": OWN_WEIGHTS},
)
def fastcore_hull(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    space: Annotated[Literal["emb", "grads"], "where distances are measured"] = "emb",
    steps: Annotated[Literal["last", "all"], "which recorded gradients count"] = "last",
    groups: Annotated[Literal["lsh", "kmeans"], "what puts rows into groups"] = "lsh",
    bits: Annotated[int, Range(1, 62), "random hyperplanes (LSH)"] = 48,
    most: Annotated[
        int, Range(1, 2**20), "groups at most; with LSH, hyperplanes are left out to stay below"
    ] = 1024,
    sample: Annotated[int, Range(1, 2**20), "candidates looked at for each pick"] = 100,
) -> Selection:
    """FastCore's slow and loose relative: the farthest corner of each group's hull in every pair of features.

    As `fastcore`, with u_it = Σ_l max ‖x_i^l − v‖ over the corners v of group t's convex hull in the l-th pair of
    neighboring features (eq. 9): never below the farthest member's distance, and up to √(d/2) times it and more.
    O(d·n·log n) to prepare, k·sample·G·d·(corners a group) at most for the picks; on the CPU; O(n·d) memory.

    Differs from the paper: hyperplanes stand at the median and not at 0; fewer groups and fewer candidates than its
    S = 500 unless told, as one candidate costs some 2·d·G operations; lines are made for candidates only, not for
    all rows beforehand.
    """
    vectors, order, held = greedy.by_id(pool.vectors(space, steps), pool.ids, given)
    greedy.squared_norms(vectors)  # refuses what no distance can be computed from
    x = vectors.dense().detach().float()
    near = codes.group(x, groups, rng, bits=bits, most=most)
    hulls = codes.Hulls(x, near)
    error = codes.error(hulls, x, near, rng)
    picks, saved, owner = codes.cover(hulls, near, k, rng, sample, held)
    weights = torch.bincount(owner, near.sizes.cpu().double(), minlength=k)
    info = {
        "groups": len(near),
        "hyperplanes": near.planes,
        "bound_error": error,
        "idle": int((weights == 0).sum()),
    }
    return Selection(order[picks], weights, gains=saved, info=info)
