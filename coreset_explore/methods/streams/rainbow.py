"""Rainbow memory (RM): of each class rows from the surest to the most doubtful, evenly spaced."""

from __future__ import annotations

import torch

from coreset_explore.pool import Pool
from coreset_explore.registry import stream
from coreset_explore.selecting.parts import allocate
from coreset_explore.streaming import Memory


@stream(
    needs="logits,y",
    at="current",
    weights="uniform",
    draws=False,
    purpose="cover",
    title="Rainbow memory (RM)",
    paper="Bang, Kim, Yoo, Ha & Choi 2021, arXiv:2103.17230, algorithm 1",
    bytes=lambda n, d, c, k: 20 * n * c + 128 * n,
    skips={
        "a_batch_cut_in_two_leaves_the_same_memory": "a class is ranked from what is kept and what comes: after half a "
        "batch there is less to space out"
    },
)
def rainbow(memory: Memory, batch: Pool, capacity: int, *, rng: torch.Generator) -> Memory:
    """Each class has the same share, spread evenly over how sure the model is of its rows.

    A class's n_c kept and new rows are ranked by how little doubt u there is; row ⌊i·n_c/k_c⌋ of the ranking is kept,
    i = 0 … k_c − 1. So the surest row is always there, and with it rows of every degree of doubt. n·c + n log n
    operations. `weights` are seen / m each.

    Differs from the paper: its u is the share of a row's augmented copies that the model does not give the likeliest
    label of them; here it is 1 − max p of the row itself, since a memory holds no augmentations. Places that small
    classes cannot fill go to others. Of rows equally doubtful the one that came first.
    """
    pool = memory.joined(batch, "logits", "y")
    y, doubt = pool.need("y").cpu(), 1 - pool.need("logits").double().softmax(1).amax(1).cpu()
    order = doubt.sort(stable=True).indices
    members = [order[y[order] == label] for label in y.unique()]
    there = [len(rows) for rows in members]
    shares = torch.bincount(
        allocate(there, min(capacity, len(pool)), equal=True), minlength=len(there)
    ).tolist()
    spaced = [
        own[torch.arange(share) * len(own) // max(share, 1)]
        for own, share in zip(members, shares, strict=True)
    ]
    return memory.keep(torch.cat(spaced), batch)
