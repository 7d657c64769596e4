"""What the form says of the time ahead: runs, updates, and seconds once a rate is known."""

from __future__ import annotations

from coreset_explore.labs.training.pace import ahead
from widgets.kit.markup import roughly
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
    found, cells = ahead(ground.plan, session.done_so_far, ground.pace), len(ground.plan.cells)
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


def _runs(count: int) -> str:
    return f"{count:,} run{'s' * (count != 1)}"
