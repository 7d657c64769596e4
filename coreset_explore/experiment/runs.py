"""Every method at every budget, with weights and numbers, and random beside them: what panels and curves show.

A budget's picks are a nested method's first ones, each budget with weights of its own; other methods run at each.
"""

from __future__ import annotations

import bisect
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from coreset_explore import greedy, measures, progress
from coreset_explore.inputs.checks import shown
from coreset_explore.pool import Pool
from coreset_explore.registry import Method
from coreset_explore.selecting.strategy import WORDS, Strategy
from coreset_explore.selection import Selection, fitting

MEASURED: tuple[str, ...] = (
    "radius",
    "mean_distance",
    "gradient_error",
    "effective_size",
)  # of every run, at every budget


@dataclass(frozen=True, eq=False)
class Run:
    """What one strategy answered: `at[i]` is the selection for `budgets[i]` of the sweep, with that budget's weights.

    `selection` holds the picks up to the largest budget; for a nested method `at[i]` holds its first picks, which
    `nested` says. `numbers[name]` has one value a budget, None where it does not apply: "radius", "mean_distance",
    "gradient_error", "effective_size". `seconds` is the selecting alone, `took` weights and numbers too. `accuracy`
    is a tidy frame once somebody measured it.
    """

    strategy: Strategy
    selection: Selection
    at: tuple[Selection, ...]
    numbers: Mapping[str, list]
    seconds: float
    nested: bool = True
    accuracy: Any = None
    took: float = 0.0
    functions: tuple = ()  # that answered: a cell run again registers others under the same names


@dataclass(frozen=True, eq=False)
class Result:
    """A sweep: one Run a strategy by name, on one pool at the same budgets; random beside them, always.

    `failed` says by name what kept a strategy from answering.
    """

    pool: Pool
    budgets: tuple[int, ...]
    runs: Mapping[str, Run]
    random: Run
    seconds: float
    failed: Mapping[str, Exception] = field(default_factory=dict)

    @property
    def n(self) -> int:
        return len(self.pool)

    def frame(self):
        """A tidy pandas frame, a row for each method and budget: the numbers, and the seconds of selecting."""
        import pandas

        rows = []
        for name, run in {**self.runs, self.random.strategy.name: self.random}.items():
            for i, budget in enumerate(self.budgets):
                numbers = {measure: values[i] for measure, values in run.numbers.items()}
                rows.append({"method": name, "budget": budget, **numbers, "seconds": run.seconds})
        return pandas.DataFrame(rows)


def sweep(
    pool: Pool,
    strategies: Sequence[Strategy],
    budgets: Sequence[int],
    seed: int = 0,
    random: Strategy | None = None,
    known: Iterable[Run] = (),
) -> Result:
    """Run every strategy for every budget (ascending), and `random` beside them (uniform, unless told).

    `known` are runs on this pool at these budgets and this seed: those of the same method, parameters and functions
    are taken over. A strategy that raises does not stop the others: what it raised, with its name as a note, stands in
    `failed`. Where none can answer the first's is raised.
    """
    start = time.perf_counter()
    greedy.warm()  # here, so that no method's seconds hold the loading of compiled code
    todo = [*strategies, random or Strategy.of("random", name="Random")]
    runs: list[Run] = []
    failed: dict[str, Exception] = {}
    for number, strategy in enumerate(todo):
        low, high = number / len(todo), (number + 1) / len(todo)
        with progress.stage(strategy.name.replace(",", ""), low, high):
            try:
                found = same(strategy, [*runs, *known])
                found = (
                    replace(found, strategy=strategy) if found else _run(strategy, pool, tuple(budgets), seed)
                )
            except Exception as error:
                if number == len(todo) - 1 or len(failed) == len(strategies) - 1:
                    raise next(iter(failed.values()), error) from None
                failed[strategy.name] = error
            else:
                runs.append(found)
    *chosen, beside = runs
    twin = next((run for run in chosen if run.selection is beside.selection), None)
    seconds = time.perf_counter() - start
    by_name = {run.strategy.name: run for run in chosen}
    return Result(pool, tuple(budgets), by_name, twin or beside, seconds, failed)


def with_budget(result: Result, budget: int, seed: int = 0) -> Result:
    """The sweep with one budget more, up to its largest: every strategy's answer there, with weights and numbers.

    Prefixes cost a pass over n x budget distances each; what is not nested selects anew.
    """
    if budget in result.budgets:
        return result
    if not 1 <= budget <= result.budgets[-1]:
        raise ValueError(
            f"the sweep knows budgets from 1 to {result.budgets[-1]:,}, and {budget:,} was asked for; sweep further"
        )
    place, pool = bisect.bisect(result.budgets, budget), result.pool

    def inserted(values: Sequence, value: Any) -> list:
        return [*values[:place], value, *values[place:]]

    def more(run: Run) -> Run:
        if run.nested:
            one = measures.prefixes(pool, run.selection, [budget])[0]
        else:
            one = run.strategy.select(pool, budget, seed=seed, show=False)
        numbers = _numbers(pool, one, [one], [budget], nested=False)
        every = {name: inserted(values, numbers[name][0]) for name, values in run.numbers.items()}
        return replace(run, at=tuple(inserted(run.at, one)), numbers=every)

    found = {
        id(run): more(run) for run in {id(r): r for r in (*result.runs.values(), result.random)}.values()
    }
    return replace(
        result,
        budgets=tuple(inserted(result.budgets, budget)),
        runs={name: found[id(run)] for name, run in result.runs.items()},
        random=found[id(result.random)],
    )


def picks(
    strategy: Strategy, pool: Pool, budgets: Sequence[int], seed: int
) -> tuple[Selection, list[Selection], bool]:
    """The picks for the largest budget, the selection at every budget (ascending), and whether these are prefixes."""
    whole = strategy.own
    if strategy.nested and whole is None:
        whole = strategy.select(pool, budgets[-1], seed=seed, show=False)
    if whole is not None and (strategy.own is not None or whole.info["nested"]):
        return whole, measures.prefixes(pool, fitting(whole, pool), budgets), True
    # not nested, or made so by a parameter, which only its answer tells
    rest = budgets if whole is None else budgets[:-1]
    at = [strategy.select(pool, k, seed=seed, show=False) for k in progress.track(rest, "budget")]
    at += [] if whole is None else [whole]
    return at[-1], at, False


def same(strategy: Strategy, runs: Iterable[Run]) -> Run | None:
    """The first of these runs whose answer is this strategy's too, whatever it is called."""
    wanted = _identity(strategy)
    return next(
        (r for r in runs if _identity(r.strategy) == wanted and r.functions == strategy.functions), None
    )


def _identity(strategy: Strategy) -> tuple:
    own = None if strategy.own is None else id(strategy.own)
    return strategy.method, strategy.wrap, strategy.params, strategy.pick, own


def unmeasured(strategy: Strategy, pool: Pool, budgets: tuple[int, ...], seed: int) -> Run:
    """What the strategy answers at every budget (ascending), before anything is measured: `numbers` hold None."""
    functions = strategy.functions
    whole, at, nested = picks(strategy, pool, budgets, seed)
    seconds = 0.0 if strategy.own is not None else whole.info["seconds"]
    unknown = dict.fromkeys(MEASURED, [None] * len(budgets))
    return Run(strategy, whole, tuple(at), unknown, seconds, nested, functions=functions)


def _run(strategy: Strategy, pool: Pool, budgets: tuple[int, ...], seed: int) -> Run:
    start = time.perf_counter()
    try:
        run = unmeasured(strategy, pool, budgets, seed)
        numbers = _numbers(pool, run.selection, run.at, budgets, run.nested)
    except Exception as error:
        error.add_note(strategy.name)
        raise
    return replace(run, numbers=numbers, took=time.perf_counter() - start)


def _numbers(
    pool: Pool, whole: Selection, at: Sequence[Selection], budgets: Sequence[int], nested: bool
) -> dict[str, list]:
    nothing: list = [None] * len(budgets)
    radius, mean, errors = nothing, nothing, nothing
    if pool.emb is not None:
        found = (
            measures.coverage_path(pool, whole, budgets)
            if nested
            else [measures.coverage(pool, one) for one in progress.track(at, "coverage")]
        )
        radius, mean = [c.radius for c in found], [c.mean_distance for c in found]
    if pool.grads is not None:
        errors = measures.gradient_errors(pool, at)
    size = [measures.effective_size(one) for one in at]
    return dict(zip(MEASURED, (radius, mean, errors, size)))


# -- what is asked for ------------------------------------------------------------------------------------------------


def strategies_of(methods: Any) -> list[Strategy]:
    """What `methods` names: one, a list, or {label: method}, each as `Strategy.of` takes it; names stand once."""
    if _is_one(methods):
        methods = [methods]
    if not isinstance(methods, Iterable):
        raise ValueError(f'methods are names as "CRAIG", or a list of them, not {shown(methods)}')
    named = methods.items() if isinstance(methods, Mapping) else ((None, one) for one in methods)
    found = [_line(one, label) for label, one in named]
    names = [strategy.name for strategy in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"two methods are called {twice!r}; give each its own label")
    return found


def _line(given: Any, label: str | None) -> Strategy:
    if not isinstance(given, str | Method | Strategy | Selection | Mapping) and not callable(given):
        raise ValueError(
            f"a line of the curve is a method's or a paper's name, a dictionary {{method, params, wrap, pick, label}} "
            f"or a Selection, not {shown(given)}; rows of your own are Selection.of(rows)"
        )
    return Strategy.of(given, name=label)


def with_random(strategies: Sequence[Strategy]) -> list[Strategy]:
    """These, with random among them: drawn by the others' per-class rule."""
    if any(strategy.own is None and strategy.declared.name == "random" for strategy in strategies):
        return list(strategies)
    rules = [options for s in strategies for name, options in s.wrap if name == "per_class"]
    rule = {key: value for key, value in (rules[0] if rules else {}).items() if key == "rule"}
    name = "Random" if all(s.name != "Random" for s in strategies) else "Random (not chosen)"
    return [*strategies, Strategy.of("random", name=name, wrap=[("per_class", rule)] if rules else [])]


def _is_one(methods: Any) -> bool:
    """Whether this is one method, where a list or {label: method} of them is asked for."""
    words = {*WORDS, "label"}
    described = isinstance(methods, Mapping) and "method" in methods and set(methods) <= words
    return described or isinstance(methods, str | Method | Strategy | Selection) or callable(methods)


def budget_grid(k_max: int, n_classes: int = 1, size: int = 20) -> tuple[int, ...]:
    """Up to `size` budgets, even on a log scale, from one a class (at least 10) to k_max, rounded to read well."""
    low = min(max(10, n_classes), k_max)
    raw = np.geomspace(low, k_max, size)
    magnitude = 10.0 ** np.floor(np.log10(raw))
    rounded = np.round(raw / magnitude * 20) / 20 * magnitude
    grid = np.unique(np.clip(np.round(rounded), 1, k_max).astype(int))
    return tuple(int(b) for b in np.unique(np.append(grid[grid < k_max], k_max)))


def default_k_max(n: int) -> int:
    """min(5 %, 2,000), at least one."""
    return max(1, min(round(0.05 * n), 2000))
