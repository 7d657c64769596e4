"""Farthest first (k-center): the first is nearest to the mean, each next pick farthest from all picks so far."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from coreset_explore.gradients import Gradients
from coreset_explore.greedy.vectors import (
    best,
    centered,
    dots,
    double,
    factors,
    first_max,
    products,
    squared_between,
    squared_norms,
    total,
)
from coreset_explore.progress import track

BLOCK = 32  # candidates whose distances are computed together


def farthest_first(
    vectors: Gradients, k: int, given: Tensor, *, compiled: bool | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Each pick is the row farthest from all picks and given rows; the first is nearest to the mean if none is given.

    Returns picks (k,), each pick's distance when it was picked (k,), and every row's nearest pick (n,), −1 for given
    rows and rows nearer to these. When all distances are 0 the remaining picks are the first rows left. Distances of 32
    candidates are computed together, since rows that are far now are picked next: O(n) memory, n·d·k operations.
    """
    vectors, n = centered(vectors), len(vectors)
    free = torch.ones(n, dtype=torch.bool)
    free[given] = False
    if compiled is None:
        compiled = vectors.device.type == "cpu"
    norms = squared_norms(vectors)
    first = nearest_to_mean(vectors, norms, free.to(vectors.device)) if len(given) == 0 else None
    if compiled:
        picks, reach, nearest, owner = _farthest_compiled(vectors, norms.numpy(), k, given, first)
    else:
        picks, reach, nearest, owner = _farthest_torch(vectors, k, given, first)
    if first is not None:  # nothing was picked before: state the radius the first pick leaves
        reach[0] = reach[1] if len(picks) > 1 else nearest.max()
    if len(picks) < k:  # only rows equal to picks are left
        free[picks] = False
        rest = free.nonzero().flatten()[: k - len(picks)]
        owner[rest] = torch.arange(len(picks), len(picks) + len(rest), dtype=owner.dtype)
        picks, reach = torch.cat([picks, rest]), torch.cat([reach, torch.zeros(len(rest))])
    return picks, reach.clamp_min(0).sqrt(), owner


def _farthest_compiled(vectors, norms, k, given, first):
    from coreset_explore.compiled import distances as loops

    n = len(vectors)
    r, h, bias = factors(vectors)
    nearest = np.full(n, np.finfo(np.float32).max, dtype=np.float32)
    owner, slot = np.full(n, -1, dtype=np.int32), np.full(n, -1, dtype=np.int32)
    picks, reach, made = np.zeros(k, dtype=np.int64), np.zeros(k, dtype=np.float32), 0
    for rows in given.split(BLOCK) if len(given) else ():
        loops.approach(products(vectors, rows).numpy(), rows.numpy(), norms, r, h, bias, nearest, owner)
    block = torch.tensor([first]) if first is not None else None
    if first is not None:
        nearest[first] = np.inf
    for target in track(range(k), "farthest first"):
        while made <= target:
            if made or first is None:
                block = torch.topk(torch.from_numpy(nearest), min(BLOCK, n)).indices
                top = int(nearest.argmax())  # topk may prefer others among equals
                if nearest[top] <= 0:
                    return _tensors(picks[:made], reach[:made], nearest, owner)
                if top not in block:
                    block[-1] = top
            slot[block.numpy()] = np.arange(len(block), dtype=np.int32)
            near = products(vectors, block).numpy()
            made = loops.farthest(near, slot, norms, r, h, bias, nearest, owner, picks, reach, made, k)
            slot[block.numpy()] = -1
    return _tensors(picks, reach, nearest, owner)


def _farthest_torch(vectors, k, given, first):
    device, n = vectors.device, len(vectors)
    nearest = torch.full((n,), torch.inf, device=device)
    owner = torch.full((n,), -1, dtype=torch.int64, device=device)
    for row in given.tolist():
        nearest = torch.minimum(nearest, squared_between(vectors, vectors[row : row + 1]))
    nearest[given.to(device)] = -torch.inf
    picks = torch.zeros(k, dtype=torch.int64, device=device)
    reach = torch.zeros(k, device=device)
    for made in track(range(k), "farthest first"):
        row = first_max(nearest) if made or first is None else torch.tensor(first, device=device)
        if nearest[row] <= 0:
            return _tensors(picks[:made], reach[:made], nearest, owner)
        picks[made], reach[made] = row, nearest[row]
        distance = squared_between(vectors, vectors[row : row + 1])
        closer = distance < nearest
        nearest = torch.where(closer, distance, nearest)
        owner[closer] = made
        nearest[row], owner[row] = -torch.inf, made
    return _tensors(picks, reach, nearest, owner)


def nearest_to_mean(vectors: Gradients, norms: Tensor, free: Tensor) -> int:
    """The free row (n,) bool nearest to the mean of all rows; the first of equals."""
    mean = total(vectors) / len(vectors)
    # twice the largest error that float32 can have made; what it cannot tell apart is computed in float64
    doubt = 1e-5 * (norms + 2 * norms.sqrt() * mean.norm().float())

    def exact(rows: Tensor) -> Tensor:
        some = double(vectors[rows])
        return 2 * some.dot(mean) - some.squared_norm()

    return best(2 * dots(vectors, mean) - norms, doubt, free, exact)[0]


def _tensors(*arrays) -> list[Tensor]:
    return [torch.as_tensor(a).cpu() for a in arrays]
