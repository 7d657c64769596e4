"""Machine code of other packages, kept on disk: UMAP's authors ask numba for that in few places."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import cache

from numba.core.dispatcher import Dispatcher


@cache
def on_disk(*packages: str) -> None:
    """Have numba keep what these imported packages compile from now on, and read what another process kept.

    A process that lays out by UMAP compiled for nine seconds what it reads in two.
    """
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in packages:
            for found in list(vars(module).values()):
                if isinstance(found, Dispatcher):
                    with suppress(RuntimeError):  # no folder can be written: then it is compiled again
                        found.enable_caching()
