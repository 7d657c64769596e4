"""Selections made by hand in the panel: a region as it is, or a method's picks with some added and some dropped.

Each appears beside the methods, since it becomes one of the choices and Select runs; what the others answered is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from coreset_explore.selecting.strategy import Strategy
from coreset_explore.selection import Selection
from widgets.explorer.session import MAX_CHOICES, Session

EDITED = ", edited"  # after the name of the selection that was edited


def as_selection(session: Session, rows: Sequence[int], name: str = "Region") -> str:
    """Put rows beside the methods as a selection of one's own, under a name that is free; gives the name."""
    taken = {choice.name for choice in session.choices}
    number = next(i for i in range(1, len(taken) + 2) if f"{name} {i}" not in taken)
    return _put(session, list(rows), f"{name} {number}")


def edit(session: Session, add: Sequence[int] = (), drop: Sequence[int] = ()) -> str:
    """The picks on the map with `add` behind them and without `drop`, beside the method they are of; gives its name.

    What is edited once more is edited in place.
    """
    run, selection = session.run, session.selection
    name = run.strategy.name
    again = run.strategy.own is not None and name.endswith(EDITED)
    before = (run.strategy.own if again else selection).indices.tolist()
    gone, here = set(map(int, drop)), set(before)
    rows = [row for row in before if row not in gone] + [int(row) for row in add if row not in here]
    return _put(session, rows, name if again else f"{name}{EDITED}")


def _put(session: Session, rows: list[int], name: str) -> str:
    if session.busy:
        raise ValueError("a run goes on: wait for it or cancel it, then change picks by hand")
    if not rows:
        raise ValueError("this leaves no pick at all: a selection of your own holds at least one row")
    others = tuple(choice for choice in session.choices if choice.name != name)
    if len(others) >= MAX_CHOICES:
        raise ValueError(f"there is room for {MAX_CHOICES} selections: take one away under 2 Methods first")
    mine = Strategy.of(Selection.of(rows, name=name), name=name)
    session.choices = (*others, mine)
    session.active = name
    session.asked = {"select": True}
    return name
