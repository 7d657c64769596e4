"""k-means++: rows drawn far from each other, with chances in proportion to squared distance."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from coreset_explore.gradients import Dense, Gradients
from coreset_explore.greedy.vectors import centered, double, squared_between, squared_norms
from coreset_explore.progress import check, track

# Shares of ‖a‖² + ‖b‖²: below the first a squared distance has cancelled and is measured anew; no inner product in
# float32 is further off than the second.
NEAR, DOUBT = 2**-7, 1e-5
DRAWS = 32  # candidates drawn at once, whose distances to all rows are one matrix product
ROWS = 4096  # of them at a time: the block stays in a core's cache
SAMPLE = 16  # rows for each pick, and ROWS at least, that a start of k-means is chosen from
NOTHING = 1e-6  # of Σ ‖x‖²: what is left below it may be rounding


def spread(vectors: Gradients, k: int, given: Tensor, rng: torch.Generator) -> Tensor:
    """k distinct rows by k-means++ (Arthur & Vassilvitskii 2007) beside those given; at distance 0, the first left.

    The first is drawn uniformly. 32 rows are drawn at once, and a later one of them is kept with the chance
    D²_now / D²_drawn, which leaves the law as it is. About n·(c + d) operations a pick in matrix products, O(n) memory.
    """
    vectors = centered(vectors)
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


def spread_greedily(x: Tensor, k: int, rng: torch.Generator) -> Tensor:
    """k distinct rows of x (n, d), about its mean, for k-means to start from: greedy k-means++.

    Of 2 + ⌊ln k⌋ rows drawn with chances in proportion to D², as Arthur & Vassilvitskii (2007, section 6) advise, the
    one is kept that lowers Σ D² the most. All are drawn from a sample of 16 k rows (4,096 at least), from which k-means
    ends as well as from all rows: O(k²·d·log k). What the sample cannot tell apart is left to `spread`.
    """
    size, tries = min(len(x), max(SAMPLE * k, ROWS)), 2 + int(math.log(k))
    rows = torch.randperm(len(x), generator=rng)[:size].sort().values
    x, everything = x[rows.to(x.device)], x
    norms = x.square().sum(1)
    picks = [int(torch.randint(size, (1,), generator=rng))]
    nearest = _squared(x, norms, torch.tensor(picks, device=x.device))[0]
    least = NOTHING * float(norms.sum())
    for _ in track(range(k - 1), "greedy k-means++"):
        nearest[picks[-1]] = 0.0
        chances = nearest.double().cumsum(0)
        if not float(chances[-1]) > least:
            break
        at = torch.rand(tries, dtype=torch.float64, generator=rng).to(x.device)
        drawn = torch.searchsorted(chances, at * chances[-1], right=True).clamp_max_(size - 1)
        left = torch.minimum(_squared(x, norms, drawn), nearest)
        best = int(left.sum(1).argmin())
        picks.append(int(drawn[best]))
        nearest = left[best]
    found = rows[picks]
    if len(found) == k:
        return found
    return torch.cat([found, spread(Dense(everything), k - len(found), found, rng)])


def _squared(x: Tensor, norms: Tensor, rows: Tensor) -> Tensor:
    """Squared distances of some rows to all (rows, n)."""
    return torch.sub(norms[rows, None] + norms, x[rows] @ x.T, alpha=2).clamp_min_(0)


def approach(vectors: Gradients, norms: Tensor, nearest: Tensor, rows: Tensor) -> None:
    """Lower `nearest` (n,), squared distances, to those from `rows`; what cancels in float32 is measured anew."""
    rows = rows.to(norms.device)
    for start in range(0, len(norms), ROWS):
        check()
        part = slice(start, start + ROWS)
        both = norms[rows, None] + norms[part]
        squared = torch.sub(both, vectors.gram(rows, part).float(), alpha=2)
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
