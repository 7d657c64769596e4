"""What a cell of an experiment is told by, as JSON that is exact: settings in, numbers out, columns of a frame.

Standard library alone, as the store that stands on it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

OWN = ("key", "error")  # columns of the frame that no setting and no number may be called


def settings_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A cell's settings, plain; refused where they are no dictionary."""
    return plain(settings, "settings", Mapping)


def plain(value: Any, what: str, kind: type = object) -> Any:
    """The value as Python's own texts, numbers, lists and dictionaries; numbers to the last bit, or refused."""
    if not isinstance(value, kind):
        raise ValueError(f"{what} are a dictionary, name to value, not {value!r:.60}")
    if isinstance(value, str) and not value.isascii():
        _refuse_half_characters(value, what)
    if value is None or isinstance(value, str | bool | int | float):
        item = getattr(value, "item", None)  # numpy's float64 is a float too
        return value if item is None else item()
    if isinstance(value, Mapping):
        if odd := [name for name in value if not isinstance(name, str)]:
            raise ValueError(f"names in {what} are texts, and one is {odd[0]!r:.60}; give str(name)")
        return {plain(name, what): plain(one, f"{what}[{name!r}]") for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one, f"{what}[{place}]") for place, one in enumerate(value)]
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        found = value.item()
        if isinstance(found, str | bool | int | float):
            return found
    hint = "give its tolist(), or a fingerprint of it" if hasattr(value, "tolist") else "say it by these"
    raise ValueError(
        f"{what} is a {type(value).__name__}, and a cell holds texts, numbers, True, False, None, lists and "
        f"dictionaries of them; {hint}"
    )


def _refuse_half_characters(value: str, what: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"{what} is {value!a:.60}, no text that a file can hold; give it by .encode(errors='replace').decode()"
        ) from None


def text(value: Any, sort: bool = False) -> str:
    """JSON in ASCII, with NaN and Infinity; a float is the shortest text that reads back to the same bits."""
    return json.dumps(value, sort_keys=sort, separators=(",", ":"))


def flat(table: Mapping[str, Any], before: str = "", lists: Any = None) -> list[tuple[str, Any]]:
    """Names and values, what is nested by dots; a list (or an empty dictionary) through `lists`."""
    found: list[tuple[str, Any]] = []
    for name, value in table.items():
        kind = type(value)
        if kind is dict and value:
            found += flat(value, f"{before}{name}.", lists)
        elif lists and (kind is list or kind is dict):
            found.append((before + name, lists(value)))
        else:
            found.append((before + name, value))
    return found


def refuse_one_name_twice(settings: Mapping[str, Any], numbers: Mapping[str, Any]) -> None:
    seen: set[str] = set(OWN)
    for name, _ in (*flat(settings), *flat(numbers)):
        if name in seen:
            why = "is the frame's own" if name in OWN else "stands for two things among settings and numbers"
            raise ValueError(f"the name {name!r} {why}; call one of them otherwise")
        seen.add(name)


def column(values: list) -> Any:
    """A frame's column; whole numbers stay whole, and exact, where some are missing."""
    import pandas

    if None in values and {type(v) for v in values} == {int, type(None)}:
        whole = all(abs(v) < 2**63 for v in values if v is not None)
        return pandas.Series(values, dtype="Int64" if whole else object)
    return pandas.Series(values)
