"""What a selection is worth before anybody trains: gradient error, coverage, balance, overlap, effective size.

Everything is measured over all n rows of the pool. Each `…_path` answers for many budgets of one order at once.
"""

from coreset_explore.measures.covering import Coverage, coverage, coverage_path, facility_location
from coreset_explore.measures.matching import Path, gradient_error, gradient_errors, gradient_path, prefixes
from coreset_explore.measures.names import NUMBERS, THIN, Number
from coreset_explore.measures.nearest import represent
from coreset_explore.measures.neighborhoods import Neighbors, neighbor_list
from coreset_explore.measures.objectives import objective
from coreset_explore.measures.shares import Balance, class_balance, effective_size, jaccard, overlap_matrix

__all__ = [
    "NUMBERS", "THIN", "Balance", "Coverage", "Neighbors", "Number", "Path", "class_balance", "coverage",
    "coverage_path", "effective_size", "facility_location", "gradient_error", "gradient_errors", "gradient_path",
    "jaccard", "neighbor_list", "objective", "overlap_matrix", "prefixes", "represent",
]  # fmt: skip
