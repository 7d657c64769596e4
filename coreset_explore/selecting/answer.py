"""One run of a method on a pool: checked before, timed, its memory watched, its answer checked and given provenance."""

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
from coreset_explore.inputs.frames import keys
from coreset_explore.inputs.origin import dataset, marks
from coreset_explore.machine.cache import versions
from coreset_explore.machine.ram import available_bytes, peak_memory
from coreset_explore.pool import Pool
from coreset_explore.registry import Method
from coreset_explore.selecting.bare import Bare
from coreset_explore.selecting.combinators import known
from coreset_explore.selection import Selection, fitting

MEMORY_SHARE = 0.8  # of what is free: above it a run is refused beforehand rather than killed


def answer(
    bare: Bare,
    wrap: Sequence[checks.Named],
    run: Callable[..., Selection],
    pool,
    k: int | float,
    seed: int,
    given: Sequence[int] | Tensor | Selection,
    show: bool | None,
) -> Selection:
    """What `run`, the method `bare` inside its combinators `wrap`, answers; see `select`."""
    pool = Pool.of(pool)
    held = rows_given(given, pool)
    k, seed = budget(k, len(pool) - len(held)), checks.seed(seed)
    estimate = estimated_bytes(bare, pool, k, wrap)
    _refuse_too_large(bare.method, estimate)
    rng = torch.Generator().manual_seed(seed)
    start = time.perf_counter()
    with progress.bar(bare.method.title, show), peak_memory(pool.device) as peak:
        found = run(pool, k, rng=rng, given=tuple(held))
        progress.check()
    seconds = time.perf_counter() - start
    _check(found, pool, k, held, bare.method.name)
    around = _around(found.info.get("wrap", ()), wrap)
    info = {
        **found.info,
        "wrap": around,
        # whether a prefix is the answer for its budget; other combinators see other candidates at another budget
        "nested": found.info["nested"] and all(name == "per_class" for name, _ in around),
        "k": len(found),
        "asked": k,
        "seed": seed,
        "n": len(pool),
        "pool": pool.fingerprint,
        "fields": marks(pool),
        "data": dataset(pool),
        "target": pool.target.fingerprint if pool.target is not None else None,
        "seconds": seconds,
        "peak_bytes": peak["bytes"],
        "estimated_bytes": estimate,
        "threads": torch.get_num_threads(),
        "device": str(pool.device),
        "versions": versions(),
    }
    ids = pool.ids.cpu()[found.indices]
    return replace(found, info=info, ids=ids, keys=keys(pool.index, ids))


def rows_given(given: Sequence[int] | Tensor | Selection | None, pool: Pool) -> list[int]:
    """The rows of the pool already chosen; ValueError where none is left to choose."""
    n = len(pool)
    rows = fitting(given, pool).indices if isinstance(given, Selection) else () if given is None else given
    held = checks.rows(rows, "given", n).unique().tolist()
    if len(held) == n:
        why = f"given names all {n:,} of them; give fewer" if held else "the pool is empty; give it some"
        raise ValueError(f"no row is left to choose: {why}")
    return held


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


def estimated_bytes(bare: Bare, pool: Pool, k: int, wrap: Sequence[checks.Named] = ()) -> float | None:
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
    alike = pool.fields.get("similarity")
    if alike is not None and bare.method.settled(bare.where(pool)).get("space") == "similarity":
        share = n / len(pool)
        if alike.sparse:  # its entries a few times over, and some numbers a row
            return 6.0 * alike.bytes * share + 200 * n + 2**26
        return (bare.bytes(n, 1, pool.n_classes, min(k, n)) or 0.0) + alike.bytes * share**2
    widths = [pool.emb.shape[1]] if pool.emb is not None else []
    if pool.grads is not None:
        factored = isinstance(pool.grads, LastLayer) and not any(name == "per_batch" for name, _ in wrap)
        widths.append(pool.grads.h.shape[2] if factored else pool.grads.dim)
    return bare.bytes(n, max(widths, default=1), pool.n_classes, min(k, n))


def plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """A combinator's options as JSON: a method among them by its name."""
    return {key: value.name if isinstance(value, Method) else value for key, value in options.items()}


def _around(recorded: Sequence, wrap: Sequence[checks.Named]) -> list[list]:
    """The combinators around an answer, as `wrap` names them, with what each recorded of itself beyond its defaults.

    A function may have combined before it was handed over: what it recorded comes first.
    """
    inner = len(recorded) - len(wrap)
    found = [[name, dict(options)] for name, options in recorded[:inner]]
    for (name, given), (_, told) in zip(wrap, recorded[inner:], strict=True):
        defaults = {key: param.default for key, param in known(name).items()}
        drawn = {key: value for key, value in told.items() if key in defaults and value != defaults[key]}
        found.append([name, {**drawn, **plain(given)}])
    return found


def _refuse_too_large(method: Method, estimate: float | None) -> None:
    free = available_bytes()
    if estimate and free and estimate > MEMORY_SHARE * free:
        raise MemoryError(
            f"{method.name} would need about {estimate / 2**30:.1f} GB and {free / 2**30:.1f} GB are free; "
            "wrap it in per_class, two_stage or merge_reduce, which work on parts"
        )


def _check(found: Selection, pool: Pool, k: int, given: Sequence[int], name: str) -> None:
    rows = found.indices
    if len(rows) and (int(rows.min()) < 0 or int(rows.max()) >= len(pool)):
        raise ValueError(f"{name} picked row {int(rows.max())} of a pool of {len(pool):,} rows")
    if len(rows) > k or (len(rows) < k and not found.info.get("stopped")):
        raise ValueError(
            f"{name} returned {len(rows):,} rows for a budget of {k:,} and did not say why it stopped"
        )
    if len(given) and torch.isin(rows, torch.as_tensor(list(given))).any():
        raise ValueError(f"{name} picked a row that was given")
