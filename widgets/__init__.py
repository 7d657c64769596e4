"""Panels for looking at data-subset selection in Jupyter: `from widgets import explore`."""

from __future__ import annotations

__all__ = ["Explorer", "Session", "explore"]


def __getattr__(name: str):
    if name not in __all__:
        raise AttributeError(f"module 'widgets' has no attribute {name!r}")
    from widgets import explorer

    return getattr(explorer, name)
