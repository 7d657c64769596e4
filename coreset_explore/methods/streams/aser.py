"""ASER's memory: rows that nearest-neighbor predictions of the kept rows gain most by, told by Shapley values."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import Range, stream
from coreset_explore.streaming import Memory


@stream(
    needs="emb,y",
    at="current",
    weights="uniform",
    purpose="cover",
    title="Adversarial Shapley value replay (ASER)",
    paper="Shim, Mai, Jeong, Sanner, Kim & Jang 2021, arXiv:2009.00093; values: Jia et al. 2019, arXiv:1908.08619",
    bytes=lambda n, d, c, k: 12 * n * d + 200 * (k + 128) * (c + 2),
    skips={
        "a_batch_cut_in_two_leaves_the_same_memory": "rows come `size` at a time and are compared with each other: cut "
        "elsewhere, they meet others"
    },
)
def aser(
    memory: Memory,
    batch: Pool,
    capacity: int,
    *,
    rng: torch.Generator,
    neighbors: Annotated[int, Range(1, 100), "K: nearest rows that predict a row's class"] = 3,
    evaluate: Annotated[int, Range(1, 1000), "kept rows of each class that are predicted"] = 2,
    size: Annotated[int, Range(1, 100_000), "rows that come at a time"] = 10,
) -> Memory:
    """The rows by which the K nearest predict the classes of kept rows best: those of least Shapley value go.

    While there is room rows stay. Then `evaluate` rows of each class are drawn from the memory; the others and the
    `size` rows that came are candidates, x their features as the model sees them. Each is worth Σ over the drawn of its
    `knn_shapley` value, and the memory keeps the drawn and the most valuable candidates. New rows of a class whose
    share of the memory is below a random threshold, uniform up to 1 / classes, are predicted too: so a new class finds
    its way in. A minibatch costs c·evaluate·k·(d + log k) operations at capacity k. `weights` are seen / m each.

    Only the memory's part of the paper is here: its adversarial value (near new rows, far from kept ones) draws what is
    replayed. Differs from the authors' code: all kept rows compete, and not a sample of them; at most half of a class,
    rounded up, is drawn, since what is drawn is safe and a small memory would be drawn whole; a value with fewer
    candidates than neighbors is exact. With less room than before the least valuable go.
    """
    pool, m = memory.joined(batch, "emb", "y"), len(memory)
    x, y = pool.need("emb").double(), pool.need("y").cpu()
    kept = torch.arange(m)
    for rows in track(torch.arange(m, len(pool)).split(size), "Shapley values"):
        free = max(capacity - len(kept), 0)
        kept, rows = torch.cat([kept, rows[:free]]), rows[free:]
        if len(rows) or len(kept) > capacity:
            drawn = _drawn(y[kept], evaluate, rng)[:capacity]
            shown = torch.cat([kept[drawn], _of_small_classes(y, kept, rows, rng)])
            rest = torch.ones(len(kept), dtype=torch.bool)
            rest[drawn] = False
            candidates = torch.cat([kept[rest], rows])
            apart = torch.cdist(
                x[shown.to(x.device)],
                x[candidates.to(x.device)],
                compute_mode="donot_use_mm_for_euclid_dist",
            )
            values = knn_shapley(apart.cpu(), y[shown], y[candidates], neighbors).sum(0)
            best = values.sort(descending=True, stable=True).indices[: capacity - len(drawn)]
            kept = torch.cat([kept[drawn], candidates[best]]).sort().values
    return memory.keep(kept, batch)


def knn_shapley(apart: Tensor, classes: Tensor, candidates: Tensor, neighbors: int) -> Tensor:
    """What each of n candidates adds to K-nearest-neighbor predictions of e rows: its Shapley values (e, n) float64.

    `apart` (e, n) distances, `classes` (e,) of the rows predicted, `candidates` (n,) the candidates' own. A set of
    candidates is worth 1/K for each of its K nearest (all, if they are fewer) that has the row's class. From the
    farthest inwards, exactly (Jia et al., theorem 1): s_n = 1[y_n = y]·min(K, n)/(K·n), and
    s_i = s_(i+1) + (1[y_i = y] − 1[y_(i+1) = y])·min(K, i)/(K·i). Of equally far ones the first is nearer.
    O(e·n log n).
    """
    n = candidates.shape[0]
    if not n:
        return torch.zeros(len(classes), 0, dtype=torch.float64)
    order = apart.argsort(dim=1, stable=True)
    right = (candidates[order] == classes[:, None]).double()
    place = torch.arange(1, n + 1, dtype=torch.float64)
    step = right.clone()
    step[:, :-1] -= right[:, 1:]
    inwards = (step * (place.clamp_max(neighbors) / (neighbors * place))).flip(1).cumsum(1).flip(1)
    return torch.empty_like(inwards).scatter_(1, order, inwards)


def _drawn(y: Tensor, each: int, rng: torch.Generator) -> Tensor:
    """Places of up to `each` random rows of each class, at most half of it: all firsts, then all seconds, …"""
    order = torch.randperm(len(y), generator=rng)
    order = order[y[order].argsort(stable=True)]
    sizes = torch.unique_consecutive(y[order], return_counts=True)[1]
    turn = torch.arange(len(y)) - (sizes.cumsum(0) - sizes).repeat_interleave(sizes)
    chosen = (turn < ((sizes + 1) // 2).clamp_max(each).repeat_interleave(sizes)).nonzero().flatten()
    return order[chosen[turn[chosen].argsort(stable=True)]]


def _of_small_classes(y: Tensor, kept: Tensor, rows: Tensor, rng: torch.Generator) -> Tensor:
    """Those of `rows` whose class has a smaller share of the memory than a random one, up to 1 / classes."""
    known, counts = y[torch.cat([kept, rows])].unique(), torch.bincount(y[kept], minlength=int(y.max()) + 1)
    threshold = float(torch.rand(1, generator=rng)) / max(len(known), 1)
    return rows[counts[y[rows]] < threshold * len(kept)]
