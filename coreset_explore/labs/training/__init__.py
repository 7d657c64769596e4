"""The training laboratory: does a coreset train as well, and at what cost?"""

from coreset_explore.labs.training.cells import Plan, plan
from coreset_explore.labs.training.policy import Policy
from coreset_explore.labs.training.reading import frame
from coreset_explore.labs.training.regimes import REGIMES, Regime, early_stop
from coreset_explore.labs.training.run import run
from coreset_explore.labs.training.setting import Setting

__all__ = ["REGIMES", "Plan", "Policy", "Regime", "Setting", "early_stop", "frame", "plan", "run"]
