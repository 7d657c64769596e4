"""Models, and their training on weighted choices of rows."""

from coreset_explore.training.choosing import Choice
from coreset_explore.training.epochs import Epoch, Training
from coreset_explore.training.run import Fit, fit

__all__ = ["Choice", "Epoch", "Fit", "Training", "fit"]
