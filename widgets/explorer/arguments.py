"""What `explore` was given, as settings of the Session: data of many kinds, methods by name, one's own selections."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from coreset_explore.pool import Pool
from coreset_explore.registry import METHODS, SCORES, find
from coreset_explore.selecting.strategy import Strategy, presets
from coreset_explore.selection import Selection
from widgets.explorer.session import MAX_CHOICES, Session

DEFAULT = ("CRAIG", "Random")
LOAD = ("classes", "columns", "files", "test", "test_from", "root", "size")
YOURS = "your data"


def settle(
    session: Session,
    data: Any,
    y: Any,
    images: Any,
    coords: Any,
    selections: Sequence[Any] | Mapping[str, Any],
    methods: Sequence[Any],
    options: Mapping[str, Any],
) -> None:
    """Write everything given into the session's settings; ValueError names what is wrong and what to write instead."""
    for name in options:
        if name not in LOAD:
            near = difflib.get_close_matches(
                name, (*LOAD, "images", "coords", "selections", "methods", "model", "seed"), 1
            )
            raise ValueError(f"explore takes no {name!r}{f'; did you mean {near[0]!r}?' if near else ''}")
    chosen = {**options, **({} if y is None else {"y": y})}
    named = isinstance(data, str)
    if isinstance(data, Pool) and chosen:
        raise ValueError(f"a Pool brings its own labels and rows; leave {next(iter(chosen))}= out")
    name = data if named else _name(data)
    with session.hold_trait_notifications():
        session.data, session.data_name, session.given_name = (None if named else data), name, name
        session.options, session.images, session.coords = chosen, images, _checked_coords(coords)
        session.images_given = images is not None
        own = _selections(selections)
        wanted = list(methods) if len(methods) else list(DEFAULT)
        session.choices = _choices(wanted, own)


def _name(data: Any) -> str:
    from coreset_explore import datasets

    given = getattr(data, "name", "") if isinstance(data, datasets.Data) else ""
    if isinstance(data, Pool):
        given = data.info.get("name", "")
    if not given or given == "arrays":
        return YOURS
    return f"{given} (yours)" if given in datasets.names() else given


def _checked_coords(coords: Any):
    if coords is None:
        return None
    import numpy as np

    found = np.asarray(coords, dtype=np.float32)
    if found.ndim != 2 or found.shape[1] != 2:
        raise ValueError(f"coords wants (n, 2), one point a row, got shape {found.shape}")
    if not np.isfinite(found).all():
        raise ValueError(
            f"coords holds NaN or infinity, first in row {int(np.argmin(np.isfinite(found).all(1)))}"
        )
    return found


def _selections(given: Sequence[Any] | Mapping[str, Any]) -> list[Strategy]:
    pairs = given.items() if isinstance(given, Mapping) else [(None, s) for s in given]
    found: list[Strategy] = []
    for number, (name, one) in enumerate(pairs, 1):
        own = one if isinstance(one, Selection) else Selection.of(one)
        called = name or str(own.info.get("method") or f"selection {number}")
        while called in {c.name for c in found}:
            called = f"{called} ({number})"
        found.append(Strategy.of(own, name=called))
    return found


def _choices(methods: Sequence[Any], own: list[Strategy]) -> tuple[Strategy, ...]:
    found: list[Strategy] = []
    for method in methods:
        choice = preset(method)
        if choice.name not in {c.name for c in found}:
            found.append(choice)
    taken = {c.name for c in found}
    own = [c if c.name not in taken else replace(c, name=f"{c.name} (yours)") for c in own]
    if len(found) + len(own) > MAX_CHOICES:
        raise ValueError(
            f"the panel shows up to {MAX_CHOICES} methods and selections at once, got {len(found) + len(own)}"
        )
    return (*found, *own)


def preset(given: Any) -> Strategy:
    """A paper's name, a method's (as the first paper has it), a registered function, a dictionary or a Strategy."""
    if isinstance(given, Strategy | Mapping):
        return Strategy.of(given)
    known = presets()
    if not isinstance(given, str):
        method = find(given)
        if method.name not in METHODS and method.name not in SCORES:
            raise ValueError(
                f"{method.name} is not registered; write @cx.selector(needs=...) above its definition"
            )
        named = (p for p in known.values() if p.method == method.name)
        return next(named, None) or Strategy.of(method.name, name=method.title)
    by_name = {name.lower(): p for name, p in known.items()}
    by_method = {p.method: p for p in reversed(list(known.values()))}
    found = by_name.get(given.lower()) or by_method.get(given)
    if found is None:
        near = difflib.get_close_matches(given.lower(), [*by_name, *by_method], 3, 0.4)
        names = [by_name[n].name if n in by_name else n for n in near]
        guess = (
            f"did you mean {' or '.join(map(repr, dict.fromkeys(names)))}?"
            if names
            else f"there are {', '.join(known)}"
        )
        raise ValueError(f"no method is called {given!r}; {guess}")
    return found
