"""Another panel, opened below the one that asks for it: all they know of each other is a name in `widgets`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from widgets.kit import closing, markup
from widgets.kit import plain as w
from widgets.kit.markup import note, text


class Below(w.VBox):
    """A place for one panel; hidden while it is empty. `said()` is called when one has been opened."""

    def __init__(self, said: Callable[[], Any]):
        super().__init__()
        self.panel: Any = None
        self._said = said
        self.add_class("cx-below")
        markup.show(self, False)

    def show(self, name: str, title: str, **given: Any) -> Any:
        """Call `widgets.<name>(**given)` and show what it gives, in place of what was there."""
        self.empty()
        self.panel = getattr(importlib.import_module("widgets"), name)(**given)
        shut = w.Button(description="Close", tooltip="Close the panel below")
        shut.on_click(lambda _: self.empty())
        self.children = [w.Box([note(text(title)), shut]).add_class("cx-below-bar"), self.panel]
        markup.show(self, True)
        self._said()
        return self.panel

    def empty(self) -> None:
        """Close what is shown here; what it trained is kept where it keeps it."""
        old, panel = self.children, self.panel
        self.children, self.panel = (), None
        markup.show(self, False)
        if panel is not None:
            panel.close()
        for one in old:
            if one is not panel:
                closing.close(one)
