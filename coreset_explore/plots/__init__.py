"""The panel's pictures as matplotlib figures: for notebooks that are read on GitHub, and for papers.

Every function returns a Figure of its own (never pyplot's): `figure.savefig("map.pdf")`. `dark` is for dark pages.
"""

from coreset_explore.plots.bars import balance, weights
from coreset_explore.plots.lines import curves
from coreset_explore.plots.maps import compare, map
from coreset_explore.plots.overlaps import overlap
from coreset_explore.plots.pictures import images
from coreset_explore.plots.side_by_side import many_images, many_maps

__all__ = ["balance", "compare", "curves", "images", "many_images", "many_maps", "map", "overlap", "weights"]
