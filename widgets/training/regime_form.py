"""The settings of one regime: how long it starts on everything, how often it chooses, what its weights do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from coreset_explore.labs.training.regimes import Regime
from widgets.kit import plain as w
from widgets.kit.guard import session_guard
from widgets.kit.markup import field, note, text
from widgets.training.session import Session

WEIGHTS = [("scale the loss", "loss"), ("chances of being drawn", "drawn")]


def regime_form(session: Session, now: Callable[[], Regime], put: Callable[[Regime], None]) -> w.DOMWidget:
    """Controls of the regime that `now` gives; `put` takes it with something changed."""
    guard, regime = session_guard(session), now()
    warm = w.BoundedIntText(round(100 * regime.warm), min=0, max=100)
    warm.tooltip = "κ: share of the updates that are made on everything, before the first choice"
    every = w.BoundedIntText(regime.every or 0, min=0, max=100_000)
    every.tooltip = "R: epochs between two choices of this regime; 0: as under 3 Training"
    look = w.BoundedIntText(round(100 * regime.look), min=1, max=100)
    look.tooltip = "share of the rows, drawn anew each time, that are looked at for a choice"
    weights = w.Dropdown(options=WEIGHTS, value=regime.how.get("weights", "loss"))
    weights.tooltip = "what a weight does: it scales its row's loss, or says how often the row is drawn"

    def heard(control: Any, changed: Callable[[Any], Regime]) -> None:
        control.observe(guard(lambda change: put(changed(change["new"]))), "value")

    heard(warm, lambda value: replace(now(), warm=value / 100))
    heard(every, lambda value: replace(now(), every=value or None))
    heard(look, lambda value: replace(now(), look=value / 100))
    heard(weights, lambda value: replace(now(), how=_drawn(now(), value)))
    again = [field("Choose every", every), field("Look at, %", look)] if regime.again else []
    pairs = w.Box([field("Warm start, %", warm), *again]).add_class("cx-pair").add_class("cx-even")
    strategy = regime.strategy
    lines = [regime.help, "" if strategy is None or strategy.own is not None else strategy.paper]
    said = note(" ".join(f"<p>{text(line)}</p>" for line in lines if line))
    return w.VBox([pairs, field("A weight", weights), said])


def _drawn(regime: Regime, weights: str) -> dict[str, Any]:
    """The regime's own arguments of `fit` with these weights; the usual ones are not written down."""
    others = {word: value for word, value in regime.how.items() if word != "weights"}
    return others if weights == "loss" else {**others, "weights": weights}
