"""The rail: data, regimes, budgets, how long and how often, and the one button. It writes settings into the Session."""

from __future__ import annotations

from widgets.kit import plain as w
from widgets.kit.amounts import counted, written
from widgets.kit.form import Controls, section
from widgets.kit.ground_fields import data_field, kept_fields, model_field, run_button
from widgets.kit.guard import session_guard
from widgets.kit.markup import field
from widgets.kit.typed import typed, words_of
from widgets.training.arguments import checked_budgets
from widgets.training.control import Control
from widgets.training.estimate import advice
from widgets.training.regime_list import regimes_box
from widgets.training.session import Session


def rail(session: Session, control: Control) -> w.Widget:
    """The column of settings."""
    data = [data_field(session), model_field(session, lambda: session.ground.setting.name)]
    parts = [
        section("1 Data", w.VBox(data).add_class("cx-section-box")),
        section("2 Regimes", regimes_box(session)),
        section("3 Training", _training(session)).add_class("cx-stays"),
        run_button(session, control, lambda: advice(session)),
    ]
    return w.VBox(parts).add_class("cx-rail")


def _training(session: Session) -> w.Widget:
    rows = w.Text("", placeholder="5 %, 10 %", continuous_update=False)
    rows.tooltip = "budgets: rows to train on at a time, as 100, 5 %, 2,000"
    epochs = w.BoundedIntText(session.epochs, min=1, max=100_000)
    epochs.tooltip = "T: passes over the rows of a budget, and for FULL over all rows"
    every = w.BoundedIntText(1, min=1, max=100_000, tooltip="R: epochs between two choices")
    controls = Controls(session, epochs=epochs, every=every)

    def follow(_=None) -> None:
        controls.put(epochs, session.epochs)
        controls.put(every, session.every or max(1, session.epochs // 10))

    def budgets() -> None:
        session.budgets = checked_budgets([counted(word, None) for word in words_of(rows)])

    wrong = typed(session, rows, "budgets", budgets, lambda: ", ".join(map(written, session.budgets)))
    session.observe(session_guard(session)(follow), ["epochs", "every"])
    follow()
    long = w.Box([field("Epochs", epochs), field("Choose every", every)])
    kept, strange = kept_fields(session)
    parts = [field("Rows to train on at a time", rows), wrong, long.add_class("cx-pair").add_class("cx-even")]
    return w.VBox([*parts, kept, strange]).add_class("cx-section-box")
