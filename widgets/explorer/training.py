"""What the training panel is opened with: the Explorer's data, model, methods and budgets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from coreset_explore.labs.training.policy import Policy
from coreset_explore.labs.training.regimes import REGIMES, Regime
from coreset_explore.selecting.strategy import Strategy
from widgets.explorer.curves_rows import train_budgets
from widgets.explorer.session import Session
from widgets.kit.below import Below

LAST = ("RANDOM", "FULL")  # what every comparison wants beside: chance, and the cost that is saved


def open_training(session: Session, below: Below) -> None:
    """Open it below, where a tab has asked for it."""
    asked = session.asked or {}
    if "open" in asked:
        session.asked = None
        how = given(session, asked["epochs"])
        below.show(asked["open"], "Training, opened from Curves", **how)


def given(session: Session, epochs: int) -> dict[str, Any]:
    """Arguments of `train`: what is shown in the Curves tab, chosen anew while a model trains.

    A method that cannot choose then, as it reads what only a whole training tells, brings the picks that it made.
    """
    result = session.result
    regimes = [_regime(session, choice) for choice in session.choices if choice.method != "random"]
    own = session.data_name == session.given_name and session.data is not None
    data = {"data": result.data} if own else {"data": session.data_name, **session.options}
    model = session.own_model if session.own_model is not None else result.pool.info["model"]
    budgets = list(train_budgets(session))
    return {**data, "model": model, "regimes": [*regimes, *LAST], "budgets": budgets, "epochs": epochs}


def _regime(session: Session, choice: Strategy) -> Regime:
    if choice.own is None:
        known = REGIMES.get(choice.name)
        found = known if known is not None and known.strategy == choice else Regime.of(choice)
        try:
            Policy(choice, 1, holdout=0.1).refuse(session.result.data)
        except ValueError:
            run = session.result.runs.get(choice.name)
            if run is None:
                raise
            return _fixed(f"{choice.name}, chosen once", run.selection)
        return found
    return _fixed(choice.name, session.result.runs[choice.name].selection)


def _fixed(name: str, selection: Any) -> Regime:
    """Picks of the pool as rows of the data, whatever was set aside of it."""
    rows = selection.indices if selection.ids is None else selection.ids
    return Regime.of(Strategy(name, own=replace(selection, indices=rows, score=None)))
