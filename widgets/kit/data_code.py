"""What a panel learns from, as lines of Python that load it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coreset_explore.inputs.code import python
from widgets.kit.planned import HELD, Ground


def data_code(
    ask: Any, ground: Ground | None, options: Mapping[str, Any], notes: list[str], call: str
) -> tuple[str, list[str]]:
    """The data as an expression, and the lines that make it; what only exists in this notebook goes to `notes`.

    `ask` says which (`name`, or `data`), `ground` what is known of it, `options` are `load`'s; `call` opened the panel.
    """
    aside = ground is not None and ground.ask.data_key == ask.data_key and ground.set_aside
    if ask.data is None:
        if not options and not aside:
            return python(ask.name), []
        made = f"cx.load({python(ask.name)}{_said(options)})"
    else:
        notes.append(f"data: what you passed to {call}")
        made = f"cx.load(data{_said(options)})"
    if not aside:
        return "data", [f"data = {made}"]
    return "data", [
        "from coreset_explore.datasets.data import hold_out",
        f"data = hold_out({made}, {HELD}, 0)  # to test by",
    ]


def _said(options: Mapping[str, Any]) -> str:
    simple = (str, int, float, bool, list, tuple)
    return "".join(f", {k}={python(v) if isinstance(v, simple) else k}" for k, v in options.items())
