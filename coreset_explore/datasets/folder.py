"""A folder of pictures, one sub-folder a class, as images; and reading one picture as a person sees it."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from coreset_explore.datasets.data import Data, hold_out
from coreset_explore.datasets.pictures import open_picture, square
from coreset_explore.inputs.checks import whole
from coreset_explore.inputs.classes import class_names, composed, natural
from coreset_explore.progress import bar, track

_SUFFIXES = {".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"}


def load_folder(
    path: str, size: int, test: str | os.PathLike | float | None, seed: int, name: str, classes: Any = None
) -> Data:
    """Data of a folder with one sub-folder a class; `test` another such folder or the share to hold out.

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
    fraction = test if isinstance(test, float) else 0.2
    other = None if test is None or isinstance(test, float) else os.fspath(test).removeprefix("folder:")
    other = None if other is None else Path(other).expanduser()
    with bar(f"reading {root.name}"):
        x, y, files, skipped = _read(root, tuple(folders.values()), size)
        for label, count in zip(folders.values(), torch.bincount(y, minlength=len(folders)).tolist()):
            if count == 0 and (root / label).is_dir():
                raise ValueError(
                    f"{root / label} holds no picture that can be read: add some, or remove the folder."
                )
        held = _read_test(other, names, size) if other else None
    broken = [*skipped, *(held[3] if held else [])]
    data = Data(
        x=x,
        y=y,
        classes=names,
        x_test=held[0] if held else None,
        y_test=held[1] if held else None,
        kind="images",
        name=name,
        note=_broken_note(broken),
        files=tuple(files),
        skipped=tuple(broken),
        coded=classes is None,
    )
    return data if held else hold_out(data, fraction, seed)


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
        pictures = any(f.suffix.lower() in _SUFFIXES for f in root.iterdir())
        what = "holds pictures but no sub-folders" if pictures else "is empty: it has no sub-folders"
        raise ValueError(f"{root} {what}; make one sub-folder a class and put its pictures there.")
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


def _read_test(
    root: Path, classes: tuple[str, ...], size: int
) -> tuple[Tensor, Tensor, list[str], list[str]]:
    spelt = _classes(root)
    if unknown := [name for name in spelt if name not in classes]:
        raise ValueError(
            f"The test folder {root} has classes the training folder lacks ({', '.join(unknown[:3])}); "
            "use the same sub-folder names in both."
        )
    return _read(root, tuple(spelt.get(name, name) for name in classes), size)


def _read(root: Path, classes: tuple[str, ...], size: int) -> tuple[Tensor, Tensor, list[str], list[str]]:
    """Pictures uint8 (n, 3, size, size), labels, paths, and the paths that could not be read."""
    listed: list[tuple[str, int]] = []
    for label, folder in enumerate(classes):
        if (root / folder).is_dir():
            inside = sorted(f.name for f in os.scandir(root / folder) if _is_picture(f.name))
            listed += [(str((root / folder / name).absolute()), label) for name in inside]
    if not listed:
        raise ValueError(
            f"No sub-folder of {root} holds a picture ({', '.join(sorted(_SUFFIXES))}): add some."
        )
    pixels = torch.empty((len(listed), 3, size, size), dtype=torch.uint8)
    good = torch.zeros(len(listed), dtype=torch.bool)

    def read(i: int) -> None:
        found = _tensor(listed[i][0], size)
        if found is not None:
            pixels[i], good[i] = found, True

    # decoding releases the interpreter, so a few threads help; batches keep a cancel near
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for start in track(range(0, len(listed), 32), "pictures, by 32:"):
            list(pool.map(read, range(start, min(start + 32, len(listed)))))
    y = torch.tensor([label for _, label in listed])
    files = [file for file, _ in listed]
    kept = good.tolist()
    return (
        pixels if good.all() else pixels[good],
        y[good],
        [f for f, ok in zip(files, kept) if ok],
        [f for f, ok in zip(files, kept) if not ok],
    )


def _is_picture(name: str) -> bool:
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in _SUFFIXES


def _tensor(file: str, size: int) -> Tensor | None:
    import numpy as np

    try:
        picture = square(open_picture(file, size), size)
    except Exception:
        # A decoder may fail with any error; the picture is skipped, named and counted in the note.
        return None
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def _broken_note(broken: list[str]) -> str:
    if not broken:
        return ""
    names = ", ".join(Path(f).name for f in broken[:3]) + (", ..." if len(broken) > 3 else "")
    return f"{len(broken)} broken image{'s' * (len(broken) > 1)} skipped: {names}"
