"""Herding: keep the mean of the picks at the mean of the pool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch

from coreset_explore import greedy
from coreset_explore.params import Space
from coreset_explore.pool import Pool
from coreset_explore.registry import selector
from coreset_explore.selection import Selection


@selector(
    needs="emb|grads",
    weights="uniform",
    objective="mean distance",
    nested=True,
    purpose="typical",
    title="Herding",
    paper="Welling 2009; Chen, Welling & Smola 2010, arXiv:1203.3472; Rebuffi et al. 2017, arXiv:1611.07725",
    bytes=lambda n, d, c, k: 5 * n * d + 64 * n + 8 * c * d,
)
def herding(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    space: Space = "emb",
    normalize: Annotated[bool, "scale features to length one first, as iCaRL does"] = False,
) -> Selection:
    """Each pick is the row that brings the mean of all picks nearest to the pool's mean.

    argmin_i ‖μ − (Σ_S x + x_i)/(|S| + 1)‖ = argmin_i ‖x_i‖²/2 + ⟨x_i, Σ_S x − (|S| + 1) μ⟩ (iCaRL, Algorithm 4):
    n·d operations a pick (n·c·d for factored gradients), and a copy of the features in bytes, n·d of memory. The
    error ‖μ − mean_S‖ falls as 1/k, where random's falls as 1/√k, while k is small against n. Rows in `given` count
    as picked.

    Where we differ: without replacement, as a selection holds distinct rows (Welling's picks may repeat), and the
    pick minimizes the distance itself, which is Welling's inner product where all rows have the same length. A
    widespread implementation takes the farthest row instead of the nearest; this one does not.
    """
    if normalize and space != "emb":
        raise ValueError("normalize scales features; with space='grads' leave it off")
    vectors, order, held = greedy.by_id(pool.vectors(space), pool.ids, given)
    rows = order[greedy.herd(greedy.unit(vectors) if normalize else vectors, k, held)]
    return Selection(rows, torch.full((k,), len(pool) / max(k, 1), dtype=torch.float64))
