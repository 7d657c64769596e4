"""Herding: keep the mean of the picks at the mean of the pool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch

from coreset_explore.gradients import Dense
from coreset_explore.greedy.rows import by_feature, squared_norms, unit
from coreset_explore.params import Space
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import selector
from coreset_explore.selection import Selection


@selector(
    needs="emb|grads",
    weights="uniform",
    nested=True,
    purpose="typical",
    title="Herding",
    paper="Welling 2009; Chen, Welling & Smola 2010, arXiv:1203.3472; Rebuffi et al. 2017, arXiv:1611.07725",
    bytes=lambda n, d, c, k: 4 * n * d * 2 + 64 * n + 8 * c * d,
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
    one matrix-vector product a pick, n·d operations (n·c·d for factored gradients). The error ‖μ − mean_S‖ falls as
    1/k, where random's falls as 1/√k, while k is small against n. Rows in `given` count as picked.

    Where we differ: without replacement, as a selection holds distinct rows (Welling's picks may repeat), and the
    pick minimizes the distance itself, which is Welling's inner product where all rows have the same length. A
    widespread implementation takes the farthest row instead of the nearest; this one does not.
    """
    if space == "emb":
        x = pool.need("emb")
        if normalize:
            x = unit(Dense(x)).g
        # about the mean: a common offset would cost float32 its digits
        vectors = Dense(by_feature(x - (x.sum(0, dtype=torch.float64) / len(x)).to(x.dtype)))
    else:
        vectors = pool.vectors("grads")
        if normalize:
            raise ValueError("normalize scales features; with space='grads' leave it off")
    n = len(vectors)
    mean = vectors.sum() / n
    half = squared_norms(vectors) / 2
    held = torch.as_tensor(list(given), dtype=torch.int64, device=vectors.device)
    half[held] = torch.inf
    pull = vectors[held].sum() - (len(held) + 1) * mean if len(held) else -mean
    rows: list[int] = []
    for _ in track(range(k), "herding"):
        distance = half + vectors.dot(pull.to(half.dtype))
        nearest = (distance == distance.min()).nonzero()[:, 0]
        row = nearest[pool.ids[nearest].argmin()]
        rows.append(int(row))
        half[row] = torch.inf
        pull += vectors[row[None]].sum() - mean
    return Selection(rows, torch.full((len(rows),), n / max(len(rows), 1), dtype=torch.float64))
