"""The widgets of ipywidgets without the two models that each of them brings along, a layout and a style.

How a panel looks stands in its style sheets, so these would be empty: of a panel's three hundred models two hundred,
each opened, carried by the server and kept by the page. Who needs a layout gives one: `Box(layout={"width": "84px"})`.
"""

from __future__ import annotations

import ipywidgets as w
from ipywidgets import DOMWidget, ValueWidget, Widget
from ipywidgets.widgets.trait_types import InstanceDict
from ipywidgets.widgets.widget import widget_serialization
from traitlets import Instance

__all__ = [
    "BoundedFloatText",
    "BoundedIntText",
    "Box",
    "Button",
    "Checkbox",
    "DOMWidget",
    "Dropdown",
    "HBox",
    "HTML",
    "IntSlider",
    "Plain",
    "Text",
    "ToggleButton",
    "ToggleButtons",
    "VBox",
    "ValueWidget",
    "Widget",
]


class _Given(InstanceDict):
    """An instance, or a dict that it is made of; None unless given."""

    def make_dynamic_default(self) -> None:
        return None


class Plain(w.DOMWidget):
    """A widget whose `layout` is None unless given."""

    layout = _Given(w.Layout, allow_none=True).tag(sync=True, **widget_serialization)


class _Unstyled(Plain):
    style = Instance(w.Style, allow_none=True).tag(sync=True, **widget_serialization)


class Box(Plain, w.Box): ...


class HBox(Plain, w.HBox): ...


class VBox(Plain, w.VBox): ...


class HTML(_Unstyled, w.HTML): ...


class Button(_Unstyled, w.Button): ...


class Dropdown(_Unstyled, w.Dropdown): ...


class Text(_Unstyled, w.Text): ...


class BoundedIntText(_Unstyled, w.BoundedIntText): ...


class BoundedFloatText(_Unstyled, w.BoundedFloatText): ...


class ToggleButton(_Unstyled, w.ToggleButton): ...


class ToggleButtons(_Unstyled, w.ToggleButtons): ...


class Checkbox(_Unstyled, w.Checkbox): ...


class IntSlider(_Unstyled, w.IntSlider): ...
