"""Count sketches of full gradients: each parameter is added, with a random sign, to one of `width` buckets."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coreset_explore.gradients import Dense
from coreset_explore.machine.devices import device_of
from coreset_explore.machine.seeds import generator
from coreset_explore.recording.per_example import NUMBERS, ROWS, Piece, built, pieces


def sketched(
    net: nn.Module,
    x: Tensor,
    y: Tensor,
    width: int = 2000,
    *,
    seed: int = 0,
    name: str = "sketch",
    compiled: bool | None = None,
) -> Dense:
    """Gradients in all parameters as count sketches (n, width), whose inner products are right on average.

    Charikar, Chen & Farach-Colton 2002: S_pb = ±1 for the one bucket b that parameter p falls into, buckets and signs
    drawn from `seed` and `name`, so that E⟨Sᵀg, Sᵀg'⟩ = ⟨g, g'⟩; an inner product is off by about ‖g‖·‖g'‖/√width, as
    with random signs for every pair (`projected`), at p operations a row instead of p·width. On a CPU a layer's outer
    product is added up as it is formed (`compiled`), and no row's p numbers are written down; elsewhere they are, some
    rows at a time. 8 bytes a parameter for buckets and signs.
    """
    p = sum(v.numel() for v in net.parameters() if v.requires_grad)
    bucket, sign = draws(p, width, seed, name)
    found, done = torch.empty(len(x), width), 0
    here = device_of(net).type == "cpu" if compiled is None else compiled
    for parts in pieces(net, x, y, ROWS if here else max(1, NUMBERS // p)):
        b = len(parts[0][0])
        found[done : done + b] = (_lanes if here else _built)(parts, bucket, sign, width)
        done += b
    return Dense(found)


def draws(p: int, width: int, seed: int, name: str) -> tuple[Tensor, Tensor]:
    """Of each of p parameters the bucket, int32, and the sign, float32."""
    rng = generator(seed, name)
    bucket = torch.randint(width, (p,), generator=rng, dtype=torch.int32)
    return bucket, torch.randint(0, 2, (p,), generator=rng, dtype=torch.int8).float().mul_(2).sub_(1)


def _built(parts: list[Piece], bucket: Tensor, sign: Tensor, width: int) -> Tensor:
    """Of gradients as they are, on any device."""
    grads = built(parts)
    signed = (grads * sign.to(grads.device)).T.contiguous()
    total = torch.zeros(width, len(grads), device=grads.device)
    return total.index_add_(0, bucket.to(grads.device).long(), signed).T.cpu()


def _lanes(parts: list[Piece], bucket: Tensor, sign: Tensor, width: int) -> Tensor:
    """Of outer products, eight rows side by side."""
    from coreset_explore.compiled import sketch as loops

    b, at = len(parts[0][0]), 0
    total = np.zeros((-(-b // loops.LANES), width, loops.LANES), dtype=np.float32)
    for slope, given in parts:
        size = slope.shape[1] * given.shape[1]
        own = bucket[at : at + size].numpy(), sign[at : at + size].numpy()
        loops.sketch(_side_by_side(slope, loops.LANES), _side_by_side(given, loops.LANES), *own, total)
        at += size
    return torch.from_numpy(total).transpose(1, 2).reshape(-1, width)[:b]


def _side_by_side(rows: Tensor, lanes: int) -> np.ndarray:
    """(b, m) as (b/lanes, m, lanes), the last rows filled up with zeros."""
    rows = F.pad(rows.detach().float(), (0, 0, 0, -len(rows) % lanes))
    return rows.reshape(-1, lanes, rows.shape[1]).transpose(1, 2).contiguous().numpy()
