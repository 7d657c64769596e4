"""The task that is looked at: a slider over all of them, and a button that plays them one after another."""

from __future__ import annotations

import ipywidgets as w

from widgets.continual.result import Looked
from widgets.continual.session import Session
from widgets.kit.guard import session_guard
from widgets.kit.markup import note, show, text

PACE = 900  # milliseconds that a task is shown while they are played


def stepper(session: Session) -> w.Widget:
    """Play, slider and the task's name; hidden where there is nothing to step through."""
    play = w.Play(0, 0, 1, interval=PACE, show_repeat=False, tooltip="Play the tasks")
    slider = w.IntSlider(0, 0, 1, readout=False, continuous_update=True, tooltip="Task shown")
    told, guard = note("", "cx-step"), session_guard(session)
    w.jslink((play, "value"), (slider, "value"))
    box = w.Box([play, slider, told]).add_class("cx-stepper")
    filling = False

    def follow(_=None) -> None:
        nonlocal filling
        result = session.result
        show(box, result is not None and result.many > 1)
        if result is None:
            return
        looked, filling = Looked.at(session), True
        try:
            for one in (play, slider):
                one.max = max(result.many - 1, 1)
            slider.value = looked.task
        finally:
            filling = False
        names = looked.tasks(result).names
        told.value = (
            f"<b>Task {looked.task + 1} of {result.many}</b> "
            f'<span title="{text(names[looked.task])}" data-may-clip>{text(names[looked.task])}</span>'
        )

    def moved(change) -> None:
        if not filling and session.result is not None:
            session.step = change["new"]

    slider.observe(guard(moved), "value")
    session.observe(guard(follow), ["result", "step", "left", "right", "capacity", "seed"])
    follow()
    return box
