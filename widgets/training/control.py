"""What the panel runs: the training of a grid's cells, and what the cell under way has come to. No widget here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from coreset_explore.experiment.store import Record
from coreset_explore.labs.training.cells import Cell
from coreset_explore.labs.training.run import run
from coreset_explore.training.epochs import Epoch
from widgets.kit.guard import session_guard
from widgets.kit.keeper import OFTEN, Keeper
from widgets.training.ground import Ask, Ground, look
from widgets.training.result import Live, Result
from widgets.training.session import Session


class Control(Keeper):
    """The panel's Keeper, which tells besides how the cell goes that is trained."""

    def __init__(self, session: Session, loop=None):
        self._watched: list[tuple[Cell, Epoch]] = []  # of the cell that is trained, written by the thread
        self._told = 0.0
        super().__init__(
            session, loop, ask=Ask.of, look=look, result=Result, records=self._trained, cells="runs", name="Train"
        )  # fmt: skip
        guard = session_guard(session)
        session.observe(guard(self._tell), ["progress", "status"])

    def _trained(self, ground: Ground) -> Iterator[Record]:
        ask = ground.ask
        how = {"budgets": list(ask.budgets), "seeds": list(ask.seeds), "store": ground.store}
        return run(ground.setting, ask.regimes, watch=self._watch, show=False, **how)

    def _watch(self, cell: Cell, epoch: Epoch) -> None:
        if self._watched and self._watched[-1][0] is not cell:
            self._watched = []
        self._watched.append((cell, epoch))

    def _tell(self, _: Any) -> None:
        """What the cell that is trained has come to, now and then; nothing once none is."""
        session, watched, now = self.session, self._watched, time.monotonic()
        if not session.busy:
            session.live = None
        elif session.status == "running" and watched and now - self._told > OFTEN:
            self._told = now
            session.live = _live(list(watched))


def _live(watched: list[tuple[Cell, Epoch]]) -> Live:
    cell = watched[-1][0]
    epochs = [epoch for of, epoch in watched if of is cell]
    return Live(
        cell.regime.name, cell.budget, cell.seed, tuple(epoch.updates / cell.updates for epoch in epochs),
        tuple(epoch.loss for epoch in epochs), tuple(epoch.test_accuracy for epoch in epochs),
    )  # fmt: skip
