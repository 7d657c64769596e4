"""BADGE: gradients drawn far from each other, by k-means++."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from torch import Tensor

from coreset_explore import greedy
from coreset_explore.gradients import Gradients, LastLayer
from coreset_explore.greedy.rows import double, squared_between, squared_norms
from coreset_explore.params import Steps
from coreset_explore.pool import Pool
from coreset_explore.progress import check, track
from coreset_explore.registry import selector
from coreset_explore.selection import Selection

# Shares of ‖a‖² + ‖b‖²: below the first a squared distance has cancelled and is measured anew; no inner product in
# float32 is further off than the second.
NEAR, DOUBT = 2**-7, 1e-5
DRAWS = 32  # candidates drawn at once, whose distances to all rows are one matrix product
ROWS = 4096  # of them at a time: the block stays in a core's cache


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
    rows = order[spread(vectors, k, held, rng)]
    return Selection(rows, torch.full((len(rows),), len(pool) / max(len(rows), 1), dtype=torch.float64))


def spread(vectors: Gradients, k: int, given: Tensor, rng: torch.Generator) -> Tensor:
    """k distinct rows by k-means++ beside the rows given; once all distances are 0, the first rows left."""
    norms = squared_norms(vectors)
    nearest = torch.full_like(norms, torch.inf)
    taken = torch.zeros(len(vectors), dtype=torch.bool)
    taken[given] = True
    for rows in given.split(DRAWS) if len(given) else ():
        approach(vectors, norms, nearest, rows)
    picks: list[int] = []
    if not len(given):
        picks.append(int(torch.randint(len(vectors), (1,), generator=rng)))
        taken[picks] = True
        approach(vectors, norms, nearest, torch.tensor(picks))
    for target in track(range(k), "k-means++"):
        if len(picks) > target:
            continue
        nearest[taken.to(nearest.device)] = 0.0
        chances = nearest.double().cumsum(0)
        if not float(chances[-1]) > 0:
            break
        at, coin = torch.rand(2, DRAWS, dtype=torch.float64, generator=rng)
        drawn = torch.searchsorted(chances, at.to(chances.device) * chances[-1], right=True)
        drawn = drawn.clamp_max_(int((nearest > 0).nonzero()[-1])).cpu()  # rounding may lead past the last
        kept = _accept(vectors, drawn, nearest, coin, k - len(picks))
        picks += kept
        taken[kept] = True
        approach(vectors, norms, nearest, torch.tensor(kept))
    rest = (~taken).nonzero().flatten()[: k - len(picks)]
    return torch.cat([torch.tensor(picks, dtype=torch.int64), rest])


def approach(vectors: Gradients, norms: Tensor, nearest: Tensor, rows: Tensor) -> None:
    """Lower `nearest` (n,), squared distances, to those from `rows`; what cancels in float32 is measured anew."""
    rows = rows.to(norms.device)
    for start in range(0, len(norms), ROWS):
        check()
        part = slice(start, start + ROWS)
        both = norms[rows, None] + norms[part]
        squared = torch.sub(both, vectors.gram(rows, part), alpha=2)
        close = (squared < NEAR * both).logical_and_(squared < nearest[part] + DOUBT * both).nonzero()
        for pick, row in (some.unbind(1) for some in close.split(ROWS) if len(some)):
            squared[pick, row] = squared_between(vectors[row + start], vectors[rows[pick]]).float()
        nearest[part] = torch.minimum(nearest[part], squared.amin(0).clamp_min_(0))


def _accept(vectors: Gradients, drawn: Tensor, nearest: Tensor, coin: Tensor, most: int) -> list[int]:
    """Of the rows drawn, in order, those that are kept: each with the share of its D² that earlier ones left it."""
    some = double(vectors[drawn.to(vectors.device)])
    gram = some.gram().cpu()
    own = gram.diagonal()
    apart = own[:, None] + own[None] - 2 * gram
    apart[apart <= 1e-12 * (own[:, None] + own[None])] = 0.0  # equal rows
    before = nearest[drawn.to(nearest.device)].double().cpu()
    now, kept = before.clone(), []
    for place, row in enumerate(drawn.tolist()):
        if len(kept) < most and coin[place] * before[place] < now[place]:
            kept.append(row)
            now = torch.minimum(now, apart[place])
            now[drawn == row] = 0.0
    return kept


def predicted(grads: Gradients) -> LastLayer:
    """The gradients as if each row's likeliest class were its own: r + one-hot(y) − one-hot(argmax)."""
    if type(grads) is not LastLayer or grads.r.shape[2] < 2:
        raise ValueError(
            "labels='predicted' reads the residuals of all classes from a last layer, and these gradients are of "
            "another kind; use labels='own'"
        )
    r = grads.r.clone()
    mine = r.argmin(2, keepdim=True)  # the one entry that can be negative, softmax − 1
    r.scatter_add_(2, mine, (r.gather(2, mine) < 0).to(r.dtype))
    best = r.argmax(2, keepdim=True)
    sure = r.amax(2, keepdim=True) == 0  # nothing is left of a row that the model is certain of
    r.scatter_add_(2, best, torch.where(sure, 0.0, -1.0).to(r.dtype))
    return LastLayer(r, grads.h)
