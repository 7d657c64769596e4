"""Datasets by name, from a folder of pictures, or one's own: `load` gives a `Data` of tensors."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from coreset_explore.datasets.arrays import own
from coreset_explore.datasets.data import Data, hold_out
from coreset_explore.datasets.download import manifest, obtain, verify
from coreset_explore.datasets.formats import (
    COVERTYPE_COLUMNS,
    damaged,
    read_cifar,
    read_covertype,
    read_digits,
    read_idx,
)
from coreset_explore.datasets.picture_folder import load_folder
from coreset_explore.inputs.checks import nearest, shown
from coreset_explore.inputs.checks import seed as checked_seed
from coreset_explore.progress import track


def names() -> list[str]:
    """The datasets that `load` knows by name; besides them it takes "folder:PATH" and one's own arrays."""
    return list(manifest())


def load(
    name: Any,
    *,
    y: Any = None,
    classes: Sequence[str] | Mapping[Any, Any] | None = None,
    columns: Sequence[str] | None = None,
    files: Any = None,
    test: Any = None,
    test_from: str | None = None,
    root: str | os.PathLike | None = None,
    size: int = 64,
    seed: int = 0,
) -> Data:
    """A dataset as tensors: uint8 images (n, channels, height, width) or a float32 table (n, features).

    `name` is one of `names()`, "folder:PATH" (one sub-folder a class), an array or tensor x with `y=`, a pair
    (x, y), a frame of any make (pandas, polars, pyarrow, …) with `y="column"`, a map-style torch Dataset, or a Data
    (returned as it is). Labels that are a pandas Series go to the frame's rows of the same name, never by position.

    - `test`: what to test on. A share of every class, drawn by `seed` (digits, covertype and folders: 0.2
      unless told; one's own rows: none); another folder; a pair (x, y), frame or Dataset of one's own.
    - `test_from` (cifar10, cifar100): the file to test on instead of the official one, as "data_batch_5".
    - `root`: the folder with one sub-folder a dataset, instead of CORESET_DATA or the cache; what is missing
      is fetched into it.
    - `size`: side in pixels of a folder's pictures.
    - `classes`: the class names in the order of their numbers (a list, or a mapping of names to numbers); of a folder
      the names of its sub-folders. Unless told, names are sorted as a person sorts, 2 before 10.
    - `columns` (column names), `files` (one path a row): what to keep of one's own data.

    Errors: ValueError for what is wrong with the data or the call, FileNotFoundError for missing files,
    ConnectionError for a download, OSError for the disk; each one sentence that says what to do.

    >>> import coreset_explore as cx
    >>> cx.load("digits")
    Data(digits: 1,438 images 1x8x8, 10 classes, 359 for testing)
    >>> cx.load([[0.0, 1.0], [2.0, 3.0]], y=["cat", "dog"])
    Data(arrays: 2 rows x 2, 2 classes)
    """
    if isinstance(name, Data):
        _unused("A Data", y=y, classes=classes, columns=columns, files=files, test=test, test_from=test_from)
        return name
    seed = checked_seed(seed)
    if isinstance(name, os.PathLike):
        name = f"folder:{os.fspath(name)}"
    if not isinstance(name, str):
        _unused("One's own data", test_from=test_from, root=root)
        if isinstance(name, tuple):
            if len(name) != 2 or y is not None:
                raise ValueError(
                    f"A tuple of one's own data is a pair (x, y); {len(name)} things came, y={y!r}."
                )
            name, y = name
        return own(name, y, classes=classes, columns=columns, files=files, test=test, seed=seed)
    _unused(f"{name!r}", y=y, columns=columns, files=files)
    if name.startswith("folder:"):
        _unused("A folder", test_from=test_from, root=root)
        return load_folder(name.removeprefix("folder:"), size, test, seed, name, classes)
    _unused(f"{name!r}", classes=classes)
    if name not in manifest():
        raise ValueError(_unknown(name))
    kind = manifest()[name]["format"]
    if kind != "cifar":
        _unused(name, test_from=test_from)
    if kind in ("idx", "cifar"):
        _unused(f"{name} (which has an official test set)", test=test)
        return _idx(name, root) if kind == "idx" else _cifar(name, root, test_from)
    whole = _digits() if kind == "digits" else _covertype(root)
    share = 0.2 if test is None else test
    if not isinstance(share, float):
        raise ValueError(f"{name} has no official test set: test is the share of rows to hold out, as 0.2.")
    return hold_out(whole, share, seed)


def _unused(what: str, **given: Any) -> None:
    if extra := [key for key, value in given.items() if value is not None]:
        raise ValueError(f"{what} takes no {' or '.join(f'{key}=' for key in extra)}: leave it out.")


READERS = {
    ".csv": 'load(pandas.read_csv("{}"), y="the label\'s column")',
    ".parquet": 'load(pandas.read_parquet("{}"), y="the label\'s column")',
    ".feather": 'load(pandas.read_feather("{}"), y="the label\'s column")',
    ".xlsx": 'load(pandas.read_excel("{}"), y="the label\'s column")',
    ".npy": 'load(numpy.load("{}"), y=labels)',
    ".npz": 'found = numpy.load("{}"); load(found["x"], y=found["y"])',
    ".pt": 'load(torch.load("{}"), y=labels)',
}


def _unknown(name: str) -> str:
    if Path(name).expanduser().is_dir():
        return f'Unknown dataset {name!r}: for a folder of pictures write load("folder:{name}").'
    if reader := READERS.get(Path(name).suffix.lower()):
        return f"{name!r} is a file, and no dataset's name: read it first, {reader.format(name)}."
    near = nearest(name, names(), 2)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    known = ", ".join(names())
    return f'Unknown dataset {name!r}: {hint}There are {known}, "folder:PATH", and arrays of your own.'


def _digits() -> Data:
    x, y = read_digits()
    return Data(x, y, _classes("digits"), None, None, "images", "digits")


def _classes(name: str) -> tuple[str, ...]:
    return tuple(manifest()[name]["classes"])


def _idx(name: str, root: str | os.PathLike | None) -> Data:
    paths = obtain(name, root)
    classes = _classes(name)
    sets = []
    for part in track(("train", "t10k"), f"reading {name}"):
        images, labels = (paths[f"{part}-{what}-ubyte.gz"] for what in ("images-idx3", "labels-idx1"))
        x, y = read_idx(images, 3)[:, None], read_idx(labels, 1).long()
        if len(x) != len(y):
            raise damaged(
                labels, f"it has {len(y):,} labels", f"{len(x):,}, one for each image of {images.name}"
            )
        if int(y.max()) >= len(classes):
            raise damaged(labels, f"it holds label {int(y.max())}", f"0..{len(classes) - 1}")
        sets += [x, y]
    for path in paths.values():
        verify(name, path)
    x, y, x_test, y_test = sets
    return Data(x, y, classes, x_test, y_test, "images", name)


def _cifar(name: str, root: str | os.PathLike | None, test_from: str | None) -> Data:
    if not isinstance(test_from, str | None):
        raise ValueError(f'test_from names the file to test on, as "data_batch_5", not {shown(test_from)}.')
    entry = manifest()[name]
    paths = obtain(name, root)
    official = [f["name"] for f in entry["files"]]
    test = official[-1] if test_from is None else f"{test_from.removesuffix('.bin')}.bin"
    known = {f["name"]: f for f in [*entry["files"], *entry.get("partial", [])]}
    folder = next(iter(paths.values())).parent
    if test not in paths:
        others = [n.removesuffix(".bin") for n in paths]
        if test_from is None and (whole := [n for n in others if f"{n}.bin" in official]):
            raise FileNotFoundError(
                f"{folder / test} is missing, so {name} has no test set: put the official file there, "
                f'or hold another out with load("{name}", test_from="{whole[-1]}").'
            )
        raise FileNotFoundError(f"{folder} has no file {test}: test_from can be {', '.join(others)}.")
    train = [n for n in official[:-1] if n != test]
    if missing := [n for n in train if n not in paths]:
        raise FileNotFoundError(f"{folder / missing[0]} is missing; put the official file there.")
    if not train:
        raise ValueError(
            f"{name} would have no training images left without {test}: choose another test_from."
        )
    classes = _classes(name)
    read: dict[str, tuple[Tensor, Tensor]] = {}
    for file in track([*train, test], f"reading {name}"):
        read[file] = read_cifar(paths[file], entry["label_bytes"], known[file].get("records"), len(classes))
        verify(name, paths[file])
    x, y = (torch.cat([read[n][i] for n in train]) for i in (0, 1))
    note = ""
    if test != official[-1]:
        note = known[test].get("note", f"{test.removesuffix('.bin')} held out as test")
    x_test, y_test = read[test]
    return Data(x, y, classes, x_test, y_test, "images", name, note)


def _covertype(root: str | os.PathLike | None) -> Data:
    entry = manifest()["covertype"]
    paths = obtain("covertype", root)
    note = ""
    file = entry["files"][0]["name"]
    if file not in paths:
        file, path = next(iter(paths.items()))
        note = next(f["note"] for f in entry["partial"] if f["name"] == file)
    path = paths[file]
    x, y = read_covertype(path)
    verify("covertype", path)
    return Data(
        x, y, _classes("covertype"), None, None, "table", "covertype", note, columns=COVERTYPE_COLUMNS
    )
