"""Class-balanced greedy, the sampler of GDumb: as many rows of one class as of another, whenever they came."""

from __future__ import annotations

import torch

from coreset_explore.pool import Pool
from coreset_explore.registry import stream
from coreset_explore.streaming import Memory


@stream(
    needs="y",
    weights="uniform",
    title="Class-balanced greedy (GDumb)",
    paper="Prabhu, Torr & Dokania 2020, ECCV",
    bytes=lambda n, d, c, k: 96 * n,
)
def balanced(memory: Memory, batch: Pool, capacity: int, *, rng: torch.Generator) -> Memory:
    """Each class has the same share; a row comes in while its class has less than that, for one of the largest.

    Algorithm 1, row by row: where the row's class is new or has fewer than capacity / classes rows, a random row of
    the largest class makes room for it. Balances what it is told of, the classes, and nothing else: in a stream sorted
    by a feature it keeps the first rows of each class. O(n) for a batch of n. `weights` are seen / m each.

    Differs from the paper: while there is room a row comes in whatever its class has, so that no place stays empty;
    of classes equally large one is drawn. Two numbers are drawn a row, so a batch cut in two leaves the same memory.
    """
    pool, m = memory.joined(batch, "y"), len(memory)
    labels, draws = pool.need("y").tolist(), torch.rand(len(batch), 2, generator=rng).tolist()
    kept: dict[int, list[int]] = {int(label): [] for label in memory.state.get("classes", ())}
    for row, label in enumerate(labels[:m]):
        kept[label].append(row)
    total = m
    while total > capacity:  # it was larger before
        total -= _let_go(kept, *torch.rand(2, generator=rng).tolist())
    for row, draw in zip(range(m, len(pool)), draws, strict=True):
        mine = kept.get(label := labels[row])
        if total >= capacity:
            if mine is not None and len(mine) >= capacity / len(kept):
                continue
            total -= _let_go(kept, *draw)
        kept.setdefault(label, []).append(row)
        total += 1
    rows = torch.tensor(sorted(row for rows in kept.values() for row in rows))
    return memory.keep(rows, batch, classes=list(kept))


def _let_go(kept: dict[int, list[int]], which: float, place: float) -> int:
    """One random row of the largest class, or of one of these; returns how many rows that were."""
    most = max(map(len, kept.values()))
    largest = [rows for rows in kept.values() if len(rows) == most]
    victims = largest[int(which * len(largest))]
    victims.pop(int(place * len(victims)))
    return 1
