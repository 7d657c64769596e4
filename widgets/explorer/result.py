"""What Select does, without a widget: data, pool, picks, weights and numbers at every budget; then the accuracies."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from coreset_explore import progress, projection
from coreset_explore.experiment import runs
from coreset_explore.pool import Pool
from coreset_explore.selecting.answer import budget
from coreset_explore.selecting.strategy import Strategy
from widgets.explorer.pool import Ask, load, made, record
from widgets.explorer.session import Session

LAYOUTS = {title: how for how, title in projection.NAMES.items()}
YOURS = "Yours"  # the name of a map that the user brought


@dataclass(frozen=True, eq=False)
class Result(runs.Result):
    """The last good answer: the sweep, its data, the settings it answers, and the code that makes its pool."""

    data: Any = None
    key: tuple = ()
    made: Mapping[str, Any] = field(default_factory=dict)  # the lines of code for `data` and `pool`; the seed


def compute(ask: Ask, previous: Result | None = None) -> Result:
    """Answer the settings; what `previous` holds already (the pool, the same method and parameters) is taken from it.

    Raises what loading, recording and selecting raise, with a note that names the method.
    """
    start = time.perf_counter()
    kept = previous if previous is not None and previous.key[: len(ask.pool_key)] == ask.pool_key else None
    if not ask.choices:
        raise ValueError("no method is chosen; add one under 2 Methods")
    if kept is not None:
        data, pool, low = kept.data, kept.pool, 0.0
    else:
        with progress.stage("Loading", 0.0, 0.05):
            data, features = load(ask)
        with progress.stage("Recording signals", 0.05, 0.5):
            pool = record(ask, data, features)
        low = 0.5
    k_max = budget(ask.k_max, len(pool)) if ask.k_max else runs.default_k_max(len(pool))
    budgets = runs.budget_grid(k_max, pool.n_classes)
    known = [*kept.runs.values(), kept.random] if kept is not None and kept.budgets == budgets else []
    with progress.stage("", low, 1.0):
        found = runs.sweep(pool, ask.choices, budgets, ask.seed, random_choice(pool), known)
    seconds = time.perf_counter() - start
    return Result(pool, budgets, found.runs, found.random, seconds, data, ask.key, made(ask, pool))


def random_choice(pool: Pool) -> Strategy:
    """Random within each class where there are any, the baseline of every figure."""
    return Strategy.of("random", name="Random", wrap=["per_class"] if pool.y is not None else [])


def answer(ask: Ask, previous: Result | None = None) -> tuple[Result, dict]:
    """The result, and for a new pool the maps that are there at once: PCA, and the user's own."""
    result = compute(ask, previous)
    if previous is not None and previous.pool is result.pool:
        return result, {}
    with progress.stage("Map", 0.99, 1.0):
        found = {"PCA": layout(result.pool, "PCA", ask.seed)}
    if ask.coords is not None:
        found = {YOURS: _own_map(ask, result.pool), **found}
    return result, found


def layout(pool: Pool, name: str, seed: int, runner=None):
    """A map of the pool's features by one of LAYOUTS; PCA at once, UMAP and t-SNE in seconds to minutes."""
    from coreset_explore.projection import project

    return project(_mappable(pool), LAYOUTS[name], seed=seed, runner=runner)


def _mappable(pool: Pool) -> Pool | torch.Tensor:
    """What is laid out: the features, or where there are none what enters the last layer, or the outputs."""
    if pool.emb is not None:
        return pool
    grads = pool.grads
    inputs = getattr(grads, "h", None)
    return inputs[-1] if inputs is not None else grads.g if grads is not None else pool.need("logits")


def _own_map(ask: Ask, pool: Pool):
    from coreset_explore.projection import Map

    rows = pool.ids.cpu()
    if int(rows.max()) >= len(ask.coords):
        raise ValueError(
            f"coords holds {len(ask.coords):,} points for {int(rows.max()) + 1:,} rows; give one a row"
        )
    return Map(torch.as_tensor(ask.coords)[rows], "pca", "your own map", ask.seed, 0.0)


def estimate(session: Session) -> float | None:
    """Seconds that Select would take, from what the last run of the same methods took; None where nothing is known."""
    result = session.result
    if result is None or result.key[: len(session.pool_key)] != session.pool_key or not session.choices:
        return None
    k = session.k_max or runs.default_k_max(result.n)
    answered = [*result.runs.values(), result.random]
    known = {run.strategy.method: run.took for run in result.runs.values() if run.strategy.own is None}
    seconds = 0.0
    for choice in session.choices:
        if choice.own is not None or (k == result.budgets[-1] and runs.same(choice, answered)):
            continue
        if choice.method not in known:
            return None
        seconds += known[choice.method] * k / result.budgets[-1]
    return seconds
