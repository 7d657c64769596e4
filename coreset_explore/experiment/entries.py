"""The lines of an accuracy curve: from names, dicts, presets and selections to methods that can be run and reseeded."""

from __future__ import annotations

import dis
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from coreset_explore.inputs.checks import Named, shown
from coreset_explore.measures import prefixes
from coreset_explore.pool import Pool
from coreset_explore.registry import Method
from coreset_explore.selecting.bound import Bound, missing_for
from coreset_explore.selecting.presets import Preset
from coreset_explore.selecting.run import configured, preset_of, select
from coreset_explore.selection import Selection

WORDS = ("method", "params", "wrap", "pick", "label", "name")


@dataclass(frozen=True)
class Entry:
    """One line of the curve: a method with its combinators, or a selection brought along."""

    label: str
    method: str | Method = ""
    wrap: Sequence[tuple[str, Mapping[str, Any]]] = ()
    pick: Any = None
    params: Mapping[str, Any] = field(default_factory=dict)
    own: Selection | None = None

    @cached_property
    def told(self) -> tuple[Bound, Sequence[Named]]:
        """The method with its parameters and picker, and its combinators, all of them checked."""
        return configured(self.method, self.pick, self.wrap, self.params)

    @property
    def found(self) -> Method:
        return self.told[0].method

    @property
    def nested(self) -> bool:
        """Whether the first picks of one run answer the smaller budgets."""
        bound, wrap = self.told
        return bound.nested and all(name == "per_class" for name, _ in wrap)

    @property
    def draws(self) -> bool:
        """Whether another seed can change the picks: not if neither the method nor its picker ever reads `rng`."""
        bound, wrap = self.told
        if any(name != "per_class" for name, _ in wrap):
            return True
        fn = (bound.picker or bound.method).fn
        code = getattr(fn, "__code__", None)
        takes = code is not None and "rng" in code.co_varnames
        return not takes or any(step.argval == "rng" for step in dis.get_instructions(fn))

    def select(self, pool: Pool, k: int, seed: int) -> Selection:
        return select(
            self.method, pool, k, seed=seed, wrap=self.wrap, pick=self.pick, show=False, **self.params
        )


def entries_of(methods, pool: Pool, place: Tensor) -> list[Entry]:
    """What `methods` names, with random among it by the others' per-class rule; `place` moves one's own selections."""
    if _is_one(methods):
        methods = [methods]
    if not isinstance(methods, Iterable):
        raise ValueError(f'methods are names as "CRAIG", or a list of them, not {shown(methods)}')
    named = methods.items() if isinstance(methods, Mapping) else ((None, spec) for spec in methods)
    entries = [_entry(spec, label, place) for label, spec in named]
    if not any(e.own is None and e.found.name == "random" for e in entries):
        rules = [
            options for e in entries if e.own is None for name, options in e.told[1] if name == "per_class"
        ]
        rule = {key: value for key, value in (rules[0] if rules else {}).items() if key == "rule"}
        entries.append(Entry("Random", "random", (("per_class", rule),) if rules else ()))
    labels = [entry.label for entry in entries]
    if twice := next((name for name in labels if labels.count(name) > 1), None):
        raise ValueError(f"two methods are called {twice!r}; give each its own label")
    for entry in entries:
        if entry.own is None:
            lacking = missing_for(entry.told[0], pool)
            if lacking is not None:
                raise lacking
    return entries


def _entry(spec, label: str | None, place: Tensor) -> Entry:
    own = spec if isinstance(spec, Selection) else getattr(spec, "own", None)
    if own is not None:
        return Entry(
            label or getattr(spec, "name", None) or own.info.get("method", "mine"), own=_moved(own, place)
        )
    preset = preset_of(spec)
    if isinstance(spec, Mapping):
        if unknown := [key for key in spec if key not in WORDS]:
            raise ValueError(f"a method is described by {', '.join(WORDS[:5])}, not {unknown[0]!r}")
        told = dict(spec)
    elif preset is not None or hasattr(spec, "wrap"):  # a preset, or a choice of the panel
        told = {word: getattr(preset or spec, word) for word in ("method", "params", "wrap", "pick", "name")}
    elif isinstance(spec, str | Method) or callable(spec):
        told = {"method": spec, "name": spec if isinstance(spec, str) else None}
    else:
        raise ValueError(
            f"a line of the curve is a method's or preset's name, a dictionary {{method, params, wrap, pick, label}} "
            f"or a Selection, not {shown(spec)}; rows of your own are Selection.of(rows)"
        )
    bound, wrap = configured(told.get("method"), told.get("pick"), told.get("wrap"), told.get("params"))
    label = label or told.get("label") or told.get("name") or bound.method.name
    return Entry(label, bound.method, tuple(wrap), bound.pick, bound.params)


def _is_one(methods: Any) -> bool:
    """Whether this is one method, where a list or {label: method} of them is asked for."""
    described = isinstance(methods, Mapping) and "method" in methods and set(methods) <= set(WORDS)
    return described or isinstance(methods, str | Method | Preset | Selection) or callable(methods)


def _moved(own: Selection, place: Tensor) -> Selection:
    """One's own selection in the pool that is left once the judging rows are set aside."""
    if len(own) and int(own.indices.max()) >= len(place):
        raise ValueError(f"a selection names row {int(own.indices.max()):,} of a pool of {len(place):,} rows")
    rows = place[own.indices]
    stay = rows >= 0
    if bool(stay.all()) and torch.equal(rows, own.indices):
        return own
    cut = {n: None if getattr(own, n) is None else getattr(own, n)[stay] for n in ("weights", "gains", "ids")}
    return replace(own, indices=rows[stay], score=None, **cut)


def selections(
    entry: Entry, pool: Pool, sizes: Sequence[int], seed: int
) -> Iterator[tuple[Selection, float]]:
    """The entry's answer and its seconds for each budget."""
    if entry.own is not None or entry.nested:
        whole = entry.own if entry.own is not None else entry.select(pool, sizes[-1], seed)
        if entry.own is not None or whole.info["nested"]:  # a parameter can make a nested method not so
            seconds = whole.info.get("seconds", math.nan)
            yield from ((part, seconds) for part in prefixes(pool, whole, sizes))
            return
    for size in sizes:
        chosen = entry.select(pool, size, seed)
        yield chosen, chosen.info["seconds"]
