"""A folder of pictures, one sub-folder a class, as images."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from coreset_explore.datasets import album
from coreset_explore.datasets.data import Data, hold_out
from coreset_explore.datasets.depth import span_of
from coreset_explore.inputs.checks import whole
from coreset_explore.inputs.classes import class_names, composed, natural
from coreset_explore.progress import bar

# The usual suffixes, to say what is missing where there is no picture; which files are pictures Pillow says.
_SUFFIXES = {".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"}
TRAIN = ("train", "training")
LOOSE = (".",)  # the class of pictures that lie in no sub-folder, which is none
UNLABELLED = "no sub-folders, so no labels"
HELD = ("val", "valid", "validation", "dev", "test", "testing")


def load_folder(
    path: str, size: int, test: str | os.PathLike | float | None, seed: int, name: str, classes: Any = None
) -> Data:
    """Data of a folder with one sub-folder a class; `test` another such folder or the share to hold out.

    Pictures in a folder without sub-folders have no labels, and none of them is held out unless `test` says so.
    `classes` names the sub-folders in the order of their numbers; one that has none is a class without a picture.
    """
    size = whole(size, "size, the pixels of a picture's side,", 1, 1024)
    if not isinstance(test, str | os.PathLike | float | None):
        raise ValueError(f"test={test!r}: give another folder of pictures, or the share to hold out, as 0.2.")
    if not path:
        raise ValueError('"folder:" lacks its path: write "folder:photos/".')
    root = Path(path).expanduser()
    folders = _classes(root, classes)
    names = tuple(folders)
    _refuse_splits(root, tuple(folders.values()))
    fraction = test if isinstance(test, float) else 0.2 if names != LOOSE else None
    other = None if test is None or isinstance(test, float) else os.fspath(test).removeprefix("folder:")
    other = None if other is None else Path(other).expanduser()
    with bar(f"reading {root.name}"):
        found = [_read(root, tuple(folders.values()), size)]
        _refuse_empty(root, tuple(folders.values()), found[0])
        if other:
            found.append(_read_test(other, names, size))
    deep = [ends for one in found for _, ends in one.deep.values()]
    span = span_of(deep) if deep else None
    (x, y), *held = (one.tensors(span) for one in found)
    if names == LOOSE:
        y, names, held = None, (), [(pixels, None) for pixels, _ in held]
    passed = [entry for one in found for entry in one.passed]
    data = Data(
        x=x,
        y=y,
        classes=names,
        x_test=held[0][0] if held else None,
        y_test=held[0][1] if held else None,
        kind="images",
        name=name,
        note="; ".join(part for part in ("" if names else UNLABELLED, album.note(found, span)) if part),
        files=tuple(found[0].kept),
        skipped=tuple(file for file, _ in passed),
        reasons=tuple(reason for _, reason in passed),
        span=span,
        coded=classes is None,
    )
    return data if held or fraction is None else hold_out(data, fraction, seed)


def _classes(root: Path, classes: Any = None) -> dict[str, str]:
    """Class names in the order of their numbers, each with its sub-folder as the disk spells it.

    Names are compared and given with their accents composed: disks of a Mac hold them decomposed.
    """
    if not root.is_dir():
        what = "is a file, not a folder" if root.exists() else "does not exist"
        raise FileNotFoundError(f"{root} {what}: give a folder with one sub-folder of pictures a class.")
    found = sorted(
        (f.name for f in root.iterdir() if f.is_dir() and not f.name.startswith((".", "__"))), key=natural
    )
    if not found:
        if not any(f.suffix.lower() in _SUFFIXES for f in root.iterdir()):
            raise ValueError(
                f"{root} is empty: it has no sub-folders; make one sub-folder a class and put its pictures there."
            )
        if classes is not None:
            raise ValueError(
                f"{root} holds pictures but no sub-folders, which classes= would name: leave it out."
            )
        return {LOOSE[0]: LOOSE[0]}
    spelt = {composed(folder): folder for folder in found}
    if len(spelt) < len(found):
        twice = next(folder for folder in found if spelt[composed(folder)] != folder)
        raise ValueError(
            f"{root} has two sub-folders called {composed(twice)}, which differ in how the accent is written; put "
            "their pictures into one."
        )
    if classes is None:
        return spelt
    wanted = {composed(name): name for name in class_names(classes)}
    if len(wanted) < len(class_names(classes)):
        raise ValueError(f"classes={classes!r} holds a name twice: name each sub-folder once.")
    if unknown := [folder for name, folder in spelt.items() if name not in wanted]:
        raise ValueError(
            f"{root} has sub-folders that are no class: {', '.join(unknown[:3])}; classes are "
            f"{', '.join(list(wanted)[:8])}; list all sub-folders, or move those away."
        )
    return {name: spelt.get(name, name) for name in wanted}


def _refuse_splits(root: Path, classes: tuple[str, ...]) -> None:
    """A folder of train/ and val/ is two folders of pictures: its sub-folders are splits and no classes."""
    by_name = {name.lower(): name for name in classes}
    train, held = ([by_name[n] for n in names if n in by_name] for names in (TRAIN, HELD))
    splits = [*train, *held]
    deeper = [name for name in splits if any(map(album.is_folder, (root / name).iterdir()))]
    only = len(splits) == len(classes)
    if train and held and (deeper or only):
        load = f'"folder:{root / train[0]}", test="folder:{root / held[0]}"'
        how = f"write load({load})" if deeper else f"make one sub-folder a class in each, then load({load})"
        raise ValueError(f"{root} holds {train[0]} and {held[0]}, which are splits and not classes: {how}.")
    if only and deeper:
        load = f'"folder:{root / deeper[0]}"'
        raise ValueError(
            f"{root} holds {deeper[0]}, a split whose sub-folders are the classes: write load({load})."
        )


def _refuse_empty(root: Path, classes: tuple[str, ...], found: album.Album) -> None:
    counts = torch.bincount(found.y[found.good], minlength=len(classes)).tolist()
    # a class that `classes=` names without a folder is one without a picture, as was asked for
    bare = [name for name, count in zip(classes, counts) if not count and (root / name).is_dir()]
    if not bare:
        return
    empty = root / bare[0]
    inside = [(f, reason) for f, reason in found.passed if Path(f).is_relative_to(empty.absolute())]
    because = f" ({Path(inside[0][0]).name}: {inside[0][1]})" if inside else ""
    raise ValueError(f"{empty} holds no picture that can be read{because}: add some, or remove the folder.")


def _read_test(root: Path, classes: tuple[str, ...], size: int) -> album.Album:
    spelt = _classes(root)
    if unknown := [name for name in spelt if name not in classes]:
        raise ValueError(
            f"The test folder {root} has classes the training folder lacks ({', '.join(unknown[:3])}); "
            "use the same sub-folder names in both."
        )
    return _read(root, tuple(spelt.get(name, name) for name in classes), size)


def _read(root: Path, classes: tuple[str, ...], size: int) -> album.Album:
    found = album.read(root, classes, size)
    if found is None:
        raise ValueError(
            f"No sub-folder of {root} holds a picture ({', '.join(sorted(_SUFFIXES))}): add some."
        )
    return found
