"""Tags on rows: {tag: ids}, in the session, where every part of a panel reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from widgets.kit.session import Session

LONGEST = 60  # characters of a tag


def tagged(session: Session, row_id: int, tag: str, on: bool = True) -> None:
    """Give a row (by its id) a tag, or take it away; a tag on no row is gone."""
    tag = " ".join(str(tag).split())[:LONGEST]
    if not tag:
        return
    ids = set(session.tags.get(tag, ()))
    changed = ids | {int(row_id)} if on else ids - {int(row_id)}
    held = {name: rows for name, rows in session.tags.items() if name != tag}
    if changed:
        held[tag] = tuple(sorted(changed))
    session.tags = dict(sorted(held.items()))


def tags_of(session: Session, row_id: int) -> list[str]:
    """The tags of one row, by its id."""
    return [tag for tag, ids in session.tags.items() if int(row_id) in ids]


def rows_of(session: Session, ids: np.ndarray) -> dict[str, np.ndarray]:
    """{tag: rows of a pool}, where the pool's rows have these `ids` (n,); tags on none of them are left out."""
    found = {tag: np.flatnonzero(np.isin(ids, list(held))) for tag, held in session.tags.items()}
    return {tag: rows for tag, rows in found.items() if len(rows)}


def checked(tags: Any) -> dict[str, tuple[int, ...]]:
    """Tags as a config or a caller gives them, {tag: ids}; ValueError for anything else."""
    if not isinstance(tags, Mapping):
        raise ValueError(f"tags are {{tag: ids}}, as panel.tags gives them, not a {type(tags).__name__}")
    found: dict[str, tuple[int, ...]] = {}
    for tag, ids in tags.items():
        if not isinstance(tag, str) or not tag.strip():
            raise ValueError(f"a tag is a word, not {tag!r}")
        if isinstance(ids, str) or not all(_is_id(one) for one in ids):
            raise ValueError(f"the tag {tag!r} wants a list of ids, whole numbers from 0 on")
        if ids := tuple(sorted({int(one) for one in ids})):
            found[" ".join(tag.split())[:LONGEST]] = ids
    return dict(sorted(found.items()))


def _is_id(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and int(value) >= 0
