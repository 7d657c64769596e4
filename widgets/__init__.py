"""Panels for looking at data-subset selection in Jupyter: `from widgets import explore, train, remember`."""

from __future__ import annotations

import importlib

_WHERE = {
    "explore": "explorer",
    "Explorer": "explorer",
    "Session": "explorer",
    "train": "training",
    "Trainer": "training",
    "remember": "continual",
    "Memories": "continual",
}
__all__ = list(_WHERE)


def __getattr__(name: str):
    if name not in _WHERE:
        raise AttributeError(f"module 'widgets' has no attribute {name!r}")
    return getattr(importlib.import_module(f"widgets.{_WHERE[name]}"), name)
