"""What the map's points are colored by, as it is drawn: distances to a pick follow the slider once it rests."""

from __future__ import annotations

from typing import Any

from widgets.explorer import colors
from widgets.explorer.map_sizes import Sizes
from widgets.explorer.owners import Owners
from widgets.explorer.rows import Reading
from widgets.explorer.session import Session


class Colors:
    """`shown` is the Coloring on the map."""

    def __init__(self, session: Session, sizes: Sizes, owners: Owners):
        self.session, self.sizes, self.owners = session, sizes, owners
        self.shown: Any = None
        self._rested: Reading | None = None  # at the budget where the slider last rested

    def made_of(self, reading: Reading) -> tuple:
        """What the coloring is made of; but for distances a budget is none of it, so a move of the slider leaves it."""
        session = self.session
        by, run = session.color_by, session.run
        if by == "distance":
            if self._rested is None or not self.sizes.moving or self._rested.result is not reading.result:
                self._rested = reading
            return session.result.pool, by, self._rested, self._rested.known_owners is not None, session.busy
        of = session.tags if by == "tag" else run.at if by == "score" else None
        return session.result.pool, "class" if by in ("rank", "weight") else by, of

    def choose(self, reading: Reading) -> None:
        """Color by what is asked for; distances that take long are begun, and come with another look."""
        by = self.session.color_by
        if by == "distance":
            reading = self._rested or reading
            self.owners.ask(reading)
        self.shown = colors.coloring(reading, by, self.session.tags)
