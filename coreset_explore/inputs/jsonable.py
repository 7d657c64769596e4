"""What people keep beside their data, as JSON: what has a plain form is given it, the rest is refused by its place."""

from __future__ import annotations

import datetime
import enum
import json
import math
import os
from collections.abc import Mapping
from typing import Any

import torch

from coreset_explore.inputs.checks import shown


def jsonable(value: Any, where: str, around: tuple[int, ...] = ()) -> Any:
    """`value` made of dictionaries, lists, text, numbers, True, False and None alone; `around` it are these objects.

    Arrays, tensors and columns become lists, sets sorted lists, paths and dates text, and NaN, which is no number,
    None. Raises ValueError of anything else, which names its place, as info["settings"]["net"].
    """
    if isinstance(value, enum.Enum):
        return jsonable(value.value, where, around)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str | torch.dtype | torch.device):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return _finite(float(value), where)
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if id(value) in around:
        raise ValueError(f"{where} holds itself, and a file of it would have no end; leave it out of info")
    around = (*around, id(value))
    if isinstance(value, Mapping):
        return _mapping(value, where, around)
    if isinstance(value, set | frozenset):
        return _sorted([jsonable(part, where, around) for part in value])
    if isinstance(value, list | tuple | range):
        return [jsonable(part, f"{where}[{i}]", around) for i, part in enumerate(value)]
    if hasattr(value, "tolist") and not isinstance(value, type):
        return jsonable(_listed(value, where), where, around)
    raise _refused(value, where)


def _finite(value: float, where: str) -> float | None:
    if math.isinf(value):
        raise ValueError(f"{where} is infinite, which JSON cannot say; give a number, or text")
    return None if math.isnan(value) else value


def _mapping(value: Mapping, where: str, around: tuple[int, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, part in value.items():
        key_ = key.item() if hasattr(key, "item") else key
        plain = jsonable(key_, f"a key of {where}", around)
        if isinstance(plain, list | dict) or plain is None:
            raise ValueError(f"{where} has the key {shown(key)}, and keys are text; name it otherwise")
        name = plain if isinstance(plain, str) else json.dumps(plain)
        if name in found:
            raise ValueError(f"{where} has two keys that are both written {name!r}; name one otherwise")
        found[name] = jsonable(part, f"{where}[{json.dumps(name, ensure_ascii=False)}]", around)
    return found


def _sorted(parts: list) -> list:
    try:
        return sorted(parts)
    except TypeError:  # of several kinds
        return sorted(parts, key=json.dumps)


def _listed(value: Any, where: str) -> Any:
    """What an array, a tensor, a numpy number or a column holds, as Python's own; ValueError where that is itself."""
    try:
        found = value.tolist()
    except (TypeError, ValueError, RuntimeError) as error:  # a sparse tensor, one on no device
        raise _refused(value, where) from error
    if type(found) is type(value):
        raise _refused(value, where)
    return found


def _refused(value: Any, where: str) -> ValueError:
    return ValueError(
        f"{where} is {shown(value)}, which a file cannot hold; give numbers, text, lists or dictionaries, or leave it "
        "out"
    )
