"""The rail: data, methods, budget, seed, and the one button with its progress. It writes settings into the Session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coreset_explore import datasets
from coreset_explore.experiment.runs import default_k_max
from coreset_explore.selecting.answer import budget
from coreset_explore.training.models import MODELS
from widgets.explorer.control import Control
from widgets.explorer.method_list import methods_box
from widgets.explorer.result import estimate
from widgets.explorer.session import GRADIENTS, Session
from widgets.kit import plain as w
from widgets.kit.amounts import counted, written
from widgets.kit.form import Controls, section
from widgets.kit.given import yours
from widgets.kit.guard import session_guard
from widgets.kit.markup import field, note, percent, show, text
from widgets.kit.runner import action


def rail(session: Session, control: Control) -> w.Widget:
    """The column of settings."""
    parts = [
        section("1 Data", _data(session)),
        section("2 Methods", methods_box(session)),
        section("3 Budget", _budget(session)).add_class("cx-stays"),
        _action(session, control),
    ]
    return w.VBox(parts).add_class("cx-rail")


def _data(session: Session) -> w.Widget:
    guard = session_guard(session)
    names = datasets.names()
    own = [session.given_name] if session.given_name and session.given_name not in names else []
    name = w.Dropdown(options=[*own, *names], value=session.data_name)
    model = w.Dropdown()
    epochs = w.BoundedIntText(
        session.epochs, min=0, max=200, tooltip="passes over the data while signals are recorded"
    )
    gradients = w.Dropdown(
        options=[(title, key) for key, (title, _) in GRADIENTS.items()], value=session.gradients
    )
    controls = Controls(session, data_name=name, model=model, epochs=epochs, gradients=gradients)

    def models(_=None) -> None:
        trained = session.result is not None and not session.model
        used = session.result.pool.info.get("model") if trained else None
        auto = f"Auto ({used})" if used else "Auto"
        mine = [] if session.module is None else [yours(session.module)]
        controls.put(model, session.model, [(auto, ""), *((m, m) for m in (*mine, *MODELS))])

    def follow(_=None) -> None:
        known = session.data_name in name.options
        controls.put(name, session.data_name, name.options if known else [session.data_name, *name.options])
        controls.put(epochs, session.epochs)
        controls.put(gradients, session.gradients)
        controls.put(model, session.model)

    models()
    session.observe(guard(models), "result")
    session.observe(guard(follow), ["data_name", "model", "epochs", "gradients"])
    pair = w.Box([field("Model for the signals", model), field("Epochs", epochs)]).add_class("cx-pair")
    return w.VBox([field("Dataset", name), pair, field("Gradients", gradients)]).add_class("cx-section-box")


def _budget(session: Session) -> w.Widget:
    guard = session_guard(session)
    slider = w.IntSlider(
        0, 0, 1, readout=False, continuous_update=True, disabled=True, tooltip="Points to keep"
    )
    typed = w.Text("", placeholder="–", continuous_update=False, disabled=True).add_class("cx-typed")
    typed.tooltip = "any number of points, up to the slider's right end: 600 or 1 %"
    number = note("", "cx-budget")
    end = w.Text("", placeholder="auto", continuous_update=False)
    end.tooltip = "what Select computes up to, the slider's right end: 600 or 5 %; empty: min(5 %, 2,000)"
    refused = note("", "cx-lack")
    seed = w.BoundedIntText(session.seed, min=0, max=2**31 - 1)

    def fit(_=None) -> None:
        result = session.result
        if result is None:
            return
        slider.disabled = typed.disabled = False
        slider.max = max(len(result.budgets) - 1, 1)
        slider.value = session.j
        end.placeholder = f"{default_k_max(result.n):,}"
        tell()

    def tell(_=None) -> None:
        result = session.result
        if result is None:
            number.value = "<span>after Select</span>"
            return
        k, n = session.budget, result.n
        typed.value = f"{k:,}"
        number.value = f"<span>{percent(k / n, 1)} of {n:,}</span>"

    def moved(_) -> None:
        if session.result is not None:
            session.j = min(slider.value, len(session.result.budgets) - 1)

    def follow(_=None) -> None:
        if session.result is not None:
            slider.max = max(len(session.result.budgets) - 1, 1)  # before the value, which it bounds
            slider.value = session.j
        tell()

    def refusing(taken: Callable[[], None]) -> Callable[[Any], None]:
        """A callback that says what is wrong with what was typed."""

        def heard(_) -> None:
            refused.value = ""
            try:
                taken()
            except ValueError as error:
                refused.value = text(error)
            show(refused, bool(refused.value))

        return heard

    def ended() -> None:
        result = session.result
        known = result is not None and result.key[:2] == session.key[:2]  # of this very data
        if end.value != written(session.k_max):  # which may be rounded
            session.k_max = counted(end.value, result.n if known else None)

    def asked() -> None:
        result = session.result
        if result is None or typed.value == f"{session.budget:,}":
            return
        if not typed.value.strip():
            return tell()
        most, k = result.budgets[-1], budget(counted(typed.value, result.n), result.n)
        if k > most:
            raise ValueError(
                f"up to {most:,} points are computed: for {k:,} write that under Up to, and Select"
            )
        if k in result.budgets:
            session.j = result.budgets.index(k)
        else:
            session.asked = {"budget": k}

    controls = Controls(session, seed=seed)

    def settings(_=None) -> None:
        controls.put(seed, session.seed)
        if session.k_max and end.value != written(session.k_max):
            end.value = written(session.k_max)

    slider.observe(guard(moved), "value")
    end.observe(guard(refusing(ended)), "value")
    typed.observe(guard(refusing(asked)), "value")
    session.observe(guard(fit), "result")
    session.observe(guard(follow), "j")
    session.observe(guard(settings), ["seed", "k_max"])
    settings()
    show(refused, False)
    fit()
    tell()
    pair = w.Box([field("Up to", end), field("Seed", seed)]).add_class("cx-pair").add_class("cx-even")
    row = w.Box([typed, number]).add_class("cx-keep")
    keep = w.VBox([w.HTML("Points to keep"), row, slider]).add_class("cx-field")
    return w.VBox([keep, pair, refused]).add_class("cx-section-box")


def _action(session: Session, control: Control) -> w.Widget:
    """Select, and below it the map that is being computed."""
    guard = session_guard(session)
    words = note()
    stop = w.Button(description="Stop", tooltip="Stop computing this map")
    stop.on_click(guard(lambda _: control.background.stop_map()))
    job = w.Box([words, stop]).add_class("cx-map-job")

    undo = w.Button(description="Undo changes", tooltip="Back to the settings of what is shown").add_class(
        "cx-wide"
    )
    undo.on_click(guard(lambda _: session.undo()))

    def draw(_=None) -> None:
        words.value = text(session.layout_note)
        show(job, bool(session.layout_note))
        show(undo, session.stale and not session.busy)

    session.observe(guard(draw), ["layout_note", "result", "status", *session.SETTINGS])
    draw()
    return action(
        session, control.main, control.start, undo, job, name="Select", advice=lambda: advice(session)
    )


def advice(session: Session) -> str:
    """The line under the button."""
    seconds = estimate(session)
    cost = "" if seconds is None else f" It takes about {max(1, round(seconds))}\u00a0s."
    if not session.choices:
        return "Add a method first."
    if session.result is None and session.status == "error":
        return "Nothing could be chosen: change what the message names, and press Select."
    if session.result is None:
        return f"Press Select to choose points.{cost}"
    if session.stale:
        return f"Showing the previous result. Press Select to update it.{cost}"
    return "The budget slider is free: it shows the first points of the order."
