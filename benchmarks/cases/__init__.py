"""The kernels beside their peers, one module a family. CASES holds every case by its name.

A case is a function of a `Bench`: it makes the data, races ours against the peers and states the issue's targets.
"""

from cases import coverage, geometry, gradient_similarity, groups, pursuit, submodular, typical  # noqa: F401
from cases.race import CASES, Bench

__all__ = ["CASES", "Bench"]
