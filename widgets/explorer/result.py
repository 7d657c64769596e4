"""What Select does, without a widget: data, pool, picks, weights and numbers at every budget; then the accuracies."""

from __future__ import annotations

import time
from dataclasses import replace

import torch

from coreset_explore import greedy, measures, progress, projection
from coreset_explore.pool import Pool
from coreset_explore.registry import PICKERS, find
from coreset_explore.selecting.run import budget, select
from coreset_explore.selecting.weights import reweigh
from coreset_explore.selection import Selection
from widgets.explorer.pool import Ask, load, made, record
from widgets.explorer.session import Choice, Result, Run, Session, budget_grid, default_k_max

LAYOUTS = {title: how for how, title in projection.NAMES.items()}
YOURS = "Yours"  # the name of a map that the user brought


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
    greedy.warm()  # here, so that no method's seconds hold the loading of compiled code
    k_max = budget(ask.k_max, len(pool)) if ask.k_max else default_k_max(len(pool))
    budgets = budget_grid(k_max, pool.n_classes)
    todo = [*ask.choices, random_choice(pool)]
    share = (1.0 - low) / len(todo)
    runs: list[Run] = []
    for number, choice in enumerate(todo):
        reached = low + number * share
        with progress.stage(choice.name.replace(",", ""), reached, reached + share):
            known = _same(choice, runs, kept, budgets)
            runs.append(replace(known, choice=choice) if known else _run(choice, pool, budgets, ask.seed))
    *chosen, random = runs
    twin = next((r for r in chosen if r.selection is random.selection), None)
    named = {run.choice.name: run for run in chosen}
    seconds = time.perf_counter() - start
    return Result(data, pool, budgets, named, twin or random, ask.key, seconds, made(ask, pool))


def random_choice(pool: Pool) -> Choice:
    """Random by the same per-class rule, the baseline of every figure."""
    return Choice("Random", "random", (("per_class", {}),) if pool.y is not None else ())


def _same(choice: Choice, runs: list[Run], kept: Result | None, budgets: tuple) -> Run | None:
    """A run of the same method, parameters and budgets on the same pool, from this result or the last."""
    before = [*kept.runs.values(), kept.random] if kept is not None and kept.budgets == budgets else []
    for run in [*runs, *before]:
        other = run.choice
        if (other.method, other.wrap, dict(other.params), other.pick) == (
            choice.method, choice.wrap, dict(choice.params), choice.pick,
        ) and other.own is choice.own and run.functions == _functions(choice):  # fmt: skip
            return run
    return None


def _functions(choice: Choice) -> tuple:
    """The functions registered now under the choice's names."""
    if choice.own is not None:
        return ()
    pick = choice.pick if isinstance(choice.pick, str) else (choice.pick or [None])[0]
    return (find(choice.method).fn, PICKERS[pick].fn if pick in PICKERS else None)


def _run(choice: Choice, pool: Pool, budgets: tuple[int, ...], seed: int) -> Run:
    start = time.perf_counter()
    try:
        functions = _functions(choice)
        if choice.own is not None:
            return _own(choice, pool, budgets)
        whole = _select(choice, pool, budgets[-1], seed)
        nested = whole.info["nested"]
        seconds = time.perf_counter() - start
        if nested:
            at, errors = _path(pool, whole, budgets)
        else:
            at = [_select(choice, pool, b, seed) for b in progress.track(budgets[:-1], "budget")] + [whole]
            errors = [_error(pool, s) for s in at]
        numbers = _numbers(pool, whole, at, errors, budgets, nested)
        took = time.perf_counter() - start
        return Run(choice, whole, tuple(at), numbers, seconds, nested, took=took, functions=functions)
    except Exception as error:
        error.add_note(choice.name)
        raise


def _select(choice: Choice, pool: Pool, k: int, seed: int) -> Selection:
    return select(
        choice.method,
        pool,
        k,
        seed=seed,
        wrap=list(choice.wrap),
        pick=choice.pick,
        show=False,
        **choice.params,
    )


def _own(choice: Choice, pool: Pool, budgets: tuple[int, ...]) -> Run:
    own = choice.own
    if len(own) == 0 or int(own.indices.max()) >= len(pool):
        raise ValueError(
            f"this selection does not fit a pool of {len(pool):,} rows: its rows go from 0 to {len(pool) - 1:,}"
        )
    at, errors = _path(pool, own, budgets)
    return Run(choice, own, tuple(at), _numbers(pool, own, at, errors, budgets, True), 0.0, True)


def _path(pool: Pool, whole: Selection, budgets: tuple[int, ...]) -> tuple[list, list]:
    """The selection at each budget with that budget's weights, and its gradient error (None without gradients)."""
    if pool.grads is not None:
        path = measures.gradient_path(pool, whole, budgets)
        return list(path.at), list(path.errors)
    cut = [whole if b >= len(whole) else reweigh(pool, whole[:b]) for b in progress.track(budgets, "weights")]
    return cut, [None] * len(cut)


def _error(pool: Pool, selection: Selection) -> float | None:
    return None if pool.grads is None else measures.gradient_error(pool, selection)


def _numbers(
    pool: Pool, whole: Selection, at: list, errors: list, budgets: tuple, nested: bool
) -> dict[str, list]:
    radius: list = [None] * len(budgets)
    mean = list(radius)
    if pool.emb is not None:
        found = (
            measures.coverage_path(pool, whole, budgets)
            if nested
            else [measures.coverage(pool, s) for s in progress.track(at, "coverage")]
        )
        radius, mean = [c.radius for c in found], [c.mean_distance for c in found]
    size = [measures.effective_size(s) for s in at]
    return {"radius": radius, "mean_distance": mean, "gradient_error": errors, "effective_size": size}


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
    k = session.k_max or default_k_max(result.n)
    known = {run.choice.method: run.took for run in result.runs.values() if run.choice.own is None}
    seconds = 0.0
    for choice in session.choices:
        if choice.own is not None or (k == result.budgets[-1] and _same(choice, [], result, result.budgets)):
            continue
        if choice.method not in known:
            return None
        seconds += known[choice.method] * k / result.budgets[-1]
    return seconds
