"""The header: which data is trained on, Code and Export."""

from __future__ import annotations

from widgets.kit import plain as w
from widgets.kit.laboratory import data_words, laboratory_header
from widgets.training.export import FORMATS, what, write
from widgets.training.replay import code
from widgets.training.session import Session


def header(session: Session) -> w.Widget:
    """Title, data and model, status, Code and Export."""
    return laboratory_header(session, "Train", line, code, FORMATS, what, write)


def line(session: Session) -> str:
    """Name and size of the data, what tests, the model, and what a reader must know."""
    ground = session.ground
    if ground is None:
        return session.data_name
    words, note = f"{data_words(ground)}; {ground.setting.name}", ground.data.note
    return f"{words} ({note})" if note else words
