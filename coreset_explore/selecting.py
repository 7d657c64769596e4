"""select(): from a name, a pool and a budget to a Selection that carries its provenance."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from coreset_explore import progress
from coreset_explore.compose import COMBINATORS
from coreset_explore.pool import Missing, Pool
from coreset_explore.registry import PICKERS, Method, check_params, find, parameters
from coreset_explore.selection import Selection

Wrap = Sequence[tuple[str, Mapping[str, Any]]]
MEMORY_SHARE = 0.8  # of what is free: above it a run is refused beforehand rather than killed


@dataclass(frozen=True)
class Bound:
    """A method with its parameters (and a score with its picker): `bound(pool, k, *, rng, given=()) -> Selection`.

    It writes what combinators need to know into `info`: the weights' kind and the parameters.
    """

    method: Method
    params: Mapping[str, Any]
    pick: tuple[str, Mapping[str, Any]] | None = None

    def __call__(self, pool: Pool, k: int, *, rng: torch.Generator, given: Sequence[int] = ()) -> Selection:
        for name in _needed(self.method, pool, self.params):
            pool.need(name)
        if self.method.kind == "score":
            answer = self._pick(pool, k, rng, given)
        else:
            extra = {"given": given} if len(given) else {}
            answer = self.method.fn(pool, k, rng=rng, **extra, **self.params)
        if not isinstance(answer, Selection):
            raise TypeError(f"{self.method.name} returned {type(answer).__name__}, and a method returns a Selection")
        params = {n: self.params.get(n, p.default) for n, p in self.method.params.items()}
        info = {**answer.info, "method": self.method.name, "weights": self.method.weights, "params": params}
        if "space" not in info and "space" not in params:
            info["space"] = self.method.needs
        if self.pick:
            info["pick"] = [self.pick[0], dict(self.pick[1])]
        return replace(answer, info=info)

    def _pick(self, pool: Pool, k: int, rng: torch.Generator, given: Sequence[int]) -> Selection:
        scores = self.method.fn(pool, **self.params)
        if scores.shape != (len(pool),) or not torch.isfinite(scores).all():
            raise ValueError(f"score {self.method.name} wants one finite value a row, ({len(pool)},), got {tuple(scores.shape)}")
        name, options = self.pick or ("top", {})
        rows = PICKERS[name].fn(pool, scores, k, rng=rng, given=given, **options)
        weights = torch.full((len(rows),), len(pool) / max(len(rows), 1), dtype=torch.float64)
        sign = -1.0 if name == "bottom" else 1.0  # a selection's score ranks rows: higher is picked earlier
        return Selection(rows, weights, score=(sign * scores).cpu())


def bind(method: str | Method | Callable, pick: Any = None, **params) -> Bound:
    """A method by name with its parameters checked, ready for a combinator."""
    found = find(method)
    if found.kind != "score" and pick is not None:
        raise ValueError(f"{found.name} selects by itself; pick={pick!r} is for scores")
    chosen = None
    if found.kind == "score":
        name, options = (pick, {}) if isinstance(pick, str) else (pick or ("top", {}))
        chosen = (name, PICKERS[name].checked(options))
    return Bound(found, found.checked(params), chosen)


def wrapped(method: Bound, wrap: Wrap) -> Callable[..., Selection]:
    """The method inside its combinators, the first named innermost."""
    inside: Callable[..., Selection] = method
    for name, options in wrap:
        if name not in COMBINATORS:
            raise ValueError(f"no combinator is called {name!r}; there are {', '.join(COMBINATORS)}")
        combinator, options = COMBINATORS[name], dict(options)
        first = {"first": bind(options.pop("first", "random"))} if name == "two_stage" else {}
        known = {n: p for n, p in _combinator_params(combinator).items()}
        inside = combinator(inside, **first, **check_params(name, known, options))
    return inside


def select(
    method: str | Method | Callable,
    pool,
    k: int | float,
    *,
    seed: int = 0,
    wrap: Wrap = (),
    pick: Any = None,
    given: Sequence[int] = (),
    show: bool | None = None,
    **params,
) -> Selection:
    """Choose k rows of `pool` (a fraction of it, if k is a float up to 1) by a named method.

    `wrap` names combinators, innermost first: `[("per_class", {"view": "own_class"})]`; `pick` names the picker of a
    score: "top", "bottom" or ("name", {options}); `given` holds rows already chosen. A bare array means features.
    The same seed gives the same picks. Raises ValueError (`Missing` for a field the pool lacks) with what to do,
    MemoryError before a run that would not fit.
    """
    pool = Pool.of(pool)
    k = budget(k, len(pool) - len(set(given)))
    bound = bind(method, pick, **params)
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
    info = {
        **answer.info,
        "wrap": [[name, dict(options)] for name, options in wrap],
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


def budget(k: int | float, n: int) -> int:
    """A budget as a count: an int is k, a float in (0, 1] a share of n."""
    if isinstance(k, bool) or not isinstance(k, int | float):
        raise ValueError(f"a budget is a count (600) or a share of the pool (0.05), got {k!r}")
    count = k if isinstance(k, int) else max(1, round(k * n)) if 0 < k <= 1 else -1
    if count < 1:
        raise ValueError(f"a budget is at least 1 row or a share above 0 and up to 1, got {k!r}")
    if count > n:
        raise ValueError(f"asked for {count:,} of {n:,} rows; ask for at most {n:,}")
    return count


def estimated_bytes(bound: Bound, pool: Pool, k: int, wrap: Wrap = ()) -> float | None:
    """Peak memory the method declares for the largest group it will see, or None where it declares nothing."""
    if bound.method.bytes is None:
        return None
    n = len(pool)
    for name, options in wrap:
        if name == "per_class" and pool.y is not None:
            n = min(n, int(torch.bincount(pool.y).max()))
        elif name == "merge_reduce":
            n = max(k, n // options.get("parts", 4))
        elif name == "per_batch":
            n = -(-n // options.get("size", 128))
    d = pool.emb.shape[1] if pool.emb is not None else pool.grads.dim if pool.grads is not None else 1
    return float(bound.method.bytes(n, d, pool.n_classes, min(k, n)))


def _refuse_too_large(method: Method, estimate: float | None) -> None:
    free = _available_bytes()
    if estimate and free and estimate > MEMORY_SHARE * free:
        raise MemoryError(
            f"{method.name} would need about {estimate / 2**30:.1f} GB and {free / 2**30:.1f} GB are free; "
            "wrap it in per_class, two_stage or merge_reduce, which work on parts"
        )


def _needed(method: Method, pool: Pool, params: Mapping[str, Any]) -> tuple[str, ...]:
    options = method.alternatives()
    if "space" in method.params:
        space = params.get("space", method.params["space"].default)
        options = [o for o in options if space in o] or options
    for fields in options:
        if all((pool.target if f == "target" else pool.fields.get(f)) is not None for f in fields):
            return fields
    return options[0]


def _combinator_params(combinator: Callable) -> dict:
    import functools

    @functools.wraps(combinator)
    def plain(): ...

    import inspect

    signature = inspect.signature(combinator)
    kept = [p for p in signature.parameters.values() if p.name not in ("first", "map")]
    plain.__signature__ = signature.replace(parameters=kept)
    return parameters(plain)


def _check(answer: Selection, pool: Pool, k: int, given: Sequence[int], name: str) -> None:
    rows = answer.indices
    if len(rows) and (int(rows.min()) < 0 or int(rows.max()) >= len(pool)):
        raise ValueError(f"{name} picked row {int(rows.max())} of a pool of {len(pool):,} rows")
    if len(rows) > k or (len(rows) < k and not answer.info.get("stopped")):
        raise ValueError(f"{name} returned {len(rows):,} rows for a budget of {k:,} and did not say why it stopped")
    if len(given) and torch.isin(rows, torch.as_tensor(list(given))).any():
        raise ValueError(f"{name} picked a row that was given")


@contextlib.contextmanager
def peak_memory(device: torch.device) -> Iterator[dict]:
    """Extra memory used inside the block, in bytes: on Linux by the kernel's high-water mark, on a GPU by torch's; else None."""
    found: dict[str, int | None] = {"bytes": None}
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        yield found
        found["bytes"] = torch.cuda.max_memory_allocated(device) - before
        return
    before = None
    with contextlib.suppress(OSError):
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        before = _status("VmRSS")
    yield found
    if before is not None:
        found["bytes"] = max(0, _status("VmHWM") - before)


def _status(key: str) -> int:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key))


def _available_bytes() -> int | None:
    with contextlib.suppress(OSError, StopIteration):
        with open("/proc/meminfo") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))
    with contextlib.suppress(ValueError, OSError, AttributeError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    return None


def _versions() -> dict[str, str]:
    from coreset_explore import __version__

    return {"coreset_explore": __version__, "torch": torch.__version__}


def missing_for(bound: Bound, pool: Pool) -> Missing | None:
    """What the pool lacks for this method, without running it: for forms that grey a method out."""
    for name in _needed(bound.method, pool, bound.params):
        try:
            pool.need(name)
        except Missing as error:
            return error
    return None


__all__ = ["Bound", "Tensor", "bind", "budget", "estimated_bytes", "missing_for", "peak_memory", "select", "wrapped"]
