"""select(): from a name, a pool and a budget to a Selection that carries its provenance."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from coreset_explore import progress
from coreset_explore.gradients import LastLayer
from coreset_explore.inputs import checks
from coreset_explore.machine.ram import available_bytes, peak_memory
from coreset_explore.params import check_params, parameters
from coreset_explore.pool import Pool
from coreset_explore.registry import METHODS, SCORES, Method, find, unknown
from coreset_explore.selecting.bound import Bound, bind, missing_for
from coreset_explore.selecting.combinators import COMBINATORS
from coreset_explore.selecting.presets import Preset, presets
from coreset_explore.selection import Selection

Wrap = str | Sequence[str | tuple[str, Mapping[str, Any]]]
MEMORY_SHARE = 0.8  # of what is free: above it a run is refused beforehand rather than killed


def wrapped(method: Bound, wrap: Wrap) -> Callable[..., Selection]:
    """The method inside its combinators, the first named innermost."""
    inside: Callable[..., Selection] = method
    for name, options in combinators(wrap):
        first = {"first": bind(options.pop("first"))} if name == "two_stage" else {}
        inside = COMBINATORS[name](inside, **first, **options)
    return inside


def combinators(wrap: Wrap | None) -> list[checks.Named]:
    """Names and options, innermost first and checked; a method among the options is named, so that all is JSON."""
    found = []
    for name, options in checks.names(wrap, "wrap"):
        if name not in COMBINATORS:
            raise unknown("combinator", name, COMBINATORS)
        first = {"first": find(options.pop("first", "random"))} if name == "two_stage" else {}
        known = parameters(COMBINATORS[name], skip=("first", "map"))
        found.append((name, {**first, **check_params(name, known, options)}))
    outside = [name for name, _ in found]
    if "per_batch" in outside and "per_class" in outside[: outside.index("per_batch")]:
        raise ValueError(
            "per_batch around per_class has no classes to tell apart, since a batch holds several; wrap is listed "
            'innermost first: write wrap=["per_batch", "per_class"], for batches within each class'
        )
    if sum(options.get("view") == "own_class" for _, options in found) > 1:
        raise ValueError('own_class leaves one output of each gradient; give view="own_class" once')
    return found


def select(
    method: str | Method | Preset | Callable,
    pool,
    k: int | float,
    *,
    seed: int = 0,
    wrap: Wrap | None = None,
    pick: Any = None,
    given: Sequence[int] | Tensor | Selection = (),
    show: bool | None = None,
    **params,
) -> Selection:
    """Choose k rows of `pool` (a fraction of it, if k is a float up to 1) by a named method.

    `wrap` names combinators, innermost first: `["per_class"]`, `[("per_class", {"view": "own_class"})]`; `pick` names
    the picker of a score: "top", "bottom" or ("name", {options}); `given` holds rows already chosen. A preset (an entry
    of PRESETS, or its name) brings its own wrap and pick, which yours replace. A bare array means features.
    The same seed gives the same picks. Raises ValueError (`Missing` for a field the pool lacks) with what to do,
    MemoryError before a run that would not fit.

    >>> import coreset_explore as cx
    >>> X, y = [[0.0], [1.0], [3.0], [10.0], [12.0], [17.0]], ["cat", "cat", "cat", "dog", "dog", "dog"]
    >>> cx.select("kcenter", X, 2).indices.tolist()
    [3, 0]
    >>> pool = cx.Pool.of(X, y)
    >>> cx.select("craig", pool, 1 / 3, space="emb", wrap=["per_class"]).indices.tolist()
    [1, 4]
    >>> cx.select("class_distance", pool, 2, pick="bottom").indices.tolist()
    [1, 4]
    >>> cx.select("kcenter", pool, 1, given=[0, 5]).indices.tolist()
    [3]
    """
    pool = Pool.of(pool)
    rows = given.indices if isinstance(given, Selection) else () if given is None else given
    given = checks.rows(rows, "given", len(pool)).unique().tolist()
    if len(given) == len(pool):
        why = (
            f"given names all {len(pool):,} of them; give fewer"
            if given
            else "the pool is empty; give it some"
        )
        raise ValueError(f"no row is left to choose: {why}")
    k, seed = budget(k, len(pool) - len(given)), checks.seed(seed)
    bound, wrap = configured(method, pick, wrap, params)
    run = wrapped(bound, wrap)
    estimate = estimated_bytes(bound, pool, k, wrap)
    _refuse_too_large(bound.method, estimate)
    rng = torch.Generator().manual_seed(seed)
    start = time.perf_counter()
    with progress.bar(bound.method.title, show), peak_memory(pool.device) as peak:
        answer = run(pool, k, rng=rng, given=tuple(given))
        progress.check()
    seconds = time.perf_counter() - start
    _check(answer, pool, k, given, bound.method.name)
    # a function may have combined before it was handed over; then each of `wrap` has added itself
    outer = [[name, _plain(options)] for name, options in wrap]
    around = [*answer.info.get("wrap", ())[: -len(outer) or None], *outer]
    info = {
        **answer.info,
        "wrap": around,
        # whether a prefix is the answer for its budget; other combinators see other candidates at another budget
        "nested": answer.info["nested"] and all(name == "per_class" for name, _ in around),
        "k": len(answer),
        "asked": k,
        "seed": seed,
        "n": len(pool),
        "pool": pool.fingerprint,
        "target": pool.target.fingerprint if pool.target is not None else None,
        "seconds": seconds,
        "peak_bytes": peak["bytes"],
        "estimated_bytes": estimate,
        "threads": torch.get_num_threads(),
        "device": str(pool.device),
        "versions": _versions(),
    }
    return replace(answer, info=info, ids=pool.ids.cpu()[answer.indices])


def preset_of(method: Any) -> Preset | None:
    """The preset that is meant by an entry of PRESETS or by its name; None for a method, which has first say."""
    if isinstance(method, Preset):
        return method
    if not isinstance(method, str) or method in METHODS or method in SCORES:
        return None
    found = presets()
    if method not in found:
        raise unknown("method", method, [*METHODS, *SCORES, *found])
    return found[method]


def configured(
    method: Any, pick: Any = None, wrap: Wrap | None = None, params: Mapping[str, Any] | None = None
) -> tuple[Bound, list[checks.Named]]:
    """A method or preset with all that is told about it: bound to its parameters and picker, and its combinators."""
    params = dict(params or {})
    if (preset := preset_of(method)) is not None:
        method, params = preset.method, {**preset.params, **params}
        wrap, pick = preset.wrap if wrap is None else wrap, preset.pick if pick is None else pick
    return bind(method, pick, **params), combinators(wrap)


def budget(k: int | float, n: int) -> int:
    """A budget as a count: an int is k, a float in (0, 1] a share of n."""
    try:
        k = checks.real(k, "a budget")
    except ValueError:
        raise ValueError(
            f"a budget is a count (600) or a share of the pool (0.05), got {checks.shown(k)}"
        ) from None
    count = k if isinstance(k, int) else max(1, round(k * n)) if 0 < k <= 1 else -1
    if count < 1:
        raise ValueError(f"a budget is at least 1 row or a share above 0 and up to 1, got {k!r}")
    if count > n:
        raise ValueError(f"asked for {count:,} of {n:,} rows; ask for at most {n:,}")
    return count


def estimated_bytes(bound: Bound, pool: Pool, k: int, wrap: Wrap = ()) -> float | None:
    """Peak memory the method declares for the largest group it will see, or None where it declares nothing."""
    n = len(pool)
    for name, options in wrap:
        if name == "per_class" and pool.y is not None:
            n = min(n, int(torch.bincount(pool.y).max()))
        elif name == "merge_reduce":
            n = max(k, n // options.get("parts", 4))
        elif name == "two_stage":
            n = min(n, round(options.get("factor", 4.0) * k))
        elif name == "per_batch":
            n = -(-n // options.get("size", 128))
    widths = [pool.emb.shape[1]] if pool.emb is not None else []
    if pool.grads is not None:
        factored = isinstance(pool.grads, LastLayer) and not any(name == "per_batch" for name, _ in wrap)
        widths.append(pool.grads.h.shape[2] if factored else pool.grads.dim)
    return bound.bytes(n, max(widths, default=1), pool.n_classes, min(k, n))


def _refuse_too_large(method: Method, estimate: float | None) -> None:
    free = available_bytes()
    if estimate and free and estimate > MEMORY_SHARE * free:
        raise MemoryError(
            f"{method.name} would need about {estimate / 2**30:.1f} GB and {free / 2**30:.1f} GB are free; "
            "wrap it in per_class, two_stage or merge_reduce, which work on parts"
        )


def _check(answer: Selection, pool: Pool, k: int, given: Sequence[int], name: str) -> None:
    rows = answer.indices
    if len(rows) and (int(rows.min()) < 0 or int(rows.max()) >= len(pool)):
        raise ValueError(f"{name} picked row {int(rows.max())} of a pool of {len(pool):,} rows")
    if len(rows) > k or (len(rows) < k and not answer.info.get("stopped")):
        raise ValueError(
            f"{name} returned {len(rows):,} rows for a budget of {k:,} and did not say why it stopped"
        )
    if len(given) and torch.isin(rows, torch.as_tensor(list(given))).any():
        raise ValueError(f"{name} picked a row that was given")


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value.name if isinstance(value, Method) else value for key, value in options.items()}


def _versions() -> dict[str, str]:
    from coreset_explore import __version__

    return {"coreset_explore": __version__, "torch": torch.__version__}


__all__ = ["Bound", "bind", "budget", "estimated_bytes", "missing_for", "peak_memory", "select", "wrapped"]
