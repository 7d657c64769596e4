"""BADGE: gradients drawn far from each other, by k-means++."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

import torch

from coreset_explore import greedy
from coreset_explore.gradients import Gradients, LastLayer, less_one_hot
from coreset_explore.params import Steps
from coreset_explore.pool import Pool
from coreset_explore.registry import selector
from coreset_explore.selection import Selection


@selector(
    needs="grads",
    weights="uniform",
    nested=True,
    purpose="hard",
    title="BADGE",
    paper="Ash et al. 2020, arXiv:1906.03671, Algorithm 1",
    bytes=lambda n, d, c, k: 4 * n * (d + 3 * c + 24) + 2**24,
)
def badge(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    labels: Annotated[
        Literal["own", "predicted"], "whose gradients: the rows' own, or as if the model were right"
    ] = "own",
    steps: Steps = "last",
) -> Selection:
    """Gradients that are large and unlike each other: each row is drawn in proportion to its squared distance.

    k-means++ (Arthur & Vassilvitskii 2007): the first row uniformly, each next with chances D²(x), the squared
    distance of its gradient from the nearest drawn so far. 32 rows are drawn at once, and a later one of them is kept
    with the chance D²_now / D²_drawn, which leaves the law as it is. About n·(c + d) operations a pick in matrix
    products over the factored gradients, O(n) memory beside them. When all distances are 0 the smallest ids follow.

    Where we differ: the paper has no labels and takes the likeliest class for the true one (`labels="predicted"`);
    its code starts at the longest gradient, k-means++ at a random row.
    """
    vectors = pool.vectors("grads", steps)
    vectors = predicted(vectors) if labels == "predicted" else vectors
    vectors, order, held = greedy.by_id(vectors, pool.ids, given)
    rows = order[greedy.spread(vectors, k, held, rng)]
    return Selection(rows, torch.full((len(rows),), len(pool) / max(len(rows), 1), dtype=torch.float64))


def predicted(grads: Gradients) -> LastLayer:
    """The gradients as if each row's likeliest class were its own: r + one-hot(y) − one-hot(argmax p).

    Read from the residuals alone, which say p = r + one-hot(y) at every step, where a pool's logits are one step's.
    """
    if type(grads) is not LastLayer or grads.r.shape[2] < 2:
        raise ValueError(
            "labels='predicted' reads the residuals of all classes from a last layer, and these gradients are of "
            "another kind; use labels='own'"
        )
    # No entry but p_y − 1 is negative. Where none is, rounding made it 0, and p_y is 1: the smallest all the same.
    mine = grads.r.argmin(2, keepdim=True)
    p = grads.r.scatter_add(2, mine, torch.ones_like(mine, dtype=grads.r.dtype)).clamp_min_(0.0)
    return replace(grads, r=less_one_hot(p, p.argmax(2, keepdim=True)))
