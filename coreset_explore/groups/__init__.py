"""Groups of near rows, bounds of distances to them, and greedy selection over groups instead of over rows."""

from coreset_explore.groups.bounds import Bound, Centers, Groups, Hulls, Products
from coreset_explore.groups.run import cover, error, group, represent, savings

__all__ = [
    "Bound",
    "Centers",
    "Groups",
    "Hulls",
    "Products",
    "cover",
    "error",
    "group",
    "represent",
    "savings",
]
