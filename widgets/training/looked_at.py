"""The budget that is looked at, where a tab shows one at a time."""

from __future__ import annotations

from widgets.kit import plain as w
from widgets.kit.form import Controls
from widgets.kit.guard import session_guard
from widgets.kit.markup import field, show
from widgets.training.session import Session

ONE = ("accuracy", "choices")  # tabs that show one budget at a time


def budget_field(session: Session) -> w.Widget:
    """A choice of the plan's budgets, beside the tabs; hidden where there is one alone, or all are shown."""
    choice = w.Dropdown(options=[("latest", 0)], value=0, tooltip="whose curves and choices are shown")
    controls, guard = Controls(session, budget=choice), session_guard(session)
    box = field("Budget shown", choice).add_class("cx-at").add_class("cx-unlabelled")

    def follow(_=None) -> None:
        known = [] if session.result is None else session.result.budgets
        value = session.budget if session.budget in known else 0
        options = [("latest", 0), *((f"{one:,} rows", one) for one in known)]
        controls.put(choice, value, None if tuple(options) == choice.options else options)
        show(box, len(known) > 1 and session.tab in ONE)

    session.observe(guard(follow), ["result", "budget", "tab"])
    follow()
    return box
