"""Results kept on disk, found again by their content: a changed pixel, label, setting or version is another key."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

PACKAGE = Path(__file__).resolve().parents[1]
LIMIT = 4 << 30  # bytes kept; the results longest unused go first


def cache_root() -> Path:
    """Where downloads go: data/cache of a checkout that can be written, else the user's cache folder."""
    data = PACKAGE.parent / "data"
    if (data / "registry.toml").is_file() and os.access(data, os.W_OK):
        return data / "cache"
    import pooch

    return Path(pooch.os_cache("coreset_explore"))


def folder() -> Path:
    """Where results are kept: CORESET_CACHE if set, else beside the downloaded datasets."""
    own = os.environ.get("CORESET_CACHE")
    return Path(own).expanduser() if own else cache_root() / "results"


def versions() -> dict[str, str]:
    """The versions a result depends on: this library's and torch's."""
    from coreset_explore import __version__

    return {"coreset_explore": __version__, "torch": str(torch.__version__)}


def key(*parts: Any) -> str:
    """Forty hex digits of all of `parts`: tensors and files (Path) by their bytes, the rest as JSON."""
    digest = hashlib.sha256()
    for part in (versions(), *parts):
        if isinstance(part, Tensor):
            value = part.detach().cpu().contiguous()
            digest.update(f"tensor {value.dtype} {tuple(value.shape)} ".encode())
            digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
        elif isinstance(part, Path):
            content = part.read_bytes()
            digest.update(f"file {len(content)} ".encode() + content)
        else:
            text = json.dumps(part, sort_keys=True, default=str).encode()
            digest.update(f"json {len(text)} ".encode() + text)
    return digest.hexdigest()[:40]


def read(what: str, name: str) -> dict[str, Tensor | str] | None:
    """The arrays (and texts) kept under this key, or None. A damaged file is deleted with a warning."""
    path = folder() / f"{what}-{name}.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {k: str(v) if v.dtype.kind == "U" else torch.from_numpy(v) for k, v in file.items()}
    except FileNotFoundError:
        return None
    except (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, TypeError) as error:
        warnings.warn(f"the cached {path.name} is damaged and is made again ({error})", stacklevel=3)
        _remove(path)
        return None
    except OSError as error:
        _unusable(error)
        return None
    with suppress(OSError):  # a folder that is read-only still serves what it holds
        os.utime(path)
    return found


def holds(what: str, name: str) -> bool:
    """Whether something is kept under this key."""
    return (folder() / f"{what}-{name}.npz").is_file()


def write(what: str, name: str, arrays: Mapping[str, Tensor | str]) -> None:
    """Keep tensors (and texts) under this key: written beside and renamed, so that no reader ever sees half a file.

    A folder that cannot be written costs one warning, and the work goes on without it.
    """
    part = None
    try:
        folder().mkdir(parents=True, exist_ok=True)
        _tidy()
        with tempfile.NamedTemporaryFile(dir=folder(), suffix=".part", delete=False) as file:
            part = Path(file.name)
            # Any, since one name, allow_pickle, is an option of savez and no array
            kept: dict[str, Any] = {
                k: v if isinstance(v, str) else v.detach().cpu().numpy() for k, v in arrays.items()
            }
            np.savez(file, **kept)
        os.replace(part, folder() / f"{what}-{name}.npz")
    except OSError as error:
        _unusable(error)
    finally:
        if part is not None:
            _remove(part)


def _tidy() -> None:
    now = time.time()
    for part in folder().glob("*.part"):  # left by a process that was killed while writing
        if now - part.stat().st_mtime > 3600:
            _remove(part)
    files = sorted(folder().glob("*.npz"), key=lambda f: f.stat().st_mtime)
    size = sum(f.stat().st_size for f in files)
    for file in files:
        if size <= LIMIT:
            break
        size -= file.stat().st_size
        _remove(file)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _unusable(error)


_told: set[str] = set()


def _unusable(error: OSError) -> None:
    where = str(folder())
    if where not in _told:
        _told.add(where)
        warnings.warn(
            f"results are not kept, since the cache folder {where} cannot be used ({error.strerror or error}); "
            "set CORESET_CACHE to a folder that can be written",
            stacklevel=4,
        )
