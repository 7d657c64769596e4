"""Gradient-based sample selection, greedy: rows whose gradients point elsewhere than those of the rows kept."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch

from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import Range, stream
from coreset_explore.streaming import Memory


@stream(
    needs="grads",
    at="current",
    weights="uniform",
    purpose="cover",
    title="Gradient-based sample selection (GSS, greedy)",
    paper="Aljundi, Lin, Goujaud & Bengio 2019, arXiv:1903.08671, algorithm 2",
    bytes=lambda n, d, c, k: 4 * n * (d + c + 40) + 16 * k,
)
def gss(
    memory: Memory,
    batch: Pool,
    capacity: int,
    *,
    rng: torch.Generator,
    compare: Annotated[int, Range(1, 10_000), "kept rows that a new one is compared with"] = 10,
) -> Memory:
    """A row comes in if its gradient is at more than a right angle to those of all kept rows it is compared with.

    Row by row: c = 1 + the largest cosine to `compare` rows drawn from the memory. While there is room it stays. Above,
    with c ≥ 1 it is let go; else a kept row i is drawn by its own score c_i / Σ c and makes room with the chance
    c_i / (c_i + c), its place and score becoming the new row's. n·compare·D operations, D numbers a gradient, factored
    ones d + c. `weights` are seen / m each.

    Differs from the paper: rows are drawn with replacement; the first row, which nothing is like, scores 1, which the
    paper leaves open. Scores are those of the time a row came, as there. With less room than before the rows most like
    others go first.
    """
    vectors, m = memory.joined(batch, "grads").vectors("grads"), len(memory)
    norm = vectors.norm().cpu().double().numpy()
    scores: list[float] = memory.state.get("scores", torch.empty(0)).tolist()
    draws = torch.rand(len(batch), compare + 2, generator=rng, dtype=torch.float64).numpy()
    kept = list(range(m))
    while len(kept) > capacity:
        worst = int(np.argmax(scores))
        del kept[worst], scores[worst]
    for row, (which, chance, *places) in zip(
        track(range(m, m + len(batch)), "gradient directions"), draws, strict=True
    ):
        score = 1.0
        if kept:
            others = [kept[int(place * len(kept))] for place in places]
            products = vectors.gram([row], others)[0].cpu().double().numpy()
            score += float((products / np.maximum(norm[row] * norm[others], 1e-300)).max())
        if len(kept) < capacity:
            kept.append(row)
            scores.append(score)
        elif score < 1:
            total = np.cumsum(scores)
            old = min(int(np.searchsorted(total, which * total[-1], side="right")), len(kept) - 1)
            if chance * (scores[old] + score) < scores[old]:
                kept[old], scores[old] = row, score
    return memory.keep(torch.tensor(kept), batch, scores=torch.tensor(scores, dtype=torch.float64))
