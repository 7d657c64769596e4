"""Methods declare themselves here: selectors, scores, pickers, streams, and what each needs, weighs and costs."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
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
WEIGHTS = ("uniform", "counts", "match", None)
# What a selector is judged by unless it says: weights that count rows stand for them, others for their gradients.
USUAL_OBJECTIVES = {"counts": "distance", "match": "gradient distance"}


@dataclass(frozen=True, eq=False)
class Method:
    """A registered function and what it declares. Calling it calls the function."""

    name: str
    kind: Literal["selector", "score", "picker", "stream"]
    fn: Callable
    title: str
    needs: str = ""  # "emb", "grads|emb" (either), "logits,y" (both)
    weights: str | None = None
    nested: bool = False
    purpose: str = "own"
    paper: str = ""
    bytes: Callable[[int, int, int, int], float] | None = None
    skips: Mapping[str, str] = field(default_factory=dict)
    objective: str | Callable | None = None  # what picks are judged by: see `selector`
    declared: bool = True  # False for any other function, of which only its answers tell what it is

    def __call__(self, *args, **kwargs):
        return self.fn(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}: {self.summary}>"

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return (inspect.getdoc(self.fn) or "").split("\n")[0]

    @property
    def params(self) -> dict[str, Param]:
        """The keywords a user may set, in order."""
        return parameters(self.fn)

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
            raise unknown(self.kind, name, self._found)
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
        if not method.fn.__module__.startswith(f"{__package__}.methods."):
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
    """No such name; the message offers the nearest."""

    def __str__(self) -> str:
        return str(self.args[0])


def unknown(kind: str, name: object, known: Iterable[str]) -> UnknownMethod:
    """The error for a name that nobody registered: the nearest names, or all of them."""
    near = nearest(name, known := list(known), 3, 0.4)
    guess = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are {', '.join(known)}"
    wrong = f"no {kind} is called {name!r}" if isinstance(name, str) else f"{shown(name)} names no {kind}"
    return UnknownMethod(f"{wrong}; {guess}")


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
    raise unknown("method", name, [*METHODS, *SCORES])


def _register(kind: str, **declared) -> Callable[[Callable], Callable]:
    def decorate(fn: Callable) -> Callable:
        name = fn.__name__
        method = Method(
            name=name,
            kind=kind,
            fn=fn,
            title=declared.pop("title", None) or name.replace("_", " "),
            **declared,
        )
        if kind == "selector" and list(inspect.signature(fn).parameters)[:2] != ["pool", "k"]:
            raise TypeError(f"selector {name} wants the signature {name}(pool, k, *, rng, given=(), …)")
        parameters(fn)  # one without annotation, default or range is refused now, not when a form is drawn
        _REGISTRIES[kind].add(method)
        return fn

    return decorate


def selector(
    *,
    needs: str,
    weights: str | None = "uniform",
    nested: bool = False,
    purpose: str = "own",
    paper: str = "",
    title: str | None = None,
    bytes: Callable[[int, int, int, int], float] | None = None,
    skips: Mapping[str, str] | None = None,
    objective: str | Callable | None = None,
) -> Callable[[Callable], Callable]:
    """Register `fn(pool, k, *, rng, given=(), …) -> Selection`; the function is returned untouched.

    `needs` names pool fields: "emb", "logits,y" (both), "grads|emb" (either). `weights` is "uniform" (n/k each),
    "counts" (how many rows a pick stands for), "match" (least squares on gradients) or None. `nested=True` promises
    that the first j picks are the answer for budget j. `bytes(n, d, c, k)` estimates peak memory. `skips` maps a law
    that does not apply to the reason. `objective` says what picks are judged by where two answers may differ and both
    be right (another device, another order of rows): a name in `measures.objectives`, or fn(pool, selection) -> float,
    lower is better. Unless told the distance for "counts", the gradient's for "match", and nothing for what draws.
    """
    if weights not in WEIGHTS:
        raise ValueError(f"weights is one of {WEIGHTS}, not {weights!r}")
    declared = {
        "needs": needs,
        "weights": weights,
        "nested": nested,
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
    """
    declared = {"needs": needs, "purpose": purpose, "paper": paper, "title": title, "bytes": bytes}
    return _register("score", weights="uniform", nested=True, skips=dict(skips or {}), **declared)


def picker(
    *,
    needs: str = "",
    nested: bool = True,
    paper: str = "",
    title: str | None = None,
    bytes: Callable[[int, int, int, int], float] | None = None,
    skips: Mapping[str, str] | None = None,
) -> Callable[[Callable], Callable]:
    """Register `fn(pool, scores, k, *, rng, given=(), …) -> rows (k,)`: turns any score into a selection.

    The arguments are those of `selector`; `needs` and `bytes` come on top of the score's.
    """
    declared = {"needs": needs, "nested": nested, "paper": paper, "title": title, "bytes": bytes}
    return _register("picker", weights="uniform", skips=dict(skips or {}), **declared)


def stream(*, needs: str, paper: str = "", title: str | None = None) -> Callable[[Callable], Callable]:
    """Register `fn(memory, batch, capacity, *, rng, …) -> Memory`."""
    return _register("stream", needs=needs, paper=paper, title=title)


# -- the README's method table --------------------------------------------------------------------------------------

COLUMNS = ("Method", "What it is", "Reads", "Weights", "Nested", "Paper", "Laws that do not apply")


def method_table() -> str:
    """This library's selectors and scores as a markdown table, grouped by what one wants of them, then by title."""
    own = f"{__package__}."
    methods = [m for m in (*METHODS.values(), *SCORES.values()) if m.fn.__module__.startswith(own)]
    methods.sort(key=lambda m: (list(PURPOSES).index(m.purpose), m.title.lower()))
    rows = [COLUMNS, ("---",) * len(COLUMNS), *map(_row, methods)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _row(method: Method) -> tuple[str, ...]:
    reads = " or ".join(" and ".join(f"`{f}`" for f in fields) for fields in method.alternatives())
    skips = "; ".join(f"{law}: {reason}" for law, reason in method.skips.items())
    cells = (
        f"**{method.title}** `{method.name}`" + (" (a score)" if method.kind == "score" else ""),
        method.summary,
        reads or "nothing",
        method.weights or "none",
        "yes" if method.nested else "no",
        method.paper,
        skips,
    )
    return tuple(cell.replace("|", "\\|") for cell in cells)
