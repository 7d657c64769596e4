"""Facility location on sparse similarities, by what is stored of them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from coreset_explore.inputs.similarities import Similarities
from coreset_explore.progress import check, track

PASS = 2**22  # entries read between two looks at whether to stop: some milliseconds
ROWS = 2**14  # candidates whose first gains are read together


class SparseCover:
    """Σ_i max_{j ∈ S} s_ij, s ≥ 0: what each candidate would add, and what is added by picking; on the CPU.

    Keeps a copy of the entries, by candidate, from which those are dropped that no longer count.
    """

    def __init__(self, s: Similarities, given: Tensor):
        from coreset_explore.compiled import sparse as loops

        turned, self.loops = s.turned, loops
        starts, places = (part.cpu().numpy() for part in (turned.starts, turned.columns))
        like = turned.values.cpu().float().numpy()
        best = np.zeros(len(s), dtype=np.float32)
        self.state = starts[:-1], np.diff(starts), places.copy(), like.copy(), best
        for row in given.tolist():
            self.take(row)

    def __len__(self) -> int:
        return len(self.state[-1])

    def gains(self, rows: Tensor) -> Tensor:
        """What each of `rows` would add (m,) float64."""
        out = np.empty(len(rows))
        self.loops.gains(*self.state, rows.cpu().numpy(), out)
        return torch.from_numpy(out)

    def take(self, row: int) -> None:
        self.loops.take(row, *self.state)

    def lazily(self, k: int, free: Tensor) -> tuple[Tensor, Tensor]:
        """Exact greedy among `free` (n,): picks and gains (k,), the first of equals."""
        parts = torch.arange(len(free)).split(ROWS)
        bound = torch.cat([self.gains(rows) for rows in track(parts, "first gains")])
        order = torch.sort(bound, descending=True, stable=True).indices
        heap, bound = order[free[order]].numpy(), bound.numpy()
        picks, added, made, size = np.zeros(k, dtype=np.int64), np.zeros(k), 0, len(heap)
        for target in track(range(k), "lazy greedy"):
            while made <= target:
                made, size = self.loops.lazy(
                    *self.state, heap, size, bound, picks, added, made, target + 1, PASS
                )
                check()
        return torch.from_numpy(picks), torch.from_numpy(added)
