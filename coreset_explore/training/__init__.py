"""Models, and their training on weighted choices of rows."""

from coreset_explore.training.run import Epoch, Fit, fit

__all__ = ["Epoch", "Fit", "fit"]
