"""The toolbar over the map: which selection, color, class, layout; what the mouse does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as w

from widgets.explorer.rows import Reading
from widgets.explorer.session import Session
from widgets.kit.markup import field

LAYOUTS = ("PCA", "UMAP", "t-SNE")
COLORS = [("Class", "class"), ("Rank", "rank"), ("Weight", "weight")]


class Toolbar:
    """`box` is what to show. Its controls write the Session; `on_mode` and `on_reset` are the map's."""

    def __init__(self, session: Session, guard: Callable):
        self.session = session
        self.on_mode: Callable[[bool], Any] = lambda lasso: None
        self.on_reset: Callable[[], Any] = lambda: None
        self._ours = False
        self._options: dict[w.Widget, tuple] = {}
        self.active, self.color_by, self.only_class = w.Dropdown(), w.Dropdown(options=COLORS), w.Dropdown()
        self.layout = w.ToggleButtons(options=LAYOUTS)
        self.mouse = w.ToggleButtons(options=[("Move", "move"), ("Lasso", "lasso")])
        reset = w.Button(description="Reset view", tooltip="Show the whole map again")
        for trait in ("active", "color_by", "only_class", "layout"):
            changed = guard(lambda change, trait=trait: self._set(trait, change["new"]))
            getattr(self, trait).observe(changed, "value")
        self.mouse.observe(guard(lambda change: self.on_mode(self.lasso)), "value")
        reset.on_click(guard(lambda _: self.on_reset()))
        self.classes = field("Class", self.only_class)
        fields = [field("Selection", self.active), field("Color", self.color_by), self.classes]
        fields += [field("Layout", self.layout), field("Mouse", self.mouse), reset]
        self.box = w.Box(fields).add_class("cx-toolbar").add_class("cx-map-tools")

    @property
    def lasso(self) -> bool:
        """Whether the mouse draws a lasso."""
        return self.mouse.value == "lasso"

    def refresh(self, reading: Reading) -> None:
        """Options and values as the session has them."""
        session = self.session
        names = tuple(session.result.runs)
        labels = range(reading.classes) if reading.labels is not None else ()
        more = tuple(name for name in session.maps if name not in LAYOUTS)
        self._ours = True
        try:
            self._offer(self.active, names)
            self._offer(self.only_class, (("All classes", -1), *((reading.class_name(c), c) for c in labels)))
            self._offer(self.layout, LAYOUTS + more)
            self.classes.layout.display = None if labels else "none"
            self.active.value = reading.name if reading.name in names else names[0]
            self.only_class.value, self.color_by.value = session.only_class, session.color_by
            self.layout.value = session.layout if session.layout in LAYOUTS + more else None
        finally:
            self._ours = False

    def _offer(self, control: w.Widget, options: tuple) -> None:
        if self._options.get(control) != options:
            self._options[control] = control.options = options

    def _set(self, trait: str, value: Any) -> None:
        if not self._ours and value is not None:
            self.session.set_trait(trait, value)
