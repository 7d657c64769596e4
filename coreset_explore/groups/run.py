"""Groups of near rows (LSH, k-means), bounds of a row's distance to a whole group, and facility location over groups.

n rows, d features, G groups. A bound says for some rows at a time how far the farthest member of every group may be,
so that nothing holds n x G numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from coreset_explore import neighbors
from coreset_explore.groups.bounds import Bound, Groups
from coreset_explore.progress import check, track

BLOCK = 1 << 19  # entries of the lines that are looked at together


def group(x: Tensor, how: Literal["lsh", "kmeans"], rng: torch.Generator, *, bits: int, most: int) -> Groups:
    """At most `most` groups of near rows: equal LSH codes of as many of `bits` hyperplanes as that allows, or k-means.

    LSH costs O(n·d·bits), k-means O(n·d·most) a round.
    """
    if how == "kmeans":
        _, label = neighbors.kmeans(x, min(most, len(x)), rng)
        planes = 0
    else:
        codes = neighbors.lsh(x, bits, rng)
        planes, beyond = 0, bits + 1
        while beyond - planes > 1:  # a further plane can only split groups
            check()
            middle = (planes + beyond) // 2
            fits = len(torch.unique(codes >> (bits - middle))) <= most
            planes, beyond = (middle, beyond) if fits else (planes, middle)
        label = codes >> (bits - planes)
    _, label, sizes = torch.unique(label, return_inverse=True, return_counts=True)
    return Groups(label, sizes, planes)


def represent(
    bound: Bound, x: Tensor, groups: Groups, k: int, rng: torch.Generator, sample: int, given: Tensor
) -> tuple[Tensor, Tensor, Tensor, dict]:
    """Greedy facility location over groups as FastCore states it: picks (k,), weights (k,), gains (k,) and `info`.

    A pick's weight is the size of the groups it is nearest to; `info` tells how many groups there are, by how many
    hyperplanes, the bound's mean relative error, and how many picks stand for no group.
    """
    found = {"groups": len(groups), "hyperplanes": groups.planes, "bound_error": error(bound, x, groups, rng)}
    picks, gains, owner = cover(bound, groups, k, rng, sample, given)
    weights = torch.bincount(owner, groups.sizes.cpu().double(), minlength=k)
    return picks, weights, gains, {**found, "idle": int((weights == 0).sum())}


def cover(
    bound: Bound, groups: Groups, k: int, rng: torch.Generator, sample: int, given: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Greedy facility location over groups: each pick lowers Σ_t |C_t| min_{j ∈ S} u_jt the most among `sample` rows.

    Candidates are drawn anew for each pick, uniformly from the rows left (all of them once they are no more than
    `sample`). A gain only shrinks, so a candidate whose last known gain is below the best found is not looked at
    again. Ties go to the first row. Returns picks (k,), gains (k,) and each group's nearest pick (G,).
    """
    left = torch.ones(n := len(groups.label), dtype=torch.bool)
    left[given] = False
    left = left.nonzero()[:, 0]
    nearest = bound.ceiling()
    for part in given.split(max(1, BLOCK // len(groups))) if len(given) else ():
        check()
        nearest = torch.minimum(nearest, bound.lines(part).amin(0))
    sizes = groups.sizes.to(nearest.device).float()
    reach, owner = torch.full_like(nearest, torch.inf), torch.zeros(len(groups), dtype=torch.int64)
    stale = torch.full((n,), torch.inf, dtype=torch.float64)
    picks, gains = torch.zeros(k, dtype=torch.int64), torch.zeros(k, dtype=torch.float64)
    for made in track(range(k), "greedy over groups"):
        drawn = left
        if len(left) > sample:
            drawn = left[torch.randint(len(left), (sample,), generator=rng)].unique()
        row, gains[made] = _best(bound, drawn.sort().values, stale, sizes, nearest)
        picks[made] = row
        left[left == row] = left[-1].clone()
        left = left[:-1]
        line = bound.lines(picks[made : made + 1])[0]
        owner[(line < reach).cpu()] = made
        reach, nearest = torch.minimum(reach, line), torch.minimum(nearest, line)
    return picks, gains, owner


def _best(bound: Bound, rows: Tensor, stale: Tensor, sizes: Tensor, nearest: Tensor) -> tuple[int, float]:
    """The row that saves most (the first of equals) and what it saves; `stale` holds no less than each row would."""
    rows = rows[torch.argsort(stale[rows], descending=True, stable=True)]
    row, best = -1, -1.0
    for portion in _portions(int(torch.isinf(stale[rows]).sum()), len(rows), max(1, BLOCK // len(sizes))):
        check()
        part = rows[portion]
        if stale[part[0]] < best:
            break
        saved = savings(bound.lines(part), sizes, nearest)
        stale[part] = saved
        top = float(saved.max())
        first = int(part[saved == top].min())
        if top > best or (top == best and first < row):
            row, best = first, top
    return row, best


def _portions(unseen: int, total: int, most: int) -> Iterator[slice]:
    """Rows nobody looked at yet in large pieces, then the others, the most promising first, in growing ones."""
    start, size = 0, 8
    while start < total:
        end = min(start + most, unseen) if start < unseen else min(start + min(size, most), total)
        size *= 2 if start >= unseen else 1
        yield slice(start, end)
        start = end


def savings(lines: Tensor, sizes: Tensor, nearest: Tensor, compiled: bool | None = None) -> Tensor:
    """Σ_t sizes_t · max(nearest_t − lines_it, 0) (rows,) float64, on the CPU."""
    if compiled is False or lines.device.type != "cpu":
        return ((nearest - lines).clamp_min_(0).double() @ sizes.double()).cpu()
    from coreset_explore.compiled import groups as loops

    out = np.empty(len(lines))
    loops.savings(lines.numpy(), sizes.numpy(), nearest.numpy(), out)
    return torch.from_numpy(out)


def error(bound: Bound, x: Tensor, groups: Groups, rng: torch.Generator, pairs: int = 32) -> float | None:
    """Mean of |u_it − s_it| / s_it over `pairs` seeded rows and groups, s_it the farthest member's distance.

    None where every distance is 0. At most `pairs`·n·d operations.
    """
    rows = torch.randperm(len(x), generator=rng)[:pairs].to(x.device)
    some = torch.randperm(len(groups), generator=rng)[:pairs]
    lines, found = bound.lines(rows).to(x.device), []
    for t in track(some.tolist(), "tightness of the bound"):
        members = x[groups.label == t]
        exact = torch.cdist(x[rows], members, compute_mode="donot_use_mm_for_euclid_dist").amax(1)
        u, s = lines[exact > 0, t], exact[exact > 0]
        found.append((u - s).abs() / s)
    found = torch.cat(found)
    return float(found.double().mean()) if len(found) else None
