"""The budget that is looked at, where a tab shows one at a time."""

from __future__ import annotations

import ipywidgets as w

from widgets.kit.form import Controls
from widgets.kit.guard import session_guard
from widgets.kit.markup import field, show
from widgets.training.session import Session


def budget_field(session: Session) -> w.Widget:
    """A choice of the plan's budgets; hidden where there is one alone."""
    choice = w.Dropdown(options=[("latest", 0)], value=0, tooltip="whose curves are shown while training")
    controls, guard = Controls(session, budget=choice), session_guard(session)
    box = field("Shown at", choice).add_class("cx-at")

    def follow(_=None) -> None:
        known = [] if session.result is None else session.result.budgets
        value = session.budget if session.budget in known else 0
        options = [("latest", 0), *((f"{one:,} rows", one) for one in known)]
        controls.put(choice, value, None if tuple(options) == choice.options else options)
        show(box, len(known) > 1)

    session.observe(guard(follow), ["result", "budget"])
    follow()
    return box
