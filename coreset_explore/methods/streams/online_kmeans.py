"""Online k-means: of each class's centroids, which move with the stream, the row that came nearest to each."""

from __future__ import annotations

from bisect import insort

import numpy as np
import torch

from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import stream
from coreset_explore.streaming import Memory


@stream(
    needs="emb,y",
    weights="counts",
    draws=False,
    purpose="typical",
    title="Online k-means",
    paper="Chaudhry et al. 2019, arXiv:1902.10486; MacQueen 1967",
    bytes=lambda n, d, c, k: 12 * n * d + 24 * k * d + 64 * n,
)
def online_kmeans(memory: Memory, batch: Pool, capacity: int, *, rng: torch.Generator) -> Memory:
    """Each place holds a centroid of a class, and the row nearest to it; a new row moves the centroid nearest to it.

    Row by row: x goes to the nearest centroid μ of its class, of n rows so far, μ ← μ + (x − μ)/(n + 1) (MacQueen), and
    takes the place's row if it is nearer to μ. While there is room, or while a class has fewer places than another, x
    founds a centroid of its own, for which the largest class puts the centroid of fewest rows together with the
    nearest. `weights` are the rows that each centroid stands for, and add up to `seen`. n·(capacity/c)·d operations.

    Differs from the paper: μ moves by 1/n and not by a fixed share, so that it is its rows' mean; the number of classes
    is not told beforehand. With more classes than capacity, a row whose class has no place goes to the nearest of all.
    """
    pool, m = memory.joined(batch, "emb", "y"), len(memory)
    places = _Places(pool, memory, capacity)
    while places.taken > capacity:
        places.merge()
    for row in track(range(m, len(pool)), "online k-means"):
        held = len(places.of[places.labels[row]])
        if places.taken >= capacity and held < places.most() - 1:
            places.merge()
        if places.taken < capacity:
            places.found(row)
        else:
            places.move(places.x[row], 1.0, row)
    kept = sorted(place for own in places.of.values() for place in own)
    rows, weights = torch.from_numpy(places.row[kept]), torch.from_numpy(places.count[kept])
    return memory.keep(rows, batch, weights, centroids=torch.from_numpy(places.centroid[kept]))


class _Places:
    """Centroids (places, d) float64, how many rows each stands for, and which row is nearest to it."""

    def __init__(self, pool: Pool, memory: Memory, capacity: int):
        self.x, self.labels = pool.need("emb").cpu().double().numpy(), pool.need("y").tolist()
        self.taken = m = len(memory)
        size = max(m, capacity)
        self.row, self.count = np.zeros(size, dtype=np.int64), np.zeros(size)
        self.centroid = np.zeros((size, self.x.shape[1]))
        self.row[:m], self.free = np.arange(m), list(range(size - 1, m - 1, -1))
        if memory.weights is not None:
            self.count[:m], self.centroid[:m] = memory.weights.numpy(), memory.state["centroids"].numpy()
        self.of: dict[int, list[int]] = {
            label: [] for label in sorted(set(self.labels))
        }  # each class's, ascending
        for place, label in enumerate(self.labels[:m]):
            self.of[label].append(place)

    def most(self) -> int:
        return max(map(len, self.of.values()))

    def found(self, row: int) -> None:
        """A centroid at this row."""
        place = self.free.pop()
        self.row[place], self.count[place], self.centroid[place] = row, 1.0, self.x[row]
        insort(self.of[self.labels[row]], place)
        self.taken += 1

    def merge(self) -> None:
        """The largest class, of equals the first, has one place less: its lightest centroid joins the nearest one."""
        own = max(self.of.values(), key=len)
        light = min(own, key=lambda place: self.count[place])
        own.remove(light)
        self.free.append(light)
        self.taken -= 1
        self.move(self.centroid[light].copy(), self.count[light], int(self.row[light]))

    def move(self, point: np.ndarray, count: float, row: int) -> None:
        """So many rows about `point` go to the nearest centroid of the row's class, or of all where it has none."""
        places = self.of[self.labels[row]] or [place for own in self.of.values() for place in own]
        apart = self.centroid[places] - point
        place = places[int(np.einsum("ij,ij->i", apart, apart).argmin())]
        self.count[place] += count
        self.centroid[place] += (point - self.centroid[place]) * (count / self.count[place])
        apart = self.x[[self.row[place], row]] - self.centroid[place]
        own, other = np.einsum("ij,ij->i", apart, apart)
        if other < own and self.labels[self.row[place]] == self.labels[row]:
            self.row[place] = row
