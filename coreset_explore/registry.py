"""Methods declare themselves here: selectors, scores, pickers, streams, and what each needs, weighs and costs."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Annotated, Any, Literal

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


@dataclass(frozen=True)
class Range:
    """Bounds of a numeric parameter, both included; `log` asks for a logarithmic slider."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Param:
    """One keyword of a method, read from its signature: forms, docs, tests and checks all use this."""

    name: str
    kind: Literal["bool", "int", "float", "choice"]
    default: Any
    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: tuple = ()
    optional: bool = False
    help: str = ""

    def check(self, value: Any) -> Any:
        """The value, or a ValueError that says what it should have been."""
        if self.optional and value is None:
            return None
        if self.kind == "choice":
            if value not in self.choices:
                raise ValueError(f"{self.name} is one of {', '.join(map(repr, self.choices))}, not {value!r}")
            return value
        kinds = {"bool": bool, "int": int, "float": (int, float)}[self.kind]
        if not isinstance(value, kinds) or (self.kind != "bool" and isinstance(value, bool)):
            raise ValueError(f"{self.name} wants {'a number' if self.kind == 'float' else self.kind}, got {value!r}")
        if self.low is not None and not self.low <= value <= self.high:
            raise ValueError(f"{self.name} lies between {self.low:g} and {self.high:g}, got {value!r}")
        return value


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
        """`params` after checking names and ranges; a misspelt name is answered with the nearest one."""
        return check_params(self.name, self.params, params)

    def alternatives(self) -> list[tuple[str, ...]]:
        """The sets of fields of which one is enough: "grads|emb" gives [("grads",), ("emb",)]."""
        return [tuple(f for f in part.split(",") if f) for part in self.needs.split("|")]


STANDARD = ("pool", "k", "rng", "given", "scores", "memory", "batch", "capacity", "method")


def parameters(fn: Callable) -> dict[str, Param]:
    """Every keyword of `fn` beyond the standard ones, read from annotations: `Annotated[float, Range(0, 1), "help"]`."""
    hints = typing.get_type_hints(fn, include_extras=True)
    found = {}
    for name, parameter in inspect.signature(fn).parameters.items():
        if name in STANDARD:
            continue
        if parameter.default is inspect.Parameter.empty or name not in hints:
            raise TypeError(f"{fn.__name__}: parameter {name!r} needs an annotation and a default")
        found[name] = _param(name, hints[name], parameter.default, fn.__name__)
    return found


def _param(name: str, hint: Any, default: Any, where: str) -> Param:
    help_, bounds = "", None
    if typing.get_origin(hint) is Annotated:
        hint, *notes = typing.get_args(hint)
        help_ = next((note for note in notes if isinstance(note, str)), "")
        bounds = next((note for note in notes if isinstance(note, Range)), None)
    optional = False
    if typing.get_origin(hint) in (typing.Union, UnionType):
        inner = [a for a in typing.get_args(hint) if a is not type(None)]
        optional, hint = len(inner) < len(typing.get_args(hint)), inner[0]
    common = {"name": name, "default": default, "optional": optional, "help": help_}
    if typing.get_origin(hint) is Literal:
        return Param(kind="choice", choices=typing.get_args(hint), **common)
    if hint is bool:
        return Param(kind="bool", **common)
    if hint in (int, float):
        if bounds is None:
            raise TypeError(f"{where}: numeric parameter {name!r} needs a range, Annotated[{hint.__name__}, Range(low, high)]")
        return Param(kind=hint.__name__, low=bounds.low, high=bounds.high, log=bounds.log, **common)
    raise TypeError(f"{where}: parameter {name!r} is a bool, int, float or Literal, not {hint}")


def check_params(where: str, known: Mapping[str, Param], given: Mapping[str, Any]) -> dict[str, Any]:
    """Check names and values of `given` against `known`."""
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            listed = ", ".join(known) or "no parameters"
            guess = f"; did you mean {near[0]!r}?" if near else f"; it takes {listed}"
            raise ValueError(f"{where} has no parameter {name!r}{guess}")
    return {name: known[name].check(value) for name, value in given.items()}


class Registry(Mapping[str, Method]):
    """Methods by name, in registration order; the first look imports every file of `methods/`."""

    def __init__(self, kind: str):
        self.kind = kind
        self._found: dict[str, Method] = {}

    def __getitem__(self, name: str) -> Method:
        discover()
        if name not in self._found:
            near = difflib.get_close_matches(str(name), self._found, 3, 0.4)
            guess = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are {', '.join(self._found)}"
            raise UnknownMethod(f"no {self.kind} is called {name!r}; {guess}")
        return self._found[name]

    def __contains__(self, name: object) -> bool:
        discover()
        return name in self._found

    def __iter__(self) -> Iterator[str]:
        discover()
        return iter(dict(self._found))

    def __len__(self) -> int:
        discover()
        return len(self._found)

    def __repr__(self) -> str:
        return f"{{{', '.join(self)}}}"

    def add(self, method: Method) -> None:
        """Register; the same function defined again (a cell run twice) replaces, another module's name is an error."""
        held = self._found.get(method.name)
        if held is not None and held.fn.__module__ != method.fn.__module__:
            raise ValueError(
                f"{self.kind} {method.name!r} is already defined in {held.fn.__module__}; give yours another name"
            )
        self._found[method.name] = method


class UnknownMethod(KeyError, ValueError):
    """No such name; the message offers the nearest."""

    def __str__(self) -> str:
        return str(self.args[0])


METHODS, SCORES, PICKERS, STREAMS = Registry("method"), Registry("score"), Registry("picker"), Registry("stream")
_REGISTRIES = {"selector": METHODS, "score": SCORES, "picker": PICKERS, "stream": STREAMS}
_discovery = {"done": False}


def discover() -> None:
    """Import every file of `methods/`, once; an exception in one of them is raised, not swallowed."""
    if _discovery["done"]:
        return
    _discovery["done"] = True
    try:
        from coreset_explore import methods

        for module in sorted(m.name for m in pkgutil.iter_modules(methods.__path__)):
            importlib.import_module(f"coreset_explore.methods.{module}")
    except BaseException:
        _discovery["done"] = False
        raise


def find(name: str | Method | Callable) -> Method:
    """The selector or score of that name (a score is a method too, through a picker); a Method comes back as it is."""
    if isinstance(name, Method):
        return name
    if callable(name):
        known = [m for r in (METHODS, SCORES) for m in r.values() if m.fn is name]
        return known[0] if known else Method(name.__name__, "selector", name, name.__name__)
    if name in METHODS:
        return METHODS[name]
    if name in SCORES:
        return SCORES[name]
    near = difflib.get_close_matches(str(name), [*METHODS, *SCORES], 3, 0.4)
    guess = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are {', '.join([*METHODS, *SCORES])}"
    raise UnknownMethod(f"no method is called {name!r}; {guess}")


def _register(kind: str, **declared) -> Callable[[Callable], Callable]:
    def decorate(fn: Callable) -> Callable:
        name = fn.__name__
        method = Method(name=name, kind=kind, fn=fn, title=declared.pop("title", None) or name.replace("_", " "), **declared)
        if kind == "selector" and list(inspect.signature(fn).parameters)[:2] != ["pool", "k"]:
            raise TypeError(f"selector {name} wants the signature {name}(pool, k, *, rng, given=(), …)")
        method.params  # a parameter without annotation, default or range is refused now, not when a form is drawn
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
) -> Callable[[Callable], Callable]:
    """Register `fn(pool, k, *, rng, given=(), …) -> Selection`; the function is returned untouched.

    `needs` names pool fields: "emb", "logits,y" (both), "grads|emb" (either). `weights` is "uniform" (n/k each),
    "counts" (how many rows a pick stands for), "match" (least squares on gradients) or None. `nested=True` promises
    that the first j picks are the answer for budget j. `bytes(n, d, c, k)` estimates peak memory. `skips` maps a law
    that does not apply to the reason.
    """
    if weights not in WEIGHTS:
        raise ValueError(f"weights is one of {WEIGHTS}, not {weights!r}")
    declared = {"needs": needs, "weights": weights, "nested": nested, "purpose": purpose, "paper": paper, "title": title}
    return _register("selector", bytes=bytes, skips=dict(skips or {}), **declared)


def scorer(
    *, needs: str, purpose: str = "hard", paper: str = "", title: str | None = None, skips: Mapping[str, str] | None = None
) -> Callable[[Callable], Callable]:
    """Register `fn(pool, …) -> (n,)`, higher is harder. As a method it selects through a picker (`top` unless told)."""
    declared = {"needs": needs, "purpose": purpose, "paper": paper, "title": title, "skips": dict(skips or {})}
    return _register("score", weights="uniform", nested=True, **declared)


def picker(*, nested: bool = True, paper: str = "", title: str | None = None, needs: str = "") -> Callable[[Callable], Callable]:
    """Register `fn(pool, scores, k, *, rng, given=(), …) -> rows (k,)`: turns any score into a selection."""
    return _register("picker", weights="uniform", nested=nested, paper=paper, title=title, needs=needs)


def stream(*, needs: str, paper: str = "", title: str | None = None) -> Callable[[Callable], Callable]:
    """Register `fn(memory, batch, capacity, *, rng, …) -> Memory`."""
    return _register("stream", needs=needs, paper=paper, title=title)

