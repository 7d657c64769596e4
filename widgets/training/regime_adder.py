"""The control that adds a regime: the papers' by name, and any strategy, each perhaps with a warm start."""

from __future__ import annotations

from dataclasses import replace

import ipywidgets as w

from coreset_explore.labs.training.regimes import REGIMES, WARM, Regime
from coreset_explore.selecting.strategy import presets
from widgets.kit.guard import session_guard
from widgets.kit.markup import field, note, show, text
from widgets.kit.matching import matched
from widgets.training.session import Session


def adder(session: Session) -> w.Widget:
    """ "Add a regime": its name or words that describe it, whether it starts on everything, a line of help."""
    guard = session_guard(session)
    found: dict[str, Regime] = {}
    search = w.Text("", placeholder="a name, an author, a word")
    choice, warm = (
        w.Dropdown(),
        w.Checkbox(False, description="Warm start: half of the updates on everything"),
    )
    warm.indent = False
    help_, lacking = note(), note("", "cx-lack")
    confirm, close = w.Button(description="Add").add_class("cx-strong"), w.Button(description="Close")
    row = w.Box([confirm, close]).add_class("cx-row")
    card = w.VBox([field("Search", search), field("Regime", choice), warm, help_, lacking, row])
    card.add_class("cx-card-box")
    opener = w.Button(description="+ Add a regime").add_class("cx-wide")
    show(card, False)

    def fill(_=None) -> None:
        among = (
            matched(search.value, found.values(), lambda r: (r.name,), _described)
            if search.value.strip()
            else [*found.values()]
        )
        names = [regime.name for regime in among]
        choice.options = names
        choice.value = next(iter(names), None)  # new options alone select nothing
        describe()

    def describe(_=None) -> None:
        regime = found.get(choice.value or "")
        show(warm, regime is not None and regime.again)
        why = "No regime is described by these words." if regime is None else refused(regime)
        help_.value = "" if regime is None else "".join(f"<p>{text(line)}</p>" for line in _lines(regime))
        lacking.value = text(why)
        show(lacking, bool(why))
        confirm.disabled = bool(why)

    def open_(visible: bool) -> None:
        if visible:  # methods registered since the panel was drawn, in a cell below it
            found.clear()
            found.update(offered(session))
            fill()
        show(card, visible)
        show(opener, not visible)

    def confirmed() -> None:
        regime = found[choice.value]
        chosen = warmed(regime) if warm.value and regime.again else regime
        if chosen.name in {one.name for one in session.regimes}:
            raise ValueError(f"{chosen.name} is among them already")
        session.regimes = (*session.regimes, chosen)
        search.value, warm.value = "", False
        open_(False)

    search.observe(guard(fill), "value")
    choice.observe(guard(describe), "value")
    opener.on_click(guard(lambda _: open_(True)))
    close.on_click(guard(lambda _: open_(False)))
    confirm.on_click(guard(lambda _: confirmed()))
    return w.VBox([opener, card]).add_class("cx-section-box")


def offered(session: Session) -> dict[str, Regime]:
    """What can be added: the papers' regimes without a warm start, those first given, then any strategy by its name."""
    plain = {name: regime for name, regime in REGIMES.items() if not name.endswith(WARM)}
    given = {regime.name: regime for regime in session.offered}
    strategies = {name: Regime.of(strategy) for name, strategy in presets().items() if name not in plain}
    return {**plain, **given, **strategies}


def warmed(regime: Regime) -> Regime:
    """The same with half of its updates on everything first."""
    return REGIMES.get(f"{regime.name}{WARM}") or replace(regime, name=f"{regime.name}{WARM}", warm=0.5)


def refused(regime: Regime) -> str:
    """Why it cannot choose during training, or nothing."""
    if regime.strategy is None:
        return ""
    try:
        regime.policy(1, 1, 1, 0.1).refuse(None)
    except ValueError as error:
        return str(error)
    return ""


def _lines(regime: Regime) -> list[str]:
    strategy = regime.strategy
    if strategy is None or strategy.own is not None:
        return [regime.help]
    return [
        line for line in (regime.help or strategy.help or strategy.declared.summary, strategy.paper) if line
    ]


def _described(regime: Regime) -> str:
    return " ".join([regime.name, *_lines(regime)]).lower()
