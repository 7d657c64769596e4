"""Other libraries that answers are compared with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import pytest


@contextmanager
def apricot() -> Iterator[ModuleType]:
    """apricot-select as plain Python: hundreds of rows are answered at once, where compiling takes fifteen seconds."""
    import numba

    before, numba.config.DISABLE_JIT = numba.config.DISABLE_JIT, True
    try:
        yield pytest.importorskip("apricot", reason="apricot-select is a test extra")
    finally:
        numba.config.DISABLE_JIT = before
