"""Experiments: every method at every budget, and what a model trained on the picks is worth, always beside random."""

from coreset_explore.experiment.grid import accuracy_curve
from coreset_explore.experiment.linear_probe import Probe, probe, probes
from coreset_explore.experiment.runs import Result, Run, budget_grid, sweep

__all__ = ["Probe", "Result", "Run", "accuracy_curve", "budget_grid", "probe", "probes", "sweep"]
