"""The task that is looked at: a slider over all of them, and a button that plays them one after another."""

from __future__ import annotations

from typing import Any

from widgets.continual.result import Looked
from widgets.continual.session import Session
from widgets.kit import plain as w
from widgets.kit.guard import session_guard
from widgets.kit.kernel import kernel_loop
from widgets.kit.markup import field, note, show, text

PACE = 0.9  # seconds that a task is shown while they are played
PLAY, PAUSE = "▶", "❚❚"


def stepper(session: Session) -> w.Widget:
    """Play, slider and the task's name; hidden where there is nothing to step through."""
    return Stepper(session, kernel_loop()).box


class Stepper:
    """Writes `session.step`; playing goes on until the last task, a second press, or a move of the slider."""

    def __init__(self, session: Session, loop: Any):
        self.session, self.loop = session, loop
        self.playing, self._filling, self._turn = False, False, 0
        self.button = w.Button(description=PLAY, tooltip="Play the tasks")
        self.slider = w.IntSlider(0, 0, 1, readout=False, continuous_update=True, tooltip="Task shown")
        named = field("Task shown", self.slider).add_class("cx-unlabelled")
        self.told, self.guard = note("", "cx-step"), session_guard(session)
        self.box: Any = w.Box([self.button, named, self.told]).add_class("cx-stepper")
        self.box.view = self  # for tests, and so that it lives as long as its widget
        self.slider.observe(self.guard(self._moved), "value")
        self.button.on_click(self.guard(lambda _: self._play(not self.playing)))
        session.observe(self.guard(self._follow), ["result", "step", "left", "right", "capacity", "seed"])
        self._follow()

    def _follow(self, _: Any = None) -> None:
        result = self.session.result
        show(self.box, result is not None and result.many > 1)
        if result is None:
            return
        looked, self._filling = Looked.at(self.session), True
        try:
            self.slider.max = max(result.many - 1, 1)
            self.slider.value = looked.task
        finally:
            self._filling = False
        name = looked.tasks(result).names[looked.task]
        self.told.value = (
            f"<b>Task {looked.task + 1} of {result.many}</b> "
            f'<span title="{text(name)}" data-may-clip>{text(name)}</span>'
        )

    def _moved(self, change: Any) -> None:
        if not self._filling and self.session.result is not None:
            self._play(False)
            self.session.step = change["new"]

    def _play(self, on: bool) -> None:
        """Begin, from the first task where the last one is shown; or stop."""
        if on == self.playing or self.loop is None:
            return
        self.playing, self._turn = on, self._turn + 1
        self.button.description, self.button.tooltip = (PAUSE, "Pause") if on else (PLAY, "Play the tasks")
        if on:
            last = Looked.at(self.session).task == self.session.result.many - 1
            self._show(0 if last else Looked.at(self.session).task + 1, self._turn)

    def _show(self, task: int, turn: int) -> None:
        """Show a task, and the next one a while later: the page draws meanwhile."""
        if turn != self._turn or self.box.comm is None:
            return
        self.session.step = task
        if task >= self.session.result.many - 1:
            self._play(False)
        else:
            self.loop.call_later(PACE, self.guard(self._show), task + 1, turn)
