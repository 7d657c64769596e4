"""Panels for looking at data-subset selection in Jupyter: `from widgets import explore`."""

from __future__ import annotations

import importlib

_WHERE = {"explore": "explorer", "Explorer": "explorer", "Session": "session"}
__all__ = list(_WHERE)


def __getattr__(name: str):
    if name not in _WHERE:
        raise AttributeError(f"module 'widgets' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"widgets.{_WHERE[name]}"), name)
    globals()[name] = value
    return value
