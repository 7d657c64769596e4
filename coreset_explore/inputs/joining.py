"""What several pools hold, put together: field by field, or refused in one sentence. `Pool.join` stands on it.

Pools are called by their place ("the first pool"), since most of them bear no name of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor

from coreset_explore.gradients import LastLayer
from coreset_explore.inputs.fields import row_axis

PLACES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def place(number: int) -> str:
    """ "the third pool", for number 2."""
    return f"the {PLACES[number]} pool" if number < len(PLACES) else f"pool {number + 1}"


def joined_fields(pools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Every field of the pools' `fields`, rows of the first pool first; all have to hold the same fields."""
    if holding := [number for number, held in enumerate(pools) if "similarity" in held]:
        raise ValueError(
            f"{place(holding[0])} holds a similarity, and how like each other rows of two pools are nobody said; join "
            "without it, pool.only(…), and give that of all rows, Pool.of(joined, similarity=…)"
        )
    names = list(pools[0])
    for number, held in enumerate(pools):
        for name in [n for n in (*names, *held) if (n in names) != (n in held)]:
            one, other = (0, number) if name in names else (number, 0)
            both = [n for n in names if n != "ids" and all(n in p for p in pools)]
            only = f"join what all hold, with pool.only({', '.join(map(repr, both))}), or " if both else ""
            give = "Pool.of(pool, y)" if name == "y" else f"pool.add({name}=…)"
            raise ValueError(
                f"{place(one)} holds {name!r} and {place(other)} does not; {only}give it there with {give}"
            )
    return {name: joined(name, [held[name] for held in pools]) for name in names}


def joined(name: str, values: Sequence[Any]) -> Any:
    """One field of several pools as one: of one kind, one width and one dtype, on one device; copied, n·width."""
    first = values[0]
    for number, value in enumerate(values):
        if type(value) is not type(first):
            raise ValueError(
                f"{name!r} is {type(first).__name__} in {place(0)} and {type(value).__name__} in {place(number)}; "
                "record both in one way"
            )
    if isinstance(first, Tensor):
        return _stacked(name, values, 0)
    if isinstance(first, LastLayer) and len({value.bias for value in values}) > 1:
        other = next(number for number, value in enumerate(values) if value.bias != first.bias)
        one, two = (place(number) for number in ((0, other) if first.bias else (other, 0)))
        raise ValueError(
            f"{name!r} are of a last layer with a bias in {one} and without one in {two}; record both by one model"
        )
    axis = row_axis(first)
    parts = {f.name: [getattr(value, f.name) for value in values] for f in fields(first) if f.name != "bias"}
    return replace(
        first, **{part: _stacked(f"{name}.{part}", tensors, axis) for part, tensors in parts.items()}
    )


def joined_ids(ids: Sequence[Tensor]) -> Tensor:
    """All ids, each of them once."""
    whole = _stacked("ids", ids, 0)
    found, times = torch.unique(whole, return_counts=True)
    if len(found) == len(whole):
        return whole
    twice = found[times > 1]
    named = int(twice[0])
    holding = [place(number) for number, part in enumerate(ids) if bool((part == named).any())]
    where = f"in {' and '.join(holding[:2])}" if len(holding) > 1 else f"twice in {holding[0]}"
    raise ValueError(
        f"ids name each row once, and {len(twice):,} of them stand twice (first {named}, {where}); leave those rows "
        "out of one pool, b[~torch.isin(b.ids, a.ids)], or number other rows otherwise, Pool.of(b, ids=…)"
    )


def shared_classes(classes: Sequence[Sequence[str]], y: Sequence[Tensor | None]) -> tuple[str, ...]:
    """The class names that all pools' labels mean: the longest list, which every other has to begin.

    So that labels stay as they are: ("0", "1") and ("0", "1", "2") agree, a pool without names agrees with any that
    has enough of them, and ("cat", "dog") does not agree with ("bird", "cat").
    """
    longest = max(range(len(classes)), key=lambda number: len(classes[number]))
    names = tuple(classes[longest])
    for number, (own, labels) in enumerate(zip(classes, y, strict=True)):
        last = -1 if labels is None or len(labels) == 0 else int(labels.max())
        if tuple(own) != names[: len(own)] or (not own and names and last >= len(names)):
            said = ", ".join(own[:4]) + ", …" * (len(own) > 4) or f"0 to {last}"
            raise ValueError(
                f"classes are {said} in {place(number)} and {', '.join(names[:4])}{', …' * (len(names) > 4)} in "
                f"{place(longest)}; code both by one list, Pool.of(pool, labels, classes=[…])"
            )
    return names


def shared_info(infos: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What all pools tell alike; what they tell differently is true of none of their rows together."""
    return {
        key: value
        for key, value in infos[0].items()
        if all(key in info and repr(info[key]) == repr(value) for info in infos)
    }


MEND = {
    "lies on": "move one, pool.to(…)",
    "is": "convert one, pool.add(…)",
    "has shape": "record both by one model at the same steps",
}


def _stacked(name: str, parts: Sequence[Tensor], axis: int) -> Tensor:
    wanted = _told(parts[0], axis)
    for number, part in enumerate(parts):
        for what, found in _told(part, axis).items():
            if found != wanted[what]:
                raise ValueError(
                    f"{name!r} {what} {wanted[what]} in {place(0)} and {found} in {place(number)}; {MEND[what]}"
                )
    return torch.cat(list(parts), axis)


def _told(part: Tensor, axis: int) -> dict[str, str]:
    """What tensors must agree in to be stacked: all but their number of rows."""
    shape = ", ".join("n" if i == axis else str(size) for i, size in enumerate(part.shape))
    return {"lies on": str(part.device), "is": str(part.dtype)[6:], "has shape": f"({shape})"}
