"""Every method's picks at the slider's budget as one table: what a spreadsheet or another program goes on with."""

from __future__ import annotations

from typing import Any

import pandas
import torch

from coreset_explore.pool import Pool
from coreset_explore.selection import Selection
from widgets.explorer.session import Session


def picks_table(session: Session) -> pandas.DataFrame:
    """A row a pick: method, rank, the row's id and name, class, what the model says, weight, gain, score, file, tags.

    Columns that nothing is known for are left out.
    """
    result = session.result
    parts = []
    for name, run in result.runs.items():
        selection = run.at[min(session.j, len(run.at) - 1)]
        part = selection.frame().drop(columns=["index", "id", "key"], errors="ignore")
        parts.append(pandas.concat([about_rows(session, selection.indices), part], axis=1))
        parts[-1].insert(0, "method", name)
        if (scores := score_of(selection)) is not None:
            parts[-1]["score"] = scores
    table = pandas.concat(parts, ignore_index=True)
    first = ["method", "rank"]
    return table[[*first, *(column for column in table.columns if column not in first)]]


def about_rows(session: Session, rows: torch.Tensor) -> pandas.DataFrame:
    """What is known of rows of the pool, whoever picked them: id, key, class, prediction, probability, file, tags."""
    pool, data = session.result.pool, session.result.data
    ids = pool.ids.cpu()[rows]
    found: dict[str, Any] = {"id": ids.numpy()}
    if pool.index is not None:
        found["key"] = list(pool.index[ids.numpy()])
    if pool.y is not None:
        found["class"] = named(pool, pool.y.cpu()[rows])
    if pool.logits is not None:
        sure, said = pool.logits[rows.to(pool.device)].softmax(1).max(1)
        found["predicted"], found["probability"] = named(pool, said.cpu()), sure.cpu().numpy().round(4)
    if (files := getattr(data, "files", None)) is not None:
        found["file"] = [files[i] for i in session.result.rows[rows].tolist()]
    tags = {tag: set(members) for tag, members in getattr(session, "tags", {}).items()}
    if tags:
        found["tags"] = [" ".join(tag for tag, held in tags.items() if one in held) for one in ids.tolist()]
    return pandas.DataFrame(found)


def named(pool: Pool, labels: torch.Tensor) -> list:
    """Class names, or the numbers where there are none."""
    return [pool.classes[i] if i < len(pool.classes) else i for i in labels.tolist()]


def score_of(selection: Selection) -> Any:
    """The method's own ranking of its picks, where it ranks all rows."""
    return None if selection.score is None else selection.score[selection.indices].numpy()
