"""Gradient coreset replay (GCR): of each class, weighted rows that match the gradient of those kept and those new."""

from __future__ import annotations

from typing import Annotated

import torch

from coreset_explore import greedy
from coreset_explore.pool import Pool
from coreset_explore.registry import Range, stream
from coreset_explore.selecting.parts import allocate
from coreset_explore.streaming import Memory


@stream(
    needs="grads,y",
    at="current",
    weights="match",
    draws=False,
    purpose="match",
    title="Gradient coreset replay (GCR)",
    paper="Tiwari, Killamsetty, Iyer & Shenoy 2022, arXiv:2111.11210, algorithm 2",
    bytes=lambda n, d, c, k: 4 * n * (2 * d + 2 * c + k + 300) + 16 * k * k + 8 * k * (d + c),
    skips={
        "a_batch_cut_in_two_leaves_the_same_memory": "it chooses from memory and batch together: after half a batch it "
        "has let go of rows that it could still choose after all of it"
    },
)
def gcr(
    memory: Memory,
    batch: Pool,
    capacity: int,
    *,
    rng: torch.Generator,
    ridge: Annotated[float, Range(0, 100), "λ: how much large weights cost"] = 0.5,
) -> Memory:
    """Each class has the same share, and in it the rows that match the gradient of its kept, weighted and new rows.

    argmin ‖Σ_kept w_i g_i + Σ_batch g_i − Σ_S v_i g_i‖² + λ‖v‖², v ≥ 0, a class at a time, by matching pursuit of
    the model's gradients as they are now (last layer); `memory.weights` are v. A class that fits into its share is kept
    as it is. k·n·(D + k) operations a class of n rows, k its share, D numbers a gradient.

    Differs from the paper: the loss is the cross-entropy alone (its α = 0), without the distance to what the model
    once answered; candidates are the batch and not a reservoir of it; places that small classes cannot fill go to
    others. A class that is left without a place is stood for by none.
    """
    pool, m = memory.joined(batch, "grads", "y"), len(memory)
    vectors, y = pool.vectors("grads"), pool.need("y").cpu()
    weights = torch.ones(len(pool), dtype=torch.float64)
    if memory.weights is not None:
        weights[:m] = memory.weights
    labels = y.unique().tolist()
    members = [torch.nonzero(y == label).flatten() for label in labels]
    there = [len(rows) for rows in members]
    shares = torch.bincount(
        allocate(there, min(capacity, len(pool)), equal=True), minlength=len(there)
    ).tolist()
    rows, fitted, told = [], [], []
    for label, own, share in zip(labels, members, shares, strict=True):
        stated = weights[own]
        if 0 < share < len(own):
            part = vectors[own.to(pool.device)]
            nothing = torch.zeros(0, dtype=torch.int64)
            target = part.sum(stated)
            picks, _, stated, why = greedy.pursue(part, target, share, nothing, nonnegative=True, ridge=ridge)
            own = own[picks]
            told += [f"of class {pool.classes[label] if pool.classes else label}, {why}"] if why else []
        if share:
            rows.append(own)
            fitted.append(stated)
    kept, stopped = torch.cat(rows), "; ".join(told)
    if not stopped and len(kept) < capacity and memory.seen + len(batch) > len(kept):
        stopped = f"memory and batch held {len(pool):,} rows in all: others had been let go"
    return memory.keep(kept, batch, torch.cat(fitted), stopped=stopped)
