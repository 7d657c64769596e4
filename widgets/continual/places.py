"""Where rows lie on the map: a layout of the data's features, computed in the background and kept by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coreset_explore.datasets import Data
from coreset_explore.pool import Pool
from coreset_explore.projection import NAMES, Map, project
from coreset_explore.training.models import Prepare
from widgets.continual.session import Session
from widgets.kit.guard import session_guard
from widgets.kit.job import Job
from widgets.kit.layout_process import SHARED
from widgets.kit.markup import percent
from widgets.kit.problems import problem

LAYOUTS = {title: how for how, title in NAMES.items()}


class Places:
    """`maps` {name: Map} of the data last asked about; `changed` is called when there is another one.

    PCA comes first, since it is soon there; then the layout that the session asks for, if it is another one.
    """

    def __init__(self, session: Session, loop: Any, changed: Callable[[], None]):
        self.session, self.changed = session, changed
        self.job, self.data = Job(loop, "layout"), None
        self.maps: dict[str, Map] = {}
        self._under_way, self._refused = "", False  # what is laid out; whether these rows cannot be
        session.observe(session_guard(session)(lambda _: self._go_on()), "layout")

    def of(self, data: Data) -> Map | None:
        """The layout asked for, or one that is there until then; None before there is any."""
        if data is not self.data:
            self.job.drop()
            self.data, self.maps, self._under_way, self._refused = data, {}, "", False
        self._go_on()
        return self.maps.get(self.session.layout) or next(iter(self.maps.values()), None)

    def close(self) -> None:
        self.job.drop()
        SHARED.let_go(self)

    def _go_on(self) -> None:
        """Begin what is missing, if it is not under way."""
        wanted = next((name for name in ("PCA", self.session.layout) if name not in self.maps), "")
        if wanted == self._under_way or self._refused or self.data is None:
            return
        self._under_way = wanted
        if not wanted:
            self.job.drop()
            self.session.layout_note = ""
            return
        data, session = self.data, self.session
        session.layout_note = f"Computing {wanted}"
        self.job.start(
            lambda: laid_out(data, LAYOUTS[wanted], SHARED.runner(self)),
            then=lambda found: self._arrived(wanted, found),
            failed=self._failed,
            progressed=lambda done, _: session.set_trait(
                "layout_note", f"Computing {wanted}, {percent(done)}"
            ),
        )

    def _arrived(self, name: str, found: Map) -> None:
        self.maps, self._under_way = {**self.maps, name: found}, ""
        self.session.layout_note = ""
        self._go_on()
        self.changed()

    def _failed(self, error: BaseException) -> None:
        self._under_way, self.session.layout_note = "", ""
        if "PCA" in self.maps:
            self.session.layout = "PCA"
        else:
            self._refused = True
        self.session.problem = problem(error)


def laid_out(data: Data, how: Any, runner: Any) -> Map:
    """All rows of the data as networks see them, in the plane."""
    features = Prepare.of(data.x)(data.x).flatten(1)
    return project(Pool.of(features, data.y, classes=data.classes), how, runner=runner)
