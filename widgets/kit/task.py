"""How the one thing that a panel runs stands, as traits; and the only ways in which that changes."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from traitlets import Any as AnyTrait
from traitlets import Enum, Float, HasTraits, Unicode

from widgets.kit.markup import duration, percent
from widgets.kit.problems import Problem, problem

STEADY = 1.5  # seconds between two guesses
STATES = ("idle", "running", "cancelling", "done", "error")


class Task(HasTraits):
    """What a panel runs: settings (traits that `SETTINGS` names) are answered by a `result`, and this is how it goes.

        idle, done, error --begin--> running --cancelling--> cancelling
        running, cancelling --done | failed | cancelled--> done | error | idle

    Each transition is one change for those who watch. `result` is the last good answer: a run that fails or is
    cancelled leaves it where it is. A panel's session inherits from this and says what its settings are and when a
    result answers other settings than these (`stale`).
    """

    SETTINGS: ClassVar[tuple[str, ...]] = ()  # traits that a result depends on
    STOP: ClassVar[tuple[str, str, str]] = (
        "Cancel",
        "Cancelling",
        "Cancelled",
    )  # the button, then the states
    STATE: ClassVar[tuple[str, ...]] = ("status", "note", "progress", "activity", "remaining", "result")

    status = Enum(STATES, "idle")
    note = Unicode("")  # "Cancelled at 40 %", "Done in 2.1 s"
    progress = Float(0.0)
    activity = Unicode("")  # "CRAIG, class 5 of 10"
    remaining = Float(-1.0)  # seconds, -1 = unknown
    problem = AnyTrait(None)  # Problem
    result = AnyTrait(None)

    _began = 0.0
    _guess = (0.0, -1.0)  # when, after the start, the run was guessed to take how long

    @property
    def busy(self) -> bool:
        """Whether something runs, cancelled or not."""
        return self.status in ("running", "cancelling")

    @property
    def stale(self) -> bool:
        """Whether the result answers other settings than the ones there are now."""
        return False

    @property
    def seconds(self) -> float:
        """Since the last run began."""
        return time.monotonic() - self._began

    def begin(self) -> None:
        """A run begins; what went wrong before is forgotten."""
        self._began, self._guess = time.monotonic(), (0.0, -1.0)
        self._change(status="running", problem=None, note="", activity="", progress=0.0, remaining=-1.0)

    def progressed(self, fraction: float, activity: str) -> None:
        """So much of the run is done, and this is what it does; the bar never goes back."""
        spent = self.seconds
        total = spent / fraction if fraction > 0.05 and spent > 1.0 else -1.0
        since, before = self._guess
        if spent - since > STEADY:
            self._guess = (spent, total)
        # stages differ in pace: nothing is said until two guesses some time apart agree
        known = total > 0 and before > 0 and abs(total - before) < 0.25 * total
        remaining = total - spent if known else -1.0
        self._change(progress=max(self.progress, fraction), activity=activity, remaining=remaining)

    def known(self, **traits: Any) -> None:
        """The run goes on, and has found this much of its answer."""
        self._change(**traits)

    def done(self, note: str = "", **traits: Any) -> None:
        """The run ended well; `traits`, the result and what goes with it, change in the same moment."""
        note = note or f"Done in {duration(self.seconds)}"
        self._change(**traits, status="done", note=note, progress=1.0, activity="", remaining=-1.0)

    def failed(self, error: BaseException) -> None:
        """The run ended with an exception."""
        self._change(status="error", problem=problem(error), note="")

    def cancelling(self) -> None:
        """The run was asked to stop, and goes on until its next step."""
        self.status = "cancelling"

    def cancelled(self) -> None:
        """The run stopped because it was asked to."""
        self._change(status="idle", note=f"{self.STOP[2]} at {percent(self.progress)}")

    def troubled(self, found: Problem) -> None:
        """Something beside the run went wrong; a run that goes on decides the state by its own end."""
        self._change(problem=found, status="error" if self.status in ("idle", "done") else self.status)

    def dismiss(self) -> None:
        """What went wrong was read."""
        resting = "idle" if self.result is None else "done"
        self._change(problem=None, status=resting if self.status == "error" else self.status)

    def forget(self) -> None:
        """Drop the result and all that is known of it, as before the first run."""
        self._change(
            result=None, problem=None, status="idle", note="", activity="", progress=0.0, remaining=-1.0
        )

    def _change(self, **traits: Any) -> None:
        with self.hold_trait_notifications():
            for name, value in traits.items():
                setattr(self, name, value)
