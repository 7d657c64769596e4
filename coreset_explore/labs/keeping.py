"""What every laboratory does with a cell: it is tried, what came of it is kept, and a failure is a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from coreset_explore.experiment.store import Record, Store
from coreset_explore.inputs import checks


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
