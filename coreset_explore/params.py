"""A method's parameters, declared once in its signature: forms, docs, tests and checks all read them here."""

from __future__ import annotations

import functools
import inspect
import math
import typing
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal

from coreset_explore.inputs import checks

# What every method may take and nobody sets in a form.
STANDARD = ("pool", "k", "rng", "given", "scores", "memory", "batch", "capacity", "method")


@dataclass(frozen=True)
class Range:
    """Bounds of a numeric parameter, both included; `log` asks for a logarithmic slider.

    >>> from typing import Annotated
    >>> import coreset_explore as cx
    >>> @cx.scorer(needs="emb")
    ... def size(pool, power: Annotated[float, cx.Range(0.5, 4), "of the length"] = 2.0):
    ...     return pool.emb.norm(dim=1) ** power
    >>> cx.select("size", cx.Pool.of([[1.0], [2.0], [3.0]]), 1, power=9.0)
    Traceback (most recent call last):
    ValueError: power lies between 0.5 and 4, got 9.0
    """

    low: float
    high: float
    log: bool = False


# What several methods ask for, said once; each gives its own default.
Space = Annotated[
    Literal["emb", "grads"],
    "where rows are compared: features or gradients; unless told, what the pool holds",
]
Steps = Annotated[Literal["last", "all"], "which recorded gradients count"]
Metric = Annotated[Literal["euclidean", "cosine"], "cosine compares directions only"]
Likeness = Annotated[Literal["cosine", "rbf"], "0.5 + 0.5 cos, or a Gaussian of the distance"]
Sigma = Annotated[
    float | None, Range(1e-6, 1e6, log=True), "width of the Gaussian; by default the median distance"
]
AnySpace = Annotated[
    Literal["emb", "grads", "similarity"],
    "where rows are compared: features, gradients or similarities given; unless told, what the pool holds",
]
Kernel = Annotated[
    Literal["linear", "rbf"], "the inner model: linear in the features, or in a Gaussian of their distance"
]
Inner = Annotated[float, Range(1e-8, 10, log=True), "λ of the inner ridge regression, a row"]
Groups = Annotated[Literal["lsh", "kmeans"], "what puts rows into groups"]
Bits = Annotated[int, Range(1, 62), "random hyperplanes (LSH)"]
MostGroups = Annotated[
    int, Range(1, 2**20), "groups at most; with LSH, hyperplanes are left out to stay below"
]
Subspaces = Annotated[int, Range(1, 64), "product quantization: cuts of the features"]
Centroids = Annotated[int, Range(2, 256), "product quantization: codewords a cut"]
Sample = Annotated[int, Range(1, 2**20), "candidates looked at for each pick"]


@dataclass(frozen=True)
class Param:
    """One keyword of a method, read from its signature."""

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
            return checks.choice(value, self.name, self.choices)
        if self.kind == "bool":
            return checks.truth(value, self.name)
        number = checks.whole if self.kind == "int" else checks.real
        low, high = (
            (-math.inf if self.low is None else self.low),
            (math.inf if self.high is None else self.high),
        )
        return number(value, self.name, low, high)


def parameters(fn: Callable, skip: Collection[str] = ()) -> dict[str, Param]:
    """Every keyword of `fn` beyond the standard ones and `skip`: `Annotated[float, Range(0, 1), "help"] = 0.5`."""
    return dict(_read(fn, tuple(skip)))


@functools.lru_cache(maxsize=512)  # a selection per class asks for them once a class
def _read(fn: Callable, skip: tuple[str, ...]) -> dict[str, Param]:
    inner = getattr(fn, "func", fn)  # what a functools.partial calls
    inner = inner if hasattr(inner, "__annotations__") else type(inner).__call__
    hints = typing.get_type_hints(inner, include_extras=True)
    found = {}
    for name, parameter in inspect.signature(fn).parameters.items():
        if name in STANDARD or name in skip:
            continue
        if parameter.default is inspect.Parameter.empty or name not in hints:
            raise TypeError(f"{inner.__name__}: parameter {name!r} needs an annotation and a default")
        found[name] = _param(name, hints[name], parameter.default, inner.__name__)
    return found


def check_params(where: str, known: Mapping[str, Param], given: Mapping[str, Any]) -> dict[str, Any]:
    """Check names and values of `given` against `known`; a misspelt name is answered with the nearest one."""
    for name in given:
        if name not in known:
            near = checks.nearest(name, known, 1)
            listed = f"it takes {', '.join(known)}" if known else "it takes none"
            guess = f"did you mean {near[0]!r}?" if near else listed
            raise ValueError(f"{where} has no parameter {name!r}; {guess}")
    return {name: known[name].check(value) for name, value in given.items()}


def _param(name: str, hint: Any, default: Any, where: str) -> Param:
    notes: list[Any] = []
    optional = False
    while (origin := typing.get_origin(hint)) in (Annotated, typing.Union, UnionType):
        # Annotated[int | None, …] and Annotated[int, …] | None are the same
        if origin is Annotated:
            hint, *found = typing.get_args(hint)
            notes += found
        else:
            inner = [a for a in typing.get_args(hint) if a is not type(None)]
            optional, hint = len(inner) < len(typing.get_args(hint)), inner[0]
    help_ = next((note for note in notes if isinstance(note, str)), "")
    bounds = next((note for note in notes if isinstance(note, Range)), None)
    common = {"name": name, "default": default, "optional": optional, "help": help_}
    if typing.get_origin(hint) is Literal:
        return Param(kind="choice", choices=typing.get_args(hint), **common)
    if hint is bool:
        return Param(kind="bool", **common)
    if hint in (int, float):
        if bounds is None:
            wanted = f"Annotated[{hint.__name__}, Range(low, high)]"
            raise TypeError(f"{where}: numeric parameter {name!r} needs a range, {wanted}")
        kind: Literal["int", "float"] = "int" if hint is int else "float"
        return Param(kind=kind, low=bounds.low, high=bounds.high, log=bounds.log, **common)
    raise TypeError(f"{where}: parameter {name!r} is a bool, int, float or Literal, not {hint}")
