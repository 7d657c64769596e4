"""What the panel runs: every stream's way through the tasks. No widget here."""

from __future__ import annotations

from collections.abc import Iterator

from coreset_explore.experiment.store import Record
from coreset_explore.inputs import checks
from coreset_explore.labs.continual import run
from widgets.continual.ground import Ask, Ground, look
from widgets.continual.result import Result
from widgets.continual.session import Session
from widgets.kit.keeper import Keeper


class Control(Keeper):
    """The panel's Keeper."""

    def __init__(self, session: Session, loop=None):
        super().__init__(
            session, loop, ask=Ask.of, look=look, result=Result, records=_records, cells="models", name="Run"
        )  # fmt: skip


def _records(ground: Ground) -> Iterator[Record]:
    with checks.gathered():  # what the ground says already
        return run(ground.setting, ground.ask.streams, **ground.ask.run, store=ground.store, show=False)
