"""What one run says of each row at one budget: rank, weight, label; and how numbers are written in the panel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from coreset_explore.inputs.origin import doubt
from coreset_explore.measures.nearest import own_space
from coreset_explore.plots.base import brief
from coreset_explore.pool import Pool
from coreset_explore.selection import REMARKS, Selection
from widgets.kit.gallery import Cell
from widgets.kit.markup import short
from widgets.kit.pictures import Pictures

SPACES = {
    "emb": "features",
    "grads": "last-layer gradients",
    "logits": "logits",
    "history": "training history",
    "similarity": "the similarities given",
}


class Reading:
    """A Result's run at budget `j`. Rows are the pool's; `rows` (k,) in pick order, `weights` (k,) or None.

    `found` are the rows that a search finds, None where nothing is searched for.
    """

    def __init__(self, result: Any, run: Any, j: int, pictures: Pictures, found: np.ndarray | None = None):
        self.found = found
        self.result, self.run, self.pictures = result, run, pictures
        self.j = min(j, len(run.at) - 1)
        selection = run.at[self.j]
        self.selection = selection
        self.rows = selection.indices.numpy()
        self.weights = None if selection.weights is None else selection.weights.double().numpy()
        self.place = {int(row): i for i, row in enumerate(self.rows)}
        self._owners: tuple[np.ndarray, np.ndarray] | None = None
        self.labels = None if result.pool.y is None else result.pool.y.cpu().numpy()

    @property
    def k(self) -> int:
        """Picks at this budget: fewer than the budget where the method stopped early."""
        return len(self.rows)

    @property
    def n(self) -> int:
        return self.result.n

    @property
    def name(self) -> str:
        return self.run.strategy.name

    def many(self, n: int) -> str:
        """So many rows, by what they are: "60 texts"."""
        return self.pictures.many(n)

    @property
    def classes(self) -> int:
        return 1 if self.labels is None else self.result.pool.n_classes

    def class_name(self, label: int) -> str:
        """Not escaped."""
        names = self.result.pool.classes
        return str(names[label]) if label < len(names) else f"class {label}"

    def class_options(self, everything: str) -> list[tuple[str, int]]:
        """Options of a menu of classes, after `everything` (-1); without labels that alone."""
        labels = () if self.labels is None else range(self.classes)
        return [(everything, -1), *((brief(self.class_name(label), 60), label) for label in labels)]

    def label(self, row: int) -> str:
        """The row's class as a sentence says it ("Bag", "class 7"), or nothing without labels. Not escaped."""
        return self._label(row)

    def heading(self, row: int) -> str:
        """The row's class as a heading begins with it ("Bag", "Class 7"), or nothing without labels. Not escaped."""
        return self._label(row, begins=True)

    def _label(self, row: int, begins: bool = False) -> str:
        return "" if self.labels is None else said_class(self.class_name(int(self.labels[row])), begins)

    def only(self, rows: np.ndarray) -> np.ndarray:
        """Those of the rows that the search finds, in their order; all where nothing is searched for."""
        return rows if self.found is None else rows[np.isin(rows, self.found)]

    def weight(self, row: int) -> float | None:
        """The weight of a row that is selected at this budget, if the selection states weights."""
        if self.weights is None or row not in self.place:
            return None
        return float(self.weights[self.place[row]])

    def predicted(self, row: int) -> tuple[int, float] | None:
        """The class that the model gives the row, and its probability; None where no logits are known."""
        logits = self.result.pool.logits
        if logits is None:
            return None
        chance = logits[int(row)].detach().cpu().double().softmax(-1)
        best = int(chance.argmax())
        return best, float(chance[best])

    def facts(self, row: int) -> list[tuple[str, str]]:
        """(name, value) of all that the run says of the row. Not escaped."""
        row, found = int(row), []
        if self.labels is not None:
            found.append(("Class", self.class_name(int(self.labels[row]))))
        if (guess := self.predicted(row)) is not None:
            off = self.labels is not None and guess[0] != int(self.labels[row])
            said = f"{'≠ ' if off else ''}{self.class_name(guess[0])}, {sure(guess[1])}"
            found.append(("Predicted", said))
        found.append(("Selection", self.standing(row)))
        if (weight := self.weight(row)) is not None:
            found.append(("Weight", short(weight)))
        if (score := self.run.selection.score) is not None and len(score) == self.n:
            found.append(("Score", f"{float(score[row]):.4g}"))
        return found

    def first_budget(self, row: int) -> int | None:
        """The smallest budget of the slider whose selection holds the row."""
        for budget, selection in zip(self.result.budgets, self.run.at, strict=False):
            if bool((selection.indices == row).any()):
                return budget
        return None

    def standing(self, row: int) -> str:
        """Whether, and since when, the row is selected."""
        if row in self.place:
            return f"Rank {self.place[row] + 1:,} of {self.k:,}"
        first = self.first_budget(row)
        return "Not selected" if first is None else f"Not yet selected: from {self.many(first)} on"

    @property
    def known_owners(self) -> tuple[np.ndarray, np.ndarray] | None:
        """What `owners` gave, where it was asked."""
        return self._owners

    def owners(self, represent: Callable) -> tuple[np.ndarray, np.ndarray]:
        """(n,) which pick stands for each row, as its position in the order, and how far it is. n·k·d, kept."""
        if self._owners is None:
            self.owned(represent(self.result.pool, self.selection))
        return self._owners

    def owned(self, found: tuple[Any, Any]) -> None:
        """Keep what `represent` gave of this selection."""
        owner, distance = found
        self._owners = owner.cpu().numpy(), distance.cpu().numpy()

    @property
    def measured_in(self) -> str:
        """What distances to picks are measured in, in words: ", features"; nothing where that has no name."""
        space = SPACES.get(own_space(self.result.pool, self.selection), "")
        return f", {space}" if space else ""

    def distances(self) -> np.ndarray:
        """(n,) how far each row is from the pick that stands for it, once `owned`; infinite where none does."""
        owner, distance = self._owners
        return np.where(owner >= 0, distance, np.inf)

    def counts(self) -> np.ndarray:
        """(c,) picks of each class."""
        labels = np.zeros(self.k, int) if self.labels is None else self.labels[self.rows]
        return np.bincount(labels, minlength=self.classes)

    def cell(self, row: int, mark: bool = False) -> Cell:
        """The row as a thumbnail: rank and weight under it, all of it in words for a screen reader."""
        row = int(row)
        place, weight = self.place.get(row), self.weight(row)
        said = [] if place is None else [f"rank {place + 1:,}"]
        said += [self.label(row)] if self.labels is not None else []
        said += [] if weight is None else [f"weight {short(weight)}"]
        said += ["not selected"] if place is None else []
        guess = self.predicted(row)
        off = guess is not None and self.labels is not None and guess[0] != int(self.labels[row])
        if guess is not None:
            said.insert(
                1 + (place is not None), f"predicted {said_class(self.class_name(guess[0]))} {sure(guess[1])}"
            )
        top = "" if place is None else f"{place + 1}"
        sub = "" if weight is None else f"×{short(weight)}"
        name = f"{self.pictures.name(row)}{self.pictures.opening(row)}"
        return Cell(row, ", ".join([*said, name]), top, sub, mark, off)

    def cells(self, rows: Sequence[int], mark: bool = False) -> list[Cell]:
        return [self.cell(row, mark) for row in rows]


def found_in_words(reading: Reading, label: int = -1) -> str:
    """37 texts, 4 of them selected; where a class is looked at, how many there: 37 texts, 12 of them in spam, …"""
    count = 0 if reading.found is None else len(reading.found)
    if not count:
        return f"no {reading.pictures.word[:-1]}"
    picked = reading.only(reading.rows)
    if label < 0 or reading.labels is None:
        return f"{reading.many(count)}, {len(picked):,} of them selected"
    here = int((reading.labels[reading.found] == label).sum())
    mine = int((reading.labels[picked] == label).sum())
    where = said_class(reading.class_name(label))
    return f"{reading.many(count)}, {here:,} of them in {where}, of which {mine:,} are selected"


def predictions(pool: Pool) -> np.ndarray | None:
    """(n,) the class that the model gives each row; None where no logits are known."""
    return None if pool.logits is None else pool.logits.argmax(-1).cpu().numpy()


def told(selection: Selection, pool: Pool) -> list[str]:
    """What is said of an answer beside the numbers, a sentence each; of one's own, that it is of other rows, first.

    Of a prefix with the budget that it was said at: it is of all that was picked.
    """
    whole = selection.info.get("prefix_of")
    before = "" if whole is None else f"At {whole:,} picks: "
    strange = doubt(selection.info, pool)
    found = [f"Of other rows? {strange[0].upper()}{strange[1:]}."] if strange else []
    for kind in REMARKS:
        found += [f"{'Stopped: ' if kind == 'stopped' else before}{said}." for said in selection.said(kind)]
    return found


def said_class(name: str, begins: bool = False) -> str:
    """A class's name in a sentence, or where one begins: a bare number needs the word; a name is never capitalized."""
    return f"{'Class' if begins else 'class'} {name}" if name.isdigit() else name


def sure(chance: float) -> str:
    """A probability as a share: 83 %, and never 100 % for what is not certain."""
    if 0.995 <= chance < 1:
        return "over 99 %"
    return f"{100 * chance:.0f} %"


def share(part: int, whole: int) -> str:
    """5.4 %, and never 0 for something."""
    percent = 100 * part / max(whole, 1)
    return f"{percent:.1f} %" if percent >= 0.1 or part == 0 else "under 0.1 %"


def space_of(info: Any) -> str:
    """The space a selection was made in, in words."""
    space = str(info.get("space") or info.get("needs") or "")
    return SPACES.get(space, space.replace("|", " or "))
