"""Sieve streaming: facility location in one pass, by trying every guess of what the best answer is worth at once."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated

import numpy as np
import torch

from coreset_explore.params import Likeness, Range, Sigma
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import stream
from coreset_explore.streaming import Memory

NOTHING = 1e-12  # likenesses of 0 to 1 that differ by less are rounded otherwise: the row, or its twin, is held already


@stream(
    needs="emb",
    weights="counts",
    purpose="cover",
    title="Sieve streaming",
    paper="Badanidiyuru, Mirzasoleiman, Karbasi & Krause 2014, doi:10.1145/2623330.2623637",
    bytes=lambda n, d, c, k: 8 * n * (d + 4096) + 8 * 4096 * 500,
    skips={
        "a_batch_cut_in_two_leaves_the_same_memory": "the rows that stand for all are drawn from a whole "
        "batch before its first row is sieved"
    },
)
def sieve(
    memory: Memory,
    batch: Pool,
    capacity: int,
    *,
    rng: torch.Generator,
    epsilon: Annotated[
        float, Range(0.01, 0.5), "ε: how far apart guesses are; half of the best, less ε, is sure"
    ] = 0.1,
    sample: Annotated[
        int, Range(1, 20_000), "rows that stand for all seen where rows are compared with all"
    ] = 500,
    similarity: Likeness = "cosine",
    sigma: Sigma = None,
) -> Memory:
    """Facility location in one pass: the rows that all seen are most like, each row looked at once.

    f(S) = mean over reference rows v of max_{s ∈ S} s(v, s). For each guess of the optimum, o = (1+ε)^i between the
    best single row's value m and 2·capacity·m, a sieve takes row e if f(S + e) − f(S) ≥ (o/2 − f(S))/(capacity − |S|);
    the best sieve is the answer, with at least (1/2 − ε) of the optimum (algorithm 3, theorem 5.3) where the reference
    is all rows. It is a reservoir of `sample` rows of those seen (section 6), and each sieve's value is stated anew
    when it changes. `weights` count the reference rows most like each pick, times seen / reference. For a batch
    n·sample·(d + sieves) operations, and log(2·capacity)/ε sieves.

    **What it keeps besides.** Sieves hold rows of their own, up to capacity each, and so does the reference: all lie in
    `memory.aside`, and `memory.held` counts them. That is many times the capacity of the methods it is compared with.

    Differs from the paper: a row that adds nothing is not taken, whatever its sieve is worth by then. A width σ that is
    not given is the median distance of the first reference rows.
    """
    whole = memory
    if memory.pool is not None and memory.aside is not None:
        whole = replace(memory, pool=Pool.join(memory.pool, memory.aside), aside=None)
    pool, m = whole.joined(batch, "emb"), len(whole)
    ids, x = pool.ids.cpu(), pool.need("emb").cpu().double()
    place = {row: i for i, row in enumerate(ids.tolist())}
    reference, keys = _reference(memory, ids[m:], sample, rng)
    points = x[[place[row] for row in reference]]
    told = memory.state.get("sigma", sigma)
    if similarity == "rbf" and told is None:
        told = float(torch.pdist(points[:1000]).median()) if len(points) > 1 else 1.0
    sieves = _Sieves(capacity, epsilon, len(reference))
    begin = m
    for exponent, members in memory.state.get("sieves", ()):
        if len(members) <= capacity:
            rows = [place[row] for row in members]
            sieves.open(exponent, rows, _like(x[rows], points, similarity, told).max(0, initial=0.0))
        else:
            begin = 0  # there is less room than before: those left begin with what is held
    if memory.seen:
        sieves.begin(float(memory.state["best"]))
    for start in range(begin, len(x), 1024):
        like = _like(x[start : start + 1024], points, similarity, told)
        for i in track(range(len(like)), "sieve streaming"):
            sieves.offer(start + i, like[i])
    rows = sieves.answer()
    owner = _like(x[rows], points, similarity, told).argmax(0)
    counts = torch.bincount(torch.from_numpy(owner), minlength=len(rows)).double()
    kept = {ids[row].item() for row in rows}
    others = {int(ids[row]) for members in sieves.members for row in members} | set(reference)
    aside = whole.keep(
        torch.tensor(sorted(place[row] for row in others - kept), dtype=torch.int64), batch
    ).pool
    held = zip(sieves.exponents, sieves.members, strict=True)
    state = {
        "sieves": [[exponent, ids[members].tolist()] for exponent, members in held],
        "best": sieves.best,
        "reference": reference,
        "keys": keys,
        "sigma": told,
    }
    if len(rows) < capacity:
        state["stopped"] = (
            f"the best of {len(sieves.members)} sieves took {len(rows):,} rows: no other added enough"
        )
    seen = memory.seen + len(batch)
    return whole.keep(torch.tensor(rows), batch, counts * (seen / len(reference)), aside=aside, **state)


class _Sieves:
    """One selection for each guess: rows, for every reference row what it is most like (guesses, R), and f of that."""

    def __init__(self, capacity: int, epsilon: float, reference: int):
        self.capacity, self.step, self.best = capacity, math.log1p(epsilon), 0.0
        self.exponents: list[int] = []
        self.members: list[list[int]] = []
        self.covered, self.size = np.zeros((0, reference)), np.zeros(0)
        self._priced()

    def open(self, exponent: int, members: list[int], covered: np.ndarray) -> None:
        self.exponents.append(exponent)
        self.members.append(members)
        self.covered = np.concatenate([self.covered, covered[None]])
        self.size = np.append(self.size, len(members))
        self._priced()

    def _priced(self) -> None:
        self.value, self.half = (
            self.covered.mean(1),
            np.exp(self.step * np.array(self.exponents, dtype=float)) / 2,
        )

    def offer(self, row: int, like: np.ndarray) -> None:
        """One row, and how like each reference row is to it (R,)."""
        if like.mean() > self.best:
            self.begin(float(like.mean()))
        gains = np.maximum(like - self.covered, 0.0).mean(1)
        room = self.capacity - self.size
        taken = (room > 0) & (gains > NOTHING) & (gains >= (self.half - self.value) / np.maximum(room, 1))
        for i in np.flatnonzero(taken):
            self.members[i].append(row)
        self.covered[taken] = np.maximum(self.covered[taken], like)
        self.size[taken] += 1
        self.value[taken] += gains[taken]

    def begin(self, best: float) -> None:
        """The best single row is worth so much: guesses below that go, and those up to 2·capacity times it begin."""
        self.best = best
        low = math.ceil(math.log(best) / self.step - 1e-9)
        high = math.floor(math.log(2 * self.capacity * best) / self.step + 1e-9)
        kept = [i for i, exponent in enumerate(self.exponents) if low <= exponent <= high]
        begun = [exponent for exponent in range(low, high + 1) if exponent not in self.exponents]
        self.exponents = [self.exponents[i] for i in kept] + begun
        self.members = [self.members[i] for i in kept] + [[] for _ in begun]
        self.covered = np.concatenate([self.covered[kept], np.zeros((len(begun), self.covered.shape[1]))])
        self.size = np.concatenate([self.size[kept], np.zeros(len(begun))])
        self._priced()

    def answer(self) -> list[int]:
        """The rows of the sieve of largest value, of equals the one with fewest."""
        return self.members[min(range(len(self.members)), key=lambda i: (-self.value[i], self.size[i]))]


def _reference(
    memory: Memory, ids: torch.Tensor, sample: int, rng: torch.Generator
) -> tuple[list[int], torch.Tensor]:
    """The ids of a reservoir of all rows seen, and the keys that keep it one."""
    known = [*memory.state.get("reference", ()), *ids.tolist()]
    before = memory.state.get("keys", torch.empty(0, dtype=torch.float64))
    keys = torch.cat([before, torch.rand(len(ids), generator=rng, dtype=torch.float64)])
    kept = torch.topk(keys, min(sample, len(keys))).indices.sort().values
    return [known[i] for i in kept.tolist()], keys[kept]


def _like(x: torch.Tensor, points: torch.Tensor, similarity: str, sigma: float | None) -> np.ndarray:
    """s (n, R) in [0, 1] of rows to reference rows."""
    if similarity == "rbf":
        return (-torch.cdist(x, points).square() / (2 * (sigma or 1.0) ** 2)).exp().numpy()
    x, points = (part / part.norm(dim=1, keepdim=True).clamp_min(1e-300) for part in (x, points))
    return (0.5 + 0.5 * (x @ points.T)).clamp_(0, 1).numpy()
