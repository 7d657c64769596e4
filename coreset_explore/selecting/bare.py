"""A method with its parameters and nothing around it: what combinators wrap."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from coreset_explore import progress
from coreset_explore.inputs.checks import named
from coreset_explore.pool import Pool
from coreset_explore.registry import PICKERS, Method, find
from coreset_explore.selection import Selection

# Pickers that rank all rows: a selection's score is higher where a row is picked earlier.
RANKS = {"top": 1.0, "bottom": -1.0}


@dataclass(frozen=True)
class Bare:
    """A method with its parameters (and a score with its picker): `bare(pool, k, *, rng, given=()) -> Selection`.

    It writes what combinators and restated weights need to know into `info`: the weights' kind and the parameters.
    """

    method: Method
    params: Mapping[str, Any]
    pick: tuple[str, Mapping[str, Any]] | None = None

    @property
    def picker(self) -> Method | None:
        """What turns the score into a selection; None for a selector."""
        return PICKERS[self.pick[0]] if self.pick else None

    @property
    def parts(self) -> list[tuple[Method, Mapping[str, Any]]]:
        """The functions that answer, in turn, each with its parameters: the method, and a score's picker."""
        own = (self.method, self.params)
        return [own] if self.pick is None else [own, (PICKERS[self.pick[0]], self.pick[1])]

    @property
    def nested(self) -> bool:
        """Whether the first j picks are the answer for budget j."""
        return all(method.nested for method, _ in self.parts)

    @property
    def draws(self) -> bool:
        """Whether another seed can change the picks: whether what picks reads `rng` with these parameters."""
        method, params = self.parts[-1]
        return method.draws if isinstance(method.draws, bool) else method.holds(method.draws, params)

    @property
    def reads(self) -> tuple[str, ...]:
        """The fields it reads, known before there is a pool: of several sets that would do, the first."""
        return tuple(dict.fromkeys(name for options in self._options() for name in options[0]))

    def __call__(self, pool: Pool, k: int, *, rng: torch.Generator, given: Sequence[int] = ()) -> Selection:
        for name in self.needed(pool):
            pool.need(name)
        chosen = self.where(pool)
        if self.pick is None:
            answer = self._select(pool, k, rng, given, chosen)
        else:
            answer = self._score(pool, k, rng, given, *self.pick)
        params = self.method.settled(chosen)
        said = {"method": self.method.name, "weights": self.method.weights, "params": params}
        said |= {"space": params.get("space", self.method.needs), "wrap": []}
        if self.pick:
            said["pick"] = [self.pick[0], dict(self.pick[1])]
        # What a method declares is so, whatever it called to find its answer; of any other function, as one that
        # combinators made, only the answer knows, unless it was put together by hand.
        known = not self.method.declared and not answer.info.get("own")
        info = {**said, **answer.info} if known else {**answer.info, **said}
        return replace(answer, info={"nested": self.nested, **info})

    def where(self, pool: Pool) -> Mapping[str, Any]:
        """The parameters; of several spaces, none of which was asked for, one that the pool holds, its own first.

        But before its own a similarity, which nothing records: it is there because somebody gave it.
        """
        asked = self.method.params.get("space")
        if asked is None or "space" in self.params:
            return self.params
        known = sorted(asked.choices, key=lambda space: (space != "similarity", space != asked.default))
        held = [space for space in known if not absent(pool, space)]
        return {**self.params, "space": held[0]} if held and held[0] != asked.default else self.params

    def needed(self, pool: Pool) -> tuple[str, ...]:
        """The fields it reads, of several sets that would do the first that the pool holds."""
        found: tuple[str, ...] = ()
        for options in self._options(pool):
            held = [o for o in options if not any(absent(pool, name) for name in o)]
            found += (held or options)[0]
        return found

    def _options(self, pool: Pool | None = None) -> list[list[tuple[str, ...]]]:
        """The sets of fields of which one is enough with these parameters: the method's, and its picker's."""
        found = []
        for method, params in self.parts:
            options = method.alternatives()
            params = params if pool is None or method is not self.method else self.where(pool)
            if "space" in method.params:
                space = method.settled(params)["space"]
                options = [o for o in options if space in o] or options
            more = tuple(field for condition, field in method.also.items() if method.holds(condition, params))
            found.append([(*o, *more) for o in options])
        return found

    def bytes(self, n: int, d: int, c: int, k: int) -> float | None:
        """Estimated peak memory, or None where nothing is declared."""
        declared = [method.bytes for method, _ in self.parts if method.bytes is not None]
        return sum(float(estimate(n, d, c, k)) for estimate in declared) if declared else None

    def _select(
        self, pool: Pool, k: int, rng: torch.Generator, given: Sequence[int], params: Mapping[str, Any]
    ) -> Selection:
        name, extra = self.method.name, {"given": given} if len(given) else {}
        if extra and "given" not in inspect.signature(self.method.fn).parameters:
            raise ValueError(f"{name} takes no rows already chosen; select without given=")
        answer = self.method.fn(pool, k, rng=rng, **extra, **params)
        if not isinstance(answer, Selection):
            raise TypeError(f"{name} returned {type(answer).__name__}, and a method returns a Selection")
        return answer

    def _score(
        self,
        pool: Pool,
        k: int,
        rng: torch.Generator,
        given: Sequence[int],
        picker: str,
        options: Mapping[str, Any],
    ) -> Selection:
        progress.check()
        name, scores = self.method.name, torch.as_tensor(self.method.fn(pool, **self.params))
        if scores.shape != (len(pool),):
            raise ValueError(
                f"score {name} returned {tuple(scores.shape)}, not one value a row, ({len(pool)},)"
            )
        if len(bad := (~torch.isfinite(scores)).nonzero()):
            raise ValueError(
                f"score {name} is NaN or infinite for {len(bad):,} rows, first row {int(bad[0])}"
            )
        rows = torch.as_tensor(PICKERS[picker].fn(pool, scores, k, rng=rng, given=given, **options))
        weights = torch.full((len(rows),), len(pool) / max(len(rows), 1), dtype=torch.float64)
        sign = RANKS.get(picker)
        return Selection(rows, weights, score=None if sign is None else (sign * scores).cpu())


def bind(method: str | Method | Callable, pick: Any = None, **params) -> Bare:
    """A method by name with its parameters checked, ready for a combinator.

    `pick` is the picker of a score: a name, or ("name", {options}); the highest scores unless told.
    """
    found = find(method)
    if found.kind != "score" and pick is not None:
        raise ValueError(f"{found.name} selects by itself; pick={pick!r} is for scores, leave it out")
    chosen = None
    if found.kind == "score":
        name, options = named("top" if pick is None else pick, "pick")
        chosen = (name, PICKERS[name].checked(options))
    return Bare(found, found.checked(params), chosen)


def absent(pool: Pool, name: str) -> bool:
    """Whether the pool lacks a field (or its target)."""
    return (pool.target if name == "target" else pool.fields.get(name)) is None
