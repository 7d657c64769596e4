"""How the papers trained, as arguments for `fit`: `cx.fit("resnet18", data, chosen, **cx.RECIPES["deepcore"])`.

Each is a plain dictionary, to print, to copy and to change: `{**cx.RECIPES["gradmatch"], "epochs": 40}`. What is no
argument of `fit` stands beside it: momentum is 0.9 everywhere, as Nesterov's (GRAD-MATCH and FastCore have the plain
one). `augment` is for pictures: leave it out for tables.

gradmatch   Killamsetty et al. 2021, arXiv:2103.00123, A.3.2: ResNet-18, SGD at 0.01, weight decay 5e-4, cosine, 300
            epochs (MNIST with LeNet 200; ImageNet 350), chosen anew every 20, κ = 1/2 where warm. Batches of 20 are its
            code's (CORDS), which later used a rate of 0.05.
deepcore    Guo, Zhao & Bai 2022, arXiv:2204.08499, and its README: ResNet-18 for 200 epochs of the subset, batches of
            128, SGD at 0.1, weight decay 5e-4, cosine. It reports the best epoch; `Fit.accuracy` is the last one's.
            GradSimCore trains by it.
gmc         Balles, Zappella & Archambeau 2021, B.3: Adam at 1e-3, batches of 100, no weight decay, 200 epochs.
fastcore    Chai et al. 2023, doi:10.1145/3580305.3599326, 8.1 and table 3: logistic regression, 40 epochs, SGD at 0.1
            (MNIST 0.01), L2 of 1e-4, cosine. It tuned the batch a method, so `fit` takes its usual one.
"""

from __future__ import annotations

from typing import Any

RECIPES: dict[str, dict[str, Any]] = {
    "gradmatch": {
        "epochs": 300, "batch_size": 20, "optimizer": "sgd", "lr": 0.01, "weight_decay": 5e-4,
        "schedule": "cosine", "augment": "crop+flip",
    },
    "deepcore": {
        "epochs": 200, "batch_size": 128, "optimizer": "sgd", "lr": 0.1, "weight_decay": 5e-4,
        "schedule": "cosine", "augment": "crop+flip",
    },
    "gmc": {
        "epochs": 200, "batch_size": 100, "optimizer": "adam", "lr": 1e-3, "weight_decay": 0.0,
        "schedule": "constant", "augment": None,
    },
    "fastcore": {
        "epochs": 40, "batch_size": None, "optimizer": "sgd", "lr": 0.1, "weight_decay": 1e-4,
        "schedule": "cosine", "augment": None,
    },
}  # fmt: skip
