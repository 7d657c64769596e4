"""What Select does, without a widget: data, pool, picks, weights and numbers at every budget; then the accuracies."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from coreset_explore import progress, projection
from coreset_explore.experiment import runs
from coreset_explore.pool import Pool
from coreset_explore.selecting.answer import budget
from coreset_explore.selecting.strategy import Strategy
from widgets.explorer.arguments import checked_coords, decided
from widgets.explorer.columns import parted, shown
from widgets.explorer.pool import Ask, bare, load, of_rows, record, teachable
from widgets.explorer.pool_code import made
from widgets.explorer.session import Session, chosen_key
from widgets.kit.cards import Shown

LAYOUTS = {title: how for how, title in projection.NAMES.items()}
YOURS = "Yours"  # the name of a map that the user brought


@dataclass(frozen=True, eq=False)
class Result(runs.Result):
    """The last good answer: the sweep, its data, the settings it answers, and the code that makes its pool."""

    data: Any = None
    key: tuple = ()
    made: Mapping[str, Any] = field(default_factory=dict)  # the lines of code for `data` and `pool`; the seed
    decided: tuple[Strategy, ...] = ()  # the methods that the data chose, where nobody named any
    why: str = ""  # and what is not among them
    module: Any = None  # the user's own model, where signals are of one
    settings: Mapping[str, Any] = field(default_factory=dict)  # the session's traits that this answers
    shown: Shown | None = None  # what rows are shown as, where that was given

    @property
    def rows(self) -> torch.Tensor:
        """(n,) the row of `data` that each row of the pool is: its id, or of a Pool that was given the row itself."""
        ids = self.pool.ids.cpu()
        given = getattr(self.data, "truth", {}).get("row")
        return torch.arange(self.n) if given is not None and torch.equal(given, ids) else ids


def compute(ask: Ask, previous: Result | None = None) -> Result:
    """Answer the settings; what `previous` holds already (the pool, the same method and parameters) is taken from it.

    Raises what loading, recording and selecting raise, with a note that names the method.
    """
    start = time.perf_counter()
    kept = previous if previous is not None and previous.key[: len(ask.pool_key)] == ask.pool_key else None
    if not ask.choices:
        raise ValueError("no method is chosen; add one under 2 Methods")
    why = ""
    whole, (ask, columns) = ask, parted(ask)
    if kept is not None:
        data, pool, low, why, rows = kept.data, kept.pool, 0.0, kept.why, kept.shown
    else:
        with progress.stage("Loading", 0.0, 0.05):
            data, features = load(ask)
            rows = shown(whole, data)
            if columns:
                data = replace(data, note="; ".join(part for part in (data.note, columns) if part))
            if ask.undecided:
                given = bare(data, features)
                own = [choice for choice in ask.choices if choice.own is not None]
                chosen, why = decided(given, teachable(ask, given), own)
                ask = replace(ask, choices=chosen)
        with progress.stage("Recording signals", 0.05, 0.5):
            pool = record(ask, data, features)
        low = 0.5
    for choice in ask.choices:
        _refuse_other_mask(choice, len(pool))
    k_max = right_end(ask.k_max, len(pool))
    budgets = runs.budget_grid(k_max, pool.n_classes)
    known = [*kept.runs.values(), kept.random] if kept is not None and kept.budgets == budgets else []
    with progress.stage("", low, 1.0):
        found = runs.sweep(pool, ask.choices, budgets, ask.seed, random_choice(pool), known)
    seconds = time.perf_counter() - start
    key = (*ask.pool_key, chosen_key(ask.choices), ask.k_max)
    nobodys = ask.choices if ask.undecided else ()
    about = {
        "data": data,
        "key": key,
        "made": made(ask, pool),
        "decided": nobodys,
        "why": why,
        "module": ask.module,
        "settings": ask.settings,
        "shown": rows,
    }
    return Result(pool, budgets, found.runs, found.random, seconds, found.failed, **about)


def _refuse_other_mask(choice: Strategy, n: int) -> None:
    """Raise where one's own picks came as a mask of other rows than there are to choose from."""
    own = choice.own
    if own is not None and own.info.get("own") and own.info.get("n", n) != n:
        raise ValueError(
            f"{choice.name} is a mask of {own.info['n']:,} rows and {n:,} are chosen from; give one entry a row, of "
            "those that are not set aside"
        )


def right_end(k_max: int | float, n: int) -> int:
    """The largest budget for n rows: a count, a share, or where nothing was said min(5 %, 2,000)."""
    return budget(k_max, n) if k_max else runs.default_k_max(n)


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
        found = {YOURS: _own_map(ask, result), **found}
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


def _own_map(ask: Ask, result: Result):
    from coreset_explore.projection import Map

    points = torch.as_tensor(checked_coords(of_rows(ask.coords, result.data, "coords", "points")))
    return Map(points[result.rows], "pca", "your own map", ask.seed, 0.0)


def estimate(session: Session) -> float | None:
    """Seconds that Select would take, from what the last run of the same methods took; None where nothing is known."""
    result = session.result
    if result is None or result.key[: len(session.pool_key)] != session.pool_key or not session.choices:
        return None
    k = right_end(session.k_max, result.n)
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
