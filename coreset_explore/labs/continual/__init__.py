"""The continual laboratory: a memory of fixed size, a stream that drifts, and what a model learns from both."""

from coreset_explore.labs.continual.cells import EMBEDDING, PAPER, QUICK, Plan, plan
from coreset_explore.labs.continual.reading import (
    backward_transfer,
    forgetting,
    frame,
    memory_classes,
    task_matrix,
)
from coreset_explore.labs.continual.rules import Rule
from coreset_explore.labs.continual.run import run
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
    "EMBEDDING", "PAPER", "QUICK", "Plan", "Rule", "Setting", "Tasks", "backward_transfer", "class_incremental",
    "forgetting", "frame", "iid_incremental", "imbalanced", "memory_classes", "mixture", "plan", "rotated", "run",
    "sorted_by", "task_matrix",
]  # fmt: skip
