"""What `explore` was given, as settings of the Session: data of many kinds, methods by name, one's own selections."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from coreset_explore.inputs import checks, frames
from coreset_explore.pool import Pool
from coreset_explore.registry import METHODS, SCORES, Method, find
from coreset_explore.selecting.answer import budget
from coreset_explore.selecting.strategy import Strategy, presets
from coreset_explore.selection import Selection
from widgets.explorer.session import MAX_CHOICES, Session
from widgets.kit.columns import checked_frame, checked_render
from widgets.kit.given import model_of, name_of, refuse_unknown

DEFAULT = ("Facility Location", "Random")
"""What is chosen where nobody names a method and nothing is known of the data yet; `decided` has the last word."""
WHOLE = 12_000  # rows up to which facility location is asked to compare all pairs: 0.6 GB, some seconds
OWN = ("images", "texts", "frame", "render", "coords", "selections", "methods", "model", "seed")


def settle(
    session: Session,
    data: Any,
    y: Any,
    images: Any,
    texts: Any,
    frame: Any,
    render: Any,
    coords: Any,
    selections: Any,
    methods: Any,
    model: Any,
    k_max: Any,
    options: Mapping[str, Any],
) -> None:
    """Write everything given into the session's settings; ValueError names what is wrong and what to write instead."""
    refuse_unknown("explore", options, OWN)
    chosen = {**options, **({} if y is None else {"y": y})}
    named = isinstance(data, str)
    if isinstance(data, Pool) and chosen:
        raise ValueError(f"a Pool brings its own labels and rows; leave {next(iter(chosen))}= out")
    name_of_model, module = model_of(model)
    if isinstance(data, Pool) and name_of_model:
        raise ValueError("a Pool holds what a model said of its rows already; leave model= out")
    name = data if named else name_of(data)
    with session.hold_trait_notifications():
        session.data, session.data_name, session.given_name = (None if named else data), name, name
        session.options, session.images, session.coords = chosen, images, coords
        session.images_given = images is not None
        session.texts, session.frame, session.render = texts, checked_frame(frame), checked_render(render)
        if coords is not None:
            checked_coords(coords)  # now; a frame's index is needed later
        session.model, session.module, session.k_max = name_of_model, module, _right_end(k_max)
        own, wanted = _selections(selections, data), _methods(methods)
        session.choices = choices(wanted or DEFAULT, own)
        session.unasked = () if wanted else session.choices


def _right_end(k_max: Any) -> int | float:
    """The slider's right end as given, a count or a share, once it is seen to be a budget; 0 stays 0."""
    if k_max is None or (isinstance(k_max, int) and not isinstance(k_max, bool) and k_max == 0):
        return 0
    budget(k_max, 2**62)  # how many rows there are is not known yet
    found = checks.real(k_max, "k_max")
    return int(found) if isinstance(found, int) else float(found)


def checked_coords(coords: Any):
    """One's own map as float32 (n, 2); ValueError for another shape, or points that are nowhere."""
    import numpy as np

    found = np.asarray(coords, dtype=np.float32)
    if found.ndim != 2 or found.shape[1] != 2:
        raise ValueError(f"coords wants (n, 2), one point a row, got shape {found.shape}")
    if not np.isfinite(found).all():
        raise ValueError(
            f"coords holds NaN or infinity, first in row {int(np.argmin(np.isfinite(found).all(1)))}"
        )
    return found


def _selections(given: Any, data: Any) -> list[Strategy]:
    """Selections of one's own: one, a list, or {name: one}, each a Selection, row numbers or a mask."""
    if given is None:
        return []
    if isinstance(given, str | bytes):
        raise ValueError(
            f"selections are picks of your own, and {given!r} is a text; what selects goes to methods="
        )
    if isinstance(given, Mapping):
        pairs = list(given.items())
    else:
        pairs = [(None, one) for one in ([given] if _is_one_selection(given) else given)]
    found: list[Strategy] = []
    for number, (name, one) in enumerate(pairs, 1):
        own = _selection(one, f"selection {number}" if name is None else str(name), data)
        called = str(name) if name is not None else str(own.info.get("method") or f"selection {number}")
        while called in {c.name for c in found}:
            called = f"{called} ({number})"
        found.append(Strategy.of(own, name=called))
    return found


def _is_one_selection(given: Any) -> bool:
    """Whether this is one selection where a list of them may stand: a Selection, an array, or numbers in a list."""
    import numpy as np

    if isinstance(given, list | tuple):
        return bool(given) and all(isinstance(one, int | np.integer | np.bool_) for one in given)
    return isinstance(given, Selection | range) or not isinstance(given, Sequence | Iterator)


def _selection(one: Any, name: str, data: Any) -> Selection:
    """One's own picks. Of a mask `info["n"]` says how many rows it is of, so that it fits these rows alone."""

    if isinstance(one, Selection):
        return one
    index = getattr(data, "index", None)  # a frame's, which may call the mask's rows
    one = frames.aligned(one, None if callable(index) else index, name)
    dtype = getattr(one, "dtype", None)
    masked = str(dtype) in ("bool", "boolean", "torch.bool") or (
        isinstance(one, list | tuple) and len(one) > 0 and all(isinstance(value, bool) for value in one)
    )
    if not masked:
        return Selection.of(checks.rows(one, name), name=name)
    n = len(one)
    own = Selection.of(checks.rows(one, name, n), name=name)
    return replace(own, info={**own.info, "n": n})


def _methods(given: Any) -> list[Any]:
    """What `methods` names: one or a list of them; nothing where the data is to decide."""
    if given is None:
        return []
    if isinstance(given, str | Strategy | Mapping | Method) or callable(given):
        return [given]
    if not isinstance(given, Sequence):
        raise ValueError(f'methods is a list of names, as ["CRAIG", "kcenter"], not {checks.shown(given)}')
    return list(given)


def decided(pool: Pool, gradients: bool, own: Sequence[Strategy]) -> tuple[tuple[Strategy, ...], str]:
    """The methods where nobody named any, by what the data can answer; and what is missing for others.

    `pool` holds what there is; `gradients` says that a model will be trained and give the rest. With labels of several
    classes: facility location and random, per class. Else random, and facility location over all rows up to WHOLE,
    k-center for more, or entropy on bare logits.
    """
    per_class = pool.y is not None
    several = pool.y is not None and bool((pool.y != pool.y[0]).any())
    random = "Random" if per_class else Strategy.of("random", name="Random")
    if several and (gradients or pool.grads is not None or pool.emb is not None):
        return choices(DEFAULT, own), ""
    whole = Strategy.of(preset(DEFAULT[0]), wrap=[])
    able = whole.lacks(pool) is None
    if able and len(pool) <= WHOLE:
        return choices([whole, random], own), ""
    if able:
        parts = "without labels" if not per_class else "of one class"
        why = f"{parts} it compares all pairs of {len(pool):,} rows, which takes long"
    else:
        why = "it needs features or gradients, and this Pool has none; cx.signals records them"
    by_gradients = Strategy.of("kcenter", name="k-center", space="grads")
    ways = (preset("k-center"), by_gradients, Strategy.of("entropy", name="Entropy"))
    can = [way for way in ways if way.lacks(pool) is None]
    return choices([*can[:1], random], own), f"{DEFAULT[0]} is not among them: {why}."


def choices(methods: Sequence[Any], own: Sequence[Strategy]) -> tuple[Strategy, ...]:
    """Methods by name and selections of one's own, each under a name of its own; ValueError for too many."""
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
