"""The peers: whether they are here, and how each is asked for the same thing."""

from __future__ import annotations

import importlib
from functools import lru_cache

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


def apricot(name: str, k: int, similar: np.ndarray, **options) -> np.ndarray:
    """Picks of an apricot selection on a float64 similarity matrix, or on features for the feature-based one."""
    import apricot as library

    if name != "FeatureBasedSelection":
        options["metric"] = "precomputed"
    return getattr(library, name)(k, **options).fit(similar).ranking.copy()


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
