"""FastCore-hull: FastCore with distances bounded through convex hulls of pairs of features."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from coreset_explore import greedy
from coreset_explore.groups import Hulls, group, represent
from coreset_explore.params import Bits, Groups, MostGroups, Sample, Space, Steps
from coreset_explore.pool import Pool
from coreset_explore.registry import selector
from coreset_explore.selection import Selection

OWN_WEIGHTS = "a pick counts the groups nearest to it by the bound, and reweigh() the rows nearest to it"


@selector(
    needs="emb|grads",
    weights="counts",
    objective="gains",
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
    space: Space = "emb",
    steps: Steps = "last",
    groups: Groups = "lsh",
    bits: Bits = 48,
    most: MostGroups = 1024,
    sample: Sample = 100,
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
    near = group(x, groups, rng, bits=bits, most=most)
    picks, weights, saved, info = represent(Hulls(x, near), x, near, k, rng, sample, held)
    return Selection(order[picks], weights, gains=saved, info=info)
