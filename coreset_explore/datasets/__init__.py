"""Datasets by name, from a folder of pictures, or one's own: `load` gives a `Data` of tensors."""

from coreset_explore.datasets.data import Data
from coreset_explore.datasets.run import load, names
from coreset_explore.datasets.variants import duplicates, imbalance, label_noise, longtail

__all__ = ["Data", "duplicates", "imbalance", "label_noise", "load", "longtail", "names"]
