"""Two optimizers on torch's own arithmetic: its functions, since its classes import a compiler (a second)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.sgd import sgd

FUSED = ("cpu", "cuda")  # devices where one kernel is known to step all parameters


class Optimizer:
    """The parameters that are trained, and tensors beside each of them (`state`, a list a name)."""

    def __init__(self, parameters: Iterable[Tensor]):
        self.parameters = [p for p in parameters if p.requires_grad]
        self.state: dict[str, list[Tensor]] = {}
        self.fusible = all(p.device.type in FUSED and p.is_floating_point() for p in self.parameters)

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """One step against the gradients in `.grad`, which are then cleared; a parameter without one stays."""
        reached = [i for i, p in enumerate(self.parameters) if p.grad is not None]
        parameters = [self.parameters[i] for i in reached]
        grads = [p.grad for p in parameters]
        # the kernel reads memory in order and would not notice a gradient laid out in another one
        alike = all(g.layout is p.layout and g.stride() == p.stride() for p, g in zip(parameters, grads))
        state = [[part[i] for i in reached] for part in self.state.values()]
        self.update(parameters, grads, *state, lr=lr, fused=self.fusible and alike, foreach=False)
        for p in parameters:
            p.grad = None

    def update(self, parameters: list[Tensor], grads: list[Tensor], *state: list[Tensor], **how) -> None:
        raise NotImplementedError


class SGD(Optimizer):
    """Nesterov momentum, weight decay added to the gradient: torch.optim.SGD(nesterov=True)."""

    def __init__(self, parameters: Iterable[Tensor], momentum: float = 0.9, decay: float = 0.0):
        super().__init__(parameters)
        self.rule = {"momentum": momentum, "weight_decay": decay, "dampening": 0, "nesterov": True}
        # of zeros: the first step then adds its gradient to nothing, as torch's does
        self.state = {"velocity": [torch.zeros_like(p) for p in self.parameters]}

    def update(self, parameters, grads, velocity, **how) -> None:
        sgd(parameters, grads, velocity, maximize=False, **self.rule, **how)


class Adam(Optimizer):
    """Kingma & Ba 2015, arXiv:1412.6980, algorithm 1: torch.optim.Adam."""

    def __init__(
        self, parameters: Iterable[Tensor], betas=(0.9, 0.999), decay: float = 0.0, eps: float = 1e-8
    ):
        super().__init__(parameters)
        self.rule = {"beta1": betas[0], "beta2": betas[1], "weight_decay": decay, "eps": eps}
        mean, square = ([torch.zeros_like(p) for p in self.parameters] for _ in range(2))
        self.state = {
            "mean": mean, "square": square, "steps": [torch.zeros((), device=p.device) for p in self.parameters]
        }  # fmt: skip

    def update(self, parameters, grads, mean, square, steps, **how) -> None:
        adam(parameters, grads, mean, square, [], steps, amsgrad=False, maximize=False, **self.rule, **how)


def usual_batch(n: int) -> int:
    """Rows a batch unless told: 32 up to 5,000 rows, which else had too few updates an epoch, and 128 above."""
    return 32 if n <= 5_000 else 128
