"""What every laboratory does with a cell: it is planned, tried, what came of it is kept, a failure is a sentence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Protocol, TypeVar

import torch

from coreset_explore.experiment.store import Record, Store
from coreset_explore.inputs import checks


class Called(Protocol):
    """Something that has a name."""

    @property
    def name(self) -> str: ...


Named = TypeVar("Named", bound=Called)


class Planned(ABC):
    """The cells of a run in their order, as every laboratory's Plan holds them, and what a store knows of them.

    `PLACE`: the words of a record's settings that say where it stands in the grid, the name of what is compared first;
    `cell.place` has their values.
    """

    PLACE: ClassVar[tuple[str, ...]]
    cells: tuple[Any, ...]

    @abstractmethod
    def settings(self, cell: Any) -> dict[str, Any]:
        """All that a cell's numbers depend on: what a store keeps it under."""

    def record(self, cell: Any, found: Record) -> Record:
        """What a store holds of this cell, under the name that what is compared has here."""
        return replace(found, settings={self.PLACE[0]: cell.place[0], **found.settings})

    def kept(self, store: Any) -> list[Record]:
        """The records of the cells that a store (or its path) holds already, failed ones too; nothing is run."""
        with Store.open(store) as kept:
            held = [(cell, kept.get(kept.key(self.settings(cell)))) for cell in self.cells]
        return [self.record(cell, found) for cell, found in held if found is not None]

    @classmethod
    def place(cls, record: Record) -> tuple[Any, ...]:
        """Where a record stands in the grid, as `cell.place`."""
        return tuple(record.settings[word] for word in cls.PLACE)

    def left(self, records: Iterable[Record]) -> list[Any]:
        """The cells that these records do not answer: those that are not there, and those that failed."""
        done = {self.place(record) for record in records if not record.error}
        return [cell for cell in self.cells if cell.place not in done]


def listed(
    given: Any, one: tuple[type, ...], of: Callable[[Any], Named], what: str, names: Iterable[str]
) -> list[Named]:
    """What `given` names, one or a list; ValueError for what is none, and for one name twice.

    `one`: what stands for one alone, as what can be called does; `of(given)` makes it, and it has a `name`; `what` they
    are called in sentences; `names`: some that there are.
    """
    shown = [f'"{name}"' for name in names][:4]
    if isinstance(given, one) or callable(given):
        given = [given]
    if not isinstance(given, Iterable):
        raise ValueError(f"{what}s are names as {shown[0]}, or a list of them, not {checks.shown(given)}")
    found = [of(each) for each in given]
    if not found:
        raise ValueError(f"no {what}s: name some, as {', '.join(shown)}")
    called = [each.name for each in found]
    if twice := next((name for name in called if called.count(name) > 1), None):
        raise ValueError(f"two {what}s are called {twice!r}; give each its own name")
    return found


def attempted(
    work: Callable[[], dict[str, Any]], batch: int | None
) -> tuple[dict[str, Any] | None, str | None]:
    """The numbers of a cell that trains in batches of so many rows, or the sentence it failed with.

    What would have been warnings are its `remarks`. A cancelled one is no failure: that goes on up.
    """
    try:
        with checks.gathered() as remarks:
            found = work()
        return {**found, "remarks": remarks}, None
    except (MemoryError, torch.OutOfMemoryError) as error:
        text = " ".join(str(error).split()) or "no more was said"
        smaller = "smaller batch_size" if batch is None else f"smaller batch_size than {batch:,}"
        return None, f"out of memory ({text:.200}); give the recipe a {smaller}, or a smaller model"
    except Exception as error:
        return None, " ".join(str(error).split()) or type(error).__name__


def put(
    kept: Store | None, settings: Mapping[str, Any], numbers: Mapping[str, Any] | None, why: str | None
) -> Record:
    """The cell's record, in the store where there is one: of two processes that ran it, the first one's."""
    if kept is None:
        return Record("", settings, numbers, why)
    name = kept.key(settings)
    kept.put(name, settings, numbers, error=why)
    found = kept.get(name)
    assert found is not None  # nothing is ever deleted from a store
    return found


def answered(kept: Store | None, settings: Mapping[str, Any]) -> Record | None:
    """The record that a store holds of this cell; None where there is none, or where it failed and is tried again."""
    found = None if kept is None else kept.get(kept.key(settings))
    return None if found is None or found.error else found


def ahead(spent: float, made: float, left: float) -> str:
    """How long the rest takes at the rate so far, as the end of a label; nothing where nothing was made yet."""
    seconds = spent / made * left if made else 0.0
    told = f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
    return f", {told} left" if made else ""
