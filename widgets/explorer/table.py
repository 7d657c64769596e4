"""Picks at the slider's budget as a table, of one method or of all, for a spreadsheet or another program."""

from __future__ import annotations

from typing import Any

import pandas
import torch

from coreset_explore.pool import Pool
from coreset_explore.selection import Selection
from widgets.explorer.session import Session
from widgets.kit.cards import Shown, said

OURS = (
    "method",
    "rank",
    "index",
    "id",
    "key",
    "weight",
    "gain",
    "score",
    "class",
    "predicted",
    "probability",
)
OURS += ("file", "tags", "text")  # columns that a record's own of the same name stands aside for


def every_method(session: Session) -> pandas.DataFrame:
    """A row a pick of every method: its name, and what `picks` says. What is known for none is left out."""
    parts = []
    for name, run in session.result.runs.items():
        parts.append(picks(session, run.at[min(session.j, len(run.at) - 1)]))
        parts[-1].insert(0, "method", name)
    return pandas.concat(parts, ignore_index=True)


def picks(session: Session, selection: Selection) -> pandas.DataFrame:
    """A row a pick: rank, index in the pool, id, key, weight, gain, score, and what is known of the row besides."""
    held, known = selection.frame(), about_rows(session, selection.indices)
    if selection.score is not None:
        held["score"] = selection.score[selection.indices].numpy()
    return pandas.concat([held, known.loc[:, [name not in held.columns for name in known.columns]]], axis=1)


def tagged(session: Session) -> pandas.DataFrame:
    """What is known of the rows that have a tag, in the order of the pool; none before the first result."""
    if session.result is None:
        return pandas.DataFrame()
    held = set().union(*session.tags.values())
    ids = session.result.pool.ids.tolist()
    return about_rows(
        session, torch.tensor([row for row, one in enumerate(ids) if one in held], dtype=torch.long)
    )


def about_rows(session: Session, rows: torch.Tensor) -> pandas.DataFrame:
    """What is known of rows of the pool, whoever picked them, in their order.

    Columns: id, key, class, predicted and probability (where logits are known), file, tags (joined by commas), text,
    and those of the record, of which one called as one of OURS is "… (yours)". What `render` makes is left out.
    """
    pool, data = session.result.pool, session.result.data
    ids = pool.ids.cpu()[rows]
    found: dict[str, Any] = {"id": ids.numpy()}
    if pool.index is not None:
        found["key"] = list(pool.index[ids.numpy()])
    if pool.y is not None:
        found["class"] = named(pool, pool.y.cpu()[rows])
    if pool.logits is not None:
        sure, guess = pool.logits[rows.to(pool.device)].softmax(1).max(1)
        found["predicted"], found["probability"] = named(pool, guess.cpu()), sure.cpu().numpy().round(4)
    if (files := getattr(data, "files", None)) is not None:
        found["file"] = [files[i] for i in session.result.rows[rows].tolist()]
    tags = {tag: set(members) for tag, members in session.tags.items()}
    if tags:
        found["tags"] = [", ".join(tag for tag, held in tags.items() if one in held) for one in ids.tolist()]
    shown, places = session.result.shown or Shown(), session.result.rows[rows].tolist()
    if shown.texts is not None:
        found["text"] = [said(shown.text(place)) for place in places]
    table = pandas.DataFrame(found)
    if shown.records is None:
        return table
    own = shown.records.iloc[places].reset_index(drop=True)
    own.columns = [f"{name} (yours)" if str(name) in OURS else str(name) for name in own.columns]
    return pandas.concat([table, own], axis=1)


def named(pool: Pool, labels: torch.Tensor) -> list:
    """Class names, or the numbers where there are none."""
    return [pool.classes[i] if i < len(pool.classes) else i for i in labels.tolist()]
