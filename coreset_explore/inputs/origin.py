"""Whether rows are those that a selection was made of, as far as what it recorded of them can tell.

A selection's `info` holds `n`, how many rows were to choose from; `fields`, a digest of each of their fields; and
`data`, how many rows the dataset has and how its labels part them. Other fields of the same rows are no mistake: one
may judge by another model's gradients. That not one of them is the same is a reason to ask.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def marks(pool) -> dict[str, str]:
    """A digest a field; of labels how they part the rows, whatever the classes are called or numbered."""
    found = {name: digest for name, digest in pool.digests.items() if name != "ids"}
    return found if pool.y is None else {**found, "y": partition(pool.y)}


def partition(y: Tensor) -> str:
    """Twelve hex digits of which rows (n,) share a class."""
    _, number = torch.unique(y.cpu(), return_inverse=True)
    first = torch.full((int(number.max()) + 1 if len(number) else 0,), len(number))
    first = first.scatter_reduce(0, number, torch.arange(len(number)), "amin")  # classes by their first row
    return hashlib.sha256(first[number].numpy().tobytes()).hexdigest()[:12]


def dataset(pool) -> dict[str, Any]:
    """How many rows the pool's dataset has and how its labels part them: as recorded, else the pool's own."""
    told = {name: pool.info[name] for name in ("rows", "labels") if name in pool.info}
    return told or {"rows": len(pool), "labels": None if pool.y is None else partition(pool.y)}


def doubt(info: Mapping[str, Any], pool) -> str:
    """A sentence where a selection with this `info` was hardly made of these rows; else ""."""
    if info.get("pool") == pool.fingerprint:
        return ""
    n, then = info.get("n"), info.get("fields")
    if n is not None and n != len(pool):
        return f"it was picked from {n:,} rows, and these are {len(pool):,}: give the pool that it was selected from"
    if not isinstance(then, Mapping):
        return ""
    now = marks(pool)
    shared = sorted(then.keys() & now.keys())
    if not shared or any(then[name] == now[name] for name in shared):
        return ""
    return (
        f"it was picked from other rows, or all that is known of them has changed since ({', '.join(shared)} of this "
        "pool are not what they were): give the pool that it was selected from"
    )


def doubt_of_data(info: Mapping[str, Any], n: int, y: Tensor) -> str:
    """The same for the n rows of a dataset with labels y, of which the selection names some."""
    told = info.get("data")
    if not isinstance(told, Mapping) or told["rows"] < n:  # a pool may hold some of its dataset's rows
        return ""
    if told["rows"] > n:
        return f"it was picked from {told['rows']:,} rows, and these are {n:,}: give the data that it was selected from"
    if told["labels"] in (None, partition(y)):
        return ""
    return (
        "its rows were picked from data whose labels part the rows otherwise: give the data that it was selected from, "
        "unless you changed labels since"
    )
