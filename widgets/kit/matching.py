"""What is meant by a few words: by its name first, then by what is said of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


def matched(
    query: str, among: Iterable[T], names: Callable[[T], Sequence[str]], said: Callable[[T], str]
) -> list[T]:
    """Those of which all words of the query are said, those whose name begins so first.

    A name is found however it is spelt: k-center by "kcentre" and "k center".
    """
    words = [_spelt(word) for word in query.split()]
    whole = _joined(query)

    def rank(one: T) -> int | None:
        called = [_joined(name) for name in names(one)]
        if whole and any(name.startswith(whole) for name in called):
            return 0
        if whole and any(whole in name for name in called):
            return 1
        if all(any(_joined(word) in name for name in called) for word in words):
            return 2
        about = _spelt(said(one))
        return 3 if all(word in about for word in words) else None

    ranked = [(place, one) for one in among if (place := rank(one)) is not None]
    return [one for _, one in sorted(ranked, key=lambda pair: pair[0])]


def _spelt(words: str) -> str:
    return words.lower().replace("centre", "center")


def _joined(name: str) -> str:
    """A name without its hyphens and spaces."""
    return re.sub(r"[\W_]+", "", _spelt(name))
