"""Which layout lies on the map: the one asked for, once it is computed and no lasso is looked at."""

from __future__ import annotations

from typing import Any

from widgets.explorer.session import Session
from widgets.kit.markup import text


class Shown:
    """`name` is the layout on the canvas ("" before there is one), `waits` whether one that is ready is held back."""

    def __init__(self, session: Session):
        self.session, self.name, self.waits = session, "", False
        self._known: set[str] | None = None  # the layouts there were when a lasso was drawn

    @property
    def map(self) -> Any:
        return self.session.maps.get(self.name)

    def made_of(self) -> tuple:
        session = self.session
        return session.layout, session.maps, session.focus[0] == "lasso"

    def choose(self) -> None:
        """The one asked for, or until it is computed the one before; under a lasso none that came after it."""
        wanted, maps, lassoed = self.made_of()
        self._known = None if not lassoed else set(maps) if self._known is None else self._known
        self.waits = self._known is not None and wanted in set(maps) - self._known and self.name in maps
        order = (self.name if self.waits else wanted, self.name, next(iter(maps), ""))
        self.name = next((name for name in order if name in maps), "")

    def busy(self) -> str:
        """What is being computed, or waits; HTML."""
        busy, result = self.session.layout_note, self.session.result
        if result is not None and result.early:
            return text("A first look at random picks; the methods have not answered yet")
        if self.waits:
            return text(f"{self.session.layout} is ready, and shown once the lasso is cleared")
        return text(f"{busy}; until then {self.name}" if busy and self.name else busy)

    def words(self) -> str:
        """How the map was made."""
        return how_made(self.name, self.map)


def how_made(name: str, shown: Any) -> str:
    """How a map called `name` was made, as every tab says it."""
    if name == "Yours":
        return "your own map"
    said = getattr(shown, "note", "") or name
    return f"{said} of the features" if said == name else said
