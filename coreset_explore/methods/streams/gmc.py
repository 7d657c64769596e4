"""Continual GMC: weighted rows whose gradients add up to those of all rows ever seen; and its local variant."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated

import torch
from torch import Tensor

from coreset_explore import greedy
from coreset_explore.gradients import Gradients
from coreset_explore.machine.threads import threads
from coreset_explore.pool import Pool
from coreset_explore.registry import Range, stream
from coreset_explore.streaming import Memory

PAPER = "Balles, Zappella & Archambeau 2021, Gradient-Matching Coresets for Continual Learning"
LONG = 2**32  # products from which it takes seconds, and how many threads are worth having is tried first
SPLIT = {
    "a_batch_cut_in_two_leaves_the_same_memory": "it chooses from memory and batch together: after half a batch it has "
    "let go of rows that it could still choose after all of it"
}


@stream(
    needs="grads",
    weights="match",
    draws=False,
    purpose="match",
    title="Continual GMC",
    paper=f"{PAPER}, algorithm 2",
    bytes=lambda n, d, c, k: 4 * n * (2 * d + 2 * c + k + 300) + 16 * k * k + 8 * k * (d + c),
    skips=SPLIT,
)
def gmc(
    memory: Memory,
    batch: Pool,
    capacity: int,
    *,
    rng: torch.Generator,
    nonnegative: Annotated[bool, "weights of 0 or more only; the paper's are free"] = True,
) -> Memory:
    """Match the gradient of all rows ever seen with those kept and those of the batch, weighed anew.

    The target g = Σ g_i over everything seen grows by each batch's sum (equation 4). The dictionary is memory ∪ batch;
    orthogonal matching pursuit of g begins from nothing, so kept rows are let go and weighed anew as it likes: pick
    argmax_j ⟨g_j, r⟩/‖g_j‖, refit min_w ‖Σ w_i g_i − g‖², repeat (algorithms 1 and 2). `memory.weights` are w, about
    `seen` in sum; training that leaves them out loses what they gain. Gradients are `pool.grads`, all steps as one
    vector; in print `cx.initial_gradients`, whose initializations and projections are those of its seed and so the same
    for every batch. k·n·(D + k) operations for n rows of D numbers, memory and batch together, and n·(D + k) + k²
    numbers.

    Differs from the paper: weights are non-negative unless told, since a loss with negative weights has no floor; while
    everything seen fits, all of it is kept with weight 1, error 0; of equals the row that came first; and where nothing
    is left to match, as with fewer gradient dimensions than places, it stops and says so (`memory.stopped`).
    """
    pool = memory.joined(batch, "grads")
    vectors, target = pool.vectors("grads", "all"), greedy.total(batch.vectors("grads", "all"))
    if memory.seen:
        target = target + memory.state["target"].to(target.device)
    rows, weights, why = _pursued(
        memory, batch, capacity, vectors, target, nonnegative=nonnegative, normalized=True, ridge=0.0
    )
    return memory.keep(rows, batch, weights, target=target.cpu(), stopped=why)


@stream(
    needs="grads",
    at="current",
    weights="match",
    draws=False,
    purpose="match",
    title="Local GMC",
    paper=f"{PAPER}, appendix A.4; Killamsetty et al. 2021, arXiv:2103.00123",
    bytes=lambda n, d, c, k: 4 * n * (2 * d + 2 * c + k + 300) + 16 * k * k + 8 * k * (d + c),
    skips=SPLIT,
)
def gmc_local(
    memory: Memory,
    batch: Pool,
    capacity: int,
    *,
    rng: torch.Generator,
    nonnegative: Annotated[bool, "weights of 0 or more only"] = True,
    ridge: Annotated[float, Range(0, 100), "λ: how much large weights cost"] = 0.5,
) -> Memory:
    """Match gradients of the model as it is now: GRAD-MATCH's rule for a stream.

    Memory and batch are recorded anew before each update, so what is gone cannot be matched: the kept rows stand for it
    by their weights. The target is Σ_memory w_i g_i + Σ_batch g_i at the last step; rows and weights are GRAD-MATCH's,
    pursuit by ⟨g_j, r⟩ with ridge λ, and of one batch they are its picks. Cost as `gmc`.

    The paper gives it as an idea that failed: gradients at one point say too little ("much worse"). How its target
    follows the model it does not say; this is the one that can be computed.
    """
    pool = memory.joined(batch, "grads")
    vectors, m = pool.vectors("grads"), len(memory)
    target = greedy.total(vectors[m:])
    if m:
        target = target + vectors[:m].sum(memory.weights)
    rows, weights, why = _pursued(
        memory, batch, capacity, vectors, target, nonnegative=nonnegative, normalized=False, ridge=ridge
    )
    return memory.keep(rows, batch, weights, stopped=why)


def _pursued(
    memory: Memory, batch: Pool, capacity: int, vectors: Gradients, target: Tensor, **how
) -> tuple[Tensor, Tensor, str]:
    """Rows of memory and batch, their weights, and why they are fewer than the capacity; everything while it fits."""
    n = len(vectors)
    if memory.seen + len(batch) == n <= capacity:
        return torch.arange(n), torch.ones(n, dtype=torch.float64), ""
    nothing = torch.zeros(0, dtype=torch.int64)
    k = min(capacity, n)
    with threads() if n * k * vectors.dim > LONG else nullcontext():
        rows, _, weights, why = greedy.pursue(vectors, target, k, nothing, **how)
    if why and capacity > vectors.dim:
        why += f"; more than {vectors.dim:,} rows match nothing further: raise inits= or width= of cx.initial_gradients"
    if not why and len(rows) < capacity:
        why = f"memory and batch held {n:,} rows in all: others had been let go as they matched nothing"
    return rows, weights, why
