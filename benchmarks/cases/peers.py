"""The peers: whether they are here, and how each is asked for the same thing."""

from __future__ import annotations

import contextlib
import importlib
import sys
import types
from functools import lru_cache
from unittest import mock

import numpy as np

PACKAGES = {
    "apricot": "apricot-select",
    "submodlib": "submodlib-py",
    "skactiveml": "scikit-activeml",
    "sklearn": "scikit-learn",
    "psutil": "psutil",
}


@lru_cache(maxsize=16)
def missing(module: str) -> str:
    """One sentence if this package cannot be used here, else nothing."""
    if not module:
        return ""
    try:
        importlib.import_module(module)
    except ImportError as error:
        return (
            f"{PACKAGES[module]} cannot be used here ({error}): its rows are left out; install it with "
            "pip install -c constraints.txt -e '.[bench]', where it has a build for this system"
        )
    return ""


def versions() -> dict[str, str | None]:
    """The installed version of every peer."""
    from importlib import metadata

    found: dict[str, str | None] = {}
    for package in PACKAGES.values():
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def apricot(name: str, k: int, similar, *, anew: bool = False, **options) -> np.ndarray:
    """Picks of an apricot selection on float64 similarities, dense or sparse; the feature-based one takes features.

    apricot compiles its inner loops at every fit, a second or two. A warmed run is one without that, so what it
    compiled is kept from fit to fit unless `anew`.
    """
    import apricot as library

    selection = getattr(library, name)
    if name != "FeatureBasedSelection":
        options["metric"] = "precomputed"
    module = sys.modules[selection.__module__]
    made = {
        part: made for part, made in vars(module).items() if part.startswith("calculate_") and callable(made)
    }
    with contextlib.ExitStack() as kept:
        for part, make in () if anew else made.items():
            kept.enter_context(mock.patch.object(module, part, _remembering(make)))
        return selection(k, **options).fit(similar).ranking.copy()


@lru_cache(maxsize=64)
def _remembering(make):
    """apricot's maker of a compiled function, which answers the same arguments with the same function."""
    return lru_cache(maxsize=None)(make) if isinstance(make, types.FunctionType) else make


def submodlib(name: str, **options):
    """A submodlib function in its dense form."""
    import submodlib as library

    return getattr(library, name)(mode="dense", **options)


def maximize(function, k: int, optimizer: str = "LazyGreedy") -> np.ndarray:
    """Picks of a submodlib function."""
    return np.array([row for row, _ in function.maximize(k, optimizer=optimizer, show_progress=False)])


def unlabeled(n: int) -> np.ndarray:
    """scikit-activeml's labels of rows without any."""
    return np.full(n, np.nan)
