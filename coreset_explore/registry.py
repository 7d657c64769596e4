"""Methods declare themselves here: selectors, scores, pickers, streams, and what each needs, weighs and costs."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from coreset_explore.inputs.checks import nearest, shown
from coreset_explore.params import Param, Range, check_params, parameters  # noqa: F401 (Range: for method files)

PURPOSES = {
    "cover": "Cover everything",
    "match": "Match the gradient",
    "hard": "Keep the hard ones",
    "typical": "Keep the typical ones",
    "fast": "Be fast on millions of rows",
    "baseline": "Baseline",
    "own": "Your own",
}
Kind = Literal["selector", "score", "picker", "stream"]
WEIGHTS = ("uniform", "counts", "match", "ridge", None)
SIGNATURES = (
    ("selector", ["pool", "k"], "rng, given=(), …"),
    ("stream", ["memory", "batch", "capacity"], "rng, …"),
)
# What a selector is judged by unless it says: weights that count rows stand for them, others for their gradients.
USUAL_OBJECTIVES: dict[str | None, str] = {"counts": "distance", "match": "gradient distance"}


@dataclass(frozen=True, eq=False)
class Method:
    """A registered function and what it declares. Calling it calls the function."""

    name: str
    kind: Kind
    fn: Callable
    title: str
    needs: str = ""  # "emb", "grads|emb" (either), "logits,y" (both)
    weights: str | None = None
    nested: bool = False
    purpose: str = "own"
    paper: str = ""
    bytes: Callable[[int, int, int, int], float] | None = None
    skips: Mapping[str, str] = field(default_factory=dict)
    draws: bool | str = True  # whether it reads `rng`; or the value that makes it: "delta=None"
    also: Mapping[str, str] = field(default_factory=dict)  # by a value: {"against=validation": "target"}
    objective: str | Callable | None = None  # what picks are judged by: see `selector`
    at: str = "initial"  # a stream's: whose features and gradients it compares, see `stream`
    declared: bool = True  # False for any other function, of which only its answers tell what it is

    def __call__(self, *args, **kwargs):
        return self.fn(*args, **kwargs)

    def __repr__(self) -> str:
        return f"Method({self.kind} {self.name}: {self.summary})"

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return (inspect.getdoc(self.fn) or "").split("\n")[0]

    @property
    def params(self) -> dict[str, Param]:
        """The keywords a user may set, in order."""
        return parameters(self.fn)

    def settled(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Every parameter as it will be, defaults included."""
        return {name: params.get(name, param.default) for name, param in self.params.items()}

    def holds(self, condition: str, params: Mapping[str, Any]) -> bool:
        """Whether a parameter has the value that `condition` names: "optimizer=stochastic"."""
        name, _, value = condition.partition("=")
        return str(self.settled(params)[name]) == value

    def checked(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`params` after checking names and ranges."""
        return check_params(self.name, self.params, params)

    def alternatives(self) -> list[tuple[str, ...]]:
        """The sets of fields of which one is enough: "grads|emb" gives [("grads",), ("emb",)]."""
        return [tuple(f for f in part.split(",") if f) for part in self.needs.split("|")]


class Registry(Mapping[str, Method]):
    """Methods by name, in registration order; the first look imports every file of `methods/`."""

    def __init__(self, kind: str):
        self.kind = kind
        self._found: dict[str, Method] = {}

    def __getitem__(self, name: str) -> Method:
        if name not in self:
            raise UnknownMethod(self.kind, name, self._found)
        return self._found[name]

    def __contains__(self, name: object) -> bool:
        discover()
        return isinstance(name, str) and name in self._found

    def __iter__(self) -> Iterator[str]:
        discover()
        return iter(dict(self._found))

    def __len__(self) -> int:
        discover()
        return len(self._found)

    def __repr__(self) -> str:
        return f"{{{', '.join(self)}}}"

    def add(self, method: Method) -> None:
        """Register; the same function defined again (a cell run twice) replaces, anyone else's name is an error."""
        if not str(method.fn.__module__).startswith(f"{__package__}.methods."):
            discover()  # one's own method may not take a name that the library has and nobody looked up yet
        # selectors and scores are both asked for by name in select()
        rivals = (METHODS, SCORES) if self.kind in ("method", "score") else (self,)
        for held in [r._found[method.name] for r in rivals if method.name in r._found]:
            if (held.fn.__module__, held.fn.__qualname__) != (method.fn.__module__, method.fn.__qualname__):
                where = f"{held.fn.__module__}.{held.fn.__qualname__}"
                raise ValueError(
                    f"{held.kind} {method.name!r} is already defined as {where}; give yours another name"
                )
        self._found[method.name] = method


class UnknownMethod(KeyError, ValueError):
    """No such name; the message offers the nearest names, or all of them.

    They are looked for when it is read: `METHODS.get(name)` and `name in PRESETS` raise it within, and nobody reads it.
    """

    def __init__(self, kind: str, name: object, known: Iterable[str]):
        super().__init__(kind, name, tuple(known))

    def __str__(self) -> str:
        kind, name, known = self.args
        near = nearest(name, known, 3, 0.4)
        guess = (
            f"did you mean {' or '.join(map(repr, near))}?"
            if near
            else f"there are {', '.join(sorted(known))}"
        )
        wrong = f"no {kind} is called {name!r}" if isinstance(name, str) else f"{shown(name)} names no {kind}"
        return f"{wrong}; {guess}"


METHODS, SCORES, PICKERS, STREAMS = map(Registry, ("method", "score", "picker", "stream"))
_REGISTRIES = {"selector": METHODS, "score": SCORES, "picker": PICKERS, "stream": STREAMS}
_discovery = {"done": False, "lock": threading.RLock()}


def discover() -> None:
    """Import every file of `methods/` and its folders, once; an exception in one of them is raised, not swallowed."""
    if _discovery["done"]:
        return
    with _discovery["lock"]:
        from coreset_explore import methods

        for module in sorted(m.name for m in pkgutil.walk_packages(methods.__path__, f"{methods.__name__}.")):
            importlib.import_module(module)
        _discovery["done"] = True


def find(name: str | Method | Callable) -> Method:
    """The selector or score of that name (a score is a method too, through a picker); a Method comes back as it is."""
    if isinstance(name, Method):
        return name
    if isinstance(name, functools.partial):
        inner = find(name.func)
        return replace(inner, fn=functools.partial(inner.fn, *name.args, **name.keywords))
    if callable(name):
        known = [m for r in (METHODS, SCORES) for m in r.values() if m.fn is name]
        called = getattr(name, "__name__", type(name).__name__)
        return known[0] if known else Method(called, "selector", name, called, declared=False)
    for registry in (METHODS, SCORES):
        if name in registry:
            return registry[name]
    raise UnknownMethod("method", name, [*METHODS, *SCORES])


def _register(kind: Kind, **declared) -> Callable[[Callable], Callable]:
    def decorate(fn: Callable) -> Callable:
        name = fn.__name__
        method = Method(
            name=name,
            kind=kind,
            fn=fn,
            title=declared.pop("title", None) or name.replace("_", " "),
            **declared,
        )
        for wanted, first, rest in SIGNATURES:
            if kind == wanted and list(inspect.signature(fn).parameters)[: len(first)] != first:
                raise TypeError(f"{kind} {name} wants the signature {name}({', '.join(first)}, *, {rest})")
        # one without annotation, default or range is refused now, not when a form is drawn
        known, draws = parameters(fn), method.draws
        for condition in (*method.also, *([draws] if isinstance(draws, str) else [])):
            if condition.partition("=")[0] not in known:
                raise TypeError(f"{kind} {name} declares {condition!r}, and it has no such parameter")
        _REGISTRIES[kind].add(method)
        return fn

    return decorate


def selector(
    *,
    needs: str,
    weights: str | None = "uniform",
    nested: bool = False,
    draws: bool | str = True,
    also: Mapping[str, str] | None = None,
    purpose: str = "own",
    paper: str = "",
    title: str | None = None,
    bytes: Callable[[int, int, int, int], float] | None = None,
    skips: Mapping[str, str] | None = None,
    objective: str | Callable | None = None,
) -> Callable[[Callable], Callable]:
    """Register `fn(pool, k, *, rng, given=(), …) -> Selection`; the function is returned untouched.

    `needs` names pool fields: "emb", "logits,y" (both), "grads|emb" (either). `weights` is "uniform" (n/k each),
    "counts" (how many rows a pick stands for), "match" (least squares on gradients), "ridge" (those with which a ridge
    regression on the picks errs least on all rows) or None. `nested=True` promises
    that the first j picks are the answer for budget j. `draws=False` promises that `rng` is left alone, so that another
    seed changes nothing; a text names the parameter's value that makes it draw ("optimizer=stochastic"). `also` names
    fields that a parameter's value asks for: {"against=validation": "target"}. `bytes(n, d, c, k)` estimates peak
    memory. `skips` maps a law that does not apply to the reason. `objective` says what picks are judged by where two
    answers may differ and both be right (another device, another order of rows): a name in `measures.objectives`, or
    fn(pool, selection) -> float, lower is better. Unless told the distance for "counts", the gradient's for "match",
    and nothing for what draws.

    >>> import torch, coreset_explore as cx
    >>> @cx.selector(needs="emb", nested=True)
    ... def closest(pool, k, *, rng, given=()):
    ...     'The rows closest to the mean.'
    ...     distance = (pool.emb - pool.emb.mean(0)).norm(dim=1)
    ...     distance[list(given)] = float("inf")
    ...     return cx.Selection(torch.argsort(distance)[:k])
    >>> cx.METHODS["closest"]
    Method(selector closest: The rows closest to the mean.)
    >>> cx.select("closest", cx.Pool.of([[0.0], [1.0], [3.0], [10.0]]), 2).indices.tolist()
    [2, 1]
    """
    if weights not in WEIGHTS:
        raise ValueError(f"weights is one of {WEIGHTS}, not {weights!r}")
    declared = {
        "needs": needs,
        "weights": weights,
        "nested": nested,
        "draws": draws,
        "also": dict(also or {}),
        "purpose": purpose,
        "paper": paper,
        "title": title,
        "objective": USUAL_OBJECTIVES.get(weights) if objective is None else objective,
    }
    return _register("selector", bytes=bytes, skips=dict(skips or {}), **declared)


def scorer(
    *,
    needs: str,
    purpose: str = "hard",
    paper: str = "",
    title: str | None = None,
    bytes: Callable[[int, int, int, int], float] = lambda n, d, c, k: 32 * n * (c + 8),
    skips: Mapping[str, str] | None = None,
) -> Callable[[Callable], Callable]:
    """Register `fn(pool, …) -> (n,)`, higher is harder. As a method it selects through a picker (`top` unless told).

    The arguments are those of `selector`; `bytes` is a few float64 copies of the logits unless told.

    >>> import coreset_explore as cx
    >>> @cx.scorer(needs="emb")
    ... def size(pool):
    ...     'The length of the features.'
    ...     return pool.emb.norm(dim=1)
    >>> cx.select("size", cx.Pool.of([[2.0], [9.0], [5.0]]), 2).indices.tolist()
    [1, 2]
    >>> cx.select("size", cx.Pool.of([[2.0], [9.0], [5.0]]), 2, pick="bottom").indices.tolist()
    [0, 2]
    """
    declared = {"needs": needs, "purpose": purpose, "paper": paper, "title": title, "bytes": bytes}
    return _register(
        "score", weights="uniform", nested=True, draws=False, skips=dict(skips or {}), **declared
    )


def picker(
    *,
    needs: str = "",
    nested: bool = True,
    draws: bool | str = True,
    paper: str = "",
    title: str | None = None,
    bytes: Callable[[int, int, int, int], float] | None = None,
    skips: Mapping[str, str] | None = None,
) -> Callable[[Callable], Callable]:
    """Register `fn(pool, scores, k, *, rng, given=(), …) -> rows (k,)`: turns any score into a selection.

    The arguments are those of `selector`; `needs` and `bytes` come on top of the score's.

    >>> import coreset_explore as cx
    >>> @cx.picker()
    ... def second(pool, scores, k, *, rng, given=()):
    ...     'The highest scores but the very first: it may be an outlier.'
    ...     return scores.argsort(descending=True)[1 : k + 1]
    >>> pool = cx.Pool.of(logits=[[0.1, 0.0], [9.0, 0.0], [0.5, 0.0], [2.0, 0.0]])
    >>> cx.select("margin", pool, 2, pick="second").indices.tolist()
    [2, 3]
    """
    declared = {
        "needs": needs,
        "nested": nested,
        "draws": draws,
        "paper": paper,
        "title": title,
        "bytes": bytes,
    }
    return _register("picker", weights="uniform", skips=dict(skips or {}), **declared)


def stream(
    *,
    needs: str,
    at: Literal["initial", "current"] = "initial",
    weights: str | None = "uniform",
    draws: bool | str = True,
    purpose: str = "own",
    paper: str = "",
    title: str | None = None,
    bytes: Callable[[int, int, int, int], float] | None = None,
    skips: Mapping[str, str] | None = None,
) -> Callable[[Callable], Callable]:
    """Register `fn(memory, batch, capacity, *, rng, …) -> Memory`: what to keep of rows that come by once.

    `memory.joined(batch)` are the rows to choose from, `memory.keep(…)` the answer; nothing else of the stream can be
    reached. `at` says which model's features and gradients it compares: those that each row came with ("initial"), or
    the model's as it is now ("current"), for which memory and batch are recorded anew before each update. `weights` are
    seen / m each ("uniform"), how many of the rows seen each stands for ("counts"), or fitted to their gradients
    ("match"). `bytes(n, d, c, k)` is of n rows in memory and batch together, k the capacity. The other arguments are
    those of `selector`.

    >>> import torch, coreset_explore as cx
    >>> @cx.stream(needs="emb", draws=False)
    ... def largest(memory, batch, capacity, *, rng):
    ...     'The rows of the largest features seen.'
    ...     pool = memory.joined(batch)
    ...     return memory.keep(pool.emb.norm(dim=1).argsort(descending=True)[:capacity], batch)
    >>> memory = cx.Memory()
    >>> for batch in ([[3.0], [1.0]], [[2.0], [5.0]]):
    ...     memory = cx.observe("largest", memory, cx.Pool.of(batch, ids=range(memory.seen, memory.seen + 2)), 2)
    >>> memory.pool.emb.tolist()
    [[5.0], [3.0]]
    """
    if at not in ("initial", "current"):
        raise ValueError(f'at is "initial" or "current", not {at!r}')
    if weights not in WEIGHTS:
        raise ValueError(f"weights is one of {WEIGHTS}, not {weights!r}")
    declared = {"needs": needs, "weights": weights, "draws": draws, "purpose": purpose, "paper": paper}
    return _register("stream", at=at, title=title, bytes=bytes, skips=dict(skips or {}), **declared)


# -- the tables of README and CONTRIBUTING --------------------------------------------------------------------------

COLUMNS = ("Method", "What it is", "Reads", "Paper")
LINKS = {r"arXiv:(\d{4}\.\d{4,5})": "https://arxiv.org/abs/", r"doi:(10\.\d+/[\w.]*\w)": "https://doi.org/"}


def method_table() -> str:
    """This library's selectors, scores and streams in markdown: one table for each thing that one may want.

    >>> import coreset_explore as cx
    >>> print(cx.method_table())
    ### Cover everything
    <BLANKLINE>
    | Method | What it is | Reads | Paper |
    ...
    """
    found = _own(METHODS, SCORES)
    parts = []
    for purpose, wanted in PURPOSES.items():
        if rows := [_row(method) for method in found if method.purpose == purpose]:
            parts.append(f"### {wanted}\n\n{_markdown(COLUMNS, rows)}")
    streams = [_row(method) for method in _own(STREAMS)]
    parts.append(f"### Keep a memory of a stream\n\n{_markdown(COLUMNS, streams)}")
    return "\n".join(parts)


def skips_table() -> str:
    """The laws that do not apply to a method, in markdown, for those who work on the project."""
    rows = []
    for method in _own(METHODS, SCORES, PICKERS, STREAMS):
        for reason in dict.fromkeys(method.skips.values()):
            laws = ", ".join(f"`{law}`" for law, given in method.skips.items() if given == reason)
            rows.append((f"`{method.name}`", laws, reason))
    return _markdown(("Method", "Laws that do not apply", "Why"), rows)


def _own(*registries: Registry) -> list[Method]:
    """What the library itself registers, by title."""
    found = [m for registry in registries for m in registry.values()]
    found = [m for m in found if str(m.fn.__module__).startswith(f"{__package__}.")]
    return sorted(found, key=lambda m: m.title.lower())


def _row(method: Method) -> tuple[str, ...]:
    reads = " or ".join(" and ".join(f"`{f}`" for f in fields) for fields in method.alternatives())
    paper = method.paper
    for pattern, address in LINKS.items():
        paper = re.sub(pattern, rf"[\g<0>]({address}\1)", paper)
    kind = " (a score)" if method.kind == "score" else ""
    return f"**{method.title}** `{method.name}`{kind}", method.summary, reads or "nothing", paper


def _markdown(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table whose cells may hold anything but a line break."""
    cells = ([cell.replace("|", "\\|") for cell in row] for row in rows)
    lines = [columns, ["---"] * len(columns), *cells]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
