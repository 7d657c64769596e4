"""Pictures in the files below class folders, as one tensor: every file is tried, and what is passed over named."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from coreset_explore.datasets.depth import Span, deep_values, extent, is_deep, shallow, told
from coreset_explore.datasets.pictures import Unreadable, as_rgb, loaded, square, suffixes, why
from coreset_explore.progress import track

HIDDEN = (".", "__")  # how names of folders begin that are not meant: .ipynb_checkpoints, __MACOSX
LITTER = ("Thumbs.db", "desktop.ini")
OUTSIDE, OTHER = "outside the class folders", "Pillow does not read files of this kind"


@dataclass(eq=False)
class Album:
    """The files listed: those that are pictures (`good`) with their pixels and labels, and why others were passed over.

    Deep pictures wait in `deep`, each with its extent, until the scale of all is known.
    """

    files: list[str]
    y: Tensor
    pixels: Tensor  # uint8 (n, 3, size, size)
    good: Tensor
    passed: list[tuple[str, str]]
    below: list[str]  # folders below a class's, one for each picture in one
    deep: dict[int, tuple[np.ndarray, Span]] = field(default_factory=dict)

    @property
    def kept(self) -> list[str]:
        return [file for file, good in zip(self.files, self.good.tolist(), strict=True) if good]

    def tensors(self, span: Span | None) -> tuple[Tensor, Tensor]:
        """Pixels and labels of the pictures, deep ones scaled by `span`."""
        if span is not None:
            for i, (values, _) in self.deep.items():
                self.pixels[i] = torch.from_numpy(shallow(values, span))
        whole = bool(self.good.all())
        return self.pixels if whole else self.pixels[self.good], self.y[self.good]


def read(root: Path, classes: tuple[str, ...], size: int) -> Album | None:
    """The album of a folder with one sub-folder a class, or None where there is no file in these."""
    loose = [] if classes == (".",) else [f for f in sorted(root.iterdir()) if f.is_file() and _meant(f.name)]
    beside = [(str(f.absolute()), OUTSIDE) for f in loose]
    listed = [(file, label) for label, name in enumerate(classes) for file in _files(root / name)]
    if not listed:
        return None
    n, files = len(listed), [file for file, _ in listed]
    album = Album(
        files=files,
        y=torch.tensor([label for _, label in listed]),
        pixels=torch.empty((n, 3, size, size), dtype=torch.uint8),
        good=torch.zeros(n, dtype=torch.bool),
        passed=beside,
        below=[],
    )
    reasons = [""] * n

    def take(i: int) -> None:
        reasons[i] = _take(album, i, size)
        album.good[i] = not reasons[i]

    # decoding releases the interpreter, so a few threads help; batches keep a cancel near
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for start in track(range(0, n, 32), "pictures, by 32:"):
            list(pool.map(take, range(start, min(start + 32, n))))
    album.passed += [(file, reason) for file, reason in zip(files, reasons, strict=True) if reason]
    own = [os.path.abspath(root / name) for name in classes]
    for (file, label), reason in zip(listed, reasons, strict=True):
        if not reason and os.path.dirname(file) != own[label]:
            album.below.append(os.path.relpath(os.path.dirname(file), os.path.abspath(root)))
    return album


def note(albums: list[Album], span: Span | None) -> str:
    """What a reader must know: what was passed over and why, counted and named, and how deep pictures are scaled."""
    passed = [entry for album in albums for entry in album.passed]
    broken = [Path(file).name for file, reason in passed if reason not in (OTHER, OUTSIDE)]
    other, outside = ([Path(file).name for file, why in passed if why == kind] for kind in (OTHER, OUTSIDE))
    below = [folder for album in albums for folder in album.below]
    heif = [name for name in other if name.lower().endswith((".heic", ".heif"))]
    deep = sum(len(album.deep) for album in albums)
    says = [
        _counted(len(broken), "broken image{s} skipped", broken),
        _counted(len(other), "file{s} skipped that Pillow does not read", other),
        "pillow_heif.register_heif_opener() makes it read .heic" if heif else "",
        _counted(len(outside), "file{s} outside the class folders skipped", outside),
        _counted(len(below), "picture{s} from folders below a class's", sorted(set(below))),
        told(deep, span) if span else "",
    ]
    return "; ".join(part for part in says if part)


def _counted(count: int, what: str, names: list[str]) -> str:
    named = f"{', '.join(names[:3])}{', ...' * (len(names) > 3)}"
    return f"{count:,} {what.format(s='s' * (count != 1))}: {named}" if count else ""


def _files(folder: Path) -> list[str]:
    """Every file in a folder and the folders below it, in order; hidden ones are not there."""
    found: list[tuple[str, str]] = []
    seen: set[str] = set()
    for where, below, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(where)
        if real in seen:  # a link that leads back
            below.clear()
            continue
        seen.add(real)
        below[:] = [name for name in below if not name.startswith(HIDDEN)]
        for name in filter(_meant, names):
            file = os.path.abspath(os.path.join(where, name))
            found.append((os.path.relpath(file, os.path.abspath(folder)), file))
    return [file for _, file in sorted(found)]


def is_folder(path: Path) -> bool:
    """Whether this is a folder, and not a hidden one."""
    return path.is_dir() and not path.name.startswith(HIDDEN)


def _meant(name: str) -> bool:
    return not name.startswith(".") and name not in LITTER


def _take(album: Album, i: int, size: int) -> str:
    """Read picture i to where it belongs; why it was passed over, or nothing."""
    from PIL import Image

    try:
        picture = loaded(album.files[i], size)
        if is_deep(picture):
            values = deep_values(picture)
            album.deep[i] = np.array(square(Image.fromarray(values), size)), extent(values)
        else:
            pixels = np.array(square(as_rgb(picture), size))
            album.pixels[i] = torch.from_numpy(pixels).permute(2, 0, 1)
    except Unreadable as error:
        known = os.path.splitext(album.files[i])[1].lower() in suffixes()
        return f"broken: {error.why}" if known else OTHER
    except (OSError, ValueError) as error:  # gone, not to be read, or of colours that Pillow does not convert
        return f"broken: {why(error)}"
    return ""
