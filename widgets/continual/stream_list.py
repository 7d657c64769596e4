"""The rail's list of streams: each with its settings, made from its signature, and what adds one."""

from __future__ import annotations

from typing import Any

from coreset_explore.labs.continual import Rule
from coreset_explore.plots import palette
from coreset_explore.registry import STREAMS
from coreset_explore.selecting.strategy import presets
from widgets.continual.session import Session
from widgets.kit import closing
from widgets.kit import plain as w
from widgets.kit.adder import adder
from widgets.kit.form import fields_for
from widgets.kit.guard import session_guard
from widgets.kit.markup import note, text
from widgets.kit.rows_of import SettingsRow


def streams_box(session: Session) -> w.Widget:
    """Rows in step with `session.streams`, and "Add a stream"."""
    rows = w.VBox().add_class("cx-methods")
    held: dict[str, tuple[Any, SettingsRow]] = {}  # by name: its method, and its line

    def draw(_=None) -> None:
        names = [rule.name for rule in session.streams]
        styles = palette.method_styles(names, session.dark)
        for rule in session.streams:
            if rule.name not in held or held[rule.name][0] is not rule.method:
                held[rule.name] = rule.method, _row(session, rule)
            held[rule.name][1].style(styles[rule.name])
        wanted = tuple(held[name][1].widget for name in names)
        if wanted != rows.children:  # a page that is given children in quick succession loses some
            rows.children = wanted
        for name in set(held) - set(names):
            closing.close(held.pop(name)[1].widget)

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


def _row(session: Session, rule: Rule) -> SettingsRow:
    """A stream's line, with a control for every parameter of its signature."""
    name = rule.name

    def now() -> Rule:
        return next(one for one in session.streams if one.name == name)

    def put(*changed: Rule) -> None:
        parts = [changed if one.name == name else (one,) for one in session.streams]
        session.streams = tuple(one for part in parts for one in part)

    def changed(parameter: str, value: Any) -> None:
        params = {**now().params, parameter: value}
        put(Rule.of({"stream": rule.method, "params": params, "name": name}))

    def form() -> w.DOMWidget:
        fields = fields_for(session, rule.method.params, now().params, changed) if editable(rule) else []
        return w.VBox([*fields, note(" ".join(f"<p>{text(line)}</p>" for line in about(rule)))])

    def remove() -> None:
        if len(session.streams) == 1:
            raise ValueError("one stream has to stay; add another one first")
        put()

    return SettingsRow(session, name, about(rule)[0], form, remove)


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
