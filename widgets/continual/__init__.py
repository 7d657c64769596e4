"""The continual laboratory's panel: what a memory of fixed size keeps of a stream. `from widgets import remember`.

Its parts, each on `kit` alone and all on one `Session`:

- `panel`: `remember()` and the panel itself; `session`: settings and view; `arguments`: what `remember` was given.
- `scenes`: the scenarios by name, as the form offers them; `ground`: the settings as a plan, with what is kept of it.
- `rail`, `stream_list`: the form; `estimate`: what it says of what is to come; `stepper`: the task that is looked at.
- `result`: the records so far; `looking`: which two memories are looked at, and the fields that choose them.
- `memory`, `classes`, `map`, `accuracy`, `tasks`: a tab each; what a tab draws is in `…_figure`, `lives`, `places`.
- `replay`, `export`, `portrait`, `header`: the same as code, as files, as a picture in a saved notebook.
"""

from __future__ import annotations

import importlib

_WHERE = {"remember": "panel", "Memories": "panel", "Session": "session"}
__all__ = list(_WHERE)


def __getattr__(name: str):
    if name not in _WHERE:
        raise AttributeError(f"module 'widgets.continual' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"widgets.continual.{_WHERE[name]}"), name)
    globals()[name] = value
    return value
