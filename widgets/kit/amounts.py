"""Budgets as they are typed: "600", "5 %"."""

from __future__ import annotations


def written(k_max: int | float) -> str:
    """A budget as it is typed: "600", "5 %"; "" for none."""
    return "" if not k_max else f"{100 * k_max:.4g} %" if isinstance(k_max, float) else f"{k_max:,}"


def counted(words: str, n: int | None) -> int | float:
    """What was typed as a budget: 600 of "600" or "2,000", 0.05 of "5 %", 0 where nothing was typed; n, where known."""
    plain = words.replace(",", "").replace(" ", "").replace("\u00a0", "")
    if not plain:
        return 0
    share = plain.endswith("%")
    try:
        value = float(plain.removesuffix("%"))
    except ValueError:
        raise ValueError(f"{words!r} is no number of points: write 600 or 5 %") from None
    if share:
        if not 0 < value <= 100:
            raise ValueError(f"the budget is a share above 0 and up to 100 %, not {words}")
        return value / 100
    count = value
    if count != int(count) or count < 1 or (n is not None and count > n):
        raise ValueError(
            f"the budget is a whole number from 1{f' to {n:,}' if n is not None else ''}, not {words}"
        )
    return int(count)
