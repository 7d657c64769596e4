"""Which rows are a row's nearest: the list behind uniqueness, near-duplicates and every graph of neighbors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from coreset_explore import greedy, neighbors
from coreset_explore.inputs import checks
from coreset_explore.inputs.similarities import Similarities
from coreset_explore.pool import Pool
from coreset_explore.progress import track

SPACES = ("similarity", "emb", "grads")  # where nobody says which, the first that the pool holds
ENTRIES = 1 << 22  # distances looked at together


class Neighbors(NamedTuple):
    """The k nearest other rows of each row that was asked about, nearest first."""

    rows: Tensor  # (m, k) int64, rows of the pool; −1 where a sparse similarity names fewer
    distance: Tensor  # (m, k) float32, to them


def neighbor_list(
    pool,
    k: int = 3,
    rows: Sequence[int] | Tensor | None = None,
    *,
    space: Literal["emb", "grads", "similarity"] | None = None,
    metric: Literal["euclidean", "cosine"] = "euclidean",
) -> Neighbors:
    """The k rows nearest to each row (or to `rows`), itself left out, and how far they are.

    Features or a Pool; `space` is by default the first of similarity, emb and grads that it holds. "cosine" is
    1 − cosine; of a similarity given the distance is the largest of all less theirs, and of a sparse one only what is
    stored counts. Exact: m·n·d operations by faiss for features, m·n·(c + d) for gradients, what is stored of a sparse
    similarity. Raises ValueError for more neighbors than there are other rows.

    The score "uniqueness" is 0.6 d₁ + 0.3 d₂ + 0.1 d₃ of these, by cosine, over the largest such sum. A row whose
    first distance is 0 has a duplicate.

    >>> import coreset_explore as cx
    >>> near = cx.neighbor_list([[0.0], [1.0], [3.0], [3.5], [9.0]], 2)
    >>> near.rows.tolist()
    [[1, 2], [0, 2], [3, 1], [2, 1], [3, 2]]
    >>> near.distance.tolist()
    [[1.0, 3.0], [1.0, 2.0], [0.5, 2.0], [0.5, 2.5], [5.5, 6.0]]
    """
    pool = Pool.of(pool)
    n = len(pool)
    k = checks.whole(k, "k, the number of neighbors,", 1)
    if k > n - 1:
        raise ValueError(f"{k:,} neighbors asked for among {n - 1:,} other rows; ask for {n - 1:,} at most")
    checks.choice(metric, "metric", ("euclidean", "cosine"))
    first = next((name for name in SPACES if name in pool.fields), "emb")
    where = first if space is None else checks.choice(space, "space", SPACES)
    asked = torch.arange(n) if rows is None else checks.rows(rows, "rows", n, negative=True).cpu()
    if not len(asked):
        return Neighbors(asked.new_zeros(0, k), torch.zeros(0, k))
    if where == "emb":
        return _of_features(pool.need("emb"), k, None if rows is None else asked, metric)
    if where == "grads":
        away = greedy.DistanceRows(greedy.points(pool.vectors("grads"), metric))
        return _of_rows(away, asked.to(pool.device), n, k, halved=metric == "cosine")
    given = pool.need("similarity")
    if given.sparse:
        return _of_entries(given, asked.to(pool.device), k)
    return _of_rows(greedy.Given(given).away, asked.to(pool.device), n, k)


def _of_features(x: Tensor, k: int, asked: Tensor | None, metric) -> Neighbors:
    queries = None if asked is None else x[asked.to(x.device)]
    distance, near = neighbors.knn(x, k + 1, queries, metric)
    own = torch.arange(len(x)) if asked is None else asked
    at = near == own.to(near.device)[:, None]
    place = torch.where(at.any(1), at.int().argmax(1), k)  # duplicates may have pushed a row off its own list
    kept = torch.arange(k, device=near.device).expand(len(near), k)
    kept = kept + (kept >= place[:, None])
    near, distance = near.gather(1, kept), distance.gather(1, kept)
    return Neighbors(*_in_order(near, distance))


def _of_rows(away, asked: Tensor, n: int, k: int, halved: bool = False) -> Neighbors:
    """By whole rows of distances, some at a time."""
    found = []
    for part in track(asked.split(max(1, ENTRIES // n)), "neighbors"):
        far = away(part)
        far[torch.arange(len(part), device=far.device), part] = torch.inf
        distance, near = far.topk(k, largest=False)
        found.append(_in_order(near, distance.square().div(2) if halved else distance))
    near, distance = (torch.cat(parts) for parts in zip(*found, strict=True))
    return Neighbors(near, distance.float())


def _of_entries(s: Similarities, asked: Tensor, k: int) -> Neighbors:
    """By what is stored of each row."""
    top = greedy.Given(s).top
    line, column, value = s.entries(asked)
    other = column != asked[line]
    line, column, value = line[other], column[other], value[other]
    order = value.sort(descending=True, stable=True).indices  # columns stand in order: of equals the first
    order = order[line[order].sort(stable=True).indices]
    line, column, value = line[order], column[order], value[order]
    count = torch.bincount(line, minlength=len(asked))
    place = torch.arange(len(line), device=line.device) - (count.cumsum(0) - count)[line]
    near = asked.new_full((len(asked), k), -1)
    distance = torch.full((len(asked), k), torch.inf, device=s.device)
    inside = place < k
    near[line[inside], place[inside]] = column[inside]
    distance[line[inside], place[inside]] = (top - value[inside].double()).float()
    return Neighbors(near, distance)


def _in_order(near: Tensor, distance: Tensor) -> tuple[Tensor, Tensor]:
    """Nearest first, of equals the first row."""
    order = near.sort(1).indices
    near, distance = near.gather(1, order), distance.gather(1, order)
    order = distance.sort(dim=1, stable=True).indices
    return near.gather(1, order), distance.gather(1, order)
