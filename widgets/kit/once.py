"""Large widget modules that a page loads once: anywidget sends a module with every widget and imports it each time.

jupyter-scatter's is two megabytes and plotly's five, so that a page whose panel is run again grew by all of them.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from traitlets import Unicode, default

from widgets.kit import plain as w

LOADER = Path(__file__).with_name("once.js").read_text()


class Source(w.Widget):
    """The text of a module, where a page can ask for it; shown nowhere, and kept as long as the kernel lives."""

    text = Unicode().tag(sync=True)


def once(base: type[Any], before: str = "") -> type[Any]:
    """The anywidget class `base`, whose module is sent once a kernel and loaded once a page.

    `before` goes before the module's text, in its scope.
    """
    text = before + str(base._esm)
    name = f"{base.__module__}.{base.__name__}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    holders: list[Source] = []

    def source() -> str:
        if not holders or holders[-1].comm is None:  # closed with all widgets of the kernel
            holders.append(Source(text=text))
        return f"IPY_MODEL_{holders[-1].model_id}"

    class Once(base):
        _esm = LOADER
        module = Unicode(name).tag(sync=True)
        source = Unicode().tag(sync=True)

        @default("source")
        def _source(self) -> str:
            return source()

    Once.__name__ = Once.__qualname__ = base.__name__
    return Once
