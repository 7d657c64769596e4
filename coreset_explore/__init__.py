"""coreset_explore: choose which data to train on, and look at the choice.

    >>> import coreset_explore as cx
    >>> X, y = [[0.0], [1.0], [3.0], [10.0], [12.0], [17.0]], ["cat", "cat", "cat", "dog", "dog", "dog"]
    >>> pool = cx.Pool.of(X, y)                   # or cx.signals(cx.load("digits")), with gradients too
    >>> chosen = cx.select("kcenter", pool, 0.5)  # half of the rows, or say how many
    >>> chosen
    Selection(3 rows by kcenter, weights counts)
    >>> chosen.indices.tolist(), chosen.weights.tolist()
    ([3, 0, 5], [2.0, 3.0, 1.0])
    >>> cx.coverage(pool, chosen).radius          # how far a row is from its nearest pick at most
    3.0

Names are imported when first used, so that importing the package costs little more than importing torch.
"""

from __future__ import annotations

import importlib

__version__ = "0.2.0"

_WHERE = {
    "Pool": "pool",
    "History": "inputs.fields",
    "Missing": "pool",
    "Selection": "selection",
    "LastLayer": "gradients",
    "Dense": "gradients",
    "METHODS": "registry",
    "SCORES": "registry",
    "PICKERS": "registry",
    "STREAMS": "registry",
    "PRESETS": "selecting.strategy",
    "Range": "params",
    "Strategy": "selecting.strategy",
    "selector": "registry",
    "scorer": "registry",
    "picker": "registry",
    "stream": "registry",
    "Memory": "streaming",
    "observe": "selecting.streams",
    "online": "selecting.as_stream",
    "offline": "selecting.as_stream",
    "method_table": "registry",
    "select": "selecting.run",
    "reweigh": "selecting.weights",
    "per_class": "selecting.combinators",
    "per_batch": "selecting.combinators",
    "two_stage": "selecting.combinators",
    "merge_reduce": "selecting.combinators",
    "listening": "progress",
    "track": "progress",
    "Cancelled": "progress",
    "load": "datasets.run",
    "Data": "datasets.data",
    "signals": "recording.run",
    "snapshot": "recording.forward",
    "initial_gradients": "recording.initial",
    "fit": "training.run",
    "RECIPES": "training.recipes",
    "Policy": "labs.training.policy",
    "project": "projection.run",
    "accuracy_curve": "experiment.grid",
    "gradient_error": "measures.matching",
    "coverage": "measures.covering",
    "jaccard": "measures.shares",
    "represent": "measures.nearest",
    "neighbor_list": "measures.neighborhoods",
}
__all__ = [*_WHERE, "__version__"]


def __getattr__(name: str):
    if name not in _WHERE:
        raise AttributeError(f"module 'coreset_explore' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"coreset_explore.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
