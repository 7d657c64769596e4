"""The Explorer: look at what methods pick from a dataset. `from widgets import explore` opens it."""

from __future__ import annotations

import importlib
import warnings

# What a measure says of a selection from other rows stands in the panel, beside its numbers.
warnings.filterwarnings("ignore", ".*hardly belongs to", UserWarning, r"widgets\.")
_WHERE = {"explore": "panel", "Explorer": "panel", "Session": "session"}
__all__ = list(_WHERE)


def __getattr__(name: str):
    if name not in _WHERE:
        raise AttributeError(f"module 'widgets.explorer' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"widgets.explorer.{_WHERE[name]}"), name)
    globals()[name] = value
    return value
