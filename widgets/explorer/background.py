"""What goes on beside Select: maps being laid out, accuracies being measured. Each in a Job of its own."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable

from widgets.explorer import accuracy as judging
from widgets.explorer import result as work
from widgets.explorer.result import Result
from widgets.explorer.session import Session
from widgets.kit.guard import session_guard
from widgets.kit.job import Job
from widgets.kit.layout_process import SHARED
from widgets.kit.markup import percent
from widgets.kit.plot import figure_class
from widgets.kit.problems import problem

DRAWN = 0.7  # seconds between opening Curves and its accuracies being measured: the page draws first
AFTER = 2.0  # seconds between a result and what is begun unasked: the page draws first
STOPPED = "Accuracies stopped."


class Background:
    """A Job for layouts and one for accuracies; the last result stays as it is, and only gains from them."""

    def __init__(self, session: Session, loop=None):
        self.session, self.loop = session, loop
        self.layouts, self.probes = Job(loop), Job(loop)
        self.shown = False  # whether a page shows the panel: nothing heavy starts by itself before
        self.touched = False  # whether the user chose a layout: then it is never changed for them
        self._choosing = self._warmed = False
        self._computing = ""  # the layout under way
        self._probed: Result | None = None  # whose accuracies are under way, or known not to come
        self._halted: Result | None = (
            None  # whose accuracies the user stopped: what comes between begins them not anew
        )
        self.warmed: Callable[[], None] = lambda: None  # called once the curves' libraries are imported
        guard = session_guard(session)
        session.observe(guard(self._layout_changed), "layout")
        session.observe(guard(self._tab_changed), "tab")
        session.observe(guard(self._run_ended), "status")

    def seen(self) -> None:
        """A page shows the panel: from now on the map may be improved while nobody waits."""
        self.shown = True
        self.idle_work()

    def idle_work(self) -> None:
        """What follows a result by itself: accuracies if Curves is open, a UMAP if the user has not chosen a map."""
        session = self.session
        if session.result is None or session.busy:
            return
        if session.tab == "curves":
            self._probe()
        if not self.shown:
            return
        if not self._warmed:
            self._warmed = True
            threading.Thread(target=self._warm, name="imports", daemon=True).start()
        if self.loop is None:
            self._improve()
        else:
            self.loop.call_later(AFTER, session_guard(session)(self._improve))

    def _improve(self) -> None:
        session = self.session
        if session.result is None or session.busy:
            return
        better = {"UMAP", work.YOURS} & set(session.maps)
        if not self.touched and not better and not self._computing:
            self._compute_map("UMAP")

    def _warm(self) -> None:
        """Import what the curves are drawn with (two seconds and more), so that opening their tab need not wait."""
        importlib.import_module("widgets.explorer.curves")
        figure_class()
        if self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.warmed)

    def _layout_changed(self, change) -> None:
        if self._choosing:
            return
        self.touched = True
        wanted = change["new"]
        if wanted == self._computing:
            return
        self.drop_map()
        if self.session.result is not None and wanted not in self.session.maps:
            self._compute_map(wanted)

    def stop_map(self) -> None:
        """Stop the layout that is being computed; idle at once, and what it still finds is dropped."""
        self.drop_map()
        self.touched = True
        if self.session.layout not in self.session.maps:
            self.choose("PCA")

    def drop_map(self) -> None:
        """Listen no more to a layout under way; it ends by itself, and the next one waits for it."""
        self.layouts.drop()
        self._computing, self.session.layout_note = "", ""

    def _compute_map(self, name: str) -> None:
        session, pool, seed = self.session, self.session.result.pool, self.session.seed
        self._computing, session.layout_note = name, f"Computing {name}"

        def done(found) -> None:
            self._computing = ""
            session.maps = {**session.maps, name: found}
            session.layout_note = ""
            if not self.touched:
                self.choose(name)

        def failed(error: BaseException) -> None:
            self._computing, session.layout_note = "", ""
            session.problem = problem(error)
            self.choose("PCA")

        self.layouts.start(
            lambda: work.layout(pool, name, seed, self._runner()),
            then=done,
            failed=failed,
            progressed=lambda fraction, text: setattr(
                session, "layout_note", f"Computing {name}, {percent(fraction)}"
            ),
            cancelled=self.drop_map,
        )

    def _runner(self):
        """The process that lays out UMAP and t-SNE: here they would hold the interpreter, and the page with it."""
        return SHARED.runner(self)

    def choose(self, name: str) -> None:
        self._choosing = True
        try:
            self.session.layout = name
        finally:
            self._choosing = False

    def _tab_changed(self, change) -> None:
        if change["new"] != "curves":
            return
        if self.loop is None:
            self._probe_shown()
        else:
            self.loop.call_later(DRAWN, session_guard(self.session)(self._probe_shown))

    def _run_ended(self, change) -> None:
        """A run that brought no result has left the one before, whose accuracies it stopped."""
        if change["old"] in ("running", "cancelling") and change["new"] in ("error", "idle"):
            self._probe_shown()

    def _probe_shown(self) -> None:
        if self.session.tab == "curves" and self.session.result is not None and not self.session.busy:
            self._probe()

    def stop_probes(self) -> None:
        """Listen no more to accuracies under way: the result they are of is being replaced."""
        self.probes.drop()
        self._probed, self.session.probe_note = None, ""

    def halt_probes(self) -> None:
        """Stop the accuracies under way for this result; what was measured stays."""
        self.probes.drop()
        self._halted = self._probed = self.session.result
        self.session.probe_note = STOPPED

    def _probe(self) -> None:
        session, result = self.session, self.session.result
        known = all(run.accuracy is not None for run in (*result.runs.values(), result.random))
        if known or self._probed is result:
            return
        self._probed = result
        if result is self._halted:
            session.probe_note = STOPPED
            return
        if reason := judging.no_accuracy(result):
            session.probe_note = reason
            return
        session.probe_note, budget = "Measuring accuracies", session.budget

        def partly(found: Result) -> None:
            if session.result is self._probed:
                self._probed = session.result = found

        def done(found: Result) -> None:
            partly(found)
            session.probe_note = ""

        def failed(error: BaseException) -> None:
            session.probe_note = "No accuracies: the classifier could not be trained."
            session.problem = problem(error)

        self.probes.start(
            lambda: judging.accuracies(result, budget),
            then=done,
            partly=partly,
            failed=failed,
            progressed=lambda fraction, text: setattr(
                session, "probe_note", f"Measuring accuracies, {percent(fraction)}"
            ),
        )

    def replaced(self, maps: dict) -> None:
        """A new pool came: layouts of the old one are dropped, and the map shown is one that is there."""
        session = self.session
        if self.touched and session.layout in work.LAYOUTS:  # the user's wish holds for the new pool too
            if session.layout not in maps:
                self._compute_map(session.layout)
        else:
            self.choose(work.YOURS if work.YOURS in maps else "PCA")

    def close(self) -> None:
        """Stop everything; the panel is closed or put away."""
        self.layouts.drop()
        self.probes.drop()
        SHARED.let_go(self)
        self._probed = self._halted = None
