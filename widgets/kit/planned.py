"""What panels of laboratories share: settings that make a plan of cells, a store that keeps them, records so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar

from traitlets import Any as AnyTrait
from traitlets import Dict, Tuple, Unicode

from coreset_explore.datasets import Data, load
from coreset_explore.datasets.data import hold_out
from coreset_explore.experiment.store import Record
from coreset_explore.labs.keeping import Planned
from coreset_explore.machine import cache
from widgets.kit.given import state, yours
from widgets.kit.session import Session

HELD = 0.2  # of each class, to test by where no rows are for it


class Ground(Protocol):
    """What settings make: the plan, where it is kept, and what was kept of it when it was looked at."""

    @property
    def ask(self) -> Any: ...  # the settings: `key`, and `settings`, the traits that bring them back
    @property
    def plan(self) -> Planned: ...
    @property
    def data(self) -> Data: ...
    @property
    def store(self) -> Path: ...
    @property
    def kept(self) -> tuple[Record, ...]: ...
    @property
    def set_aside(self) -> bool: ...  # whether test rows were set aside here, the data having none


class PlannedSession(Session):
    """The settings that every laboratory's panel has, and what is known of them. Each panel's own adds its words.

    A subclass says what a result depends on besides data and model (`grid`).
    """

    STOP = ("Pause", "Pausing", "Paused")
    data = AnyTrait(None)  # what the user gave, where it is no name: Data, array, (X, y) or frame
    data_name = Unicode("digits")  # a name that `datasets.load` knows, or `given_name`
    given_name = Unicode("")  # what the rail calls the user's own data
    options = Dict()  # for `load`, of the data first given
    model = Unicode("")  # "" = chosen by the data; a name in MODELS, or what the rail calls the user's own
    module = AnyTrait(None)  # the user's own torch.nn.Module, which `yours(module)` names
    seeds = Tuple((0, 1, 2))
    recipe = Dict()
    device = AnyTrait("auto")
    store = Unicode("")  # a file; "": the one that keeps whatever names no other

    ground = AnyTrait(None)  # a Ground: the plan these settings make, and what is kept of it
    look_note = Unicode("")  # "Reading digits"

    @property
    def grid(self) -> tuple:
        """What a result depends on besides data and model, in words that compare."""
        raise NotImplementedError  # traits have a metaclass of their own, so this cannot be an abstractmethod

    @property
    def key(self) -> tuple:
        """Everything a result depends on."""
        return (*self.data_key, *self.grid, self.seeds, repr(self.recipe), str(self.device), self.store)

    @property
    def data_key(self) -> tuple:
        """What data and model depend on."""
        own = id(self.data) if self.data_name == self.given_name else None
        return self.data_name, own, self.model, state(self.own_model)

    @property
    def own_model(self) -> Any:
        """The user's own module where it is the model chosen, else None."""
        return self.module if self.module is not None and self.model == yours(self.module) else None

    @property
    def stale(self) -> bool:
        """Whether the records shown answer other settings than the rail's."""
        return self.result is not None and self.result.key != self.key

    @property
    def faded(self) -> bool:
        """A run adds to what is shown, and replaces nothing."""
        return self.stale

    @property
    def looked(self) -> Any:
        """The ground of the settings as they are now, or None until it is known."""
        return self.ground if self.ground is not None and self.ground.ask.key == self.key else None

    @property
    def done_so_far(self) -> Sequence[Record]:
        """The records of the settings as they are now: those shown, or where these answer others those kept."""
        if self.result is not None and not self.stale:
            return self.result.records
        return () if self.looked is None else self.looked.kept

    def undo(self) -> None:
        """Back to the settings that the result shown answers."""
        with self.hold_trait_notifications():
            for name, value in self.result.ground.ask.settings.items():
                setattr(self, name, value)
            self.dismiss()  # an error of the settings that were

    def forget(self) -> None:
        """Drop the records and the ground."""
        super().forget()
        with self.hold_trait_notifications():
            self.ground, self.look_note = None, ""

    def drop_data(self) -> None:
        """Let go of what the user gave: a closed panel trains no more."""
        with self.hold_trait_notifications():
            self.data = self.module = None
            self.options = {}


Own = TypeVar("Own", bound="Kept")


@dataclass(frozen=True, eq=False)
class Kept:
    """Records, one a cell that ran, of the plan that `ground` holds."""

    ground: Any
    records: tuple[Record, ...] = ()

    @property
    def key(self) -> tuple:
        return self.ground.ask.key

    @cached_property
    def ordered(self) -> list[Record]:
        """The records in the order of the plan."""
        plan = self.ground.plan
        order = {cell.place: number for number, cell in enumerate(plan.cells)}
        return sorted(self.records, key=lambda record: order.get(plan.place(record), len(order)))

    @cached_property
    def failed(self) -> list[Record]:
        return [record for record in self.records if record.error]

    @property
    def names(self) -> list[str]:
        """What is compared, in the order in which it is listed."""
        return list(dict.fromkeys(cell.place[0] for cell in self.ground.plan.cells))

    def with_record(self: Own, record: Record) -> Own:
        """And this one, in place of an earlier one of the same cell."""
        place = self.ground.plan.place
        others = [one for one in self.records if place(one) != place(record)]
        return replace(self, records=(*others, record))


def store_file(named: str, otherwise: str) -> Path:
    """The file that keeps the cells; where none is named one for all, as cells are told apart by their content."""
    return Path(named).expanduser() if named else cache.folder() / otherwise


def loaded(name: str, data: Any, options: Any) -> tuple[Data, bool]:
    """The data, and whether its test rows had to be set aside from it."""
    found = load(name if data is None else data, **options)
    if found.x_test is not None or found.y is None:
        return found, False
    return hold_out(found, HELD, 0), True
