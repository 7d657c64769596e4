"""Ring buffer: of each class the newest rows, as many of one class as of another."""

from __future__ import annotations

from collections import Counter

import torch

from coreset_explore.pool import Pool
from coreset_explore.registry import stream
from coreset_explore.streaming import Memory


@stream(
    needs="y",
    weights="uniform",
    draws=False,
    title="Ring buffer per class",
    paper="Lopez-Paz & Ranzato 2017, arXiv:1706.08840; Chaudhry et al. 2019, arXiv:1902.10486",
    bytes=lambda n, d, c, k: 64 * n,
)
def ring(memory: Memory, batch: Pool, capacity: int, *, rng: torch.Generator) -> Memory:
    """A buffer for each class, first in, first out, all of one length.

    Row by row: the row comes in; above capacity its own class lets its oldest row go if no class is larger, and else
    the largest one does (of equals the first). So every class has capacity / classes rows, or all it ever had.
    O(n + capacity · classes) for a batch of n. `weights` are seen / m each, as the papers train.

    Differs from the papers: they are told the number of classes and leave the share of those to come empty; here
    classes are those seen, and their shares shrink when one more comes. With more classes than capacity those that
    came first stay.
    """
    pool, m = memory.joined(batch, "y"), len(memory)
    labels = pool.need("y").tolist()
    held, total = Counter[int](labels[:m]), m
    most = max(held.values(), default=0)
    for label in [*labels[m:], None]:
        if total == capacity and held[label] == most:
            continue  # its class is one of the largest, and lets its oldest row go for it
        if label is not None:
            held[label] += 1
            total += 1
        while total > capacity:
            most = max(held.values())
            held[label if held[label] == most else min(c for c, count in held.items() if count == most)] -= 1
            total -= 1
        most = max(held.values())
    rows = [torch.nonzero(pool.y.cpu() == label).flatten()[-count:] for label, count in held.items() if count]
    return memory.keep(torch.cat(rows).sort().values, batch)
