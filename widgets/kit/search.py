"""Search: which rows hold all words of a query, in their texts, records, names, classes or tags."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from widgets.kit.cards import said
from widgets.kit.pictures import Pictures

WORD = re.compile(r'((?:"[^"]*"|[^\s"])+)')
ASKED = re.compile(r'^("[^"]+"|[^:<>=]+)(:|<=|>=|<|>|=)(.+)$', re.DOTALL)
COMPARED = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq}


class Search:
    """What is searched, for the n rows of a pool: made once, then each query is a pass over words already folded.

    `classes` {"class": (codes (n,), names)}: what the rows are called, and what they were predicted to be.
    A query's words must all be found, in any place and any case; "two words" are one. `column:word` looks in a column,
    `class:`, `predicted:` and `tag:` in these, `column<5` (>, <=, >=, =) compares numbers. What `render` makes is not
    searched: it is made when it is shown.
    """

    def __init__(
        self,
        n: int,
        pictures: Pictures,
        classes: Mapping[str, tuple[np.ndarray, Sequence[str]]] | None = None,
    ):
        self.n, self.pictures, self.classes = n, pictures, dict(classes or {})
        self.rows = np.arange(n) if pictures.rows is None else np.asarray(pictures.rows)
        self._columns: dict[int, tuple[np.ndarray, list[str]]] = {}

    def find(self, query: str, tags: Mapping[str, np.ndarray] | None = None) -> np.ndarray | None:
        """The rows that hold every word, (m,) in order; None where nothing is asked. `tags` {tag: rows}."""
        words = WORD.findall(query)
        if not words:
            return None
        hits = np.ones(self.n, bool)
        for word in words:
            hits &= self._holds(word, tags or {})
        return np.flatnonzero(hits)

    def unknown(self, query: str) -> str:
        """What of a query nothing can answer, as a sentence; "" for none.

        A column that is not there, with the one it is most like, or a number compared with what is none.
        """
        known = [*self._names, *self.classes, "tag"]
        for word in WORD.findall(query):
            if (asked := ASKED.match(word)) is None:
                continue
            name = asked[1].replace('"', "").strip()
            if name.casefold() == "class" and name.casefold() not in known:
                return "There are no classes here: this data has no labels."
            if name.casefold() not in known:
                near = difflib.get_close_matches(name.casefold(), known, 1)
                called = next((one for one in self._called if one.casefold() in near), "".join(near))
                return f"No column is called {name!r}{f'; did you mean {called!r}?' if near else '.'}"
            value = asked[3].replace('"', "").strip()
            if asked[2] != ":" and _number(value) is None and self._counts(name.casefold()):
                return f"{name} holds numbers, and {value!r} is none."
        return ""

    def _counts(self, name: str) -> bool:
        """Whether all columns of this name hold numbers."""
        places = [j for j, column in enumerate(self._names) if column == name]
        return bool(places) and all(self._numbers(j) is not None for j in places)

    def _holds(self, word: str, tags: Mapping[str, np.ndarray]) -> np.ndarray:
        if (asked := ASKED.match(word)) is not None:
            name, how, value = (part.replace('"', "").strip() for part in asked.groups())
            found = self._asked(name.casefold(), how, value, tags)
            if found is not None:
                return found
        return self._anywhere(word.replace('"', "").casefold(), tags)

    def _asked(self, name: str, how: str, value: str, tags: Mapping[str, np.ndarray]) -> np.ndarray | None:
        """What one column, or the classes, or the tags say; None where there is nothing of that name."""
        if how in (":", "=") and name in self.classes:
            return self._class(name, value.casefold())
        if how in (":", "=") and name == "tag":
            return self._tag(tags, value.casefold())
        places = [j for j, column in enumerate(self._names) if column == name]
        if not places:
            return None
        hits = np.zeros(self.n, bool)
        for j in places:
            numbers = self._numbers(j)
            known = _number(value)
            if how == ":" and numbers is None:
                hits |= self._words(j, value.casefold())
            elif known is not None and numbers is not None:
                with np.errstate(invalid="ignore"):
                    hits |= COMPARED["=" if how == ":" else how](numbers, known)
            elif how == "=":
                codes, folded = self._column(j)
                hits |= np.array([*(one == value.casefold() for one in folded), False])[codes]
        return hits

    def _anywhere(self, word: str, tags: Mapping[str, np.ndarray]) -> np.ndarray:
        hits = self._tag(tags, word)
        for name in self.classes:
            if name == "class":
                hits |= self._class(name, word)
        for folded in (self._texts, self._files):
            if folded is not None:
                hits |= np.fromiter((word in one for one in folded), bool, self.n)
        number = _number(word)
        for j in range(len(self._names)):
            numbers = self._numbers(j)
            if numbers is None:
                hits |= self._words(j, word)
            elif number is not None:
                hits |= numbers == number
        if number is not None and self.pictures.numbers is not None:
            hits |= np.asarray(self.pictures.numbers) == number
        return hits

    def _tag(self, tags: Mapping[str, np.ndarray], word: str) -> np.ndarray:
        hits = np.zeros(self.n, bool)
        for tag, rows in tags.items():
            if word in tag.casefold():
                hits[rows] = True
        return hits

    def _class(self, name: str, word: str) -> np.ndarray:
        codes, names = self.classes[name]
        return np.array([word in str(one).casefold() for one in names])[codes]

    @cached_property
    def _texts(self) -> list[str] | None:
        texts: Any = self.pictures.shown.texts
        if texts is None:
            return None
        values = list(texts)
        return [said(values[int(row)]).casefold() for row in self.rows]

    @cached_property
    def _files(self) -> list[str] | None:
        files = getattr(self.pictures.data, "files", None)
        return None if files is None else [self.pictures.name(row).casefold() for row in range(self.n)]

    @cached_property
    def _names(self) -> list[str]:
        return [name.casefold() for name in self._called]

    @property
    def _called(self) -> list[str]:
        return self.pictures.shown.columns

    def _numbers(self, j: int) -> np.ndarray | None:
        column = self.pictures.shown.records.iloc[:, j]
        if column.dtype.kind not in "iuf":
            return None
        return column.to_numpy(dtype=float, na_value=np.nan)[self.rows]

    def _words(self, j: int, word: str) -> np.ndarray:
        codes, folded = self._column(j)
        return np.array([*(word in one for one in folded), False])[codes]

    def _column(self, j: int) -> tuple[np.ndarray, list[str]]:
        """(n,) each row's value by its place among the column's distinct ones, -1: absent; and these, folded."""
        if j not in self._columns:
            import pandas

            column = self.pictures.shown.records.iloc[:, j].take(self.rows)
            try:
                codes, distinct = pandas.factorize(column)
            except TypeError:  # lists and the like, which nothing can look up
                codes, distinct = pandas.factorize(column.map(str, na_action="ignore"))
            self._columns[j] = codes, [str(one).casefold() for one in distinct]
        return self._columns[j]


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
