"""The training laboratory: does a coreset train as well, and at what cost?"""

from coreset_explore.labs.training.policy import Policy

__all__ = ["Policy"]
