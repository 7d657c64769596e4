"""The header: which data is trained on, Code and Export."""

from __future__ import annotations

import ipywidgets as w

from widgets.kit import shell
from widgets.kit.markup import brief_name
from widgets.kit.popovers import code_popover, save_popover
from widgets.training.export import FORMATS, what, write
from widgets.training.replay import code
from widgets.training.session import Session


def header(session: Session) -> w.Widget:
    """Title, data and model, status, Code and Export."""
    watch = ["ground", "result", *session.SETTINGS]
    pops = {
        "Code": code_popover(session, "The same runs, in a fresh Python:", lambda: code(session), watch),
        "Export": save_popover(
            session,
            lambda: FORMATS,
            lambda form: what(session, form),
            lambda form, folder: write(session, form, folder),
            ["result"],
        ),
    }
    return shell.header(session, "Train", lambda: line(session), ["ground", "data_name"], pops)


def line(session: Session) -> str:
    """Name and size of the data, what tests, the model, and what a reader must know."""
    ground = session.ground
    if ground is None:
        return session.data_name
    data, kind = ground.data, "images" if ground.data.kind == "images" else "rows"
    held = f"{len(data.x_test):,} {'set aside ' if ground.set_aside else 'more '}to test"
    parts = [f"{len(data):,} {kind}", f"{len(data.classes)} classes", held]
    words = f"{brief_name(data.name)}: {', '.join(parts)}; {ground.setting.name}"
    return f"{words} ({data.note})" if data.note else words
