"""Similarities that somebody gave, asked as those are that we compute from vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from coreset_explore.gradients import Gradients
from coreset_explore.greedy.facility import blank
from coreset_explore.greedy.similarity import Kind, Similarity
from coreset_explore.greedy.vectors import row_max
from coreset_explore.inputs.similarities import Similarities
from coreset_explore.progress import check, track

BLOCK = 1 << 19  # similarities looked at together


class Given:
    """s_ij of n rows, how like row i row j is: what `Similarity` answers, read from what was given.

    A row that is like a pick in nothing, with no s_ij above 0, is no pick's; but a pick is always its own. How far
    apart rows are is `top` − s_ij, the largest similarity less theirs: 1 − s_ij for one that ends at 1.
    """

    told: dict[str, Any] = {}

    def __init__(self, vectors: Similarities):
        self.vectors = vectors

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def top(self) -> float:
        return max(self.vectors.ends[1], 0.0)

    unlike = top  # how far a row is that no pick is like

    def both_ways(self, name: str) -> Given:
        """Itself, after making sure that s_ij is s_ji."""
        if self.vectors.apart is not None:
            i, j = self.vectors.apart
            pair = torch.tensor([[i, j], [j, i]], device=self.vectors.device)
            one, two = self.vectors.pairs(*pair).tolist()
            raise ValueError(
                f"{name} wants similarities that are alike both ways, and s[{i}, {j}] is {one:g} where s[{j}, {i}] is "
                f"{two:g}; give (s + s.T) / 2"
            )
        return self

    def not_negative(self, name: str) -> Given:
        """Itself, after making sure that none is below 0, which is what no pick at all is worth."""
        if (low := self.vectors.ends[0]) < 0:
            raise ValueError(
                f"{name} counts similarity from 0, which is none, and the smallest given is {low:g}; give 0 or "
                "more, as (1 + s) / 2 of cosines and s.max() - distances are"
            )
        return self

    def rows(self, rows: Tensor) -> Tensor:
        """s (rows, n) float64."""
        return self.vectors.rows(rows)

    def row(self, row: int) -> Tensor:
        """s_row· (n,)."""
        return self.rows(torch.tensor([row], device=self.vectors.device))[0]

    def away(self, rows: Tensor) -> Tensor:
        """How far rows are from all (rows, n) float64."""
        return self.rows(rows).neg_().add_(self.top)

    def own(self) -> Tensor:
        """s_ii (n,) float64."""
        return self.vectors.diagonal

    def sums(self) -> Tensor:
        """Σ_j s_ij (n,) float64: one look at every entry."""
        return self.vectors.sums()

    def matrix(self, apart: bool = False) -> Tensor:
        """Of a dense one, s (n, n) as it was given; or how far row j is from i (n, n) float32, at [j, i], a copy."""
        if not apart:
            return self.vectors.values
        values, n = self.vectors.turned.values, len(self)
        out = (
            torch.from_numpy(blank(n))
            if values.device.type == "cpu"
            else torch.empty(n, n, device=values.device)
        )
        size = max(1, BLOCK // n)
        top, room = values.new_tensor(self.top), values.new_empty(size, n)
        for start in track(range(0, n, size), "similarities"):
            part = values[start : start + size]
            out[start : start + size] = torch.sub(top, part, out=room[: len(part)])
        return out

    def most(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """How like the most alike of `rows` each row is (n,) float64, and which that is, the first of equals."""
        n, device = len(self), self.vectors.device
        if self.vectors.sparse:
            pick, row, value = self.vectors.turned.entries(rows)
            top = torch.zeros(n, dtype=torch.float64, device=device)
            top.scatter_reduce_(0, row, value.double(), "amax")
            best = value == top[row]
            at = torch.full((n,), len(rows), device=device)
            at.scatter_reduce_(0, row[best], pick[best], "amin")
            return top, at.remainder_(max(len(rows), 1))
        tops, places = [], []
        for part in torch.arange(n, device=device).split(max(1, BLOCK // max(len(rows), 1))):
            check()
            value, at = row_max(self.vectors.values[part[0] : part[-1] + 1][:, rows])
            tops.append(value.double())
            places.append(at)
        return torch.cat(tops), torch.cat(places)

    def owners(self, rows: Tensor, budgets: Sequence[int], label: str) -> Iterator[Tensor]:
        """The place in `rows` of the most alike of the first b picks (n,), −1 for none, for every budget b.

        n·k numbers of a dense one are read, of a sparse one what is stored of the picks.
        """
        n, device = len(self), self.vectors.device
        best = torch.zeros(n, dtype=torch.float64, device=device)
        owner = torch.full((n,), -1, dtype=torch.int64, device=device)
        for before, end in track(list(pairwise([0, *budgets])), label):
            picks = rows[before:end]
            if len(picks):
                value, at = self.most(picks)
                nearer = value > best
                owner = torch.where(nearer, at + before, owner)
                best = torch.where(nearer, value, best)
                owner[picks], best[picks] = torch.arange(before, end, device=device), torch.inf
            yield owner.clone()

    def squared_apart(self, a: Tensor, b: Tensor) -> Tensor:
        """The squares of how far rows a are from rows b (m,) float64, two and two."""
        return (self.top - self.vectors.pairs(a, b)).square()


def likeness(vectors: Gradients | Similarities, kind: Kind, sigma: float | None = None) -> Similarity | Given:
    """How a method compares rows by similarity: as it was given, else made of their vectors."""
    if not isinstance(vectors, Similarities):
        return Similarity(vectors, kind, sigma)
    if kind != "cosine" or sigma is not None:
        raise ValueError(
            "similarities are given, and similarity= and sigma= say how to make them of features or gradients; leave "
            "these out, or compare these with space='emb' or space='grads'"
        )
    return Given(vectors)
