"""Stratified: random rows, the same share of every LSH group."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from coreset_explore import greedy
from coreset_explore.groups import group
from coreset_explore.params import Bits, MostGroups, Space, Steps
from coreset_explore.pool import Pool
from coreset_explore.registry import selector
from coreset_explore.selecting.parts import allocate
from coreset_explore.selection import Selection


@selector(
    needs="emb|grads",
    weights="uniform",
    nested=True,
    purpose="baseline",
    title="Stratified LSH",
    paper="Chai, Wang, Tang, Yuan, Liu, Deng & Wang 2023, KDD, doi:10.1145/3580305.3599326, §8.1 (“Stratified”)",
    bytes=lambda n, d, c, k: 32 * n * d + 200 * n + 2**22,
)
def stratified_lsh(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    space: Space = "emb",
    steps: Steps = "last",
    bits: Bits = 16,
    most: MostGroups = 256,
) -> Selection:
    """Random rows, the budget shared among LSH groups in proportion to their sizes.

    Rows with the same side of every hyperplane form a group; the next pick goes to the group that Sainte-Laguë's rule
    names (`allocate`), and there to the row with the smallest key, drawn in id order. Groups stand in random order, so
    that equal claims favor none. Nested. O(n·d·bits) time, O(n) memory beside the vectors.

    Differs from the paper, which gives no rule for sharing and no number of groups: hyperplanes stand at the median,
    and there are few enough groups for a coreset to reach them all.
    """
    vectors, order, held = greedy.by_id(pool.vectors(space, steps), pool.ids, given)
    greedy.squared_norms(vectors)  # refuses what no distance can be computed from
    near = group(vectors.dense().detach().float(), "lsh", rng, bits=bits, most=most)
    label = torch.randperm(len(near), generator=rng)[near.label.cpu()]
    keys = torch.rand(len(pool), dtype=torch.float64, generator=rng)
    keys[held] = torch.inf
    sizes = torch.bincount(label, minlength=len(near))
    free = sizes - torch.bincount(label[held], minlength=len(near))
    sequence = allocate(sizes.tolist(), k, free=free.tolist())
    ranked = torch.argsort(keys, stable=True)
    ranked = ranked[torch.argsort(label[ranked], stable=True)]  # by group, and by key within
    shares = torch.bincount(sequence, minlength=len(near))
    turns = torch.argsort(sequence, stable=True)  # the picks of the first group, of the second …
    skipped = (sizes - shares).cumsum(0) - (sizes - shares)  # rows of earlier groups that nobody picks
    rows = torch.empty(k, dtype=torch.int64)
    rows[turns] = ranked[torch.arange(k) + skipped[sequence[turns]]]
    weights = torch.full((k,), len(pool) / max(k, 1), dtype=torch.float64)
    return Selection(order[rows], weights, info={"groups": len(near), "hyperplanes": near.planes})
