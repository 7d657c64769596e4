"""The rail: data, methods, budget, seed, and the one button with its progress. It writes settings into the Session."""

from __future__ import annotations

import ipywidgets as w

from coreset_explore import datasets
from coreset_explore.experiment.runs import default_k_max
from coreset_explore.training.models import MODELS
from widgets.explorer.control import Control
from widgets.explorer.method_list import methods_box
from widgets.explorer.result import estimate
from widgets.explorer.session import SETTINGS, Session
from widgets.kit.markup import field, note, percent, show, text
from widgets.kit.problems import session_guard


def rail(session: Session, control: Control) -> w.Widget:
    """The column of settings."""
    parts = [
        _section("1 Data", _data(session)),
        _section("2 Methods", methods_box(session)),
        _section("3 Budget", _budget(session)),
        _action(session, control),
    ]
    return w.VBox(parts).add_class("cx-rail")


def _section(title: str, *parts: w.Widget) -> w.Widget:
    return w.VBox([note(title, "cx-sec"), *parts]).add_class("cx-section-box")


def _data(session: Session) -> w.Widget:
    guard = session_guard(session)
    names = datasets.names()
    own = [session.given_name] if session.given_name and session.given_name not in names else []
    name = w.Dropdown(options=[*own, *names], value=session.data_name)
    model = w.Dropdown()
    epochs = w.BoundedIntText(
        session.epochs, min=0, max=200, tooltip="passes over the data while signals are recorded"
    )

    def models(_=None) -> None:
        used = (
            session.result.pool.info.get("model")
            if session.result is not None and not session.model
            else None
        )
        auto = f"Auto ({used})" if used else "Auto"
        wanted = [(auto, ""), *((m, m) for m in MODELS)]
        if tuple(wanted) != tuple(model.options):
            with session.hold_trait_notifications():
                model.options = wanted
                model.value = session.model

    def chosen(_) -> None:
        session.data_name = name.value

    def modelled(_) -> None:
        session.model = model.value or ""

    def lasted(_) -> None:
        session.epochs = epochs.value

    def follow(_=None) -> None:
        if session.data_name not in name.options:
            name.options = [session.data_name, *name.options]
        name.value, epochs.value = session.data_name, session.epochs
        if model.value != session.model:
            model.value = session.model

    models()
    name.observe(guard(chosen), "value")
    model.observe(guard(modelled), "value")
    epochs.observe(guard(lasted), "value")
    session.observe(guard(models), ["result"])
    session.observe(guard(follow), ["data_name", "model", "epochs"])
    pair = w.Box([field("Model for the signals", model), field("Epochs", epochs)]).add_class("cx-pair")
    return w.VBox([field("Dataset", name), pair]).add_class("cx-section-box")


def _budget(session: Session) -> w.Widget:
    guard = session_guard(session)
    slider = w.IntSlider(
        0, 0, 1, readout=False, continuous_update=True, disabled=True, tooltip="Points to keep"
    )
    number = note("", "cx-budget")
    end = w.Text("", placeholder="auto", continuous_update=False)
    end.tooltip = "what Select computes up to, the slider's right end: 600 or 5 %; empty: min(5 %, 2,000)"
    refused = note("", "cx-lack")
    seed = w.BoundedIntText(session.seed, min=0, max=2**31 - 1)

    def fit(_=None) -> None:
        result = session.result
        if result is None:
            return
        slider.disabled = False
        slider.max = max(len(result.budgets) - 1, 1)
        slider.value = session.j
        end.placeholder = f"{default_k_max(result.n):,}"
        tell()

    def tell(_=None) -> None:
        result = session.result
        if result is None:
            number.value = '<b class="cx-num">–</b><span>after the first Select</span>'
            return
        k, n = session.budget, result.n
        number.value = f'<b class="cx-num">{k:,}</b><span>{percent(k / n, 1)} of {n:,}</span>'

    def moved(_) -> None:
        if session.result is not None:
            session.j = min(slider.value, len(session.result.budgets) - 1)

    def follow(_=None) -> None:
        if session.result is not None:
            slider.max = max(len(session.result.budgets) - 1, 1)  # before the value, which it bounds
            slider.value = session.j
        tell()

    def ended(_) -> None:
        try:
            result = session.result
            known = result is not None and result.key[:2] == session.key[:2]  # of this very data
            session.k_max = counted(end.value, result.n if known else None)
            refused.value = ""
        except ValueError as error:
            refused.value = text(error)
        show(refused, bool(refused.value))

    def seeded(_) -> None:
        session.seed = seed.value

    def settings(_=None) -> None:
        seed.value = session.seed
        if session.k_max and not end.value.strip().endswith("%"):
            end.value = str(session.k_max)

    slider.observe(guard(moved), "value")
    end.observe(guard(ended), "value")
    seed.observe(guard(seeded), "value")
    session.observe(guard(fit), "result")
    session.observe(guard(follow), "j")
    session.observe(guard(settings), ["seed", "k_max"])
    settings()
    show(refused, False)
    fit()
    tell()
    pair = w.Box([field("Up to", end), field("Seed", seed)]).add_class("cx-pair").add_class("cx-even")
    return w.VBox([field("Points to keep", slider), number, pair, refused]).add_class("cx-section-box")


def counted(words: str, n: int | None) -> int:
    """What was typed as a number of points: "600", "2,000" or "5 %" of n; 0 where nothing was typed."""
    plain = words.replace(",", "").replace(" ", "").replace("\u00a0", "")
    if not plain:
        return 0
    share = plain.endswith("%")
    try:
        value = float(plain.removesuffix("%"))
    except ValueError:
        raise ValueError(f"{words!r} is no number of points: write 600 or 5 %") from None
    if share and n is None:
        raise ValueError("the number of rows is not known before the first Select: write a number of points")
    count = round(value / 100 * n) if share else value
    if count != int(count) or count < 1 or (n is not None and count > n):
        raise ValueError(
            f"the budget is a whole number from 1{f' to {n:,}' if n is not None else ''}, not {words}"
        )
    return int(count)


def _action(session: Session, control: Control) -> w.Widget:
    guard = session_guard(session)
    button = w.Button(description="Select").add_class("cx-act")
    told = note("", "cx-told", "cx-note")
    map_note = note()
    stop = w.Button(description="Stop", tooltip="Stop computing this map")
    map_job = w.Box([map_note, stop]).add_class("cx-map-job")

    def draw(_=None) -> None:
        busy = control.busy
        button.description = "Cancel" if busy else "Select again" if session.stale else "Select"
        button.disabled = session.status == "cancelling"
        (button.add_class if busy else button.remove_class)("cx-stop")
        told.value = progress_html(session) if busy else f"<p>{text(advice(session))}</p>"
        map_note.value = text(session.layout_note)
        show(map_job, bool(session.layout_note))

    state = ["status", "note", "progress", "activity", "remaining", "result", "layout_note"]
    session.observe(guard(draw), [*SETTINGS, *state])
    button.on_click(guard(lambda _: control.click()))
    stop.on_click(guard(lambda _: control.background.stop_map()))
    draw()
    return w.VBox([button, told, map_job]).add_class("cx-action")


def progress_html(session: Session) -> str:
    """The bar, what is being done, and how long it still takes."""
    left = ""
    if session.remaining >= 0:
        seconds = session.remaining
        left = (
            f"about {max(1, round(seconds))}\u00a0s left"
            if seconds < 100
            else f"about {round(seconds / 60)} min left"
        )
    words = "Stopping at the next step" if session.status == "cancelling" else session.activity or "Starting"
    done = round(100 * session.progress)
    return (
        f'<div class="cx-bar" role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{done}">'
        f'<i style="width:{done}%"></i></div><p>{text(words)}</p><p class="cx-time">{left}</p>'
    )


def advice(session: Session) -> str:
    """The line under the button."""
    seconds = estimate(session)
    cost = "" if seconds is None else f" It takes about {max(1, round(seconds))}\u00a0s."
    if not session.choices:
        return "Add a method first."
    if session.result is None:
        return f"Press Select to choose points.{cost}"
    if session.stale:
        return f"Showing the previous result. Press Select to update it.{cost}"
    return "The budget slider is free: it shows the first points of the order."
