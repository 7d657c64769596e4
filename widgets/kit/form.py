"""What forms are made of: sections, controls made from a signature, and controls that are a trait's other face."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from coreset_explore.registry import Param
from widgets.kit import plain as w
from widgets.kit.guard import session_guard
from widgets.kit.markup import field, note
from widgets.kit.task import Task

WORDS = {None: "none", "grads": "gradients", "emb": "features"}


def section(title: str, *parts: w.Widget) -> w.Widget:
    """Parts of a form under their title."""
    return w.VBox([note(title, "cx-sec"), *parts]).add_class("cx-section-box")


class Controls:
    """Controls by the trait of `task` that they write: `Controls(session, seed=box)`.

    The panel fills them with `put`, which does not count as the user's doing.
    """

    def __init__(self, task: Task, **controls: w.ValueWidget):
        self._filling = False
        guard = session_guard(task)
        for trait, control in controls.items():

            def said(change: Any, trait: str = trait) -> None:
                if not self._filling and change["new"] is not None:
                    task.set_trait(trait, change["new"])

            control.observe(guard(said), "value")

    def put(self, control: w.ValueWidget, value: Any, options: Iterable | None = None) -> None:
        """Show this value, and for a choice these options."""
        self._filling = True
        try:
            if options is not None:
                control.set_trait("options", tuple(options))
            control.value = value
        finally:
            self._filling = False


def fields_for(
    task: Task, params: Mapping[str, Param], values: Mapping[str, Any], changed: Callable[[str, Any], None]
) -> list[w.Widget]:
    """A control for every parameter of a signature, under its name; `changed(name, value)` hears checked values."""
    guard = session_guard(task)
    found: list[w.Widget] = []
    for name, param in params.items():
        control = control_for(param, values.get(name, param.default))

        def said(change: Any, param: Param = param) -> None:
            changed(param.name, param.check(change["new"]))

        control.observe(guard(said), "value")
        found.append(control if param.kind == "bool" else field(name.replace("_", " "), control))
    return found


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
    low = -1e12 if param.low is None else param.low
    high = 1e12 if param.high is None else param.high
    step = 1 if param.kind == "int" else (high - low) / 20 if high - low <= 20 else 1.0
    return make(**common, min=low, max=high, step=step)
