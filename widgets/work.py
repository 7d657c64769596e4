"""What Select does, without a widget: data, pool, picks, weights and numbers at every budget; then the accuracies."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from coreset_explore import measures, progress
from coreset_explore.pool import Pool
from coreset_explore.registry import find
from coreset_explore.selecting import budget, select
from coreset_explore.selection import Selection
from coreset_explore.weights import reweigh
from widgets.session import Choice, Result, Run, Session, budget_grid, default_k_max

PROBE_BUDGETS, PROBE_SEEDS = 8, 3


@dataclass(frozen=True, eq=False)
class Ask:
    """The settings of one run, taken when Select is pressed: what is changed later does not reach it."""

    name: str = "digits"
    data: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)
    images: Any = None
    model: str = ""
    epochs: int = 5
    choices: tuple[Choice, ...] = ()
    k_max: int = 0
    seed: int = 0
    key: tuple = ()
    pool_key: tuple = ()

    @classmethod
    def of(cls, session: Session) -> Ask:
        mine = session.data_name == session.given_name
        return cls(
            name=session.data_name,
            data=session.data if mine else None,
            options=dict(session.options) if mine else {},
            images=session.images if mine else None,
            model=session.model,
            epochs=session.epochs,
            choices=tuple(session.choices),
            k_max=session.k_max,
            seed=session.seed,
            key=session.key,
            pool_key=session.pool_key,
        )


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
        with progress.stage(f"Loading {ask.name}", 0.0, 0.05):
            data, features = load(ask)
        with progress.stage(f"Training the model on {ask.name}", 0.05, 0.5):
            pool = record(ask, data, features)
        low = 0.5
    k_max = budget(ask.k_max, len(pool)) if ask.k_max else default_k_max(len(pool))
    budgets = budget_grid(k_max, pool.n_classes)
    todo = [*ask.choices, random_choice(pool)]
    share = (1.0 - low) / len(todo)
    runs: list[Run] = []
    for number, choice in enumerate(todo):
        reached = low + number * share
        with progress.stage(choice.name, reached, reached + share):
            known = _same(choice, runs, kept, ask.seed, budgets)
            runs.append(replace(known, choice=choice) if known else _run(choice, pool, budgets, ask.seed))
    *chosen, random = runs
    twin = next((r for r in chosen if r.selection is random.selection), None)
    named = {run.choice.name: run for run in chosen}
    seconds = time.perf_counter() - start
    return Result(data, pool, budgets, named, twin or random, ask.key, seconds, made(ask, pool))


def random_choice(pool: Pool) -> Choice:
    """Random by the same per-class rule, the baseline of every figure."""
    return Choice("Random", "random", (("per_class", {}),) if pool.y is not None else ())


def load(ask: Ask) -> tuple[Any, Any]:
    """(Data, features): features is a Pool or None, where the user gave features of their own."""
    from coreset_explore import datasets

    source = ask.name if ask.data is None else ask.data
    if isinstance(source, Pool):
        return _pictures(ask.images, source.y, source.classes, source, ask.name), source
    data = datasets.load(source, **ask.options)
    if data.kind == "images" or ask.data is None or isinstance(source, datasets.Data):
        return data, None
    pool = Pool.of(data.x, data.y, classes=data.classes or None, info={"name": ask.name})
    data = replace(data, name=ask.name)
    return (
        data if ask.images is None else _pictures(ask.images, data.y, data.classes, pool, ask.name, data)
    ), pool


def _pictures(images: Any, y, classes: Sequence[str], pool: Pool, name: str, table=None):
    """Data that shows `images` (an array of pictures, or one path a row) beside a pool of features."""
    from coreset_explore import datasets

    if images is None or isinstance(images[0], str) or hasattr(images[0], "__fspath__"):
        x = pool.emb if pool.emb is not None else torch.zeros(len(pool), 1)
        files = None if images is None else [str(path) for path in images]
        data = table or datasets.load(x.cpu(), y=y, classes=classes or None)
        data = data if files is None else replace(data, files=_one_each(files, pool))
    else:
        data = datasets.load(images, y=y, classes=classes or None)
        _one_each(data.x, pool)
    return replace(data, name=name)


def _one_each(images, pool: Pool):
    if len(images) != len(pool):
        raise ValueError(
            f"images= holds {len(images):,} pictures for {len(pool):,} rows; give one a row, in the same order"
        )
    return tuple(images) if isinstance(images, list) else images


def record(ask: Ask, data, features: Pool | None) -> Pool:
    """The pool: signals of a model trained on the data; one's own features get the gradients of a logistic."""
    from coreset_explore.recording import signals

    if isinstance(ask.data, Pool) or (features is not None and features.y is None):
        return features
    if data.y is None:
        return Pool.of(data.x.flatten(1).float(), info={"name": ask.name})
    settings = {"epochs": ask.epochs, "holdout": _holdout(ask), "seed": ask.seed, "show": False}
    if features is None or ask.model:
        return signals(
            data if features is None else table_of(features, data), model=ask.model or None, **settings
        )
    pool = signals(table_of(features, data), model="logistic", **settings)
    return replace(own_features(pool, features.emb), classes=features.classes)


def table_of(features: Pool, data):
    """The user's features as Data to train on; `data` may hold their pictures instead."""
    from coreset_explore import datasets

    return (
        data
        if data.kind == "table"
        else datasets.load(features.emb, y=features.y, classes=features.classes or None)
    )


def own_features(pool: Pool, x: torch.Tensor) -> Pool:
    """The pool with the features exactly as they were given, where the model saw standardized ones."""
    return pool.add(emb=x[pool.ids])


def _holdout(ask: Ask) -> float:
    """Validation rows are set aside only where a chosen method matches them."""
    return 0.1 if any("validation" in map(str, c.params.values()) for c in ask.choices) else 0.0


def made(ask: Ask, pool: Pool) -> dict:
    """The lines of code that make the data and the pool of these settings, and the seed."""
    given = "".join(
        f", {name}={value!r}" for name, value in ask.options.items() if isinstance(value, str | int | float)
    )
    settings = f"epochs={ask.epochs}, seed={ask.seed}"
    if _holdout(ask):
        settings += f", holdout={_holdout(ask)}"
    lines: dict = {"seed": ask.seed, "load": "", "note": ""}
    if isinstance(ask.data, Pool):
        return {**lines, "note": "pool: the Pool you gave to explore", "pool": []}
    named = ask.data is None
    labels = "" if pool.y is None or named or isinstance(ask.data, tuple) or "y" in given else ", y=y"
    lines["load"] = f"cx.load({ask.name!r}{given})" if named else f"cx.load(X{labels}{given})"
    if not named:
        lines["note"] = "X, y: what you gave to explore"
    model = pool.info.get("model")
    if model is None:
        return {**lines, "pool": ["pool = cx.Pool.of(data.x.flatten(1).float())"]}
    raw = pool.emb is not None and model == "logistic" and not ask.model
    recorded = [f'pool = cx.signals(data, model="{model}", {settings})']
    return {**lines, "pool": [*recorded, *(["pool = pool.add(emb=data.x[pool.ids])"] if raw else [])]}


def _same(choice: Choice, runs: list[Run], kept: Result | None, seed: int, budgets: tuple) -> Run | None:
    """A run of the same method, parameters and budgets on the same pool, from this result or the last."""
    before = [*kept.runs.values(), kept.random] if kept is not None and kept.budgets == budgets else []
    for run in [*runs, *before]:
        other = run.choice
        if (other.method, other.wrap, dict(other.params), other.pick) == (
            choice.method, choice.wrap, dict(choice.params), choice.pick,
        ) and other.own is choice.own:  # fmt: skip
            return run
    return None


def _run(choice: Choice, pool: Pool, budgets: tuple[int, ...], seed: int) -> Run:
    start = time.perf_counter()
    try:
        if choice.own is not None:
            return _own(choice, pool, budgets)
        nested = find(choice.method).nested and all(
            name in ("per_class", "two_stage") for name, _ in choice.wrap
        )
        whole = _select(choice, pool, budgets[-1], seed)
        seconds = time.perf_counter() - start
        if nested:
            at, errors = _path(pool, whole, budgets)
        else:
            at = [_select(choice, pool, b, seed) for b in progress.track(budgets[:-1], "budget")] + [whole]
            errors = [_error(pool, s) for s in at]
        numbers = _numbers(pool, whole, at, errors, budgets, nested)
        return Run(choice, whole, tuple(at), numbers, seconds, nested, took=time.perf_counter() - start)
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
    """The result, with the maps that cost nothing: PCA, and the user's own."""
    result = compute(ask, previous)
    if previous is not None and previous.pool is result.pool:
        return result, {}
    found = {"PCA": layout(result.pool, "PCA", ask.seed)}
    return result, found


def layout(pool: Pool, name: str, seed: int):
    """A map of the pool's features; PCA at once, UMAP and t-SNE in seconds to minutes."""
    return None


def no_accuracy(result: Result) -> str:
    """Why no accuracy can be measured, or nothing."""
    if result.pool.y is None:
        return "No accuracies: the data has no labels."
    return ""


def accuracy(result: Result) -> Result:
    """The result with probe accuracies of every run at eight budgets and three seeds."""
    return result


def train(result: Result, **settings):
    """Accuracies of the real model, trained from scratch on each selection."""


def estimate(session: Session) -> float | None:
    """Seconds that Select would take, from what the last run of the same methods took; None where nothing is known."""
    result = session.result
    if result is None or result.key[: len(session.pool_key)] != session.pool_key or not session.choices:
        return None
    k = session.k_max or default_k_max(result.n)
    known = {run.choice.method: run.took for run in result.runs.values() if run.choice.own is None}
    seconds = 0.0
    for choice in session.choices:
        if (
            choice.own is not None
            or choice in [r.choice for r in result.runs.values()]
            and k == result.budgets[-1]
        ):
            continue
        if choice.method not in known:
            return None
        seconds += known[choice.method] * k / result.budgets[-1]
    return seconds
