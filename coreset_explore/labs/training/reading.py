"""A run's records as a frame, and what that answers by itself: what was never used, and what accuracy costs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from coreset_explore.experiment.store import Record

COLUMNS = (
    "regime", "budget", "seed", "accuracy", "n", "updates", "seconds", "train_seconds", "forward_seconds",
    "choosing_seconds", "choices", "rows", "used", "gradient_error", "stale", "effective_size", "stopped",
    "remarks", "failed",
)  # fmt: skip


def frame(records: Iterable[Record]):
    """A tidy pandas frame of a run's records, one row a cell, without the lists; `failed` is the sentence, or None.

    Works on what there is so far. What trains on everything has the number of all rows as its budget where it is one
    and the same for all.
    """
    import pandas

    rows: list[Mapping[str, Any]] = []
    for record in records:
        numbers = record.numbers or {}
        told = {word: record.settings[word] for word in ("regime", "budget", "seed")}
        told["budget"] = numbers.get("n") if told["budget"] is None else told["budget"]
        remarks = " ".join(f"{sentence}." for sentence in numbers.get("remarks", ())) or None
        rows.append({**numbers, **told, "remarks": remarks, "failed": record.error})
    more = dict.fromkeys(name for row in rows for name in row if name.startswith("share_"))
    return pandas.DataFrame(rows, columns=[*COLUMNS, *more])


def redundant_points(found):
    """The share of rows that no choice ever held, of a run's frame (GRAD-MATCH, table 9).

    Columns: regime, budget, seed, choices, unused, and `by_chance`: (1 − k/n)^choices, what drawing k of n rows anew as
    often would leave. A share above it is a method that comes back to the same rows; it is redundancy only if the
    accuracy holds. A warm start's epochs on everything are left out of account.
    """
    chosen = found[found.choices > 0]
    return chosen[["regime", "budget", "seed", "choices"]].assign(
        unused=1 - chosen.used / chosen.rows, by_chance=(1 - chosen.n / chosen.rows) ** chosen.choices
    )


def trade_off(found):
    """Accuracy against seconds, a row a regime and budget (GRAD-MATCH, figure 3), from a run's frame.

    Columns: regime, budget, seeds, accuracy, sd, seconds (training, forward passes and choosing), speedup (against
    FULL, NaN without it), and `front`: whether nothing is as fast and as accurate and better in one of them.
    """
    import pandas

    done = found[found.accuracy.notna()].sort_values("budget", kind="stable")
    by = done.groupby(["regime", "budget"], sort=False)
    means = {"accuracy": by.accuracy.mean(), "sd": by.accuracy.std(), "seconds": by.seconds.mean()}
    made = pandas.DataFrame({"seeds": by.seed.nunique(), **means}).reset_index()
    full = made[made.regime == "FULL"].seconds.tolist()
    made["speedup"] = (full[0] if full else math.nan) / made.seconds
    order = {name: place for place, name in enumerate(dict.fromkeys(found.regime))}
    made = made.sort_values("regime", key=lambda names: names.map(order), kind="stable", ignore_index=True)
    points = list(zip(made.seconds, made.accuracy, strict=True))
    return made.assign(front=[not any(_beats(other, one) for other in points) for one in points])


def _beats(other: tuple[float, float], one: tuple[float, float]) -> bool:
    """Whether (seconds, accuracy) are both as good, and not the same."""
    return other[0] <= one[0] and other[1] >= one[1] and other != one
