"""k-Center: farthest first, the greedy 2-approximation of the smallest covering radius."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from coreset_explore import greedy
from coreset_explore.params import Metric, Space, Steps
from coreset_explore.pool import Pool
from coreset_explore.registry import selector
from coreset_explore.selecting import weights
from coreset_explore.selection import Selection


@selector(
    needs="emb|grads",
    weights="counts",
    objective="radius",
    nested=True,
    draws=False,
    purpose="cover",
    title="k-Center",
    paper="Sener & Savarese 2018, arXiv:1708.00489; Gonzalez 1985",
    bytes=lambda n, d, c, k: 8 * n * d + 500 * n + 2**25,
)
def kcenter(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    space: Space = "emb",
    metric: Metric = "euclidean",
    steps: Steps = "last",
) -> Selection:
    """Farthest first: each pick is the row farthest from all picks so far.

    Pick j is argmax_i min_{s ∈ S} ‖x_i − x_s‖, x (n, d), so the largest distance of any row to its nearest pick is at
    most twice the smallest one possible (Gonzalez 1985; algorithm 1 of Sener & Savarese). `gains` are those distances
    at each pick, after the first the covering radius before it. Weights are how many rows each pick is nearest to.
    About n·d·k operations, O(n) memory beside the vectors; exact.

    Differs from the paper: with nothing given the first pick is the row nearest to the mean instead of a random one, so
    the answer depends on the data alone; the robust mixed-integer refinement is left out.
    """
    vectors, order, held = greedy.by_id(pool.vectors(space, steps), pool.ids, given)
    picks, reach, owner = greedy.farthest_first(greedy.points(vectors, metric), k, held)
    rows = order[picks]
    if len(held):
        params = {"space": space, "metric": metric, "steps": steps}
        counted = weights.counts(pool, rows, params)
    else:
        counted = torch.bincount(owner, minlength=len(rows)).double()
    return Selection(rows, counted, gains=reach)
