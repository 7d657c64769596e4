"""Section 2 of the rail: the chosen methods, each with a form made from its signature, and a control that adds one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from coreset_explore.plots import palette
from coreset_explore.plots.base import brief
from coreset_explore.registry import PICKERS, SCORES
from coreset_explore.selecting.strategy import Strategy
from widgets.explorer.chosen import KNOWS, change, cut_short, failure, lack, offer
from widgets.explorer.method_adder import adder
from widgets.explorer.session import GRADIENTS, Session
from widgets.kit import closing
from widgets.kit import plain as w
from widgets.kit.form import fields_for
from widgets.kit.guard import said, session_guard
from widgets.kit.markup import field, note, show, swatch, text


def methods_box(session: Session) -> w.Widget:
    """Rows of chosen methods, kept in step with `session.choices`, and "Add a method"."""
    rows, chosen = w.VBox().add_class("cx-methods"), note()
    held: dict[str, Row] = {}

    def draw(_=None) -> None:
        names = [c.name for c in session.choices]
        styles = palette.method_styles(names, session.theme == "dark")
        for choice in session.choices:
            known = held.get(choice.name)
            if known is None or (known.method, known.own) != (choice.method, choice.own):
                held[choice.name] = Row(session, choice)
            held[choice.name].show(choice, styles[choice.name])
        wanted = tuple(held[name].widget for name in names)
        if wanted != rows.children:  # a page that is given children in quick succession loses some
            rows.children = wanted
        for name in set(held) - set(names):
            closing.close(held.pop(name).widget)
        why = session.result.why if session.undecided and session.result is not None else ""
        chosen.value = text(why)
        show(chosen, bool(why))

    session.observe(session_guard(session)(draw), ["choices", "theme", "result"])
    draw()
    return w.VBox([rows, chosen, adder(session)]).add_class("cx-section-box")


def _named(name: str) -> str:
    """A method's name in its row: of a long one the ends, all of it where it is pointed at."""
    return f'<span title="{text(name)}">{text(brief(name, 48))}</span>'


class Row:
    """One chosen method: its line style and name, its settings behind a button, and the button that removes it."""

    def __init__(self, session: Session, choice: Strategy):
        self.session, self.method, self.own = session, choice.method, choice.own
        self.swatch, self.lacking = w.HTML(), note("", "cx-lack")
        self.form: w.Widget | None = None
        self.settings = w.Button(description="⚙", tooltip=f"Settings of {choice.name}")
        remove = w.Button(description="×", tooltip=f"Remove {choice.name}")
        line = w.Box([self.swatch, w.HTML(_named(choice.name)), self.settings, remove]).add_class("cx-method")
        self.offered, self._offer = "", w.Button()
        self.widget = w.VBox([line, self.lacking, self._offer]).add_class("cx-method-box")
        if choice.own is not None:
            self.settings.disabled = True
            self.settings.add_class("cx-unseen")
        guard = session_guard(session)
        self.settings.on_click(guard(lambda _: self._toggle(choice.name)))
        self._offer.on_click(guard(lambda _: session.set_trait("gradients", self.offered)))
        remove.on_click(guard(lambda _: change(session, choice.name, None)))

    def show(self, choice: Strategy, style: palette.Style) -> None:
        """Bring the line style and what the pool lacks up to date."""
        self.swatch.value = swatch(style)
        failed = failure(self.session, choice)
        words = lack(self.session, choice) or cut_short(self.session, choice)
        self.offered = offer(self.session, choice)
        if self.offered:
            title = GRADIENTS[self.offered][0]
            words = f"Made for gradients {title}; these are of the trained model alone."
            self._offer.description, self._offer.tooltip = (
                "Record those gradients",
                f"Record gradients {title}",
            )
        self.lacking.value = text(words) if failed is None else said(failed)
        show(self.lacking, bool(self.lacking.value))
        show(self._offer, bool(self.offered))

    def _toggle(self, name: str) -> None:
        if self.form is None:
            self.form = _form(self.session, next(c for c in self.session.choices if c.name == name))
            self.widget.children = (*self.widget.children, self.form)
            self.settings.add_class("cx-open")
            return
        opening = "cx-hidden" in self.form._dom_classes
        show(self.form, opening)
        (self.settings.add_class if opening else self.settings.remove_class)("cx-open")


def _form(session: Session, choice: Strategy) -> w.Widget:
    """A control for every parameter in the method's signature, and for a score the picker."""
    method = choice.declared
    guard = session_guard(session)

    def changed(name: str, value: Any) -> None:
        held = next(c for c in session.choices if c.name == choice.name)
        change(session, choice.name, replace(held, params={**held.params, name: value}))

    controls = fields_for(session, method.params, choice.params, changed)
    controls.append(_per_class(session, choice))
    if method.name in SCORES:
        options = [(found.title, name) for name, found in PICKERS.items()]
        picker = w.Dropdown(
            options=options, value=choice.pick[0], tooltip="how rows are picked by their scores"
        )

        def picked(event) -> None:
            held = next(c for c in session.choices if c.name == choice.name)
            change(session, choice.name, replace(held, pick=(event["new"], {})))

        picker.observe(guard(picked), "value")
        controls.append(field("pick", picker))
    about = [method.summary, KNOWS if choice.knows_labels else "", method.paper]
    told = note(" ".join(f"<p>{text(line)}</p>" for line in about if line))
    return w.VBox([*controls, told]).add_class("cx-card-box")


def _per_class(session: Session, choice: Strategy) -> w.Widget:
    """Whether it selects within each class, in proportion to the classes, or from all rows together."""
    within = any(name == "per_class" for name, _ in choice.wrap)
    box = w.Checkbox(within, description="Within each class", indent=False)
    before = [one for one in choice.wrap if one[0] == "per_class"] or [("per_class", {})]

    def toggled(event: Any) -> None:
        held = next(c for c in session.choices if c.name == choice.name)
        others = [one for one in held.wrap if one[0] != "per_class"]
        change(session, choice.name, replace(held, wrap=(*others, *(before if event["new"] else ()))))

    box.observe(session_guard(session)(toggled), "value")
    return box
