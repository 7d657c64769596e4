"""Two optimizers of a few lines: torch.optim's arithmetic, without the compiler it imports (a second, at first use)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


class SGD:
    """Nesterov momentum, weight decay added to the gradient, as torch.optim.SGD(nesterov=True)."""

    def __init__(self, parameters: Iterable[Tensor], momentum: float = 0.9, decay: float = 0.0):
        self.parameters = [p for p in parameters if p.requires_grad]
        self.momentum, self.decay = momentum, decay
        self.velocity: dict[int, Tensor] = {}

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """One step against the gradients in `.grad`, which are then cleared."""
        for i, p in enumerate(self.parameters):
            if p.grad is None:  # a parameter the loss did not reach
                continue
            grad = p.grad.add(p, alpha=self.decay) if self.decay else p.grad
            if i not in self.velocity:
                self.velocity[i] = torch.zeros_like(p)
            v = self.velocity[i].mul_(self.momentum).add_(grad)
            p.sub_(grad.add(v, alpha=self.momentum), alpha=lr)
            p.grad = None


class Adam:
    """Kingma & Ba 2015, arXiv:1412.6980, algorithm 1, as torch.optim.Adam."""

    def __init__(
        self, parameters: Iterable[Tensor], betas=(0.9, 0.999), decay: float = 0.0, eps: float = 1e-8
    ):
        self.parameters = [p for p in parameters if p.requires_grad]
        self.betas, self.decay, self.eps = betas, decay, eps
        self.moments: dict[int, tuple[Tensor, Tensor]] = {}
        self.steps = 0

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """One step against the gradients in `.grad`, which are then cleared."""
        self.steps += 1
        one, two = (1 - beta**self.steps for beta in self.betas)
        for i, p in enumerate(self.parameters):
            if p.grad is None:
                continue
            grad = p.grad.add(p, alpha=self.decay) if self.decay else p.grad
            if i not in self.moments:
                self.moments[i] = torch.zeros_like(p), torch.zeros_like(p)
            mean, square = self.moments[i]
            mean.lerp_(grad, 1 - self.betas[0])
            square.mul_(self.betas[1]).addcmul_(grad, grad, value=1 - self.betas[1])
            p.addcdiv_(mean, (square / two).sqrt_().add_(self.eps), value=-lr / one)
            p.grad = None


def usual_batch(n: int) -> int:
    """Rows a batch unless told: 32 up to 5,000 rows, which else had too few updates an epoch, and 128 above."""
    return 32 if n <= 5_000 else 128
