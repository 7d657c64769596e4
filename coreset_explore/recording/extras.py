"""Facts about each row that only the model itself can tell: `cx.signals(data, extras=(name, ...))`."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from coreset_explore import progress
from coreset_explore.gradients import residuals
from coreset_explore.machine.devices import device_of
from coreset_explore.training import models
from coreset_explore.training.evaluation import evaluating
from coreset_explore.training.own import telling


def full_grad_norm(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """‖∇loss‖ (n,) in all parameters (Paul et al. 2021, arXiv:2107.07075); `grads` knows the last layer only."""
    return torch.cat([grads.norm(dim=1).cpu() for grads in full_gradients(net, x, y)])


def full_gradients(net: nn.Module, x: Tensor, y: Tensor, rows: int | None = None) -> Iterator[Tensor]:
    """Each row's loss gradient in all trained parameters (b, p), some rows at a time, on the network's device."""
    body, where = _body(net), device_of(net)
    weights = {name: p.detach() for name, p in body.named_parameters() if p.requires_grad}

    def loss(values, row, label):  # its gradient is the cross-entropy's, whose own backward pass cancels
        logits = torch.func.functional_call(body, values, (row[None],))
        return (residuals(logits.detach(), label[None]) * logits).sum()

    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))
    block = rows or max(1, 2**24 // sum(v.numel() for v in weights.values()))
    for part, label in progress.track(list(zip(x.split(block), y.split(block))), "gradient block"):
        rows = net.prepare(part.to(where))
        with evaluating(net), telling(body, rows):
            grads = each(weights, rows, label.to(where))
        yield torch.cat([grads[name].flatten(1) for name in weights], 1)


def deepfool(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Distance (n,) of each row from the decision boundary, by DeepFool (Moosavi-Dezfooli et al. 2016).

    In units of the prepared input (standardized columns or channels). arXiv:1511.04599, Algorithm 2: step to the
    nearest boundary of the linearized classes until the predicted class changes, 50 steps at most, overshooting by
    2 %; the length of all steps together, without the overshoot, is the answer: exact where the model is linear,
    infinite where no gradient is left. Of more than ten classes the ten likeliest are looked at, as in the authors'
    code. A backward pass a class and step.
    """
    where, size = device_of(net), min(max(2**18 // x[0].numel(), 8), 4096)
    body = _body(net)
    found = []
    with evaluating(net):
        for part in progress.track(x.split(size), "boundary block"):
            found.append(_to_boundary(body, net.prepare(part.to(where))).cpu())
    return torch.cat(found)


def _body(net: nn.Module) -> nn.Module:
    """The network behind its `prepare`, as logits alone."""
    return net.module if isinstance(net, models.Adapted) else nn.Sequential(net.trunk, net.head)


def _to_boundary(body: nn.Module, x: Tensor, steps: int = 50, overshoot: float = 0.02) -> Tensor:
    """How far each row of x (b, …) has to move to be classified differently (b,)."""
    start = body(x)
    rivals = start.topk(min(10, start.shape[1]), 1).indices  # the predicted class, and what it may change to
    moved, stuck = torch.zeros_like(x), torch.zeros(len(x), dtype=torch.bool, device=x.device)
    if rivals.shape[1] < 2:
        return torch.full((len(x),), torch.inf)
    active = torch.arange(len(x), device=x.device)
    for _ in range(steps):
        progress.check()
        logits, slopes = _linearized(body, (x + (1 + overshoot) * moved)[active], rivals[active])
        gap = (logits[:, :1] - logits[:, 1:]).T.clamp_min(0)
        slope = slopes[1:] - slopes[:1]
        length = slope.flatten(2).norm(dim=2)
        reach = torch.where(length > 0, gap / length.clamp_min(torch.finfo(length.dtype).tiny), torch.inf)
        nearest, which = reach.min(0)
        free = torch.isfinite(nearest)
        stuck[active[~free]] = True
        if not bool(free.any()):
            break
        rows, active, which = torch.arange(len(active), device=x.device)[free], active[free], which[free]
        # a tie counts as the predicted class still: step over it by a hair, or the search would stand still
        far = (nearest[free] + 1e-6) / length[which, rows]
        moved[active] += far.reshape(-1, *[1] * (x.ndim - 1)) * slope[which, rows]
        answers = body((x + (1 + overshoot) * moved)[active]).gather(1, rivals[active])
        active = active[answers[:, 0] >= answers[:, 1:].amax(1)]
        if not len(active):
            break
    return torch.where(stuck, torch.inf, moved.flatten(1).norm(dim=1))


def _linearized(body: nn.Module, x: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (b, m) of each row's m classes and their gradients with respect to the row (m, b, …)."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        chosen = body(x).gather(1, classes)
        slopes = [
            torch.autograd.grad(one.sum(), x, retain_graph=place < classes.shape[1] - 1)[0]
            for place, one in enumerate(chosen.unbind(1))
        ]
    return chosen.detach(), torch.stack(slopes)


EXTRAS = {"full_grad_norm": full_grad_norm, "deepfool": deepfool}
