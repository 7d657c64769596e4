"""Classes: their names, the order these stand in, and the numbers that a model has for them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import KeysView, Mapping, Sequence, ValuesView
from typing import Any

import numpy as np
import torch
from torch import Tensor

from coreset_explore.inputs.checks import shown

MOST_CLASSES = 1 << 16  # whole numbers above this are names (years, article numbers), not class numbers


def class_names(classes: Any) -> tuple[str, ...]:
    """The names in the order of their numbers: of a list, or of a mapping, from names to numbers or the other way.

    Numbers that a mapping leaves out keep their number as a name.
    """
    if isinstance(classes, Mapping):
        return _mapped(classes)
    if isinstance(classes, Tensor):
        classes = classes.tolist()
    listed = isinstance(classes, Sequence | KeysView | ValuesView) or getattr(classes, "ndim", 0) == 1
    if not listed or isinstance(classes, str | bytes):
        raise ValueError(
            f"classes is a list of class names, in the order of their numbers, not {shown(classes)}; a mapping tells "
            "each name's number"
        )
    return tuple(_text(name) for name in classes)


def numbered(
    y: Tensor, classes: Sequence[str], coded: bool, outputs: int, whose: str
) -> tuple[Tensor, tuple[str, ...]]:
    """Class numbers y as the numbers that a model of so many outputs has for these classes, and their names.

    `coded` says that y are places in sorted names and not what the labels were. As many outputs as classes are these
    places. Of more outputs, a whole number is the one that it names; what other names mean is not to be guessed, and
    raises ValueError.
    """
    classes = tuple(classes)
    if outputs <= len(classes):
        return y, classes
    places = [int(name) if name.isascii() and name.isdecimal() else -1 for name in classes]
    named = set(places) <= set(range(outputs)) and len(set(places)) == len(places)
    if named and (coded or places == list(range(len(places)))):
        given = dict(zip(places, classes))
        names = tuple(given.get(i, str(i)) for i in range(outputs))
        return torch.tensor(places, dtype=torch.int64, device=y.device)[y], names
    if not named and not coded:
        return y, classes
    listed = ", ".join(classes[:4]) + ", …" * (len(classes) > 4)
    raise ValueError(
        f"{whose} tells {outputs} classes apart, and the labels are of {len(classes)} ({listed}), which may be any of "
        f"its outputs; give classes=[…] with the names of all {outputs}, in their order, or labels that are whole "
        f"numbers from 0 to {outputs - 1}"
    )


def natural(name: str) -> tuple:
    """The key by which a person sorts names: numbers in them by size, accents however they are composed."""
    parts = re.split(r"(^-?[0-9]+|[0-9]+)", unicodedata.normalize("NFC", name))
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], name


def _mapped(classes: Mapping[Any, Any]) -> tuple[str, ...]:
    for places, words in ((classes.values(), classes), (classes, classes.values())):
        numbers = [n for place in places if (n := _number(place)) is not None]
        texts = [word for word in words if isinstance(word, str | bytes)]
        if classes and len(numbers) == len(texts) == len(classes):
            break
    else:
        raise ValueError(
            f"classes maps names to their numbers, or numbers to names, not {shown(dict(classes))}"
        )
    names = dict(zip(numbers, texts))
    if len(names) < len(numbers):
        twice = next(n for n in numbers if numbers.count(n) > 1)
        both = " and ".join(repr(t) for n, t in zip(numbers, texts) if n == twice)
        raise ValueError(f"classes gives number {twice} to {both}: give each class its own")
    return tuple(_text(names.get(i, i)) for i in range(max(names) + 1))


def _number(value: Any) -> int | None:
    """A class number: whole, from 0; as text too, which is what JSON makes of a mapping's keys."""
    text = str(value) if isinstance(value, int | np.integer | str) and not isinstance(value, bool) else ""
    return int(text) if text.isascii() and text.isdecimal() and int(text) < MOST_CLASSES else None


def _text(name: Any) -> str:
    """A class's name; several words for one class, as ImageNet has them, in one line."""
    if isinstance(name, bytes):
        return name.decode(errors="replace")
    return ", ".join(map(str, name)) if isinstance(name, tuple) else str(name)


def composed(text: str) -> str:
    """The text with each accent and its letter as one sign, however they were written."""
    return unicodedata.normalize("NFC", text)
