"""The panel as a figure: what a notebook shows that is opened without its kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coreset_explore.labs.training.reading import trade_off
from widgets.training.result import Result
from widgets.training.session import Session


def portrait(session: Session) -> Callable[[], Any] | None:
    """A call that draws accuracy against budget, or against seconds where that tab is open; None without a record."""
    result = session.result
    if result is None or not any(record.numbers for record in result.records):
        return None
    if session.tab == "trade":
        from coreset_explore.plots import training

        return lambda: training.trade_off(trade_off(result.frame))
    return lambda: against_budget(result)


def against_budget(result: Result) -> Any:
    """Accuracy against budget as a matplotlib figure, as `plots.lines.accuracy` draws it."""
    from coreset_explore.plots.lines import accuracy

    return accuracy(result.frame, title=f"{result.ground.data.name}, {result.ground.setting.name}")
