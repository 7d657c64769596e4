"""Online coreset selection (OCS): rows like their minibatch, unlike each other, and in line with what is kept."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import Tensor

from coreset_explore.gradients import Gradients
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import Range, stream
from coreset_explore.streaming import Memory


@stream(
    needs="grads",
    at="current",
    weights="uniform",
    purpose="typical",
    title="Online coreset selection (OCS)",
    paper="Yoon, Madaan, Yang & Hwang 2022, arXiv:2106.01085, algorithm 1",
    bytes=lambda n, d, c, k: 4 * n * (d + c + 24) + 8 * 4096 * (d + c) + 24 * d * c,
    skips={
        "a_batch_cut_in_two_leaves_the_same_memory": "a batch is a task: its rows are compared with each other, and "
        "with what was kept before it"
    },
)
def ocs(
    memory: Memory,
    batch: Pool,
    capacity: int,
    *,
    rng: torch.Generator,
    tau: Annotated[float, Range(0, 1e6), "τ: how much likeness to the memory counts"] = 1000.0,
    kappa: Annotated[float, Range(0.01, 1), "κ: the share of each minibatch that is looked at again"] = 0.5,
    size: Annotated[int, Range(2, 100_000), "rows in a minibatch"] = 20,
) -> Memory:
    """The rows whose gradients are most like their minibatch's, least like each other's, most like the memory's.

    A batch is a task. Of each minibatch B of it the κ best by S + V + τ·A are candidates (equation 8):
    S = cos(g, Σ_B g), V = −mean of cos(g, g') over the others, A = cos(g, Σ of `size` rows drawn from the memory). All
    candidates are then ranked together, by the same sum against the whole memory. Every batch seen has a share of the
    capacity, by its number of rows: its r-th row of n has the key (r + u)/n, u uniform, and the smallest keys stay, so
    each batch's best do. n·D operations for gradients of D numbers, factored ones n·(d + c). `weights` are seen / m.

    Differs from the paper: a task's share is capacity / tasks there, their number told beforehand; places that
    candidates leave empty are filled with the rows passed over, in the order they came. The paper's rule chooses to the
    end; the published code draws the rows that are stored at random from the candidates.
    """
    vectors, m, n = memory.joined(batch, "grads").vectors("grads"), len(memory), len(batch)
    held, new = vectors[:m], vectors[m:]
    chosen, passed = [], []
    for rows in track(torch.arange(n).split(size), "minibatch"):
        drawn = torch.randperm(m, generator=rng)[:size]
        order = rows[_ranked(new[rows], held[drawn], tau)]
        stay = math.ceil(kappa * len(rows))
        chosen.append(order[:stay])
        passed.append(order[stay:])
    candidates = torch.cat(chosen)
    order = torch.cat([candidates[_ranked(new[candidates], held, tau)], torch.cat(passed).sort().values])
    place = torch.empty(n, dtype=torch.float64)
    place[order] = torch.arange(n, dtype=torch.float64)
    fresh = (place + torch.rand(n, generator=rng, dtype=torch.float64)) / n
    keys = torch.cat([memory.state.get("keys", fresh[:0]), fresh])
    kept = keys.argsort()[:capacity]
    return memory.keep(kept, batch, keys=keys[kept])


def _ranked(vectors: Gradients, held: Gradients, tau: float) -> Tensor:
    """Rows by S + V + τ·A, best first, of equals the one that came first; with nothing held A is 0."""
    norm = vectors.norm().double()
    inverse = torch.where(norm > 0, 1 / norm.clamp_min(1e-300), 0.0)

    def cosine(total: Tensor) -> Tensor:
        return vectors.dot(total) * inverse / total.norm().clamp_min(1e-300)

    score = cosine(vectors.sum())
    if len(vectors) > 1:
        score -= (vectors.dot(vectors.sum(inverse)) * inverse - (norm > 0).double()) / (len(vectors) - 1)
    if len(held):
        score += tau * cosine(held.sum())
    return score.cpu().sort(descending=True, stable=True).indices
