"""Redraw only what changed: a view is made of parts, and each knows what it was last drawn of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from widgets.kit.guard import session_guard
from widgets.kit.task import Task

Part = tuple[Callable[[], tuple | None], Callable[[], Any]]


class View:
    """Keeps `parts` {name: (made_of, draw)} in step with a task that has a result.

    `made_of()` gives what the part shows as a tuple, or None while there is nothing to draw it of; `draw()` runs when
    the tuple holds other things than the last one (see `same`). Parts are looked at in order, so a part may be made of
    what an earlier one has drawn. They are looked at by `refresh()`, which follows the traits of `watch`, and only
    while somebody sees the view: a hidden one catches up when it is shown (so what `seen` reads is watched too). The
    first time needs nobody to see it: a view that is made ahead is ready when it is opened.

    What a draw raises is the task's problem, once: the parts behind it come with the next change, and it is tried again
    when it is made of something else.
    """

    def __init__(
        self,
        task: Task,
        parts: Mapping[str, Part],
        watch: Iterable[str],
        seen: Callable[[], bool] = lambda: True,
    ):
        self.task, self.parts, self.seen = task, parts, seen
        self._drawn: dict[str, tuple | None] = {}
        self._drawing = self._again = False
        self.refresh = session_guard(task)(self._refresh)
        task.observe(self.refresh, list(watch))

    def drawn(self, *names: str) -> None:
        """These parts count as drawn of what there is now: another one's drawing held them."""
        for name in names:
            self._drawn[name] = self.parts[name][0]()

    def _refresh(self, _=None) -> None:
        if self.task.result is None or (self._drawn and not self.seen()):
            return
        if self._drawing:  # a part changed what another one watches: look again when this round is over
            self._again = True
            return
        self._drawing = self._again = True
        try:
            while self._again:
                self._again = False
                for name, (made_of, draw) in self.parts.items():
                    now = made_of()
                    if now is not None and not same(now, self._drawn.get(name)):
                        self._drawn[name] = now
                        draw()
        finally:
            self._drawing = False


def same(one: Any, other: Any) -> bool:
    """Whether two things are the same object, equal words or numbers, or tuples or dictionaries of such.

    Arrays and frames are never compared by their values: another one is a change.
    """
    if one is other:
        return True
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return same(tuple(one), tuple(other)) and same(tuple(one.values()), tuple(other.values()))
    return isinstance(one, str | int | float) and isinstance(other, str | int | float) and one == other
