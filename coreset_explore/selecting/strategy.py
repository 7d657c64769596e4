"""Strategy, the one configured method that panels, experiments and laboratories hold; the papers' names as such."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import torch
from torch import Tensor

from coreset_explore.inputs import checks
from coreset_explore.inputs.code import python
from coreset_explore.pool import Missing, Pool
from coreset_explore.registry import METHODS, PICKERS, SCORES, Method, UnknownMethod, find
from coreset_explore.selecting.answer import answer, budget, plain, rows_given
from coreset_explore.selecting.bare import Bare, absent, bind
from coreset_explore.selecting.combinators import COMBINATORS, checked
from coreset_explore.selecting.presets import PRINTED
from coreset_explore.selecting.views import PER_CLASS
from coreset_explore.selecting.weights import reweigh
from coreset_explore.selection import Selection, fitting

Wrap = str | Sequence[str | tuple[str, Mapping[str, Any]]]
WORDS = (
    "method",
    "params",
    "wrap",
    "pick",
    "name",
)  # what describes one: `plain` gives them, `of` takes them
LABELLED = {"y", "grads", "history"}  # fields made of every row's label
ASKED_BY_VIEW = {None: ("y",), "own_class": ("y", "grads"), "pseudo_label": ("logits",)}


@dataclass(frozen=True)
class Strategy:
    """One configured method: a registered method with its parameters, picker, combinators and name.

    `Strategy.of` makes and checks one. A registered method is held by its name, so that a notebook cell run again is
    heeded; any other function by itself; one's own picks as the Selection they are (`own`). Two strategies are equal
    when all of these are. It is a method too: `strategy(pool, k, rng=rng)` is what combinators wrap.

    >>> import coreset_explore as cx
    >>> strategy = cx.Strategy.of("kcenter", wrap=["per_class"], metric="cosine")
    >>> strategy
    Strategy(kcenter: kcenter(metric="cosine") in per_class())
    >>> strategy.reads, strategy.nested, strategy.draws
    (('emb', 'y'), True, False)
    >>> strategy.lacks(cx.Pool.of([[0.0], [1.0]])).name  # before anything runs
    'y'
    >>> strategy.code(0.05)
    'cx.select("kcenter", pool, 0.05, seed=0, wrap=[("per_class", {})], metric="cosine")'
    >>> cx.Strategy.of("CRAIGPB").plain()  # a paper's name, as JSON
    {'name': 'CRAIGPB', 'method': 'craig', 'wrap': [['per_batch', {'size': 32}]], 'params': {}, 'pick': None}
    """

    name: str  # what a legend says
    method: str | Method = ""
    wrap: tuple[checks.Named, ...] = ()  # combinators, innermost first
    params: Mapping[str, Any] = field(default_factory=dict)
    pick: checks.Named | None = None  # a score's picker
    own: Selection | None = None
    help: str = ""
    cite: str = ""  # its own paper, where that is not the method's

    @classmethod
    def of(
        cls, given: Any, *, name: str | None = None, wrap: Wrap | None = None, pick: Any = None, **params
    ) -> Strategy:
        """The strategy that is meant by a name, a paper's name, a function, a dictionary, a Selection or a Strategy.

        `wrap`, `pick` and `params` replace what it brings, as in `select`. A dictionary has the words of `plain`:
        method, params, wrap, pick, name (or label). Raises ValueError for unknown names, parameters and combinators.
        """
        found = _meant(given)
        if found.own is not None:
            if params or wrap is not None or pick is not None:
                raise ValueError(
                    "a selection of your own is picked already: leave wrap, pick and parameters out"
                )
            return found if name is None else replace(found, name=name)
        wrap, pick = found.wrap if wrap is None else wrap, found.pick if pick is None else pick
        bare = bind(found.method, pick, **{**found.params, **params})
        method = bare.method
        known = METHODS.get(method.name) is method or SCORES.get(method.name) is method
        return replace(
            found,
            name=name or found.name or method.name,
            method=method.name if known else method,
            wrap=tuple(checked(wrap)),
            params=bare.params,
            pick=bare.pick,
        )

    def __repr__(self) -> str:
        if self.own is not None:
            return f"Strategy({self.name}: {len(self.own):,} rows of your own)"
        words = [f"{key}={python(value)}" for key, value in self.params.items()]
        words += [f"pick={python(self.pick[0])}"] if self.pick else []
        around = "".join(f" in {name}({', '.join(_said(o))})" for name, o in self.wrap)
        return f"Strategy({self.name}: {self.plain()['method']}({', '.join(words)}){around})"

    # -- what it is -----------------------------------------------------------------------------------------------

    @property
    def declared(self) -> Method:
        """The registered method or score; as it is now, if its cell was run again."""
        return find(self.method)

    @property
    def bare(self) -> Bare:
        """The method with its parameters and picker, without combinators."""
        return bind(self.method, self.pick, **self.params)

    @property
    def functions(self) -> tuple:
        """The functions that answer now: what was computed by others is out of date."""
        if self.own is not None:
            return ()
        bare = self.bare
        return bare.method.fn, bare.picker and bare.picker.fn

    @property
    def purpose(self) -> str:
        return "own" if self.own is not None else self.declared.purpose

    @property
    def paper(self) -> str:
        if self.own is not None or self.cite:
            return self.cite
        picker = PICKERS[self.pick[0]].paper if self.pick else ""
        return "; ".join(filter(None, dict.fromkeys([picker, self.declared.paper])))

    @property
    def nested(self) -> bool:
        """Whether the first j picks are the answer for budget j (a parameter can still make them not so)."""
        return self.own is not None or (
            self.bare.nested and all(name == "per_class" for name, _ in self.wrap)
        )

    @property
    def draws(self) -> bool:
        """Whether another seed can change the picks."""
        if self.own is not None:
            return False
        return self.bare.draws or any(name != "per_class" for name, _ in self.wrap)

    @property
    def reads(self) -> tuple[str, ...]:
        """The fields of a pool that it reads ("target" among them), known before anything is recorded or run."""
        return () if self.own is not None else tuple(dict.fromkeys((*self.bare.reads, *self._asked())))

    @property
    def knows_labels(self) -> bool:
        """Whether the labels of rows that it does not choose can change its picks: it reads labels, gradients or what
        training saw. Features and outputs of a trained model are taken as they are, whatever that model has learnt."""
        return not LABELLED.isdisjoint(self.reads)

    def lacks(self, pool: Pool) -> Missing | None:
        """What the pool lacks for it, without running it: for forms that grey a method out."""
        if self.own is not None:
            return None
        wanted = [(name, "") for name in self.bare.needed(pool)]
        wanted += [(name, PER_CLASS if name == "y" else "") for name in self._asked()]
        return next((Missing(name, pool, by) for name, by in wanted if absent(pool, name)), None)

    def _asked(self) -> tuple[str, ...]:
        """What its combinators read."""
        views = [options.get("view") for name, options in self.wrap if name == "per_class"]
        return tuple(field for view in views for field in ASKED_BY_VIEW[view])

    # -- what it does ---------------------------------------------------------------------------------------------

    def select(
        self,
        pool,
        k: int | float,
        *,
        seed: int = 0,
        given: Sequence[int] | Tensor | Selection = (),
        show: bool | None = None,
    ) -> Selection:
        """k rows of the pool, with provenance: `select(self, pool, k, …)`. Of one's own picks, the first k."""
        if self.own is None:
            return answer(self.bare, self.wrap, self, pool, k, seed, given, show)
        pool = Pool.of(pool)
        k = budget(k, len(pool) - len(rows_given(given, pool)))
        own = fitting(self.own, pool)
        return own if k >= len(own) else reweigh(pool, own[:k])

    def __call__(self, pool: Pool, k: int, *, rng: torch.Generator, given: Sequence[int] = ()) -> Selection:
        """As combinators call it: no checks, no clock, the generator handed in."""
        if self.own is not None:
            return fitting(self.own, pool)[:k]
        inside: Callable[..., Selection] = self.bare
        for name, options in self.wrap:
            more = {**options, "first": bind(options["first"])} if name == "two_stage" else options
            # a function, though combinators declare to give what they take, and that may be a method's name
            inside = cast(Callable[..., Selection], COMBINATORS[name](inside, **more))
        return inside(pool, k, rng=rng, given=given)

    # -- how it is written down -----------------------------------------------------------------------------------

    def plain(self) -> dict[str, Any]:
        """JSON: the words that `of` and `select` take. Of one's own picks a digest, which cannot be read back."""
        if self.own is not None:
            digest = hashlib.sha256(self.own.indices.numpy().tobytes())
            digest.update(b"" if self.own.weights is None else self.own.weights.double().numpy().tobytes())
            return {"name": self.name, "own": digest.hexdigest()[:12]}
        pick = None if self.pick is None else [self.pick[0], dict(self.pick[1])]
        return {
            "name": self.name,
            "method": self.method if isinstance(self.method, str) else self.method.name,
            "wrap": [[name, plain(options)] for name, options in self.wrap],
            "params": dict(self.params),
            "pick": pick[0] if pick and not pick[1] else pick,
        }

    def code(self, k: int | float, seed: int = 0, pool: str = "pool") -> str:
        """The line of Python that selects with it; one's own picks have none."""
        if self.own is not None:
            raise ValueError(f"{self.name} is a selection of your own, which no line of code makes")
        words = self.plain()
        more = f", wrap={python([tuple(one) for one in words['wrap']])}" if words["wrap"] else ""
        pick = tuple(words["pick"]) if isinstance(words["pick"], list) else words["pick"]
        more += f", pick={python(pick)}" if pick not in (None, "top") else ""
        more += "".join(f", {key}={python(value)}" for key, value in words["params"].items())
        return f'cx.select("{words["method"]}", {pool}, {k}, seed={seed}{more})'


def presets() -> dict[str, Strategy]:
    """Every paper's name as a Strategy, then registered methods that no paper names (a user's own), by their title."""
    printed = (words for words in PRINTED if _registered(words["method"]))
    found = {words["name"]: Strategy.of(Strategy(**words)) for words in printed}
    named = {strategy.method for strategy in found.values()}
    for method in (*METHODS.values(), *SCORES.values()):
        if method.name not in named:
            found[method.title] = Strategy.of(Strategy(method.title, method.name, help=method.summary))
    return found


class _Presets(Mapping[str, Strategy]):
    """`presets()` as a mapping: what is registered later is in it too."""

    def __getitem__(self, name: str) -> Strategy:
        found = presets()
        if name not in list(found):
            raise UnknownMethod("preset", name, found)
        return found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(presets())

    def __len__(self) -> int:
        return len(presets())


PRESETS = _Presets()


def _registered(name: Any) -> bool:
    return name in METHODS or name in SCORES


def _meant(given: Any) -> Strategy:
    """As it was given, unchecked; a registered method has first say, then a paper's name."""
    if isinstance(given, Strategy):
        return given
    if isinstance(given, Selection):
        return Strategy(str(given.info.get("method", "mine")), own=given)
    if isinstance(given, Mapping):
        words = {("name" if word == "label" else word): value for word, value in given.items()}
        if strange := [word for word in words if word not in WORDS]:
            raise ValueError(f"a method is described by {', '.join(WORDS)}, not {strange[0]!r}")
        found = _meant(words.get("method"))
        more = {word: value for word, value in words.items() if word != "method" and value is not None}
        params = {**found.params, **more.pop("params", {})}
        return replace(found, **more, params=params)
    if isinstance(given, str) and not _registered(given):
        found = presets()
        if given not in found:
            raise UnknownMethod("method", given, [*METHODS, *SCORES, *found])
        return found[given]
    return Strategy(given if isinstance(given, str) else "", find(given))


def _said(options: Mapping[str, Any]) -> list[str]:
    return [f"{key}={python(value)}" for key, value in plain(options).items()]
