"""What the form says of the time ahead: runs, updates, and seconds once a rate is known."""

from __future__ import annotations

from coreset_explore.labs.training.pace import ahead
from widgets.kit.markup import duration
from widgets.training.session import Session


def advice(session: Session) -> str:
    """The line under the button."""
    if session.look_note:
        return f"{session.look_note} …"
    ground = session.looked
    if ground is None:
        return (
            "Nothing can be trained yet: change what the message names." if session.status == "error" else ""
        )
    records = session.result.records if session.result is not None and not session.stale else ground.kept
    found, cells = ahead(ground.plan, records, ground.pace), len(ground.plan.cells)
    if found.runs == 0:
        return f"{'The run is' if cells == 1 else f'All {_runs(cells)} are'} there: nothing is left to train."
    kept = cells - found.runs
    there = f"{kept:,} of {_runs(cells)} {'is' if kept == 1 else 'are'} kept. " if kept else ""
    words = f"{there}{_runs(found.runs)}{' to go' if kept else ''}, {found.updates:,} updates"
    if found.seconds is None:
        return f"{words}."
    about = roughly(found.seconds)
    if found.least:
        return f"{words}: at least {about}; what choosing takes is known once it was done."
    return f"{words}: about {about}."


def button_name(session: Session) -> str:
    """What the one button does: begins, or goes on with what is kept."""
    ground = session.looked
    if ground is None or not ground.kept and (session.result is None or session.stale):
        return "Train"
    records = session.result.records if session.result is not None and not session.stale else ground.kept
    return "Continue" if ground.plan.left(records) else "Train"


def _runs(count: int) -> str:
    return f"{count:,} run{'s' * (count != 1)}"


def roughly(seconds: float) -> str:
    """A guess, in no more digits than it has: 0.5 s, 40 s, 27 min, 3.5 h; in one piece on a line."""
    if seconds < 90:
        return duration(max(seconds, 0.1)).replace(" ", "\u00a0")
    return f"{seconds / 60:.0f}\u00a0min" if seconds < 5400 else f"{seconds / 3600:.1f}\u00a0h"
