"""The toolbar over the map: which selection, color, class, layout; what the mouse does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coreset_explore import projection
from widgets.explorer.colors import options
from widgets.explorer.rows import Reading
from widgets.explorer.session import Session
from widgets.kit import plain as w
from widgets.kit.form import Controls
from widgets.kit.guard import session_guard
from widgets.kit.markup import field, show

LAYOUTS = tuple(projection.NAMES.values())


class Toolbar:
    """`box` is what to show. Its controls write the Session; `on_mode` and `on_reset` are the map's."""

    def __init__(self, session: Session):
        self.session = session
        self.on_mode: Callable[[bool], Any] = lambda lasso: None
        self.on_reset: Callable[[], Any] = lambda: None
        self.active, self.color_by, self.only_class = w.Dropdown(), w.Dropdown(), w.Dropdown()
        self.layout = w.ToggleButtons(options=LAYOUTS)
        self.controls = Controls(
            session,
            active=self.active,
            color_by=self.color_by,
            only_class=self.only_class,
            layout=self.layout,
        )
        self.mouse = w.ToggleButtons(options=[("Move", "move"), ("Lasso", "lasso")])
        reset = w.Button(description="Reset view", tooltip="Show the whole map again")
        guard = session_guard(session)
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

    def made_of(self, reading: Reading) -> tuple:
        """What the controls show, and which values they have."""
        session = self.session
        shown = (tuple(session.result.runs), tuple(session.maps))
        return (reading, *shown, session.layout, session.color_by, session.only_class, session.tags)

    def fill(self, reading: Reading) -> None:
        """Options and values as the session has them."""
        session, controls = self.session, self.controls
        layouts = LAYOUTS + tuple(name for name in session.maps if name not in LAYOUTS)
        controls.put(self.active, reading.name, session.result.runs)
        controls.put(self.only_class, session.only_class, reading.class_options("All classes"))
        controls.put(self.layout, session.layout if session.layout in layouts else None, layouts)
        colors = options(reading, session.tags)
        values = [value for _, value in colors]
        controls.put(self.color_by, session.color_by if session.color_by in values else values[0], colors)
        show(self.classes, reading.labels is not None)
