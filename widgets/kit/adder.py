"""The control that adds something to what is compared: found by its name, or by words that describe it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from widgets.kit import plain as w
from widgets.kit.guard import session_guard
from widgets.kit.markup import field, note, show, text
from widgets.kit.matching import matched
from widgets.kit.task import Task


def adder(
    task: Task,
    noun: str,
    *,
    offered: Callable[[], Mapping[str, Any]],
    lines: Callable[[Any], list[str]],
    refused: Callable[[Any], str],
    add: Callable[[Any], None],
    more: w.DOMWidget | None = None,
    wanted: Callable[[Any], bool] = lambda found: True,
) -> w.Widget:
    """ "Add a …": a search, the names it finds, what they do, and what keeps one from being added.

    `offered()` {name: what it is} is asked each time that it opens; `lines` are said of one, and searched; `refused`
    says why it cannot be added, or nothing; `add` adds it, or raises ValueError. `more` stands under the name where
    `wanted`.
    """
    guard = session_guard(task)
    found: dict[str, Any] = {}
    search = w.Text("", placeholder="a name, an author, a word")
    choice, help_, lacking = w.Dropdown(), note(), note("", "cx-lack")
    confirm, close = w.Button(description="Add").add_class("cx-strong"), w.Button(description="Close")
    parts = [field("Search", search), field(noun.capitalize(), choice), *([] if more is None else [more])]
    card = w.VBox([*parts, help_, lacking, w.Box([confirm, close]).add_class("cx-row")])
    card.add_class("cx-card-box")
    opener = w.Button(description=f"+ Add a {noun}").add_class("cx-wide")
    show(card, False)

    def described(one: Any) -> str:
        return " ".join([one.name, *lines(one)]).lower()

    def fill(_=None) -> None:
        words, among = search.value, list(found.values())
        if words.strip():
            among = matched(words, among, lambda one: (one.name,), described)
        choice.options = [one.name for one in among]
        choice.value = next(iter(choice.options), None)  # new options alone select nothing
        describe()

    def describe(_=None) -> None:
        one = found.get(choice.value or "")
        if more is not None:
            show(more, one is not None and wanted(one))
        why = f"No {noun} is described by these words." if one is None else refused(one)
        help_.value = "" if one is None else "".join(f"<p>{text(line)}</p>" for line in lines(one))
        lacking.value = text(why)
        show(lacking, bool(why))
        confirm.disabled = bool(why)

    def open_(visible: bool) -> None:
        if visible:  # what was registered since the panel was drawn, in a cell below it
            found.clear()
            found.update(offered())
            fill()
        show(card, visible)
        show(opener, not visible)

    def confirmed() -> None:
        add(found[str(choice.value)])
        search.value = ""
        open_(False)

    search.observe(guard(fill), "value")
    choice.observe(guard(describe), "value")
    opener.on_click(guard(lambda _: open_(True)))
    close.on_click(guard(lambda _: open_(False)))
    confirm.on_click(guard(lambda _: confirmed()))
    return w.VBox([opener, card]).add_class("cx-section-box")
