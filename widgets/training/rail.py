"""The rail: data, regimes, budgets, how long and how often, and the one button. It writes settings into the Session."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import ipywidgets as w

from coreset_explore import datasets
from coreset_explore.training.models import MODELS
from widgets.kit.amounts import counted, written
from widgets.kit.form import Controls, section
from widgets.kit.given import yours
from widgets.kit.guard import session_guard
from widgets.kit.markup import field, note, show, text
from widgets.kit.runner import action
from widgets.training.arguments import checked_budgets, spoken_seeds, typed_seeds
from widgets.training.control import Control
from widgets.training.estimate import advice, button_name
from widgets.training.regime_list import regimes_box
from widgets.training.session import Session

APART = re.compile(r",(?!\d{3}(?!\d))|[;\s]+")  # a comma between thousands is none


def rail(session: Session, control: Control) -> w.Widget:
    """The column of settings."""
    parts = [
        section("1 Data", _data(session)),
        section("2 Regimes", regimes_box(session)),
        section("3 Training", _training(session)).add_class("cx-stays"),
        _action(session, control),
    ]
    return w.VBox(parts).add_class("cx-rail")


def _data(session: Session) -> w.Widget:
    guard = session_guard(session)
    names = datasets.names()
    own = [session.given_name] if session.given_name and session.given_name not in names else []
    name = w.Dropdown(options=[*own, *names], value=session.data_name)
    model = w.Dropdown(tooltip="what is trained, from new weights in each run")
    controls = Controls(session, data_name=name, model=model)

    def follow(_=None) -> None:
        ground = session.ground
        used = (
            ground.setting.name if ground is not None and not ground.ask.model and not session.model else ""
        )
        mine = [] if session.module is None else [yours(session.module)]
        auto = f"Auto ({used})" if used else "Auto"
        controls.put(model, session.model, [(auto, ""), *((m, m) for m in (*mine, *MODELS))])
        known = session.data_name in name.options
        controls.put(name, session.data_name, name.options if known else [session.data_name, *name.options])

    follow()
    session.observe(guard(follow), ["ground", "data_name", "model"])
    return w.VBox([field("Dataset", name), field("Model", model)]).add_class("cx-section-box")


def _training(session: Session) -> w.Widget:
    guard = session_guard(session)
    rows = w.Text("", placeholder="5 %, 10 %", continuous_update=False)
    rows.tooltip = "budgets: rows to train on at a time, as 100, 5 %, 2,000"
    epochs = w.BoundedIntText(session.epochs, min=1, max=100_000)
    epochs.tooltip = "T: passes over the rows of a budget, and for FULL over all rows"
    every = w.BoundedIntText(1, min=1, max=100_000, tooltip="R: epochs between two choices")
    seeds = w.Text("", continuous_update=False, tooltip="how many, 3, or which: 5, 7")
    store = w.Text(session.store, placeholder="the cache", continuous_update=False)
    store.tooltip = (
        "a file that keeps each run when it is done, as runs.sqlite; what is kept is not run again"
    )
    controls = Controls(session, epochs=epochs, every=every, store=store)

    def follow(_=None) -> None:
        controls.put(epochs, session.epochs)
        controls.put(every, session.every or max(1, session.epochs // 10))
        controls.put(store, session.store)

    def budgets() -> None:
        words = rows.value.replace("\u00a0", " ").replace(" %", "%").strip()
        session.budgets = checked_budgets([counted(word, None) for word in APART.split(words) if word])

    def drawn() -> None:
        session.seeds = typed_seeds(seeds.value)

    wrong = _typed(session, rows, "budgets", budgets, lambda: ", ".join(map(written, session.budgets)))
    strange = _typed(session, seeds, "seeds", drawn, lambda: spoken_seeds(session.seeds))
    session.observe(guard(follow), ["epochs", "every", "store"])
    follow()
    long = (
        w.Box([field("Epochs", epochs), field("Choose every", every)])
        .add_class("cx-pair")
        .add_class("cx-even")
    )
    kept = (
        w.Box([field("Seeds", seeds), field("Kept in", store)])
        .add_class("cx-pair")
        .add_class("cx-thin-first")
    )
    parts = [field("Rows to train on at a time", rows), wrong, long, kept, strange]
    return w.VBox(parts).add_class("cx-section-box")


def _typed(
    session: Session, control: w.Text, trait: str, taken: Callable[[], Any], spoken: Callable[[], str]
) -> w.HTML:
    """Keep what is typed in step with a trait; gives the line that says what is wrong with it."""
    said, guard = note("", "cx-lack"), session_guard(session)

    def heard(_) -> None:
        said.value = ""
        try:
            if control.value != spoken():
                taken()
                control.value = spoken()
        except ValueError as error:
            said.value = text(error)
        show(said, bool(said.value))

    def follow(_=None) -> None:
        control.value = spoken()

    control.observe(guard(heard), "value")
    session.observe(guard(follow), trait)
    follow()
    show(said, False)
    return said


def _action(session: Session, control: Control) -> w.Widget:
    guard = session_guard(session)
    undo = w.Button(description="Undo changes", tooltip="Back to the settings of what is shown")
    undo.add_class("cx-wide").on_click(guard(lambda _: session.undo()))

    def draw(_=None) -> None:
        show(undo, session.stale and not session.busy)

    session.observe(guard(draw), ["result", "status", *session.SETTINGS])
    draw()
    said = {"advice": lambda: advice(session), "watch": ["ground", "look_note"]}
    return action(session, control.main, control.start, undo, name=lambda: button_name(session), **said)
