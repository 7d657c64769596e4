"""The control that adds a method: by what one wants, or by words that describe it."""

from __future__ import annotations

from collections.abc import Iterable

from coreset_explore.registry import PURPOSES
from coreset_explore.selecting.strategy import Strategy, presets
from widgets.explorer.chosen import KNOWS, add, lack
from widgets.explorer.session import MAX_CHOICES, Session
from widgets.kit import plain as w
from widgets.kit.guard import session_guard
from widgets.kit.markup import field, note, show, text
from widgets.kit.matching import matched


def adder(session: Session) -> w.Widget:
    """ "Add a method": first what one wants, then the methods that do it, with a line of help and the paper."""
    guard = session_guard(session)
    found: dict[str, Strategy] = {}
    groups: dict[str, list[Strategy]] = {}
    search = w.Text("", placeholder="a name, an author, a word: herding, Pleiss, outliers")
    purpose = w.Dropdown()
    method = w.Dropdown()
    help_, lacking = note(), note("", "cx-lack")
    confirm = w.Button(description="Add").add_class("cx-strong")
    close = w.Button(description="Close")
    card = w.VBox(
        [
            field("Search", search),
            (wish := field("I want to", purpose)),
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
        asked = search.value.strip()
        show(wish, not asked)
        among = matching(asked, found.values()) if asked else groups.get(purpose.value, ())
        names = [p.name for p in among]
        method.options = names
        confirm.disabled = not names
        taken = {c.name for c in session.choices}
        fresh = names if asked else [name for name in names if name not in taken]
        method.value = next(iter(fresh or names), None)  # new options alone select nothing
        describe()

    def describe(_=None) -> None:
        preset = found.get(method.value)
        if preset is None:
            help_.value, lacking.value = "No method is described by these words.", ""
            return
        lines = [preset.help or preset.declared.summary, KNOWS if preset.knows_labels else "", preset.paper]
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
        search.value = ""
        open_(False)

    search.observe(guard(fill), "value")
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


def matching(query: str, among: Iterable[Strategy]) -> list[Strategy]:
    """Those of which all words of the query are said: in their name first, then in what describes them."""
    return matched(query, among, lambda p: (p.name, p.declared.title, p.declared.name), _described)


def _described(preset: Strategy) -> str:
    """All that is said of a method, for a search."""
    declared = preset.declared
    return " ".join(
        [preset.name, declared.name, declared.title, preset.help, preset.paper, declared.summary]
    ).lower()
