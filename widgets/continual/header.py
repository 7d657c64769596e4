"""The header: which data arrives how, Code and Export."""

from __future__ import annotations

from widgets.continual.export import FORMATS, what, write
from widgets.continual.replay import code
from widgets.continual.session import Session
from widgets.kit import plain as w
from widgets.kit.laboratory import data_words, laboratory_header


def header(session: Session) -> w.Widget:
    """Title, data and scenario, status, Code and Export."""
    return laboratory_header(session, "Remember", line, code, FORMATS, what, write)


def line(session: Session) -> str:
    """Name and size of the data, what tests, how many tasks, the model, and what a reader must know."""
    ground = session.ground
    if ground is None:
        return session.data_name
    plan = ground.plan
    model = plan.model if isinstance(plan.model, str) else type(plan.model).__name__
    said = f"{data_words(ground)}; {ground.setting.many} tasks; {model}"
    notes = "; ".join(note for note in (ground.said, ground.data.note) if note)
    return f"{said} ({notes})" if notes else said
