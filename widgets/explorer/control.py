"""What Select and training compute, and how their answers land in the Session. No widget here."""

from __future__ import annotations

from coreset_explore.experiment import runs
from widgets.explorer import accuracy as judging
from widgets.explorer import result as work
from widgets.explorer.background import Background
from widgets.explorer.result import Result
from widgets.explorer.session import Session
from widgets.kit.guard import session_guard
from widgets.kit.markup import duration
from widgets.kit.runner import Runner


class Control:
    """The Runner of Select and training, and the Background beside it; they write the Session on the main thread."""

    def __init__(self, session: Session, loop=None):
        self.session, self._asked_for = session, None
        self.main, self.background = Runner(session, loop), Background(session, loop)
        session.observe(session_guard(session)(self._asked), "asked")

    def start(self) -> None:
        """Select, unless something runs."""
        if not self.session.busy:
            self.background.stop_probes()
            self._asked_for = self.session.key
            self.main.start(self._work(), self._landed, self._arrived)

    def run_here(self) -> None:
        """Select on the calling thread, with the library's bar; what fails is shown in the panel and raised.

        Where a run goes on, it is waited for; that is all if it answers the settings as they are.
        """
        if self.session.busy:
            same, before = self._asked_for == self.session.key, self.session.result
            error = self.main.finish()
            if same and error is not None:
                raise error
            if same and self.session.result is not before:
                return
        self.main.run_here(self._work(), self._landed, "Select")

    def cancel(self) -> None:
        """Cancel Select or training."""
        self.main.cancel()

    def close(self) -> None:
        """Stop everything and listen to nothing more."""
        self.main.close()
        self.background.close()

    def _work(self):
        """The answer to the settings as they are now."""
        ask, previous = work.Ask.of(self.session), self.session.result
        return lambda: work.answer(ask, previous)

    def _arrived(self, found: work.Answer) -> None:
        """A first look, while the run goes on."""
        self.session.known(**self._view(found))

    def _landed(self, found: work.Answer) -> None:
        before, session = self.session.result, self.session
        session.done(trained=None, **self._view(found))
        if before is None or before.pool is not found[0].pool or before.early:
            self.background.replaced(session.maps)
        self.background.idle_work()

    def _view(self, found: work.Answer) -> dict:
        """The traits that a result brings: itself, its maps where its pool is a new one, and what it has no more."""
        (result, maps), session = found, self.session
        before, view = session.result, {}
        new_pool = before is None or before.pool is not result.pool
        if new_pool:
            self.background.drop_map()
            view = {"maps": maps, "layout_note": "", "only_class": -1, "focus": ("", ()), "hovered": -1}
        wanted = session.budget if before is not None else result.budgets[-1]
        if session.undecided and result.decided:
            view["choices"] = view["unasked"] = result.decided
        view["j"] = min(range(len(result.budgets)), key=lambda i: abs(result.budgets[i] - wanted))
        shown = None if before is None or before.early else session
        return {"result": result, **view, **_named(shown, list(result.runs))}

    def _asked(self, change) -> None:
        asked, result = change["new"] or {}, self.session.result
        if "stop" in asked:
            self.session.asked = None
            self.background.halt_probes()
            return
        if "select" in asked:
            self.session.asked = None
            self.start()
            return
        if not asked or "open" in asked or result is None or self.session.busy:
            return
        self.session.asked, self._asked_for = None, None
        if "budget" in asked:
            k, seed = asked["budget"], self.session.seed
            self.background.stop_probes()
            self.main.start(lambda: runs.with_budget(result, k, seed), lambda found: self._longer(found, k))
        else:
            self.main.start(lambda: judging.train(result, **asked["train"]), self._trained)

    def _longer(self, found: Result, k: int) -> None:
        self.session.done(result=found, j=found.budgets.index(k))
        self.background.idle_work()

    def _trained(self, frame) -> None:
        self.session.done(f"Trained in {duration(self.session.seconds)}", trained=frame, judge="model")


def _named(session: Session | None, names: list[str]) -> dict[str, str]:
    """The runs on the map and in Compare: those that `session` shows, where the new result has them too."""
    active, a, b = (
        (session.active, session.compare_a, session.compare_b) if session is not None else ("",) * 3
    )
    a = a if a in names else names[0]
    others = [name for name in names if name != a]
    return {
        "active": active if active in names else names[0],
        "compare_a": a,
        "compare_b": b if b in others else (others or names)[-1],
    }
