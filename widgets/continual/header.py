"""The header: which data arrives how, Code and Export."""

from __future__ import annotations

import ipywidgets as w

from widgets.continual.export import FORMATS, what, write
from widgets.continual.replay import code
from widgets.continual.session import Session
from widgets.kit import shell
from widgets.kit.laboratory import data_words
from widgets.kit.popovers import code_popover, save_popover


def header(session: Session) -> w.Widget:
    """Title, data and scenario, status, Code and Export."""
    pops = {
        "Code": code_popover(
            session,
            "The same runs, in a fresh Python:",
            lambda: code(session),
            ["ground", "result", *session.SETTINGS],
        ),
        "Export": save_popover(
            session,
            lambda: FORMATS,
            lambda form: what(session, form),
            lambda form, folder: write(session, form, folder),
            ["result"],
        ),
    }
    return shell.header(session, "Remember", lambda: line(session), ["ground", "data_name"], pops)


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
