"""What Select does, without a widget: data, pool, picks, weights and numbers at every budget; then the accuracies."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from coreset_explore import progress, projection
from coreset_explore.experiment import runs
from coreset_explore.pool import Pool
from coreset_explore.selecting.answer import budget
from coreset_explore.selecting.strategy import Strategy
from widgets.explorer.arguments import checked_coords, decided
from widgets.explorer.pool import Ask, bare, load, of_rows, quick, record, teachable
from widgets.explorer.pool_code import made
from widgets.explorer.session import Session, chosen_key
from widgets.kit.cards import Shown
from widgets.kit.columns import parted, shown

LAYOUTS = {title: how for how, title in projection.NAMES.items()}
YOURS = "Yours"  # the name of a map that the user brought
MANY = 10_000  # rows for whose signals and picks one waits long enough to want to see something before


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
    early: bool = False  # random picks on a first map, while signals are recorded and methods run

    @property
    def rows(self) -> torch.Tensor:
        """(n,) the row of `data` that each row of the pool is: its id, or of a Pool that was given the row itself."""
        ids = self.pool.ids.cpu()
        given = getattr(self.data, "truth", {}).get("row")
        return torch.arange(self.n) if given is not None and torch.equal(given, ids) else ids


Answer = tuple[Result, dict[str, projection.Map]]


def answer(ask: Ask, previous: Result | None = None) -> Generator[Answer, None, Answer]:
    """Answer the settings; what `previous` holds already (the pool, the same method and parameters) is taken from it.

    Gives the result, and for a new pool the maps that are there at once: PCA, and the user's own. Of many rows the
    first answer of a panel comes in steps, so that there is something to look at while signals are recorded and
    methods run: random picks on a map of what there is so far, `early`, before the answer itself.

    Raises what loading, recording and selecting raise, with a note that names the method.
    """
    start = time.perf_counter()
    if not ask.choices:
        raise ValueError("no method is chosen; add one under 2 Methods")
    kept = None
    if previous is not None and not previous.early and previous.key[: len(ask.pool_key)] == ask.pool_key:
        kept = previous
    key, why, maps = (*ask.pool_key, chosen_key(ask.choices), ask.k_max), "", {}
    whole, (ask, columns) = ask, parted(ask)
    if kept is not None:
        data, pool, low, why, rows = kept.data, kept.pool, 0.0, kept.why, kept.shown
    else:
        with progress.stage("Loading", 0.0, 0.05):
            data, features = load(ask)
            rows = shown(whole, data)
            if columns:
                data = replace(data, note="; ".join(part for part in (data.note, columns) if part))
            given = bare(data, features)
            if ask.undecided:
                own = [choice for choice in ask.choices if choice.own is not None]
                chosen, why = decided(given, teachable(ask, given.y), own)
                ask = replace(ask, choices=chosen)
        in_steps = len(given) >= MANY and (previous is None or previous.early)
        seen = {"data": data, "key": key, "settings": ask.settings, "shown": rows}
        if in_steps and not quick(ask, data, features):
            yield _early(ask, given, "the pixels" if features is None else "", seen)
        with progress.stage("Recording signals", 0.05, 0.5):
            pool = record(ask, data, features)
        if in_steps:
            found, maps = _early(ask, pool, "", seen)
            yield found, maps
        low = 0.5
    for choice in ask.choices:
        _refuse_other_mask(choice, len(pool))
    budgets = budgets_of(ask, pool)
    known = [*kept.runs.values(), kept.random] if kept is not None and kept.budgets == budgets else []
    with progress.stage("", low, 0.99):
        found = runs.sweep(pool, ask.choices, budgets, ask.seed, random_choice(pool), known)
    seconds = time.perf_counter() - start
    about = {
        "data": data,
        "key": (*ask.pool_key, chosen_key(ask.choices), ask.k_max),
        "made": made(ask, pool),
        "decided": ask.choices if ask.undecided else (),
        "why": why,
        "module": ask.module,
        "settings": ask.settings,
        "shown": rows,
    }
    result = Result(pool, budgets, found.runs, found.random, seconds, found.failed, **about)
    with progress.stage("Map", 0.99, 1.0):
        return result, {} if kept is not None else maps or _maps(ask, result)


def _early(ask: Ask, pool: Pool, of: str, about: Mapping[str, Any]) -> Answer:
    """Random picks on the map of a pool, and no numbers: they would take as long as the picks of a method."""
    with progress.stage("A first look", 0.05, 0.06):
        budgets = budgets_of(ask, pool)
        run = runs.unmeasured(random_choice(pool), pool, budgets, ask.seed)
        found = Result(pool, budgets, {run.strategy.name: run}, run, 0.0, early=True, **about)
        maps = _maps(ask, found)
    if of:
        maps["PCA"] = replace(maps["PCA"], note=f"PCA of {of}")
    return replace(found, made=made(ask, pool)), maps


def _maps(ask: Ask, result: Result) -> dict[str, projection.Map]:
    found = {"PCA": layout(result.pool, "PCA", ask.seed)}
    return found if ask.coords is None else {YOURS: _own_map(ask, result), **found}


def _refuse_other_mask(choice: Strategy, n: int) -> None:
    """Raise where one's own picks came as a mask of other rows than there are to choose from."""
    own = choice.own
    if own is not None and own.info.get("own") and own.info.get("n", n) != n:
        raise ValueError(
            f"{choice.name} is a mask of {own.info['n']:,} rows and {n:,} are chosen from; give one entry a row, of "
            "those that are not set aside"
        )


def budgets_of(ask: Ask, pool: Pool) -> tuple[int, ...]:
    """The slider's budgets: a grid up to its right end, and the budget that is looked at, so that it stays chosen."""
    grid = runs.budget_grid(right_end(ask.k_max, len(pool)), pool.n_classes)
    return tuple(sorted({*grid, *({ask.looked_at} if 0 < ask.looked_at < grid[-1] else ())}))


def right_end(k_max: int | float, n: int) -> int:
    """The largest budget for n rows: a count, a share, or where nothing was said min(5 %, 2,000)."""
    return budget(k_max, n) if k_max else runs.default_k_max(n)


def random_choice(pool: Pool) -> Strategy:
    """Random within each class where there are any, the baseline of every figure."""
    return Strategy.of("random", name="Random", wrap=["per_class"] if pool.y is not None else [])


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
