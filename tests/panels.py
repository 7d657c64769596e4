"""Results made by hand, for tests of the panel's views: known picks, weights, pictures and maps, no waiting."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch

from coreset_explore.datasets.data import Data
from coreset_explore.experiment.runs import Run
from coreset_explore.pool import Pool
from coreset_explore.projection import Map
from coreset_explore.selecting.strategy import Strategy
from coreset_explore.selection import Selection
from widgets.explorer.result import Result
from widgets.explorer.session import Session

BUDGETS = (8, 16, 40, 80)


def pool_of(n: int = 400, classes: int = 4, labels: bool = True, seed: int = 0) -> Pool:
    """Blobs, one a class, in 6 dimensions; row i has label i % classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    centers = rng.normal(size=(classes, 6)) * 4
    emb = (centers[y] + rng.normal(size=(n, 6))).astype(np.float32)
    names = tuple(f"class <{c}>" for c in range(classes))
    return Pool.of(emb, torch.tensor(y) if labels else None, classes=names if labels else None)


def pictures_of(pool: Pool, side: int = 8, seed: int = 0) -> Data:
    """Noise pictures, each unlike all others."""
    x = np.random.default_rng(seed).integers(0, 256, (len(pool), 1, side, side), dtype=np.uint8)
    return Data(torch.tensor(x), pool.y, pool.classes, None, None, "images", "noise <b>")


def table_of(pool: Pool) -> Data:
    return Data(
        pool.emb,
        pool.y,
        pool.classes,
        None,
        None,
        "table",
        "table",
        columns=tuple("abcdef"[: pool.emb.shape[1]]),
    )


def run_of(
    pool: Pool,
    name: str,
    seed: int,
    budgets: tuple[int, ...] = BUDGETS,
    weights: bool = True,
    nested: bool = True,
    score: bool = False,
    per_class: bool = False,
) -> Run:
    """Random picks with skewed weights that sum to n at every budget."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(pool))
    info = {"method": name, "space": "emb", "seed": 0, "weights": "counts" if weights else None}
    info |= {"params": {"space": "emb"}, "wrap": [["per_class", {}]] if per_class else []}
    at = []
    for k in budgets:
        rows = order[:k] if nested else rng.permutation(len(pool))[:k]
        w = torch.tensor(rng.gamma(0.7, size=k) + 0.01) if weights else None
        w = w * (len(pool) / w.sum()) if weights else None
        ranks = torch.tensor(rng.normal(size=len(pool))) if score else None
        at.append(Selection(torch.tensor(rows), w, None, ranks, info=info))
    some = {"mean_distance": 0.4, "radius": 2.0, "gradient_error": 0.1}
    numbers = {key: [value / (i + 1) for i in range(len(budgets))] for key, value in some.items()}
    numbers["effective_size"] = [
        float(k if s.weights is None else s.weights.sum() ** 2 / (s.weights**2).sum())
        for k, s in zip(budgets, at)
    ]
    known = {"CRAIG": "craig", "Herding": "herding"}
    return Run(Strategy(name, known.get(name, "random")), at[-1], tuple(at), numbers, 0.5, nested)


def plane_of(pool: Pool, seed: int | None = None):
    """A map: the first two features, or noise."""
    xy = (
        pool.emb[:, :2]
        if seed is None
        else torch.tensor(np.random.default_rng(seed).normal(size=(len(pool), 2)))
    )
    return Map(xy.float(), "pca", "PCA", 0, 0.0)


def session_of(pool: Pool, data=None, budgets: tuple[int, ...] = BUDGETS, **how) -> Session:
    """A Session with a result of two runs, "CRAIG" (made as `how` says) and "Herding", and random beside them."""
    session = Session()
    runs = {name: run_of(pool, name, seed, budgets, **how) for seed, name in enumerate(["CRAIG", "Herding"])}
    random = run_of(pool, "Random", 9, budgets, weights=False)
    result = Result(pool, budgets, runs, random, 1.0, data=data, key=session.key)
    with session.hold_trait_notifications():
        session.maps = {"PCA": plane_of(pool), "UMAP": plane_of(pool, 1)}
        session.active, session.compare_a, session.compare_b = "CRAIG", "CRAIG", "Herding"
        session.result, session.status = result, "done"
    return session


class Loop:
    """A loop whose time passes when the test says so."""

    def __init__(self):
        self.calls: list = []

    def call_later(self, seconds, fn, *args):
        call = SimpleNamespace(seconds=seconds, fn=lambda: fn(*args), cancelled=False)
        call.cancel = lambda: setattr(call, "cancelled", True)
        self.calls.append(call)
        return call

    def run(self) -> int:
        """Make every call that waits and was not cancelled; their number."""
        calls, self.calls = [c for c in self.calls if not c.cancelled], []
        for call in calls:
            call.fn()
        return len(calls)
