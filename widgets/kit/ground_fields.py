"""The fields that every laboratory's form has: data, model, seeds, the file that keeps what is run; and its button."""

from __future__ import annotations

from collections.abc import Callable

from coreset_explore import datasets
from coreset_explore.training.models import MODELS
from widgets.kit import plain as w
from widgets.kit.form import Controls
from widgets.kit.given import yours
from widgets.kit.guard import session_guard
from widgets.kit.keeper import Keeper
from widgets.kit.markup import field, show
from widgets.kit.planned import PlannedSession
from widgets.kit.runner import action
from widgets.kit.typed import seeds_field


def data_field(session: PlannedSession) -> w.Widget:
    """Which data: the user's own, and those that have a name."""
    names = datasets.names()
    own = [session.given_name] if session.given_name and session.given_name not in names else []
    name = w.Dropdown(options=[*own, *names], value=session.data_name)
    controls = Controls(session, data_name=name)

    def follow(_=None) -> None:
        known = session.data_name in name.options
        controls.put(name, session.data_name, name.options if known else [session.data_name, *name.options])

    session.observe(session_guard(session)(follow), "data_name")
    return field("Dataset", name)


def model_field(session: PlannedSession, used: Callable[[], str]) -> w.Widget:
    """Which model; `used` is the one that the ground takes."""
    model = w.Dropdown(tooltip="what is trained, from new weights in each run")
    controls = Controls(session, model=model)

    def follow(_=None) -> None:
        ground = session.ground
        chosen = ground is not None and not ground.ask.model and not session.model
        auto = f"Auto ({used()})" if chosen else "Auto"
        mine = [] if session.module is None else [yours(session.module)]
        controls.put(model, session.model, [(auto, ""), *((m, m) for m in (*mine, *MODELS))])

    follow()
    session.observe(session_guard(session)(follow), ["ground", "model"])
    return field("Model", model)


def kept_fields(session: PlannedSession) -> tuple[w.Widget, w.Widget]:
    """Seeds and the file that keeps each run, beside each other; and what is wrong with what is typed."""
    seeds, strange = seeds_field(session)
    store = w.Text(session.store, placeholder="the cache", continuous_update=False)
    store.tooltip = (
        "a file that keeps each run when it is done, as runs.sqlite; what is kept is not run again"
    )
    controls = Controls(session, store=store)
    session.observe(session_guard(session)(lambda _: controls.put(store, session.store)), "store")
    pair = w.Box([field("Seeds", seeds), field("Kept in", store)])
    return pair.add_class("cx-pair").add_class("cx-thin-first"), strange


def run_button(session: PlannedSession, control: Keeper, advice: Callable[[], str]) -> w.Widget:
    """The one button: it begins, or goes on with what is kept; and the way back to the settings of what is shown."""
    guard = session_guard(session)
    undo = w.Button(description="Undo changes", tooltip="Back to the settings of what is shown")
    undo.add_class("cx-wide").on_click(guard(lambda _: session.undo()))

    def draw(_=None) -> None:
        show(undo, session.stale and not session.busy)

    def name() -> str:
        ground, records = session.looked, session.done_so_far
        return "Continue" if ground is not None and records and ground.plan.left(records) else control.name

    session.observe(guard(draw), ["result", "status", *session.SETTINGS])
    draw()
    said = {"advice": advice, "watch": ["ground", "look_note"]}
    return action(session, control.main, control.start, undo, name=name, **said)
