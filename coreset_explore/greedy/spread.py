"""k-means++: rows drawn far from each other, with chances in proportion to squared distance."""

from __future__ import annotations

import torch
from torch import Tensor

from coreset_explore.gradients import Gradients
from coreset_explore.greedy.rows import double, squared_between, squared_norms
from coreset_explore.progress import check, track

# Shares of ‖a‖² + ‖b‖²: below the first a squared distance has cancelled and is measured anew; no inner product in
# float32 is further off than the second.
NEAR, DOUBT = 2**-7, 1e-5
DRAWS = 32  # candidates drawn at once, whose distances to all rows are one matrix product
ROWS = 4096  # of them at a time: the block stays in a core's cache


def spread(vectors: Gradients, k: int, given: Tensor, rng: torch.Generator) -> Tensor:
    """k distinct rows by k-means++ (Arthur & Vassilvitskii 2007) beside those given; at distance 0, the first left.

    The first is drawn uniformly. 32 rows are drawn at once, and a later one of them is kept with the chance
    D²_now / D²_drawn, which leaves the law as it is. About n·(c + d) operations a pick in matrix products, O(n) memory.
    """
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
