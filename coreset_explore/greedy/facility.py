"""Facility location (CRAIG): a distance matrix by half a matrix product, and exact lazy greedy on it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from coreset_explore.gradients import Gradients
from coreset_explore.greedy.vectors import STEP, centered, factors, first_max, squared_between, squared_norms
from coreset_explore.machine.threads import in_pieces, workers
from coreset_explore.progress import check, track

PANEL = 2**23  # numbers of one panel of inner products: 32 MB
PASS = 2**24  # distances read between two looks at whether to stop: some milliseconds
ROOM = 16  # so many times fewer entries than the matrix has are gathered at most


def distances(vectors: Gradients, *, compiled: bool | None = None) -> Tensor:
    """Euclidean distances (n, n) float32, symmetric, 0 on the diagonal; near-duplicates without cancellation.

    Half of one matrix product: the upper triangle by panels of rows, mirrored. n²·(c + d) operations, 4 n² bytes.
    """
    vectors = centered(vectors)
    norms = squared_norms(vectors)
    if compiled is False or vectors.device.type != "cpu":
        return _distances_torch(vectors, norms)
    from coreset_explore.compiled import distances as loops

    r, h, bias = factors(vectors)
    steps, n, d = h.shape
    out = blank(n)
    columns = np.ascontiguousarray(r.transpose(0, 2, 1))
    size = max(1, min(n, int(4 * STEP / (2 * n * d)), PANEL // n))
    buffer = np.empty(size * n, dtype=np.float32)
    for start in track(range(0, n, size), "distances"):
        rows, right = slice(start, start + size), n - start
        panel = buffer[: min(size, right) * right].reshape(-1, right)
        for step in range(steps):
            np.matmul(h[step, rows], h[step, start:].T, out=panel)
            loops.distances(panel, step, r, h, columns[step], bias, norms.numpy(), start, out)
    return torch.from_numpy(out)


def blank(n: int) -> np.ndarray:
    """An (n, n) float32 array to fill, each page touched once, in pieces between which a run can be cancelled.

    numpy asks for huge pages: the first touch of torch's own memory would cost as much as the rest of the work.
    """
    out = np.empty((n, n), dtype=np.float32)
    flat = out.reshape(-1)
    for start in range(0, flat.size, 2**22):
        check()
        flat[start : start + 2**22 : 1024] = 0.0
    return out


def _distances_torch(vectors: Gradients, norms: Tensor) -> Tensor:
    n = len(vectors)
    out = torch.empty(n, n, device=vectors.device)
    size = max(1, 2**24 // n)
    for start in track(range(0, n, size), "distances"):
        rows = slice(start, start + size)
        both = norms[rows, None] + norms[None]
        squared = vectors.gram(rows).float().mul_(-2).add_(both)
        a, b = (squared < 2**-7 * both).nonzero(as_tuple=True)
        for pairs in torch.stack([a, b]).split(2**16, dim=1):
            squared[pairs[0], pairs[1]] = squared_between(vectors[pairs[0] + start], vectors[pairs[1]])
        out[rows] = squared.clamp_min_(0).sqrt_()
    return out


def cover(
    matrix: Tensor, k: int, given: Tensor, *, compiled: bool | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Exact greedy facility location on a distance matrix (n, n): each pick lowers Σ_i min_{j ∈ S} d_ji the most.

    Before the first pick (and with nothing given) every row counts as far as the largest distance, so the first pick
    is the medoid. Returns picks (k,), what each saved (k,) and every row's nearest pick (n,), −1 for given ones.
    A row may be some way from itself (d_jj > 0), and need not be as far from another as that is from it.
    Reads the matrix twice, then little: what still matters of each row is gathered, in at most n²/2 bytes.
    """
    n = len(matrix)
    owner = torch.full((n,), -1 if len(given) else 0, dtype=torch.int32)  # at first all are the first pick's
    free = torch.ones(n, dtype=torch.bool)
    free[given.cpu()] = False
    if compiled is False or matrix.device.type != "cpu":
        return _cover_torch(matrix, k, given, owner, free)
    from coreset_explore.compiled import facility as loops

    picks, saved, made = np.zeros(k, dtype=np.int64), np.zeros(k), 0
    if len(given):
        nearest = matrix[given].min(0).values
    else:
        row, most = _medoid(matrix.numpy())
        picks[:1], saved[:1], made = row, most, 1
        nearest, free[row] = matrix[row].clone(), False
    rows = _Gathered(matrix.numpy(), nearest.numpy())
    bound = rows.gains() if made < k else np.zeros(n)
    order = torch.sort(torch.from_numpy(bound), descending=True, stable=True).indices
    heap = order[free[order]].numpy()
    size, state = len(heap), (*rows.state, rows.room, owner.numpy(), heap)
    for target in track(range(k), "lazy greedy"):
        while made <= target:
            rows.tidy()
            made, size = loops.lazy(*state, size, bound, picks, saved, made, target + 1, PASS)
            check()
    return torch.from_numpy(picks), torch.from_numpy(saved), owner


class _Gathered:
    """What still matters of each row of a matrix, given distances to the nearest pick; see `compiled.facility`."""

    def __init__(self, matrix: np.ndarray, nearest: np.ndarray):
        from coreset_explore.compiled import facility as loops

        self.loops, n = loops, len(matrix)
        self.rows = max(1, PASS // n)
        count = workers(n, self.rows)
        share = 1 + n * n // (ROOM * count)
        places, far = np.empty(count * share, dtype=np.int32), np.empty(count * share, dtype=np.float32)
        self.first, self.size = np.full(n, -1), np.zeros(n, dtype=np.int64)
        self.state = matrix, nearest, self.first, self.size, places, far
        self.rooms = np.array([[i * share, (i + 1) * share, 0] for i in range(count)])  # one a thread
        self.room = np.array([0, count * share, 1])

    def gains(self) -> np.ndarray:
        """What each row would save (n,)."""
        bound = np.zeros(len(self.first))

        def look(worker: int, start: int, end: int) -> None:
            self.loops.gains(*self.state, self.rooms[worker], start, end, bound)

        in_pieces(look, len(bound), self.rows, "first gains")
        return bound

    def tidy(self) -> None:
        """Close the gaps once they are half of all."""
        if 2 * self.room[2] > self.room[0]:
            order = np.argsort(self.first)
            order = order[(self.first < 0).sum() :]
            self.room[0], self.room[2] = self.loops.tidy(order, *self.state[2:]), 0


def _medoid(matrix: np.ndarray) -> tuple[int, float]:
    """The first row of smallest sum, and by how much that is below n times the largest distance."""
    from coreset_explore.compiled import facility as loops

    n, rows = len(matrix), max(1, PASS // len(matrix))
    sums, bits = np.empty(n), matrix.view(np.int32)
    tops = np.zeros(workers(n, rows), dtype=np.int32)

    def add(worker: int, start: int, end: int) -> None:
        tops[worker] = max(tops[worker], loops.sums(matrix, bits, start, end, sums))

    in_pieces(add, n, rows, "sums")
    return int(sums.argmin()), n * float(tops.view(np.float32).max()) - sums.min()


def _cover_torch(matrix: Tensor, k: int, given: Tensor, owner: Tensor, free: Tensor):
    """The same, every gain kept current: a pick changes only the rows that it comes nearer to.

    What these saved before is taken off and what they save now put back, each a sum in float64 of float32 differences:
    exact, so that a gain is what it would be if computed anew, and equal rows tie as they do in the compiled loop.
    """
    n, device = len(matrix), matrix.device
    owner, free = owner.to(device), free.to(device)
    piece = max(1, 2**24 // n)
    picks = torch.zeros(k, dtype=torch.int64, device=device)
    saved = torch.zeros(k, dtype=torch.float64, device=device)
    gains = torch.zeros(n, dtype=torch.float64, device=device)

    def would_save(rows: Tensor, nearest: Tensor) -> Tensor:
        return (nearest[:, None] - matrix[rows]).clamp_min_(0).sum(0, dtype=torch.float64)

    first = 0
    if len(given):
        nearest = matrix[given].min(0).values
    else:
        sums = torch.cat(
            [matrix[i : i + piece].sum(1, dtype=torch.float64) for i in track(range(0, n, piece), "sums")]
        )
        row, first = first_max(-sums), 1
        picks[:1], saved[:1], free[row] = row, n * matrix.max().double() - sums[row], False
        nearest = matrix[row].clone()
    rows = torch.arange(n, device=device).split(piece)
    for part in track(rows if k > first else [], "first gains"):
        gains += would_save(part, nearest[part])
    for made in track(range(first, k), "greedy"):
        row = first_max(torch.where(free, gains, -torch.inf))
        picks[made], saved[made], free[row] = row, gains[row], False
        changed = (matrix[row] < nearest).nonzero().flatten()
        for part in changed.split(piece):
            gains -= would_save(part, nearest[part])
            gains += would_save(part, matrix[row, part])
        nearest[changed], owner[changed] = matrix[row, changed], made
        owner[row] = made
    return picks.cpu(), saved.cpu(), owner.cpu()
