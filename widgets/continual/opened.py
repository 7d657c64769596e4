"""The dialog that shows a row whole, with what each memory makes of it."""

from __future__ import annotations

from widgets.continual.pictures import pictures_of
from widgets.continual.result import Looked
from widgets.continual.session import Session
from widgets.kit.markup import short
from widgets.kit.pictures import Pictures
from widgets.kit.reader import Reader


def reader(session: Session) -> Reader:
    """The panel's Reader: it follows `session.opened`."""
    held: dict[int, tuple[object, Pictures]] = {}  # by the data's identity: one at a time

    def look() -> Pictures | None:
        if session.result is None:
            return None
        looked = Looked.at(session)
        data = looked.tasks(session.result).data
        if id(data) not in held:
            held.clear()
            held[id(data)] = data, pictures_of(session.result, looked)
        return held[id(data)][1]

    return Reader(session, look, lambda row: facts(session, row))


def facts(session: Session, row: int) -> list[tuple[str, str]]:
    """Its class, when it came, and when each of the memories looked at kept it."""
    result, looked = session.result, Looked.at(session)
    data = looked.tasks(result).data
    label, came = int(data.y[row]), int(data.truth["task"][row])
    found = [("Class", data.classes[label])]
    found.append(("Came in", "no task" if came < 0 else f"task {came + 1}"))
    return found + [(f"Kept by {name}", kept(session, name, row)) for name in looked.sides]


def kept(session: Session, name: str, row: int) -> str:
    """After which tasks a memory holds the row, and what it weighs now: "after tasks 2 to 4; weight 12"."""
    result, looked = session.result, Looked.at(session)
    held = {
        task: numbers["weights"][numbers["ids"].index(row)]
        for task in range(result.many)
        if (numbers := looked.numbers(result, name, task)) is not None and row in numbers["ids"]
    }
    if not held:
        return "never"
    first, last = min(held) + 1, max(held) + 1
    span = f"after task {first}" if first == last else f"after tasks {first} to {last}"
    now = held.get(looked.task)
    return span if now is None else f"{span}; weight {short(now)}"
