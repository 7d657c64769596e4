"""Exact lazy greedy on anything submodular."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from coreset_explore.progress import check, track

EQUAL = (
    1e-9  # gains this near to the largest (relative) are equal: rounding must not decide between duplicates
)


FEW = 32  # stale gains computed anew at first; twice as many each time that is not enough


def first_best(values: Tensor) -> int:
    """The first place of the largest value; what is equal to it but for rounding is equal."""
    top = values.max()
    return int((values >= top - EQUAL * top.abs()).nonzero()[0])


def lazy_greedy(
    bound: Tensor, fresh: Callable[[Tensor], Tensor], take: Callable[[int], None], k: int, free: Tensor
) -> tuple[Tensor, Tensor]:
    """Each pick has the largest gain, the first of equals; exact, as gains only shrink (Minoux 1978).

    `bound` (n,) float64 are the gains at first, `fresh(rows)` those of some rows now, `take(row)` makes a pick, `free`
    (n,) are the candidates. Only rows whose old gain still leads are computed anew. Returns picks and gains (k,).
    """
    bound = torch.where(free.cpu(), bound.cpu(), -torch.inf)
    picks, gains = torch.zeros(k, dtype=torch.int64), torch.zeros(k, dtype=torch.float64)
    for made in track(range(k), "lazy greedy"):
        known, leading, few = torch.zeros(len(bound), dtype=torch.bool), -torch.inf, FEW
        while not known[row := first_best(bound)]:
            check()
            stale = ((bound >= leading) & (bound > -torch.inf) & ~known).nonzero().flatten()
            stale = stale[bound[stale].topk(min(few, len(stale))).indices]
            bound[stale], known[stale] = fresh(stale).cpu().double(), True
            leading = bound[known].max()
            leading -= EQUAL * leading.abs()
            few *= 2
        picks[made], gains[made] = row, bound[row]
        bound[row] = -torch.inf
        take(row)
    return picks, gains
