"""Maps: features laid out in the plane by PCA, UMAP or t-SNE. Pictures: their distances are not to be trusted."""

from coreset_explore.projection.run import NAMES, Map, place, project, sample

__all__ = ["NAMES", "Map", "place", "project", "sample"]
