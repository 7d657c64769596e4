"""What the rows of a stream look like: those of the data as one seed draws it, since pictures may be turned."""

from __future__ import annotations

import numpy as np

from widgets.continual.result import Looked, Result
from widgets.kit.pictures import Pictures


def pictures_of(result: Result, looked: Looked) -> Pictures:
    """The pictures, texts or values of the rows of the tasks that are looked at, by row of the data."""
    data = looked.tasks(result).data
    return Pictures(data, np.arange(len(data)), None, result.ground.shown)
