"""iCaRL's exemplars: of each class the rows whose mean is nearest to the mean of all its rows, best first."""

from __future__ import annotations

from typing import Annotated

import torch

from coreset_explore import greedy
from coreset_explore.gradients import Dense
from coreset_explore.pool import Pool
from coreset_explore.registry import stream
from coreset_explore.selecting.parts import allocate
from coreset_explore.streaming import Memory


@stream(
    needs="emb,y",
    at="current",
    weights="uniform",
    draws=False,
    purpose="typical",
    title="Herding per class (iCaRL)",
    paper="Rebuffi, Kolesnikov, Sperl & Lampert 2017, arXiv:1611.07725, algorithms 4 and 5",
    bytes=lambda n, d, c, k: 20 * n * d + 128 * n,
    skips={
        "a_batch_cut_in_two_leaves_the_same_memory": "a class is herded from what is kept and what comes: after half a "
        "batch there is less to choose from"
    },
)
def icarl(
    memory: Memory,
    batch: Pool,
    capacity: int,
    *,
    rng: torch.Generator,
    normalize: Annotated[bool, "scale features to length one first, as in print"] = True,
) -> Memory:
    """Of every class seen equally many rows, each pick keeping their mean nearest to the class's.

    A class without new rows is cut to the first of its picks, which are its best (algorithm 5). One with new rows is
    herded from kept and new rows: argmin_x ‖μ − (Σ_S x + x)/(|S| + 1)‖ (algorithm 4), where μ is the mean of the new
    rows and of the kept ones, these counting for all that the class had before. n·d operations a pick of the class, n
    its rows. `weights` are seen / m each.

    Differs from the paper, in which a class comes whole in one task and μ is its rows' mean: here a class may come
    again, and the mean of what is gone is what its exemplars say. Places that small classes cannot fill go to others.
    """
    pool, m = memory.joined(batch, "emb", "y"), len(memory)
    y = pool.need("y").cpu()
    before = memory.state.get("counts", torch.zeros(0, dtype=torch.int64))
    counts = torch.bincount(y[m:], minlength=max(len(before), int(y.max()) + 1))
    counts[: len(before)] += before
    members = [torch.nonzero(y == label).flatten() for label in range(len(counts))]
    there = [len(rows) for rows in members]
    shares = torch.bincount(
        allocate(there, min(capacity, len(pool)), equal=True), minlength=len(members)
    ).tolist()
    rows = []
    for label, (own, share) in enumerate(zip(members, shares, strict=True)):
        if not share:
            continue
        old = int((own < m).sum())
        if old < len(own):
            vectors = Dense(pool.need("emb")[own.to(pool.device)])
            vectors = greedy.unit(vectors) if normalize else vectors
            past = float(before[label]) if label < len(before) else 0.0
            mean = vectors[old:].sum()
            if old:
                mean = mean + past * vectors[:old].sum() / old
            mean = mean / (len(own) - old + (past if old else 0.0))
            own = own[greedy.herd(vectors, share, torch.zeros(0, dtype=torch.int64), mean=mean)]
        rows.append(own[:share])
    return memory.keep(torch.cat(rows), batch, counts=counts)
