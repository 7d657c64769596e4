"""select(): from a name, a pool and a budget to a Selection that carries its provenance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from coreset_explore.inputs import checks
from coreset_explore.pool import Pool
from coreset_explore.registry import Method
from coreset_explore.selecting.strategy import Strategy, Wrap
from coreset_explore.selection import LOUD, Selection


def select(
    method: str | Method | Strategy | Callable,
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

    `method` is a method's name, a paper's name ("GRAD-MATCH", an entry of PRESETS), a function, or a Strategy; what
    a Strategy brings of wrap, pick and parameters, yours replace. `wrap` names combinators, innermost first:
    `["per_class"]`, `[("per_class", {"view": "own_class"})]`; `pick` names the picker of a score: "top", "bottom" or
    ("name", {options}); `given` holds rows already chosen. A bare array means features.
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
    if isinstance(method, Pool):
        raise ValueError("the method comes first: select('kcenter', pool, k)")
    strategy = Strategy.of(method, wrap=wrap, pick=pick, **params)
    found = strategy.select(pool, k, seed=seed, given=given, show=show)
    for kind in LOUD:
        for sentence in found.said(kind):
            checks.warn(f"{strategy.name}: {sentence}")
    return found
