"""A list of what is compared, in the form: each a line with its style and name, its settings, and a way out."""

from __future__ import annotations

from collections.abc import Callable

from coreset_explore.plots import palette
from coreset_explore.plots.base import brief
from widgets.kit import plain as w
from widgets.kit.guard import session_guard
from widgets.kit.markup import show, swatch, text
from widgets.kit.task import Task


class SettingsRow:
    """One line. `form()` makes the settings, when they are first opened; None: there are none. `remove` takes it away.

    `told` is said where the name is pointed at. One without `remove` stands there by itself, and is grey.
    """

    def __init__(
        self,
        task: Task,
        name: str,
        told: str,
        form: Callable[[], w.DOMWidget] | None,
        remove: Callable[[], None] | None,
    ):
        self._make, self._form = form, None
        self.swatch = w.HTML()
        self._name, self._named = name, w.HTML()
        self.tell(told)
        self._settings = w.Button(description="⚙", tooltip=f"Settings of {name}")
        out = w.Button(description="×", tooltip=f"Remove {name}")
        line = w.Box([self.swatch, self._named, self._settings, out]).add_class("cx-method")
        self.widget = w.VBox([line]).add_class("cx-method-box")
        guard = session_guard(task)
        if form is None:
            self._settings.add_class("cx-unseen")
        if remove is None:
            self._named.add_class("cx-beside")
            out.add_class("cx-unseen")
        else:
            out.on_click(guard(lambda _: remove()))
        self._settings.on_click(guard(lambda _: self._toggle()))

    def style(self, style: palette.Style) -> None:
        """The line and color that it has in every figure."""
        self.swatch.value = swatch(style)

    def tell(self, told: str) -> None:
        """What is said where the name is pointed at."""
        self._named.value = f'<span title="{text(told)}">{text(brief(self._name, 48))}</span>'

    def _toggle(self) -> None:
        if self._form is None:
            assert self._make is not None  # its button is hidden
            self._form = self._make().add_class("cx-card-box")
            self.widget.children = (*self.widget.children, self._form)
        else:
            show(self._form, "cx-hidden" in self._form._dom_classes)
        opened = "cx-hidden" not in self._form._dom_classes
        (self._settings.add_class if opened else self._settings.remove_class)("cx-open")
