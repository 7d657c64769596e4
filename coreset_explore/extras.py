"""Facts about each row that only the model itself can tell: `recording.signals(data, extras=(name, ...))`."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coreset_explore import models, progress
from coreset_explore.evaluation import device_of, evaluating


def full_grad_norm(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """‖∇loss‖ (n,) in all parameters (Paul et al. 2021, arXiv:2107.07075); `grads` knows the last layer only."""
    body = net.module if isinstance(net, models.Adapted) else nn.Sequential(net.trunk, net.head)
    weights = {name: p.detach() for name, p in body.named_parameters() if p.requires_grad}
    where = device_of(net)

    def loss(values, row, label):
        return F.cross_entropy(torch.func.functional_call(body, values, (row[None],)), label[None])

    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))
    block = max(1, 2**24 // sum(v.numel() for v in weights.values()))
    found = []
    with evaluating(net):
        for part, label in progress.track(list(zip(x.split(block), y.split(block))), "gradient block"):
            grads = each(weights, net.prepare(part.to(where)), label.to(where))
            found.append(sum(g.flatten(1).square().sum(1) for g in grads.values()).sqrt().cpu())
    return torch.cat(found)


EXTRAS = {"full_grad_norm": full_grad_norm}
