"""From data and a model to a Pool: features, logits, gradients and what training saw."""

from coreset_explore.recording.forward import snapshot
from coreset_explore.recording.initial import initial_gradients
from coreset_explore.recording.run import signals

__all__ = ["initial_gradients", "signals", "snapshot"]
