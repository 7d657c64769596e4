"""The continual laboratory: a memory of fixed size, a stream that drifts, and what a model learns from both."""

from coreset_explore.labs.continual.scenarios import (
    class_incremental,
    iid_incremental,
    imbalanced,
    mixture,
    rotated,
    sorted_by,
)
from coreset_explore.labs.continual.setting import Setting, Tasks

__all__ = [
    "Setting", "Tasks", "class_incremental", "iid_incremental", "imbalanced", "mixture", "rotated", "sorted_by",
]  # fmt: skip
