"""The header: which data is shown, Code and Export."""

from __future__ import annotations

from widgets.explorer.export import code_panel, export_panel
from widgets.explorer.session import Session
from widgets.kit import plain as w
from widgets.kit import shell
from widgets.kit.markup import brief_name
from widgets.kit.pictures import Pictures


def header(session: Session) -> w.Widget:
    """Title, dataset, status, Code and Export."""
    pops = {"Code": code_panel(session), "Export": export_panel(session)}
    return shell.header(session, "Explore", lambda: dataset_line(session), ["result", "data_name"], pops)


def dataset_line(session: Session) -> str:
    """Name, size, classes, features and what a reader must know about the data of the result."""
    result = session.result
    if result is None:
        return session.data_name
    data, pool = result.data, result.pool
    parts = [Pictures.of(result).many(result.n)]
    if pool.y is not None:
        parts.append(f"{pool.n_classes} class{'es' * (pool.n_classes != 1)}")
    if pool.emb is not None:
        model = pool.info.get("model")
        parts.append(f"{pool.emb.shape[1]}-d features{f' of {model}' if model else ''}")
    if pool.test is not None and len(pool.test):
        parts.append(f"{len(pool.test):,} more to test")
    line = f"{brief_name(getattr(data, 'name', session.data_name))}: {', '.join(parts)}"
    if note_ := getattr(data, "note", ""):
        line += f" ({note_})"
    return line
