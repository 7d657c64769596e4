"""What the training panel's parts share: the settings of a grid, what is known of it, and what is looked at."""

from __future__ import annotations

from traitlets import Any as AnyTrait
from traitlets import Float, Int, Tuple, Unicode

from widgets.kit.planned import PlannedSession


class Session(PlannedSession):
    """Settings (the words of `Setting` and `run`), the ground they make, the records so far, and the view."""

    SETTINGS = (
        "data_name", "data", "model", "module", "regimes", "budgets", "epochs", "every", "seeds", "store",
    )  # fmt: skip
    regimes = Tuple()  # of Regime, without the baselines that stand beside by themselves
    offered = Tuple()  # the regimes first given, which may be added again
    budgets = Tuple()  # numbers of rows, or shares
    epochs = Int(20)  # T
    every = Int(0)  # R; 0: a tenth of T
    holdout = Float(0.1)

    live = AnyTrait(None)  # a Live: the cell that is trained now

    # view
    tab = Unicode("accuracy")
    budget = Int(0)  # whose learning curves and choices are shown; 0: the largest with a record

    @property
    def grid(self) -> tuple:
        every = self.every or max(1, self.epochs // 10)
        return self.regimes, self.budgets, self.epochs, every, self.holdout

    def forget(self) -> None:
        """Drop the records and the ground."""
        super().forget()
        self.live = None
