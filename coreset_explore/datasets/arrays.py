"""One's own arrays, frames and torch Datasets as Data: converted with care, or refused with one sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from coreset_explore.datasets import records
from coreset_explore.datasets.data import Data, hold_out, refuse_non_finite
from coreset_explore.datasets.deck import Deck, dealt
from coreset_explore.datasets.pictures import is_picture
from coreset_explore.inputs import checks, frames
from coreset_explore.inputs.arrays import single, tensor
from coreset_explore.inputs.checks import shown
from coreset_explore.inputs.classes import class_names
from coreset_explore.inputs.labels import code_labels
from coreset_explore.progress import bar, track

TEST = "The test frame"
LABELS = 'name the label column with y="..."'


def own(
    x: Any,
    y: Any = None,
    *,
    classes: Sequence[str] | Mapping[Any, Any] | None = None,
    columns: Sequence[str] | None = None,
    files: Any = None,
    test: Any = None,
    seed: int = 0,
) -> Data:
    """Data of features or images `x` with labels `y`; `test` is alike (a pair, a frame, a Dataset) or a share of x.

    An array that has the right type already is shared, not copied.
    """
    ours = type(x).__module__.startswith(
        "coreset_explore."
    )  # a Pool has rows and a length, and is no Dataset
    if x is None or ours or isinstance(x, Mapping | torch.utils.data.DataLoader):
        instead = {
            "DataLoader": "the Dataset it draws from",
            "Pool": "(pool.emb, pool.y)",
            "dict": "a pair of what it holds, (data['x'], data['y'])",
            "DatasetDict": 'one of its parts, as data["train"]',
        }
        raise ValueError(
            f"Data is a dataset's name, an array x with y=, a pair (x, y), a frame or a Dataset, not {shown(x)}: "
            f"give {instead.get(type(x).__name__, 'an array')}."
        )
    framed = frames.is_frame(x) and not records.of_pictures(x)
    name = "frame" if framed else type(x).__name__ if is_dataset(x) else "arrays"
    label = picked = index = None
    if framed:
        if y is None and columns is None and records.names_of(x) is not None:
            y = records.label_of(x)
        named = records.names_of(x, y) if classes is None and frames.is_column(y) else None
        x, y, files, columns, picked, label, index = frames.parted(x, y, files, columns, LABELS)
        classes = named if named is not None else classes
    elif is_dataset(x):
        if y is not None:
            raise ValueError("A torch Dataset brings its own labels: leave y out.")
        classes = classes if classes is not None else _named(x)
        x, y = _from_dataset(x)
    x = held(x, "x")
    y_test = x_test = None
    if framed and frames.is_frame(test):
        test = frames.parted(test, label, None, picked, LABELS, TEST)[:2]
    if isinstance(test, tuple | list):
        if len(test) != 2:
            raise ValueError(f"test must be a pair (x, y) or a share as 0.2, not {len(test)} things.")
        x_test, y_test = test
        if framed and frames.is_frame(x_test):
            x_test, y_test = frames.parted(x_test, y_test, None, picked, LABELS, TEST)[:2]
        x_test = held(x_test, "the test set")
    elif is_dataset(test):
        test_x, y_test = _from_dataset(test)
        x_test = held(test_x, "the test set")
    elif test is not None and not isinstance(test, float):
        raise ValueError(
            f"test must be a pair (x, y), a Dataset, or a share as 0.2, not {type(test).__name__}."
        )
    if (y is None) != (y_test is None) and x_test is not None:
        raise ValueError("Give labels for both the training and the test rows, or for neither.")
    (x, x_test), note = dealt(x, x_test)
    numbers, coded = "names" if classes is None else "codes", False
    if y is None:
        classes = () if classes is None else class_names(classes)
    else:
        y, classes, coded = code_labels(y, classes, "y", numbers)
    if y_test is not None:
        y_test = code_labels(y_test, classes, "y of the test set", numbers)[0]
    data = Data(
        x=x,
        y=y,
        classes=classes,
        x_test=x_test,
        y_test=y_test,
        kind="images" if x.ndim == 4 else "table",
        name=name,
        note=note,
        files=None if files is None else tuple(str(f) for f in files),
        columns=None if columns is None else tuple(map(str, columns)),
        coded=coded,
        index=index,
    )
    return frames.placed(hold_out(data, test, seed)) if isinstance(test, float) else data


def is_dataset(x: Any) -> bool:
    """Whether x is a torch Dataset, or items by number like one, but no array and no list."""
    if isinstance(x, torch.utils.data.Dataset):
        return True
    plain = (
        isinstance(x, list | tuple | dict | str | Tensor) or hasattr(x, "__array__") or hasattr(x, "toarray")
    )
    return not plain and hasattr(x, "__getitem__") and hasattr(x, "__len__")


def held(x: Any, what: str) -> Tensor | Deck:
    """Pictures as a Deck, whose scale and channels the test set has a say in; anything else converted."""
    if isinstance(x, Deck):
        return x
    if isinstance(x, list | tuple) and any(is_picture(part) for part in x[:1]):
        return Deck.of(x, what)
    return convert(x, what)


def _named(dataset: Any) -> tuple[str, ...] | None:
    """The class names that a Dataset brings in `classes` or `class_to_idx`, behind torch's own wrappers too.

    What else goes by these names (a count, a method) is no list of names, and ignored.
    """
    if isinstance(dataset, torch.utils.data.ConcatDataset):
        held = {names for part in dataset.datasets if (names := _named(part)) is not None}
        if len(held) > 1:
            one, other = (", ".join(names[:4]) for names in sorted(held)[:2])
            raise ValueError(
                f"The parts of the ConcatDataset have other classes ({one}, and {other}), so that one number means two "
                "of them: give classes=[…], the names by which all their labels go."
            )
        return next(iter(held), None)
    found = []
    for place in ("classes", "class_to_idx"):
        try:
            found.append(class_names(getattr(dataset, place, ())))
        except ValueError:
            continue
    if found := [
        names for names in found if names
    ]:  # labels come from class_to_idx where both hold the same names
        return found[-1] if set(found[0]) == set(found[-1]) else found[0]
    if isinstance(dataset, torch.utils.data.Subset):
        return _named(dataset.dataset)
    return records.names_of(dataset)


def convert(x: Any, what: str) -> Tensor:
    """`x` as uint8 images (n, channels, h, w) for 3 or 4 dimensions, as a float32 table (n, d) for 2."""
    x = (frames.parted(x, None, None, None, LABELS).x if frames.is_frame(x) else tensor(x, what)).cpu()
    if x.is_complex():
        raise ValueError(f"{what} holds complex numbers: give their real parts, or absolute values.")
    if x.ndim not in (2, 3, 4):
        raise ValueError(
            f"{what} has shape {tuple(x.shape)}: a table is (rows, features), "
            "images are (rows, height, width) or (rows, channels, height, width)."
        )
    if x.numel() == 0:
        raise ValueError(
            f"{what} is empty: shape {tuple(x.shape)}; at least one row and one feature is needed."
        )
    if x.ndim == 2:
        x = single(x, what).contiguous()
        refuse_non_finite(x, what)
        return x
    return _pixels(_channels_first(x, what), what)


def _channels_first(x: Tensor, what: str) -> Tensor:
    if x.ndim == 3:
        return x[:, None]
    first, last = x.shape[1] in (1, 3), x.shape[3] in (1, 3)
    if first == last:
        why = "could be channels-first or channels-last" if first else "has neither 1 nor 3 channels"
        raise ValueError(
            f"{what} has shape {tuple(x.shape)}, which {why}: "
            "give (rows, channels, height, width) with 1 or 3 channels."
        )
    return x if first else x.permute(0, 3, 1, 2)


def _pixels(x: Tensor, what: str) -> Tensor:
    if x.dtype == torch.uint8:
        return x.contiguous()
    if x.dtype == torch.bool:
        return x.to(torch.uint8).mul_(255).contiguous()
    if x.is_floating_point():
        refuse_non_finite(x.reshape(len(x), -1), what)
    low, high = float(x.min()), float(x.max())
    if x.is_floating_point() and 0 <= low and high <= 1:
        return (x * 255).round().to(torch.uint8).contiguous()
    # values like 0..16 are neither scale: taken as 0..255 they would be nearly black
    if 0 <= low and 32 <= high <= 255:
        return x.round().to(torch.uint8).contiguous()
    raise ValueError(
        f"{what} holds pixels in {low:.4g}..{high:.4g}, neither 0..1 nor 0..255: undo a normalization first, "
        "give uint8, or make it a table with x.reshape(len(x), -1)."
    )


def _from_dataset(dataset: Any) -> tuple[Any, Any]:
    """(x, y) of a map-style torch Dataset whose items are x or (x, y), read once."""
    if not hasattr(dataset, "__len__") or isinstance(dataset, torch.utils.data.IterableDataset):
        raise ValueError(
            "The Dataset has no items by number: give a map-style one (with __getitem__ and __len__)."
        )
    if isinstance(dataset, torch.utils.data.TensorDataset) and len(dataset.tensors) in (1, 2):
        x, *y = dataset.tensors
        return x, y[0] if y else None
    xs: list[Tensor] = []
    deck = Deck()
    ys: list[Any] = []
    with bar("reading the Dataset"):
        for i in track(range(len(dataset)), "items"):
            item = dataset[i]
            item = records.paired(item, i) if isinstance(item, Mapping) else item
            pair: Any = item if isinstance(item, tuple | list) and len(item) == 2 else (item, None)
            x, y = pair
            if isinstance(x, tuple | list | dict):
                raise ValueError(
                    f"Item {i} of the Dataset is no pair (x, y): wrap the Dataset so that it gives one."
                )
            if len(deck) or (is_picture(x) and not xs):
                deck.add(x, f"Item {i} of the Dataset")
            else:  # a copy: items may be views of one buffer
                checks.refuse_masked(x, f"Item {i} of the Dataset")
                xs.append(tensor(x if isinstance(x, Tensor) else np.array(x), f"Item {i} of the Dataset"))
                if xs[-1].shape != xs[0].shape:
                    raise ValueError(
                        f"Item {i} of the Dataset has shape {tuple(xs[-1].shape)}, item 0 {tuple(xs[0].shape)}: "
                        "add a transform that makes all alike."
                    )
            if getattr(y, "ndim", 0) and math.prod(y.shape) != 1:
                raise ValueError(
                    f"Item {i} of the Dataset has {shown(y)} as its label: give one label an item, as "
                    "y.argmax() of a one-hot one."
                )
            ys.append(y.item() if hasattr(y, "item") else y)
    if not ys:
        raise ValueError("The Dataset is empty: at least one item is needed.")
    return deck if len(deck) else torch.stack(xs), None if all(y is None for y in ys) else ys
