"""What stands around the curves: their legend, what is being measured, and the button that trains the real model."""

from __future__ import annotations

from coreset_explore.datasets import Data
from coreset_explore.pool import Pool
from widgets.explorer.accuracy import all_runs
from widgets.explorer.session import Session
from widgets.kit import plain as w
from widgets.kit.guard import session_guard
from widgets.kit.markup import field, show, text


def probe_row(session: Session) -> w.Widget:
    """What is being measured, with a button that stops it; and once the real model is known, whose accuracies show."""
    words = w.HTML().add_class("cx-note")
    stop = w.Button(description="Stop", tooltip="Stop measuring accuracies")
    judge = w.ToggleButtons(options=[("Real model", "model"), ("Linear probe", "probe")], value=session.judge)
    box = w.Box([judge, words, stop]).add_class("cx-toolbar").add_class("cx-measured")
    guard = session_guard(session)

    @guard
    def draw(_=None) -> None:
        words.value = text(session.probe_note)
        show(stop, session.probe_note.startswith("Measuring"))
        show(judge, session.trained is not None)
        judge.value = session.judge
        show(box, bool(session.probe_note) or session.trained is not None)

    judge.observe(guard(lambda change: session.set_trait("judge", change["new"])), "value")
    stop.on_click(guard(lambda _: session.set_trait("asked", {"stop": "accuracies"})))
    session.observe(draw, ["probe_note", "trained", "judge"])
    draw()
    return box


def train_row(session: Session) -> w.Widget:
    """A button that trains the real model on every selection at two budgets, with what that will take.

    Another one opens the training panel, where the methods choose anew while it trains.
    """
    epochs = w.BoundedIntText(value=50, min=1, max=1000, layout={"width": "84px"})
    button = w.Button(description="Train the real model").add_class("cx-button")
    anew = w.Button(description="Choose while training …").add_class("cx-button")
    anew.tooltip = "Open the training panel below: these methods choose again and again while a model trains"
    note = w.HTML().add_class("cx-note")
    guard = session_guard(session)

    @guard
    def estimate(_=None) -> None:
        button.disabled = anew.disabled = (
            session.result is None or session.busy or bool(cannot_train(session))
        )
        note.value = f"<p>{text(training_note(session, epochs.value))}</p>"

    @guard
    def ask(_) -> None:
        wanted = {"budgets": train_budgets(session), "epochs": epochs.value}
        session.asked = {"train": wanted}

    button.on_click(ask)
    anew.on_click(guard(lambda _: session.set_trait("asked", {"open": "train", "epochs": epochs.value})))
    epochs.observe(estimate, "value")
    session.observe(estimate, ["result", "j", "status"])
    estimate()
    return w.HBox([field("Epochs", epochs), button, anew, note]).add_class("cx-toolbar").add_class("cx-train")


def train_budgets(session: Session) -> tuple[int, ...]:
    """The slider's budget and the largest (one, where they are the same)."""
    return tuple(sorted({session.budget, session.result.budgets[-1]}))


def cannot_train(session: Session) -> str:
    """Why no model can be trained on the selections and scored, and the call with which one can; "" where one can."""
    result, own = session.result, session.data_name == session.given_name
    if result is None:
        return ""
    if result.pool.y is None:
        return "Needs labels to learn and test rows to score by: explore(X, y, test=0.2)."
    if own and isinstance(session.data, Pool):
        return "Needs the data itself, of which a Pool holds signals only: explore(X, y, test=0.2)."
    if own and session.images_given:
        return "Needs pictures with test rows, as data: explore(images, y, test=0.2)."
    if result.data is None or result.data.x_test is None or result.data.y_test is None:
        return f"Needs test rows to score by: {_with_test_rows(session)}."
    if not result.pool.info.get("model"):
        return "Needs a model: give images or a table, or choose a model under 1 Data."
    return ""


def _with_test_rows(session: Session) -> str:
    """The call that sets test rows aside, of data given as this is."""
    if session.data is None or session.data_name != session.given_name:
        return f"explore({session.data_name!r}, test=0.2)"
    if isinstance(session.data, Data):
        return "explore(cx.load(X, y=y, test=0.2))"
    column = session.options.get("y")
    return f"explore(frame, y={column!r}, test=0.2)" if isinstance(column, str) else "explore(X, y, test=0.2)"


def training_note(session: Session, epochs: int) -> str:
    """Which model would be trained on what, and about how long (from the seconds that recording took a row); or why
    none can be.
    """
    result = session.result
    if result is None:
        return ""
    if why := cannot_train(session):
        return why
    info = result.pool.info
    budgets = train_budgets(session)
    runs = len(all_runs(result))
    words = (
        f"{info['model']} from scratch on {' and '.join(f'{b:,}' for b in budgets)} rows of {runs} selections"
    )
    per_row = info.get("seconds", 0.0) / max(1, info.get("epochs", 1) * result.n)
    seconds = per_row * sum(budgets) * epochs * runs
    return f"{words}, one seed" + (f"; about {max(1, round(seconds)):,} s." if seconds else ".")
