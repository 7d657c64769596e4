"""Lines of code on the page, with a button that copies them."""

from __future__ import annotations

from pathlib import Path

import anywidget
from traitlets import Unicode

from widgets.kit import plain as w


class Code(w.Plain, anywidget.AnyWidget):
    """Lines of code and a button that copies them (or, where the page may not, selects them)."""

    _esm = Path(__file__).with_name("code.js").read_text()
    text = Unicode("").tag(sync=True)
