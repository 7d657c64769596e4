"""Feature-based: picks that together show much of every feature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor

from coreset_explore import greedy
from coreset_explore.gradients import Dense, Gradients
from coreset_explore.params import Steps
from coreset_explore.pool import Pool
from coreset_explore.progress import check, track
from coreset_explore.registry import selector
from coreset_explore.selection import Selection

BLOCK = 1 << 19  # feature values computed together
CONCAVE = {"sqrt": torch.sqrt, "log": torch.log1p}


@selector(
    needs="emb|grads",
    weights="uniform",
    objective="gains",
    nested=True,
    draws=False,
    purpose="cover",
    title="Feature-based",
    paper="Kirchhoff & Bilmes 2014, EMNLP (D14-1014)",
    bytes=lambda n, d, c, k: 8 * n * (c + d) + 50 * n + 64 * c * d + 2**26,
    skips={
        "an_offset_changes_nothing": "features count by their size, so an offset is more of every feature"
    },
)
def feature_based(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    space: Annotated[Literal["emb", "grads"], "whose entries are the features"] = "emb",
    steps: Steps = "last",
    concave: Annotated[
        Literal["sqrt", "log"], "what makes more of the same worth less: √x or log(1 + x)"
    ] = "sqrt",
    negative: Annotated[
        Literal["split", "refuse"], "negative entries are features of their own, or an error"
    ] = "split",
) -> Selection:
    """Feature-based: picks whose features add up to much of everything, more of the same counting less.

    Greedily maximizes Σ_f φ(Σ_{i ∈ S} x_if), φ concave, x (n, p) ≥ 0; at least (1 − 1/e) of the best. "split" makes
    max(x, 0) and max(−x, 0) two features, so that any numbers will do. Exact lazy greedy: n·p operations for the
    first gains, then few rows a pick; gradients (p = c·(d + 1)) are made some rows at a time. Features count by their
    size, so scale them alike first.
    """
    vectors, order, held = greedy.by_id(pool.vectors(space, steps), pool.ids, given)
    greedy.squared_norms(vectors)
    seen = Seen(vectors, concave, negative == "split")
    for row in track(held.tolist(), "given"):
        seen.take(row)
    n = len(vectors)
    size = max(1, BLOCK // vectors.dim)
    bound = torch.cat([seen.gains(rows) for rows in track(torch.arange(n).split(size), "first gains")])
    free = torch.ones(n, dtype=torch.bool)
    free[held] = False
    picks, gains = seen.lazily(bound, k, free)
    return Selection(order[picks], torch.full((k,), n / k, dtype=torch.float64), gains=gains)


class Seen:
    """How much of each feature (p,) the picks show, of entries above and below 0 separately."""

    def __init__(self, vectors: Gradients, concave: str, split: bool, compiled: bool | None = None):
        self.vectors, self.concave, self.split = vectors, concave, split
        self.compiled = vectors.device.type == "cpu" if compiled is None else compiled
        self.shown = torch.zeros(
            2, vectors.dim, dtype=torch.float64, device=vectors.device
        )  # above 0, and below
        self.worth = torch.zeros_like(self.shown)  # φ of both

    def gains(self, rows: Tensor) -> Tensor:
        """What each of some rows would add (rows,) float64."""
        found = []
        for part in rows.split(max(1, BLOCK // self.vectors.dim)):
            check()
            x = self.vectors[part.to(self.shown.device)].dense()
            if not self.split and (x < 0).any():
                raise ValueError(
                    f"feature_based with negative='refuse' wants features of 0 or more, got {float(x.min()):g}; "
                    "use negative='split', or features after a ReLU"
                )
            found.append(self._added(x))
        return torch.cat(found)

    def _added(self, x: Tensor) -> Tensor:
        if self.compiled:
            from coreset_explore.compiled import concave

            out = np.empty(len(x))
            known = x.contiguous().numpy(), self.shown.numpy(), self.worth.numpy()
            concave.gains(*known, self.concave == "sqrt", out)
            return torch.from_numpy(out)
        x = x.double()
        base = torch.where(x > 0, *self.shown).add_(x.abs())
        return (CONCAVE[self.concave](base) - torch.where(x > 0, *self.worth)).sum(1).cpu()

    def lazily(self, bound: Tensor, k: int, free: Tensor) -> tuple[Tensor, Tensor]:
        """Picks (k,) and gains (k,) by lazy greedy from the first gains (n,)."""
        if not self.compiled or not isinstance(self.vectors, Dense):  # gradients are built for each look
            return greedy.lazy_greedy(bound, self.gains, self.take, k, free)
        from coreset_explore.compiled import concave

        order = torch.sort(bound, descending=True, stable=True).indices
        heap, picks, saved, made = order[free[order]].numpy(), np.zeros(k, dtype=np.int64), np.zeros(k), 0
        known = self.vectors.g.contiguous().numpy(), self.shown.numpy(), self.worth.numpy()
        size, looks = len(heap), max(1, BLOCK // self.vectors.dim)
        state, gains = (
            (*known, self.concave == "sqrt", heap),
            (bound.numpy(), np.zeros(len(bound), dtype=np.int64)),
        )
        for target in track(range(k), "lazy greedy"):
            while made <= target:
                made, size = concave.lazy(*state, size, *gains, picks, saved, made, target + 1, looks)
                check()
        return torch.from_numpy(picks), torch.from_numpy(saved)

    def take(self, row: int) -> None:
        x = self.vectors[row : row + 1].dense()[0].double()
        self.shown += torch.stack([x.clamp_min(0.0), x.neg().clamp_min(0.0)])
        self.worth = CONCAVE[self.concave](self.shown)
