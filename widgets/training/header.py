"""The header: which data is trained on, Code and Export."""

from __future__ import annotations

import ipywidgets as w

from widgets.kit import shell
from widgets.kit.laboratory import data_words
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
    words, note = f"{data_words(ground)}; {ground.setting.name}", ground.data.note
    return f"{words} ({note})" if note else words
