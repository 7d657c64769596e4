"""The rail's list of streams: each with its settings, made from its signature, and what adds one."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from coreset_explore.labs.continual import Rule
from coreset_explore.plots import palette
from coreset_explore.plots.base import brief
from coreset_explore.registry import STREAMS
from coreset_explore.selecting.strategy import presets
from widgets.continual.session import Session
from widgets.kit import closing
from widgets.kit.adder import adder
from widgets.kit.form import fields_for
from widgets.kit.guard import session_guard
from widgets.kit.markup import note, show, swatch, text


def streams_box(session: Session) -> w.Widget:
    """Rows in step with `session.streams`, and "Add a stream"."""
    rows = w.VBox().add_class("cx-methods")
    held: dict[str, Row] = {}

    def draw(_=None) -> None:
        names = [rule.name for rule in session.streams]
        styles = palette.method_styles(names, session.dark)
        for rule in session.streams:
            if rule.name not in held or held[rule.name].method is not rule.method:
                held[rule.name] = Row(session, rule)
            held[rule.name].swatch.value = swatch(styles[rule.name])
        wanted = tuple(held[name].widget for name in names)
        if wanted != rows.children:  # a page that is given children in quick succession loses some
            rows.children = wanted
        for name in set(held) - set(names):
            closing.close(held.pop(name).widget)

    def add(rule: Rule) -> None:
        if rule.name in {one.name for one in session.streams}:
            raise ValueError(f"{rule.name} is among them already")
        session.streams = (*session.streams, rule)

    session.observe(session_guard(session)(draw), ["streams", "theme"])
    draw()
    more = adder(
        session, "stream", offered=lambda: offered(session), lines=about, refused=refused, add=add
    )  # fmt: skip
    return w.VBox([rows, more]).add_class("cx-section-box")


class Row:
    """One stream: its line style and name, its settings behind a button, and the button that removes it."""

    def __init__(self, session: Session, rule: Rule):
        self.session, self.method, self.name = session, rule.method, rule.name
        self.swatch, self.form = w.HTML(), None
        settings = w.Button(description="⚙", tooltip=f"Settings of {rule.name}")
        remove = w.Button(description="×", tooltip=f"Remove {rule.name}")
        named = w.HTML(f'<span title="{text(about(rule)[0])}">{text(brief(rule.name, 48))}</span>')
        line = w.Box([self.swatch, named, settings, remove]).add_class("cx-method")
        self.widget = w.VBox([line]).add_class("cx-method-box")
        guard = session_guard(session)
        settings.on_click(guard(lambda _: self._toggle(settings)))
        remove.on_click(guard(lambda _: self._remove()))

    @property
    def rule(self) -> Rule:
        return next(rule for rule in self.session.streams if rule.name == self.name)

    def _toggle(self, button: w.Button) -> None:
        if self.form is None:
            rule = self.rule
            own = (
                fields_for(self.session, rule.method.params, rule.params, self._changed)
                if editable(rule)
                else []
            )
            told = note(" ".join(f"<p>{text(line)}</p>" for line in about(rule)))
            self.form = w.VBox([*own, told]).add_class("cx-card-box")
            self.widget.children = (*self.widget.children, self.form)
        else:
            show(self.form, "cx-hidden" in self.form._dom_classes)
        opened = "cx-hidden" not in self.form._dom_classes
        (button.add_class if opened else button.remove_class)("cx-open")

    def _changed(self, name: str, value: Any) -> None:
        """The same stream with another parameter: what differs from its defaults stands in its description."""
        params = {**self.rule.params, name: value}
        changed = Rule.of({"stream": self.method, "params": params, "name": self.name})
        self.session.streams = tuple(
            changed if one.name == self.name else one for one in self.session.streams
        )

    def _remove(self) -> None:
        left = tuple(one for one in self.session.streams if one.name != self.name)
        if not left:
            raise ValueError("one stream has to stay; add another one first")
        self.session.streams = left


def editable(rule: Rule) -> bool:
    """Whether its parameters can be changed here: a batch method's are those of its strategy."""
    return "stream" in rule.told


def offered(session: Session) -> dict[str, Rule]:
    """What can be added: the streams by name, those first given, then any batch method that can be made a stream."""
    streams = {name: Rule.of(name) for name in STREAMS}
    given = {rule.name: rule for rule in session.offered}
    made = {rule.name: rule for strategy in presets().values() if (rule := _online(strategy)) is not None}
    return {**streams, **given, **made}


def _online(strategy: Any) -> Rule | None:
    """A batch method as a stream; None where it wants what no memory holds, as rows to validate by."""
    try:
        return Rule.of(strategy)
    except ValueError:
        return None


def refused(rule: Rule) -> str:
    """Why rows do not come with what it reads, or nothing."""
    try:
        rule.refuse()
    except ValueError as error:
        return str(error)
    return ""


def about(rule: Rule) -> list[str]:
    """What it does, and its paper."""
    method = rule.method
    now = "It compares what the model says as it is now." if rule.now else ""
    return [line for line in (method.summary, now, method.paper) if line]
