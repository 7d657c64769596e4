"""Disparity: picks far from each other, by the smallest or by the summed distance between them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from coreset_explore import greedy
from coreset_explore.gradients import Gradients
from coreset_explore.greedy.vectors import double, stored
from coreset_explore.inputs.similarities import Similarities
from coreset_explore.params import AnySpace, Metric, Steps
from coreset_explore.pool import Pool
from coreset_explore.progress import check, track
from coreset_explore.registry import selector
from coreset_explore.selection import Selection

BLOCK = 1 << 19  # numbers subtracted together


@selector(
    needs="emb|grads|similarity",
    weights="uniform",
    objective="gains",
    nested=True,
    draws=False,
    purpose="cover",
    title="Disparity-min",
    paper="Dasgupta, Kumar & Ravi 2013, ACL (P13-1100); Ravi, Rosenkrantz & Tayi 1994",
    bytes=lambda n, d, c, k: 16 * n * (c + d) + 500 * n + 2**26,
)
def disparity_min(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    space: AnySpace = "emb",
    metric: Metric = "euclidean",
    steps: Steps = "last",
) -> Selection:
    """Disparity-min: no two picks near each other; each pick is the row farthest from all picks so far.

    Greedily maximizes min_{j ≠ j' ∈ S} ‖x_j − x_j'‖: at least half of the best, from any first pick. `gains` are each
    pick's distance from the nearest pick before it, the smallest among the picks so far (0 for the first). With rows
    given it is from the nearest of these and the picks, whatever lies between two rows given. n·d·k operations, no
    n x n array.

    It picks as k-center does, but for the first pick: with nothing given, k-center, which keeps rows near to picks,
    starts nearest to the mean; picks that are to be far apart start with the row farthest from it.

    With similarities given, s_ij = s_ji, the distance is the largest of them less s_ij (1 − s_ij of those that end at
    1), and the first pick is the row that is least like all others; at least half of the best only where these
    distances obey the triangle inequality.
    """
    vectors, order, held = _vectors(pool, space, steps, metric, given)
    if isinstance(vectors, Similarities):
        picks, reach = _farthest_given(vectors, k, held)
        return Selection(order[picks], torch.full((k,), len(pool) / k, dtype=torch.float64), gains=reach)
    start = torch.tensor([outermost(vectors)] if not len(held) else [], dtype=torch.int64)
    picks, reach = start, torch.zeros(len(start))
    if k > len(start):
        more, far, _ = greedy.farthest_first(vectors, k - len(start), torch.cat([held, start]))
        picks, reach = torch.cat([start, more]), torch.cat([reach, far])
    return Selection(order[picks], torch.full((k,), len(pool) / k, dtype=torch.float64), gains=reach)


@selector(
    needs="emb|grads|similarity",
    weights="uniform",
    objective="gains",
    nested=True,
    draws=False,
    purpose="cover",
    title="Disparity-sum",
    paper="Dasgupta, Kumar & Ravi 2013, ACL (P13-1100); Borodin, Lee & Ye 2012, arXiv:1203.6397",
    bytes=lambda n, d, c, k: 24 * n * (c + d) + 100 * n + 2**26,
)
def disparity_sum(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    space: AnySpace = "emb",
    metric: Metric = "euclidean",
    steps: Steps = "last",
) -> Selection:
    """Disparity-sum: picks far from each other on average; each adds the most distance to the picks so far.

    Greedily maximizes Σ_{j < j' ∈ S} ‖x_j − x_j'‖: at least half of the best, since distances obey the triangle
    inequality. `gains` are the distances each pick adds. It likes the rim and does not mind near pairs there. With
    nothing given the first pick, whose gain is 0, is the row farthest from the mean: of largest summed squared
    distance to all rows. n·(c + d) operations a pick, in products for rows likely to be next, no n x n array. With
    similarities given distances and the first pick are disparity_min's.
    """
    vectors, order, held = _vectors(pool, space, steps, metric, given)
    away = greedy.Ahead(
        greedy.Given(vectors).away if isinstance(vectors, Similarities) else greedy.DistanceRows(vectors)
    )
    apart = torch.zeros(len(vectors), dtype=torch.float64, device=vectors.device)
    for row in track(held.tolist(), "given"):
        apart += away(row, apart)
    apart[held.to(apart.device)] = -torch.inf
    picks, gains = torch.zeros(k, dtype=torch.int64), torch.zeros(k, dtype=torch.float64)
    for made in track(range(k), "disparity"):
        row = greedy.first_best(apart) if made or len(held) else outermost(vectors)
        picks[made], gains[made] = row, apart[row]
        apart += away(row, apart)
        apart[row] = -torch.inf
    return Selection(order[picks], torch.full((k,), len(pool) / k, dtype=torch.float64), gains=gains)


def outermost(vectors: Gradients | Similarities) -> int:
    """The row farthest from the mean of all rows, or least like all rows; the first of equals."""
    if isinstance(vectors, Similarities):
        return greedy.first_best(vectors.diagonal - vectors.sums())
    mean = greedy.total(vectors) / len(vectors)
    found = []
    for part in _parts(vectors):
        some = double(vectors[part])
        found.append(some.squared_norm() - 2.0 * some.dot(mean))
    far = torch.cat(found)
    return greedy.first_best(far + mean.square().sum())


def _parts(vectors: Gradients):
    size = max(1, BLOCK // stored(vectors))
    for start in range(0, len(vectors), size):
        check()
        yield slice(start, start + size)


def _vectors(pool: Pool, space: str, steps: str, metric: str, given: Sequence[int]):
    vectors, order, held = greedy.by_id(pool.vectors(space, steps), pool.ids, given)
    if isinstance(vectors, Similarities):
        return greedy.Given(vectors).both_ways("disparity").vectors, order, held
    greedy.squared_norms(vectors)
    return greedy.points(vectors, metric), order, held


def _farthest_given(s: Similarities, k: int, held: Tensor) -> tuple[Tensor, Tensor]:
    """Picks (k,) and how far each is from the nearest row before it (k,), by similarities that were given."""
    away = greedy.Ahead(greedy.Given(s).away)
    reach = torch.full((len(s),), torch.inf, dtype=torch.float64, device=s.device)
    for row in track(held.tolist(), "given"):
        reach = torch.minimum(reach, away(row, reach))
    reach[held.to(s.device)] = -torch.inf
    picks, gains = torch.zeros(k, dtype=torch.int64), torch.zeros(k, dtype=torch.float64)
    for made in track(range(k), "disparity"):
        first = not made and not len(held)
        row = outermost(s) if first else greedy.first_best(reach)
        picks[made], gains[made] = row, 0.0 if first else reach[row]
        reach = torch.minimum(reach, away(row, reach))
        reach[row] = -torch.inf
    return picks, gains
