"""The rail: data, what arrives, streams, how much is kept and learnt, and the one button. It writes the Session."""

from __future__ import annotations

from widgets.continual.arguments import checked_capacities
from widgets.continual.control import Control
from widgets.continual.estimate import advice
from widgets.continual.scenes import SCENES, YOURS
from widgets.continual.session import Session
from widgets.continual.stream_list import streams_box
from widgets.kit import plain as w
from widgets.kit.amounts import counted
from widgets.kit.form import Controls, section
from widgets.kit.ground_fields import data_field, kept_fields, model_field, run_button
from widgets.kit.guard import session_guard
from widgets.kit.markup import field, note, show, text
from widgets.kit.typed import typed, words_of

PARADIGMS = [("anew, from the memory", "gdumb"), ("on, replaying the memory", "replay")]
USUAL = 50  # epochs, where nobody says


def rail(session: Session, control: Control) -> w.Widget:
    """The column of settings."""
    data = [data_field(session), model_field(session, lambda: str(session.ground.plan.model))]
    parts = [
        section("1 Data", w.VBox(data).add_class("cx-section-box")),
        section("2 What arrives", _scene(session)),
        section("3 Memories", streams_box(session)),
        section("4 Learning", _learning(session)),
        run_button(session, control, lambda: advice(session)),
    ]
    return w.VBox(parts).add_class("cx-rail")


def _scene(session: Session) -> w.Widget:
    """The scenario, its own settings, and how unlike in number classes are made."""
    scenario = w.Dropdown()
    classes = w.BoundedIntText(2, min=1, max=100_000, tooltip="new classes in each task")
    tasks = w.BoundedIntText(10, min=2, max=100_000, tooltip="parts that the rows are cut into")
    feature = w.Text(
        "", continuous_update=False, tooltip="a column's name, or its number from 0; of images a pixel's"
    )
    most = w.BoundedFloatText(180.0, min=0.0, max=360.0, tooltip="the largest angle, in degrees")
    ratio = w.BoundedFloatText(
        1.0, min=1.0, max=1e6, tooltip="the largest class over the smallest, in each task; 1: as is"
    )
    controls = Controls(
        session, scenario=scenario, classes=classes, tasks=tasks, feature=feature, most=most, ratio=ratio
    )  # fmt: skip
    fields = {
        "classes": field("Classes a task", classes),
        "feature": field("Feature", feature),
        "tasks": field("Tasks", tasks),
        "most": field("Angles up to", most),
        "ratio": field("Imbalance", ratio),
    }
    help_ = note()

    def follow(_=None) -> None:
        own = (
            [("yours", YOURS)]
            if session.setting is not None and session.data_name == session.given_name
            else []
        )
        controls.put(scenario, session.scenario, [*own, *((one.title, name) for name, one in SCENES.items())])
        for control, trait in (
            (classes, "classes"), (tasks, "tasks"), (feature, "feature"), (most, "most"),
            (ratio, "ratio"),
        ):  # fmt: skip
            controls.put(control, getattr(session, trait))
        scene = SCENES.get(session.scenario)
        for trait, one in fields.items():
            show(one, scene is not None and (trait == "ratio" or trait in scene.words))
        help_.value = text(repr(session.setting) if scene is None else scene.help)

    session.observe(
        session_guard(session)(follow),
        ["scenario", "data_name", "classes", "tasks", "feature", "most", "ratio"],
    )
    follow()
    own_fields = w.Box(list(fields.values())).add_class("cx-pair").add_class("cx-even")
    return w.VBox([field("Scenario", scenario), own_fields, help_]).add_class("cx-section-box")


def _learning(session: Session) -> w.Widget:
    """How many rows a memory holds, how a model learns from it, for how long and how often."""
    rows = w.Text("", placeholder="100, 500", continuous_update=False)
    rows.tooltip = "rows that a memory holds: one size or several, as 100, 500, 1,000"
    paradigm = w.Dropdown(options=PARADIGMS, tooltip="how a model learns after each task")
    epochs = w.BoundedIntText(
        USUAL, min=1, max=100_000, tooltip="passes over what is learnt from, after each task"
    )
    controls = Controls(session, paradigm=paradigm, epochs=epochs)

    def sizes() -> None:
        session.capacities = checked_capacities([counted(word, None) for word in words_of(rows)])

    def follow(_=None) -> None:
        controls.put(paradigm, session.paradigm)
        controls.put(epochs, session.epochs or USUAL)

    wrong = typed(
        session, rows, "capacities", sizes, lambda: ", ".join(f"{size:,}" for size in session.capacities)
    )
    session.observe(session_guard(session)(follow), ["paradigm", "epochs"])
    follow()
    pair = w.Box([field("Rows kept", rows), field("Epochs", epochs)]).add_class("cx-pair")
    kept, strange = kept_fields(session)
    return w.VBox([pair, wrong, field("A model learns", paradigm), kept, strange]).add_class("cx-section-box")
