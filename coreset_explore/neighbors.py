"""Nearest neighbors and clusters; the only file that knows faiss."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from coreset_explore.gradients import Dense
from coreset_explore.greedy.kmeanspp import spread_greedily
from coreset_explore.greedy.vectors import centered, middle, points, row_max, squared_norms
from coreset_explore.progress import check, track

WORK = 1 << 30  # multiplications between two chances to stop: some tens of milliseconds on one core
ROWS = 4096  # queries at once: with fewer than 2,048 the search takes four times as long for each


def knn(
    x: Tensor, k: int, queries: Tensor | None = None, metric: Literal["euclidean", "cosine"] = "euclidean"
) -> tuple[Tensor, Tensor]:
    """The k rows of `x` (n, d) nearest to each query, exactly: distances (q, k) ascending, and row numbers (q, k).

    `metric` "cosine" answers with 1 − cosine. Without `queries` the rows of `x` ask about themselves, and each row's
    first neighbor is itself at distance 0, whatever duplicates it has. O(q·n·d) time, n + q rows of memory.
    Uses as many threads as torch does. Raises ValueError for a k that `x` cannot answer.
    """
    import faiss

    if not 1 <= k <= len(x):
        raise ValueError(f"{k:,} neighbors asked for among {len(x):,} rows; ask for 1 to {len(x):,}")
    asking = x if queries is None else queries
    if asking.shape[1] != x.shape[1]:
        raise ValueError(f"queries have {asking.shape[1]:,} features, the rows {x.shape[1]:,}")
    base, asked = x.detach().float().cpu(), asking.detach().float().cpu()
    every = points(Dense(base if queries is None else torch.cat([base, asked])), metric)
    squared_norms(every)  # refuses what no distance can be computed from
    base, asked = every.g[: len(x)], every.g if queries is None else every.g[len(x) :]
    parts = []
    for part in base.split(max(WORK // (ROWS * base.shape[1]), 1024)):
        parts.append(faiss.IndexFlatL2(base.shape[1]))
        parts[-1].add(part.numpy())
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(torch.get_num_threads())
    distances, rows = [], []
    try:
        for start in track(range(0, len(asked), ROWS), "neighbors"):
            block = asked[start : start + ROWS]
            found = _search(parts, block, k)
            if queries is None:
                found = _itself_first(found, start)
            # measured again by differences: near duplicates would otherwise come out at any small distance
            exact = torch.empty(found.shape)
            for column, near in enumerate(found.T):
                exact[:, column] = (base[near] - block).square().sum(1)
            if queries is None:
                exact[:, 0] = -1.0
            exact, order = exact.sort(dim=1, stable=True)
            distances.append(exact.clamp_min_(0.0))
            rows.append(found.gather(1, order))
    finally:
        faiss.omp_set_num_threads(threads)
    squared = torch.cat(distances)
    return (squared / 2 if metric == "cosine" else squared.sqrt()).to(x.device), torch.cat(rows).to(x.device)


def kmeans(x: Tensor, k: int, rng: torch.Generator, iterations: int = 25) -> tuple[Tensor, Tensor]:
    """Lloyd's k-means from a greedy k-means++ start: centers (k, d) and each row's center (n,).

    A center that loses all its rows moves to the row farthest from its own. Stops early when no row changes center.
    O(iterations·n·k·d). Raises ValueError for a k above n.
    """
    if not 1 <= k <= len(x):
        raise ValueError(f"{k:,} clusters asked for among {len(x):,} rows; ask for 1 to {len(x):,}")
    point = middle(x)
    x = (x - point).float()  # where float32 loses fewer digits
    norms = x.square().sum(1)
    centers = x[spread_greedily(x, k, rng).to(x.device)]
    label = torch.full((len(x),), -1, device=x.device)
    for _ in track(range(iterations), "k-means"):
        nearest, distance = _assign(x, norms, centers)
        if torch.equal(nearest, label):
            break
        label = nearest
        sizes = torch.bincount(label, minlength=k)
        for empty in (sizes == 0).nonzero()[:, 0]:
            far = distance.argmax()
            if sizes[label[far]] > 1:
                sizes[label[far]] -= 1
                label[far], distance[far], sizes[empty] = empty, 0.0, 1
        held = sizes > 0
        sums = torch.zeros_like(centers).index_add_(0, label, x)
        centers[held] = sums[held] / sizes[held, None]
    return centers + point, label


def _assign(x: Tensor, norms: Tensor, centers: Tensor) -> tuple[Tensor, Tensor]:
    """Each row's nearest center (n,) and the squared distance to it (n,), by matrix products a block at a time."""
    half = centers.square().sum(1) / 2
    label = torch.empty(len(x), dtype=torch.int64, device=x.device)
    inner = torch.empty(len(x), dtype=x.dtype, device=x.device)
    size = max(1, min(ROWS, WORK // (centers.numel() + 1)))
    for start in range(0, len(x), size):
        check()
        rows = slice(start, start + size)
        inner[rows], label[rows] = row_max((x[rows] @ centers.T).sub_(half))
    return label, norms - 2 * inner


def lsh(x: Tensor, bits: int, rng: torch.Generator, at: Literal["median", "mean"] = "median") -> Tensor:
    """Which side of each of `bits` random hyperplanes a row lies on, as one int64 code (n,), the first plane highest.

    Each plane stands at the median (or mean) of the rows' projections, so that it halves them wherever their mean
    lies. O(n·d·bits) time, O(n) memory. Raises ValueError beyond 62 bits.
    """
    if not 1 <= bits <= 62:
        raise ValueError(f"codes of {bits:,} bits asked for; ask for 1 to 62")
    x = centered(Dense(x)).g
    planes = torch.randn(bits, x.shape[1], generator=rng).to(x.device)
    codes = torch.zeros(len(x), dtype=torch.int64, device=x.device)
    for some in track(planes.split(8), "hyperplanes"):
        sides = x @ some.T
        for side in sides.T:
            codes.mul_(2).add_(side > (side.median() if at == "median" else side.mean()))
    return codes


def pq(
    x: Tensor, m: int, centroids: int, rng: torch.Generator, rows: int = 4096, iterations: int = 10
) -> tuple[list[Tensor], Tensor]:
    """Product quantization (Jégou et al. 2010): a codebook (b, d/m) a subspace and each row's codes (n, m) uint8.

    The features are cut into m runs of neighboring columns (at most d). A codebook holds at most `centroids` centers,
    from k-means on at most `rows` seeded rows; few distinct rows are their own centers. O(n·d·centroids) time.
    Raises ValueError beyond 256 centroids.
    """
    if not 1 <= centroids <= 256:
        raise ValueError(
            f"{centroids:,} centroids a subspace asked for; a code is one byte, ask for 1 to 256"
        )
    learn = torch.randperm(len(x), generator=rng)[:rows].sort().values.to(x.device)
    books, codes = [], []
    for part in track(x.tensor_split(min(m, x.shape[1]), dim=1), "codebooks"):
        books.append(_codebook(part[learn], centroids, rng, iterations))
        codes.append(_codewords(part, books[-1]).to(torch.uint8))
    return books, torch.stack(codes, 1)


def _codebook(x: Tensor, size: int, rng: torch.Generator, iterations: int) -> Tensor:
    """Centers of Lloyd's k-means from seeded distinct rows (b <= size, d); a center that loses its rows stays."""
    distinct = torch.unique(x, dim=0)
    if len(distinct) <= size:
        return distinct
    book = distinct[torch.randperm(len(distinct), generator=rng)[:size].sort().values.to(x.device)]
    for _ in track(range(iterations), "k-means"):
        label = _codewords(x, book)
        sizes = torch.bincount(label, minlength=size)[:, None]
        book = torch.where(
            sizes > 0, torch.zeros_like(book).index_add_(0, label, x) / sizes.clamp_min(1), book
        )
    return book


def _codewords(x: Tensor, book: Tensor) -> Tensor:
    """Each row's nearest codeword (n,) by a matrix product; of two that rounding cannot tell apart, either."""
    center = book.mean(0)
    book = book - center
    half = book.square().sum(1) / 2
    parts = [
        torch.addmm(half, part - center, book.T, alpha=-1).argmin(1) for part in track(x.split(4096), "codes")
    ]
    return torch.cat(parts)


def _search(parts: list, block: Tensor, k: int) -> Tensor:
    """The rows nearest to each query (q, k) among all parts' rows, which follow on each other; nearest first."""
    distances, rows, before = [], [], 0
    for part in parts:
        check()
        distance, row = part.search(block.numpy(), min(k, part.ntotal))
        distances.append(torch.from_numpy(distance))
        rows.append(torch.from_numpy(row) + before)
        before += part.ntotal
    nearest = torch.cat(distances, 1).topk(k, dim=1, largest=False).indices
    return torch.cat(rows, 1).gather(1, nearest)


def _itself_first(found: Tensor, start: int) -> Tensor:
    """Each row as its own first neighbor, where duplicates may have pushed it back or out."""
    own = torch.arange(start, start + len(found))
    at = found == own[:, None]
    place = torch.where(at.any(1), at.int().argmax(1), found.shape[1] - 1)
    line = torch.arange(len(found))
    found[line, place] = found[:, 0].clone()
    found[:, 0] = own
    return found
