"""Results of an experiment in one file, a row a cell: what was asked for is its key; what is there is not run again.

A cell is one run: settings (data fingerprint, regime, budget, seed, model, recipe, strategy, versions) and the numbers
that came of them. Whoever runs cells writes

    with Store.open(path) as store:
        for settings in cells:
            key = store.key(settings)
            record = store.get(key)
            if record is None or record.error:              # not run yet, or failed before
                try:
                    store.put(key, settings, run(settings))
                except ValueError as error:
                    store.put(key, settings, error=str(error))
                record = store.get(key)                     # of two processes that ran it, the first one's
            yield record

and can be killed and started again at any moment. The settings have to hold all that a number depends on, the versions
among them: the key is their content and nothing else, so that a result of another version is another cell.

Standard library alone: pandas is imported by `frame`, and what else reads a store needs sqlite and JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coreset_explore.experiment.cells import (
    OWN,
    column,
    flat,
    plain,
    refuse_one_name_twice,
    settings_of,
    text,
)

VERSION = 1  # of the table below; a store of another one is read where it can be, and never changed
APPLICATION = 0x63787374  # "cxst", in the file's header: what tells a store from any other database
PATIENCE = 60.0  # seconds to wait for another process that is writing
TABLE = """CREATE TABLE cells (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, failed INTEGER NOT NULL, settings TEXT NOT NULL, numbers TEXT,
    error TEXT, UNIQUE (key, failed)
)"""
# A cell that failed and later did not is answered with its numbers; the row that says how it failed stays.
ANSWERS = """FROM cells AS c WHERE failed = 0 OR NOT EXISTS
    (SELECT 1 FROM cells AS s WHERE s.key = c.key AND s.failed = 0) ORDER BY id"""


@dataclass(frozen=True)
class Record:
    """One cell: its settings, and either its numbers or the sentence it failed with (`error`)."""

    key: str
    settings: Mapping[str, Any]
    numbers: Mapping[str, Any] | None
    error: str | None


class Store:
    """A file of cells: `key in store`, `store.get(key)`, `store.put(key, settings, numbers)`, `store.frame()`.

    Append-only: nothing is changed or deleted, and of two that put the same key the first is kept. Any number of
    processes and threads may use one store at a time, on a network file system too if that has working locks. A put is
    on the disk when it returns; a process killed at any moment loses the cell it was computing and no other.

    `sealed` says in a sentence why nothing can be put (a read-only file, a store of another version), and is None where
    cells can: look at it before a long run. A store can be sent to another process, which opens the file anew.

    Raises ValueError, on opening, for a folder, a file that is no store, and a damaged one; OSError where the disk
    refuses. Costs: a put 0.5 ms, most of it waiting for the disk; a get 0.02 ms; opening reads the whole file once, to
    find damage before a run rather than after it.

    >>> import tempfile, pathlib
    >>> from coreset_explore.experiment.store import Store
    >>> store = Store(pathlib.Path(tempfile.mkdtemp()) / "grid.sqlite")
    >>> settings = {"budget": 600, "seed": 0, "recipe": {"lr": 0.1}}
    >>> store.put(store.key(settings), settings, {"accuracy": 0.97})
    True
    >>> store.get(store.key(settings)).numbers
    {'accuracy': 0.97}
    >>> list(store.frame().columns)
    ['budget', 'seed', 'recipe.lr', 'accuracy', 'error', 'key']
    >>> store.close()
    """

    _db: sqlite3.Connection | None = None

    def __init__(self, path: str | os.PathLike):
        if not isinstance(path, str | os.PathLike):
            raise ValueError(f"a store is a file's path, as 'grid.sqlite', not {path!r:.60}")
        self.path = Path(path).expanduser().absolute()
        if self.path.is_dir():
            raise ValueError(
                f"{self.path} is a folder, and a store is one file in it; give a name, as 'grid.sqlite'"
            )
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(
                f"the folder of {self.path} cannot be made ({error.strerror}); give a path in one that can be written"
            ) from None
        self.sealed: str | None = None
        if self.path.exists() and not all(os.access(p, os.W_OK) for p in (self.path, self.path.parent)):
            self.sealed = f"{self.path} or its folder cannot be written; copy it to where both can be"
        self._lock = threading.Lock()
        self._db = self._connected()
        try:
            self._recognise()
        except BaseException:
            self.close()
            raise

    @classmethod
    @contextmanager
    def open(cls, store: Store | str | os.PathLike) -> Iterator[Store]:
        """`with Store.open(path) as store`: a path is opened and closed again, a Store is left open as it came."""
        if isinstance(store, Store):
            yield store
            return
        with cls(store) as opened:
            yield opened

    @staticmethod
    def key(settings: Mapping[str, Any]) -> str:
        """64 hex digits of the settings' content: the order of names is none of it, the type of a number is.

        1 and 1.0 are two keys, since a budget of 1 is a row and one of 1.0 is all of them. Numbers of numpy and torch
        count as the Python numbers of the same value, tuples as lists. Raises ValueError for anything that JSON cannot
        hold exactly.
        """
        return hashlib.sha256(text(settings_of(settings), sort=True).encode()).hexdigest()

    def get(self, key: str) -> Record | None:
        """The cell of this key, or None; its numbers if it ever had any, otherwise how it failed first."""
        rows = self._run(
            "SELECT key, settings, numbers, error FROM cells WHERE key = ? ORDER BY failed LIMIT 1", (key,)
        )
        return self._record(rows[0]) if rows else None

    def put(
        self,
        key: str,
        settings: Mapping[str, Any],
        numbers: Mapping[str, Any] | None = None,
        *,
        error: str | None = None,
    ) -> bool:
        """Add a cell with its numbers, or with the sentence that it failed with; whether it was added.

        False where this key has its numbers already (or this failure, if it failed): the first stays. Numbers may be
        put to a cell that had failed, and answer for it from then on.

        - `numbers`: name to number, True, False, None, text, or lists and dictionaries of these, as a loss an epoch.
          Floats come back to the last bit, NaN and infinity too. A number is not called as a setting is.

        Raises ValueError where `key` is not the settings' own, and where the store is `sealed`.
        """
        if self.sealed:
            raise ValueError(self.sealed)
        asked = settings_of(settings)
        if key != self.key(asked):
            raise ValueError(
                f"{key!r:.70} is not the key of these settings; put(store.key(settings), settings, …)"
            )
        if (numbers is None) == (error is None):
            raise ValueError(
                "a cell has numbers, or the sentence it failed with: give numbers or error=, one of them"
            )
        if error is not None and not (isinstance(error, str) and error):
            raise ValueError(
                f"error is the sentence that a cell failed with, not {error!r:.60}; give str(exception)"
            )
        error = None if error is None else error.encode(errors="backslashreplace").decode()
        found = None if numbers is None else plain(numbers, "numbers", Mapping)
        refuse_one_name_twice(asked, found or {})
        row = (key, int(found is None), text(asked), None if found is None else text(found), error)
        done = self._run(
            "INSERT OR IGNORE INTO cells (key, failed, settings, numbers, error) SELECT ?, ?, ?, ?, ? "
            "WHERE NOT EXISTS (SELECT 1 FROM cells WHERE key = ? AND failed = 0) RETURNING id",
            (*row, key),
        )
        return bool(done)

    def frame(self):
        """A pandas frame, one row a cell in the order they were put.

        Columns: the settings, what they nest by dots ("recipe.lr"), lists as JSON text so that they can be grouped by;
        then the numbers, as they are; then `error`, None for a cell that has numbers, and `key`. Whole numbers stay
        whole where some cells have none.
        """
        import pandas

        records = list(self)
        asked = [dict(flat(record.settings, lists=text)) for record in records]
        given = [dict(flat(record.numbers or {})) for record in records]
        rows = [{**one, **two} for one, two in zip(asked, given, strict=True)]
        names = dict.fromkeys(name for table in (asked, given) for row in table for name in row)
        columns = {name: column([row.get(name) for row in rows]) for name in names}
        for name in reversed(OWN):
            columns[name] = pandas.Series([getattr(record, name) for record in records], dtype=object)
        return pandas.DataFrame(columns)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and bool(self._run("SELECT 1 FROM cells WHERE key = ? LIMIT 1", (key,)))

    def __len__(self) -> int:
        return self._run("SELECT COUNT(DISTINCT key) FROM cells")[0][0]

    def __bool__(self) -> bool:
        return True  # an empty store is one too: `if store:` asks whether there is any

    def __iter__(self) -> Iterator[Record]:
        """Every cell as a Record, in the order they were put."""
        return map(self._record, self._run(f"SELECT key, settings, numbers, error {ANSWERS}"))

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r}{'' if self._db else ', closed'})"

    def __reduce__(self):
        return Store, (str(self.path),)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back. What is in it stays; the store cannot be used any more."""
        if self._db is not None:
            self._db.close()
            self._db = None

    __del__ = close

    # -- the file -------------------------------------------------------------------------------------------------

    def _connected(self) -> sqlite3.Connection:
        # sqlite's own journal beside the file, while it writes, and not the faster write-ahead log: that is two more
        # files which have to travel with the store, and it is damaged where two machines write through a network
        self._process = os.getpid()
        address = self.path.as_uri() + ("?mode=ro" if self.sealed else "?mode=rwc")
        try:
            return sqlite3.connect(
                address, uri=True, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
        except sqlite3.OperationalError as error:
            raise OSError(
                f"{self.path} cannot be opened ({error}); give a path that can be written"
            ) from None

    def _run(self, sql: str, values: tuple = ()) -> list[tuple]:
        """One statement, which is one transaction, and its rows."""
        with self._lock:
            db = self._connection()
            try:
                return db.execute(sql, values).fetchall()
            except sqlite3.DatabaseError as error:
                raise self._explained(error) from None

    def _connection(self) -> sqlite3.Connection:
        """This process's own; to be asked for with the lock held."""
        if self._db is None:
            raise ValueError(
                f"the store {self.path.name} has been closed; open it again, Store({str(self.path)!r})"
            )
        if self._process != os.getpid():  # a fork must not use its parent's connection, nor close it
            self._parents, self._db = self._db, self._connected()
        return self._db

    def _explained(self, error: sqlite3.Error) -> Exception:
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        if code == sqlite3.SQLITE_NOTADB:
            return ValueError(f"{self.path} is no store, but some other file; give another path")
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return OSError(
                f"{self.path} has been locked by another process for {PATIENCE:.0f} s; try again later"
            )
        if code in (0, sqlite3.SQLITE_CORRUPT):
            return self._damaged(str(error))
        return OSError(f"{self.path} cannot be used ({error}); look at its disk and its permissions")

    def _damaged(self, how: str) -> ValueError:
        return ValueError(
            f"{self.path} is damaged ({how}); restore a copy, or begin another store: this one is left as it is"
        )

    def _recognise(self) -> None:
        """Make the table in an empty file; tell a store from another file, another version, a damaged one."""
        (application,), (version,) = self._run("PRAGMA application_id") + self._run("PRAGMA user_version")
        if application != APPLICATION:
            if application or version or self._run("SELECT 1 FROM sqlite_master LIMIT 1"):
                # made just now by another process, between these questions
                if self._run("PRAGMA application_id")[0][0] == APPLICATION:
                    return self._recognise()
                raise ValueError(f"{self.path} is a database of something else, no store; give another path")
            self._create()
            return self._recognise()
        if (found := self._run("PRAGMA quick_check(1)")[0][0]) != "ok":
            raise self._damaged(" ".join(found.split()))
        if version == VERSION:
            return None
        told = f"{self.path} was made by another version, {version} where this one writes {VERSION}"
        columns = {row[1] for row in self._run("PRAGMA table_info(cells)")}
        if not {"id", "key", "failed", "settings", "numbers", "error"} <= columns:
            raise ValueError(f"{told}, and cannot be read by it; it is left as it is: give another path")
        self.sealed = f"{told}: its cells can be read and none be put; put new ones into another store"

    def _create(self) -> None:
        if self.sealed:
            raise ValueError(self.sealed)
        with self._lock, self._connection() as db:  # rolled back if anything is raised
            try:
                db.execute("BEGIN IMMEDIATE")  # two processes may be creating the same store
                if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
                    db.execute(TABLE)
                    db.execute(f"PRAGMA application_id = {APPLICATION}")
                    db.execute(f"PRAGMA user_version = {VERSION}")
                db.execute("COMMIT")
            except sqlite3.DatabaseError as error:
                raise self._explained(error) from None

    def _record(self, row: tuple) -> Record:
        key, settings, numbers, error = row
        try:
            return Record(key, json.loads(settings), None if numbers is None else json.loads(numbers), error)
        except ValueError as wrong:
            raise self._damaged(f"the cell {key} is no JSON: {wrong}") from None
