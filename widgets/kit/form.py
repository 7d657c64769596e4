"""A control for a parameter, made from its signature."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from coreset_explore.registry import Param

WORDS = {None: "none", "grads": "gradients", "emb": "features"}


def control_for(param: Param, value: Any) -> w.Widget:
    """The control that fits a parameter: its range and its choices are the signature's, its help the tooltip."""
    common = {"value": value, "tooltip": param.help, "continuous_update": False}
    if param.kind == "bool":
        return w.Checkbox(
            value=value, description=param.name.replace("_", " "), tooltip=param.help, indent=False
        )
    if param.kind == "choice":
        options = [(WORDS.get(c, str(c).replace("_", " ")), c) for c in param.choices]
        if param.optional and None not in param.choices:
            options = [("none", None), *options]
        return w.Dropdown(options=options, value=value, tooltip=param.help)
    if param.optional and value is None:
        common["value"] = param.low
    make = w.BoundedIntText if param.kind == "int" else w.BoundedFloatText
    low, high = (param.low, param.high) if param.low is not None else (-1e12, 1e12)
    step = 1 if param.kind == "int" else (high - low) / 20 if high - low <= 20 else 1.0
    return make(**common, min=low, max=high, step=step)
