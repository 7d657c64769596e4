"""Items that are mappings, {"image": …, "label": …}, as Hugging Face's datasets and many others hand them out."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import numpy as np

from coreset_explore.datasets.pictures import is_picture

LABELS = (
    "label",
    "labels",
    "y",
    "target",
    "class",
    "fine_label",
)  # what a label is called, the first that is there


def of_pictures(x: Any) -> bool:
    """Whether x hands out mappings that hold a picture, by number: such a set gives a frame too, of encoded bytes."""
    if (
        not hasattr(x, "__getitem__")
        or not hasattr(x, "__len__")
        or isinstance(x, Mapping)
        or not hasattr(x, "features")
    ):
        return False
    try:
        first = x[0]
    except (KeyError, IndexError, TypeError):
        return False
    return isinstance(first, Mapping) and any(map(is_picture, first.values()))


def paired(item: Mapping[str, Any], number: int) -> tuple[Any, Any]:
    """(x, y) of one item: its picture, or its only array, and what a label is called."""
    label = _called(item)
    pictures = [name for name, value in item.items() if is_picture(value)]
    found = pictures or [name for name, value in item.items() if name != label and _is_array(value)]
    if len(found) != 1:
        raise ValueError(
            f"Item {number} of the Dataset holds {', '.join(map(repr, item))}, of which {len(found)} are pictures or "
            'arrays: give one a row, as dataset.select_columns(["image", "label"]) does, or pairs (x, y).'
        )
    return item[found[0]], None if label is None else item[label]


def label_of(x: Any) -> str | None:
    """What a set that knows its `features` calls its label."""
    features = getattr(x, "features", None)
    return _called(features) if isinstance(features, Mapping) else None


def names_of(x: Any, label: Any = None) -> tuple[str, ...] | None:
    """The class names that a set's `features` give its label, where it has such."""
    called = label if label is not None else label_of(x)
    features = getattr(x, "features", None)
    names = getattr(features.get(called), "names", None) if isinstance(features, Mapping) else None
    return tuple(map(str, names)) if isinstance(names, list | tuple) and names else None


def _called(names: Container[str]) -> str | None:
    return next((name for name in LABELS if name in names), None)


def _is_array(value: Any) -> bool:
    return (isinstance(value, list | tuple) and not any(isinstance(v, str) for v in value)) or bool(
        isinstance(value, np.ndarray) or getattr(value, "ndim", 0)
    )
