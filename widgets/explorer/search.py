"""What the user asks of rows: `session.query`, answered by `session.found`; and which columns come first."""

from __future__ import annotations

from typing import Any

import numpy as np

from widgets.explorer.rows import predictions
from widgets.explorer.session import Session
from widgets.kit import plain as w
from widgets.kit.guard import session_guard
from widgets.kit.markup import field, show
from widgets.kit.pictures import Pictures
from widgets.kit.search import Search
from widgets.kit.tags import rows_of

MOST = ("Most varying", "")
AT_ONCE = 20_000  # rows up to which each letter is answered, above them Enter
HINT = 'Find rows by: words, "whole words", column:word, column<5, class:, predicted:, tag:'


def finder(session: Session) -> None:
    """Keep `session.found` what `session.query` finds among the result's rows."""
    held: list[Any] = [None, None]  # the result and its Search

    def find(_: Any = None) -> None:
        result = session.result
        if result is None or not session.query.strip():
            session.found, session.nowhere = None, ""
            return
        if held[0] is not result:
            held[:] = [result, _searched(result)]
        search: Search = held[1]
        found = search.find(session.query, rows_of(session, result.pool.ids.cpu().numpy()))
        session.nowhere = search.unknown(session.query) if found is not None and not len(found) else ""
        if session.found is None or found is None or not np.array_equal(found, session.found):
            session.found = found

    session.observe(session_guard(session)(find), ["query", "result", "tags"])


def tags_of_each_data(session: Session) -> None:
    """Keep `session.tags` those of the data that is shown: ids of one dataset say nothing of another's rows."""
    held: dict[tuple, dict] = {}
    now: list[tuple] = []  # the data whose tags they are

    def switch(_: Any = None) -> None:
        if session.result is None:
            return
        data = session.result.key[:2]  # its name, and which it is of one's own
        if now and data != now[0]:
            held[now[0]] = session.tags
            session.tags = held.pop(data, {})
        now[:] = [data]

    session.observe(session_guard(session)(switch), "result")


def columns_first(session: Session) -> None:
    """Keep the columns of records in the order that `session.columns` asks for."""

    def put(_: Any = None) -> None:
        shown = getattr(session.result, "shown", None)
        if shown is not None:
            shown.put_first(session.columns)

    session.observe(session_guard(session)(put), ["columns", "result"])


def _searched(result: Any) -> Search:
    pool, classes = result.pool, {}
    if pool.y is not None:
        names = [pool.classes[c] if c < len(pool.classes) else f"class {c}" for c in range(pool.n_classes)]
        classes["class"] = pool.y.cpu().numpy(), names
        if (guess := predictions(pool)) is not None and int(guess.max()) < len(names):
            classes["predicted"] = guess, names
    return Search(len(pool), Pictures.of(result), classes)


def search_field(session: Session) -> w.Text:
    """Where one types the query, beside the tabs that follow it; it follows the session."""
    box = w.Text(placeholder="Find rows", tooltip=HINT, continuous_update=False).add_class("cx-find")
    guard = session_guard(session)
    box.observe(guard(lambda change: session.set_trait("query", change["new"])), "value")

    def follow(_: Any = None) -> None:
        if box.value != session.query:
            box.value = session.query
        result = session.result
        if result is not None:
            box.continuous_update = result.n <= AT_ONCE
            box.placeholder = f"Find {Pictures.of(result).word}"
        box.tooltip = session.nowhere or HINT
        show(box, session.tab != "curves")  # which are of all rows

    session.observe(guard(follow), ["query", "result", "tab", "nowhere"])
    follow()
    return box


def columns_field(session: Session) -> w.Box:
    """Where one says which column of records comes first, before those chosen earlier; hidden where there are none."""
    menu = w.Dropdown(options=[MOST])
    box, guard, puts = field("First column", menu), session_guard(session), [False]

    def chosen(change: Any) -> None:
        if not puts[0]:
            name = change["new"]
            session.columns = (name, *(one for one in session.columns if one != name)) if name else ()

    def follow(_: Any = None) -> None:
        shown = getattr(session.result, "shown", None)
        columns = [] if shown is None else list(dict.fromkeys(shown.columns))
        show(box, bool(columns) and shown.kind == "records")  # a text's card shows no column
        puts[0] = True
        try:
            options = [MOST, *((name, name) for name in columns)]
            if options != list(menu.options):
                menu.options = options
            menu.value = next((name for name in session.columns if name in columns), "")
        finally:
            puts[0] = False

    menu.observe(guard(chosen), "value")
    session.observe(guard(follow), ["columns", "result"])
    follow()
    return box
