"""The dialog that shows a row whole, with what the run on the map says of it."""

from __future__ import annotations

from widgets.explorer.rows import Reading
from widgets.explorer.session import Session
from widgets.kit.pictures import Pictures
from widgets.kit.reader import Reader


def reader(session: Session) -> Reader:
    """The panel's Reader: it follows `session.opened`, and can ask the map what the row stands for."""
    held: dict[int, Pictures] = {}  # the result's, by its identity: one at a time

    def look() -> Pictures | None:
        result = session.result
        if result is not None and id(result) not in held:
            held.clear()
            held[id(result)] = Pictures.of(result)
        return None if result is None else held[id(result)]

    def facts(row: int) -> list[tuple[str, str]]:
        run, pictures = session.run, look()
        if run is None or pictures is None:
            return []
        return Reading(session.result, run, min(session.j, len(run.at) - 1), pictures).facts(row)

    def on_map(row: int) -> None:
        session.focus, session.tab = ("click", (row,)), "map"

    return Reader(session, look, facts, ("Show on the map what it stands for", on_map))
