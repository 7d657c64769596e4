"""Section 2 of the rail: the chosen methods, each with a form made from its signature, and a control that adds one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ipywidgets as w

from coreset_explore.plots import palette
from coreset_explore.plots.base import brief
from coreset_explore.pool import Pool
from coreset_explore.registry import PICKERS, PURPOSES, SCORES
from coreset_explore.selecting.strategy import Strategy, presets
from widgets.explorer.session import GRADIENTS, MAX_CHOICES, Session
from widgets.kit import closing
from widgets.kit.form import fields_for
from widgets.kit.guard import session_guard
from widgets.kit.markup import field, note, show, swatch, text

WANTED_BY = {"gradmatch": "inits", "gradsim": "each"}  # GMC's paper, A.4; GradSimCore's Algorithm 1
FIELDS = {
    "y": "labels",
    "emb": "features",
    "grads": "gradients",
    "logits": "a model's outputs",
    "history": "what training saw",
    "target": "validation rows",
}


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
    return w.VBox([rows, chosen, _adder(session)]).add_class("cx-section-box")


def change(session: Session, name: str, new: Strategy | None) -> None:
    """Put `new` in the place of the choice called `name`, or take it away."""
    session.choices = tuple(
        other for c in session.choices for other in ([new] if c.name == name else [c]) if other is not None
    )


def add(session: Session, preset: Strategy) -> Strategy:
    """Choose a preset; a second one of the same name is numbered."""
    if len(session.choices) >= MAX_CHOICES:
        raise ValueError(f"{MAX_CHOICES} methods are chosen; remove one first")
    taken = {c.name for c in session.choices}
    name, number = preset.name, 2
    while name in taken:
        name, number = f"{preset.name} ({number})", number + 1
    choice = replace(preset, name=name)
    session.choices = (*session.choices, choice)
    return choice


def lack(session: Session, choice: Strategy) -> str:
    """What the pool of the last result lacks for this method, in words, or nothing (also before there is a pool)."""
    result = session.result
    if result is None or result.key[: len(session.pool_key)] != session.pool_key:
        return ""
    missing = choice.lacks(result.pool)
    return (
        "" if missing is None else f"Needs {FIELDS.get(missing.name, missing.name)}, and this data has none."
    )


def offer(session: Session, choice: Strategy) -> str:
    """At which models gradients should be recorded for the last answer of this method, "" where all is well."""
    result = session.result
    recorded = result is not None and "inits" in result.pool.info and not isinstance(session.data, Pool)
    run = result.runs.get(choice.name) if recorded and not session.stale else None
    if run is None or session.gradients != "last" or not run.selection.said("few_steps"):
        return ""
    return WANTED_BY.get(choice.declared.name, "")


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
            self.settings.layout.visibility = "hidden"
        guard = session_guard(session)
        self.settings.on_click(guard(lambda _: self._toggle(choice.name)))
        self._offer.on_click(guard(lambda _: session.set_trait("gradients", self.offered)))
        remove.on_click(guard(lambda _: change(session, choice.name, None)))

    def show(self, choice: Strategy, style: palette.Style) -> None:
        """Bring the line style and what the pool lacks up to date."""
        self.swatch.value = swatch(style)
        words = lack(self.session, choice)
        self.offered = offer(self.session, choice)
        if self.offered:
            title = GRADIENTS[self.offered][0]
            words = f"Made for gradients {title}; these are of the trained model alone."
            self._offer.description = f"Record them {title}"
        self.lacking.value = text(words)
        show(self.lacking, bool(words))
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
    about = [method.summary, method.paper]
    told = note(" ".join(f"<p>{text(line)}</p>" for line in about if line))
    return w.VBox([*controls, told]).add_class("cx-card-box")


def _adder(session: Session) -> w.Widget:
    """ "Add a method": first what one wants, then the methods that do it, with a line of help and the paper."""
    guard = session_guard(session)
    found: dict[str, Strategy] = {}
    groups: dict[str, list[Strategy]] = {}
    purpose = w.Dropdown()
    method = w.Dropdown()
    help_, lacking = note(), note("", "cx-lack")
    confirm = w.Button(description="Add").add_class("cx-strong")
    close = w.Button(description="Close")
    card = w.VBox(
        [
            field("I want to", purpose),
            field("Method", method),
            help_,
            lacking,
            w.Box([confirm, close]).add_class("cx-row"),
        ]
    )
    card.add_class("cx-card-box")
    opener = w.Button(description="+ Add a method").add_class("cx-wide")
    show(card, False)

    def fill(_=None) -> None:
        names = [p.name for p in groups.get(purpose.value, ())]
        method.options = names
        taken = {c.name for c in session.choices}
        fresh = [name for name in names if name not in taken]
        method.value = next(iter(fresh or names), None)  # new options alone select nothing
        describe()

    def describe(_=None) -> None:
        preset = found.get(method.value)
        if preset is None:
            return
        lines = [preset.help or preset.declared.summary, preset.paper]
        help_.value = "".join(f"<p>{text(line)}</p>" for line in lines if line)
        lacking.value = text(lack(session, preset))
        show(lacking, bool(lacking.value))

    def room(_=None) -> None:
        full = len(session.choices) >= MAX_CHOICES
        confirm.disabled = opener.disabled = full
        opener.description = f"{MAX_CHOICES} methods: the most at once" if full else "+ Add a method"

    def open_(visible: bool) -> None:
        if visible:  # methods registered since the panel was drawn, in a cell below it
            regroup()
        show(card, visible)
        show(opener, not visible)

    def regroup() -> None:
        found.clear()
        found.update(presets())
        groups.clear()
        groups.update({key: [p for p in found.values() if p.purpose == key] for key in PURPOSES})
        held = purpose.value
        purpose.options = [(PURPOSES[key], key) for key, members in groups.items() if members]
        purpose.value = held if held and groups[held] else next(key for key in groups if groups[key])
        fill()

    def confirmed() -> None:
        add(session, found[method.value])
        open_(False)

    purpose.observe(guard(fill), "value")
    method.observe(guard(describe), "value")
    session.observe(guard(describe), "result")
    session.observe(guard(room), "choices")
    opener.on_click(guard(lambda _: open_(True)))
    close.on_click(guard(lambda _: open_(False)))
    confirm.on_click(guard(lambda _: confirmed()))
    regroup()
    room()
    return w.VBox([opener, card]).add_class("cx-section-box")
