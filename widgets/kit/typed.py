"""What is typed as words and kept as a trait: lists of numbers, seeds; a mistake is said under the control."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from coreset_explore.experiment.grid import several
from coreset_explore.experiment.store import Store
from coreset_explore.inputs import checks
from widgets.kit import plain as w
from widgets.kit.guard import session_guard
from widgets.kit.markup import note, show, text
from widgets.kit.task import Task

APART = re.compile(r",(?!\d{3}(?!\d))|[;\s]+")  # a comma between thousands is none


def typed(
    task: Task, control: w.Text, trait: str, taken: Callable[[], Any], spoken: Callable[[], str]
) -> w.HTML:
    """Keep what is typed in step with a trait; gives the line that says what is wrong with it."""
    said, guard = note("", "cx-lack"), session_guard(task)

    def heard(_) -> None:
        said.value = ""
        try:
            if control.value != spoken():
                taken()
                control.value = spoken()
        except ValueError as error:
            said.value = text(error)
        show(said, bool(said.value))

    def follow(_=None) -> None:
        control.value = spoken()

    control.observe(guard(heard), "value")
    task.observe(guard(follow), trait)
    follow()
    show(said, False)
    return said


def words_of(control: w.Text) -> list[str]:
    """What is typed, apart: "5 %, 2,000" are "5%" and "2,000"."""
    plain = control.value.replace("\u00a0", " ").replace(" %", "%").strip()
    return [word for word in APART.split(plain) if word]


def checked_seeds(given: Any) -> tuple[int, ...]:
    """A number of seeds from 0, or the seeds."""
    found = several(given, "seeds", count=True)
    if not found:
        raise ValueError("no seeds: pass a number from 1 or a list")
    return tuple(dict.fromkeys(checks.seed(one) for one in found))


def spoken_seeds(seeds: Iterable[int]) -> str:
    """Seeds as they are typed: "3" is 0, 1 and 2; "5, 7" are these, and "5," is one alone."""
    found = list(seeds)
    if found == list(range(len(found))):
        return str(len(found))
    return ", ".join(map(str, found)) + ("," if len(found) == 1 else "")


def typed_seeds(words: str) -> tuple[int, ...]:
    """What `spoken_seeds` gives, back; ValueError for what is no number."""
    try:
        found = [int(word) for word in words.replace(",", " ").split()]
    except ValueError:
        raise ValueError(f"{words!r} are no seeds: write how many, 3, or which, 5, 7") from None
    return checked_seeds(found if "," in words or len(found) != 1 else found[0])


def seeds_field(task: Any) -> tuple[w.Text, w.HTML]:
    """The control of the trait `seeds`, and the line that says what is wrong with what is typed."""
    box = w.Text("", continuous_update=False, tooltip="how many, 3, or which: 5, 7")

    def taken() -> None:
        task.seeds = typed_seeds(box.value)

    return box, typed(task, box, "seeds", taken, lambda: spoken_seeds(task.seeds))


def checked_path(store: Any) -> str:
    """The path of a file that keeps runs; "" for none."""
    if store is None:
        return ""
    if isinstance(store, Store):
        return str(store.path)
    if not isinstance(store, str) and not hasattr(store, "__fspath__"):
        raise ValueError(f'store is a file\'s path, as "grid.sqlite", or a Store, not {checks.shown(store)}')
    return str(store)
