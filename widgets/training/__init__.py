"""The training laboratory's panel: train by regimes, and look at what it came to. `from widgets import train` opens it.

Its parts, each on `kit` alone and all on one `Session`:

- `panel`: `train()` and the panel itself; `session`: settings and view; `arguments`: what `train` was given, as such.
- `ground`: the settings as a plan (data, model, every cell), with what the store holds of it; `control`: who runs it.
- `rail`, `regime_list`, `regime_adder`, `estimate`: the form, and what it says of the time ahead.
- `accuracy`, `trade`, `table`, `choices`: a tab each, from a `result`; what a tab draws is in `…_figure`.
- `replay`, `export`, `portrait`, `header`: the same as code, as files, as a picture in a saved notebook.
"""

from __future__ import annotations

import importlib

_WHERE = {"train": "panel", "Trainer": "panel", "Session": "session"}
__all__ = list(_WHERE)


def __getattr__(name: str):
    if name not in _WHERE:
        raise AttributeError(f"module 'widgets.training' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"widgets.training.{_WHERE[name]}"), name)
    globals()[name] = value
    return value
