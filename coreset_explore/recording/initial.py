"""Gradients of the whole network at fresh initializations, for matching before any training (GMC).

Four embeddings of the same gradients: the last layer's (Balles et al. 2021, section 3.2, ii), random projections (i),
count sketches, which are as near and cost a thousandth of the operations, and, for networks of linear layers, the
gradients themselves, which need no projection because they factor.

n rows, L linear layers, p parameters, s initializations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from coreset_explore import progress
from coreset_explore.gradients import Dense, Gradients, LastLayer, refuse_size, residuals
from coreset_explore.inputs import checks
from coreset_explore.machine.devices import device_of, pick_device
from coreset_explore.machine.seeds import generator
from coreset_explore.machine.threads import threads
from coreset_explore.recording.per_example import built, pieces
from coreset_explore.recording.sketch import sketched
from coreset_explore.training import models
from coreset_explore.training import run as training
from coreset_explore.training.evaluation import evaluating, logits_features
from coreset_explore.training.own import ModelError, copied
from coreset_explore.training.rows import taught

NUMBERS = 2**25  # in one block of per-example gradients: 128 MB
ROWS = 4096  # in one block of a forward and backward pass
SIGNS = 2**21  # random signs drawn at once


class Layers(LastLayer):
    """Full gradients of a network of linear layers: layer l's is δ_l ⊗ [a_l, 1], δ the loss's slope, a the input.

    `r` (L, n, widest δ) and `h` (L, n, widest a): narrower layers are padded with zeros, which adds nothing to any
    inner product: ⟨g_i, g_j⟩ = Σ_l (δ_li·δ_lj)(a_li·a_lj + 1), exactly. Where a layer has no bias, `bias` is False and
    the 1 of those that have one stands in `h`. All that a last layer answers; `last` is the whole, since the layers
    are one gradient, and `steps` are its layers. `dim` counts the padding.
    """

    @classmethod
    def of(cls, factors: Sequence[tuple[Tensor, Tensor]], biases: Sequence[bool]) -> Layers:
        """From one (δ (n, outputs), a (n, inputs)) a layer, and whether it has a bias."""
        slopes, inputs = zip(*factors, strict=True)
        if not all(biases):
            inputs = [_with_one(a) if bias else a for a, bias in zip(inputs, biases, strict=True)]
        return cls(_padded(slopes), _padded(inputs), all(biases))

    def __repr__(self) -> str:
        layers = f"{len(self.r)} layer{'s' * (len(self.r) != 1)}"
        return f"Layers({len(self):,} rows, {layers}; {self.dim:,} numbers a row)"

    @property
    def last(self) -> Layers:
        return self


def initial_gradients(
    data: Any,
    y: Any = None,
    *,
    model: str | nn.Module | None = None,
    inits: int = 4,
    how: Literal["exact", "projected", "sketched", "last layer"] = "projected",
    width: int = 2000,
    seed: int = 0,
    rows: Any = None,
    device: str | torch.device = "auto",
    show: bool | None = None,
) -> Gradients:
    """Every row's loss gradient at `inits` fresh initializations, as one long vector: GMC's embedding (appendix B).

    - `how`: "projected" onto `width` random signs an initialization: n·p·width operations, n·inits·width numbers;
      "sketched" into `width` buckets an initialization, n·p operations for inner products as near; "exact", without
      projection, by one forward and backward pass, for networks of linear layers (mlp, logistic); or the "last layer"
      alone, as `signals(data, inits=…)` records it.
    - `rows`: which rows of `data`, all unless told. A stream embeds one batch after the other so, by the same networks,
      whose inputs are standardized as `data` are: `pool.add(grads=cx.initial_gradients(data, rows=pool.ids))`.

    Rows are those of `data`, so `pool.add(grads=found[pool.ids])`. The same seed starts the same networks as it does
    in `signals`. Raises ValueError for a network with other layers where "exact" is asked.

    >>> import coreset_explore as cx
    >>> X, y = [[0.0], [1.0], [3.0], [10.0], [12.0], [17.0]], ["cat", "cat", "cat", "dog", "dog", "dog"]
    >>> cx.initial_gradients(X, y, inits=2, width=50)
    Dense(6 rows; 100 numbers a row)
    """
    ways = {"exact": layered, "last layer": last_layer, "projected": projected, "sketched": sketched}
    checks.choice(how, "how", ways)
    inits, width = checks.whole(inits, "inits", 1), checks.whole(width, "width", 1)
    data, where, seed = taught(data, y), pick_device(device), checks.seed(seed)
    chosen = slice(None) if rows is None else checks.rows(rows, "rows", len(data))
    x, labels = data.x[chosen], data.y[chosen]
    narrow = how in ("projected", "sketched")
    if narrow:
        refuse_size(len(x) * inits * width * 4, f"{len(x):,} gradients of {inits * width:,} numbers")
    found = torch.empty(len(x), inits * width if narrow else 0)
    parts = []
    with progress.bar(f"Gradients of {data.name}", show), threads():
        for i in progress.track(range(1, inits + 1), "initialization"):
            own = copied(model) if isinstance(model, nn.Module) else model or models.default(data)
            net = training.made(own, data, generator(seed, f"init {i}")).to(where)
            if isinstance(model, nn.Module):
                models.init_(net, generator(seed, f"init {i}"))
            if narrow:
                name = f"{'signs' if how == 'projected' else 'sketch'} {i}"
                own = ways[how](net, x, labels, width, seed=seed, name=name)
                found[:, (i - 1) * width : i * width] = own.g
            else:
                parts.append(ways[how](net, x, labels))
    if narrow:
        return Dense(found)
    return replace(parts[0], r=torch.cat([part.r for part in parts]), h=torch.cat([part.h for part in parts]))


def last_layer(net: nn.Module, x: Tensor, y: Tensor) -> LastLayer:
    """The last layer's gradients (one step), from a forward pass."""
    logits, features = logits_features(net, x)
    return LastLayer(residuals(logits, y)[None], features[None], models.learns_bias(net.head))


def layered(net: nn.Module, x: Tensor, y: Tensor) -> Layers:
    """The gradients in all parameters of a network of linear layers, factored: a forward and a backward pass.

    Raises ValueError where trained parameters lie outside linear layers, or are used on more than one vector a row.
    """
    linear = _linear_layers(net)
    where = device_of(net)
    inputs: dict[nn.Module, list[Tensor]] = {m: [] for m in linear}
    outputs: dict[nn.Module, Tensor] = {}

    def keep(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> Tensor:
        if module in outputs or output.ndim != 2 or len(output) != len(part):
            raise ModelError(
                f"a gradient factors where a layer sees one vector a row, and {_name(net, module)} sees several; "
                "use how='projected'"
            )
        inputs[module].append(given[0].detach().cpu())
        outputs[module] = output
        return output.clone()  # so that what follows may change it in place

    hooks = [m.register_forward_hook(keep) for m in linear]
    slopes: dict[nn.Module, list[Tensor]] = {m: [] for m in linear}
    try:
        with evaluating(net), torch.enable_grad():
            for part, label in progress.track(list(zip(x.split(ROWS), y.split(ROWS))), "gradient block"):
                outputs.clear()
                logits = net(part.to(where))[0]
                used = list(outputs)
                # the summed loss's slope in the logits; going back through cross_entropy would cancel
                pull = residuals(logits.detach(), label.to(where))
                for module, slope in zip(used, torch.autograd.grad(logits, [outputs[m] for m in used], pull)):
                    slopes[module].append(slope.cpu())
    finally:
        for hook in hooks:
            hook.remove()
    factors = [(torch.cat(slopes[m]), torch.cat(inputs[m])) for m in used]
    return Layers.of(factors, [models.learns_bias(m) for m in used])


def projected(
    net: nn.Module, x: Tensor, y: Tensor, width: int = 2000, *, seed: int = 0, name: str = "signs"
) -> Dense:
    """Gradients in all parameters times random signs (p, width) / √width, so that inner products are right on average.

    The signs come from `seed` and `name`, some parameters at a time: neither they nor all gradients are ever held.
    n·p·width operations; an inner product is off by about ‖g_i‖·‖g_j‖ / √width.
    """
    p = sum(v.numel() for v in net.parameters() if v.requires_grad)
    chunk, found = max(1, SIGNS // width), []
    for grads in map(built, pieces(net, x, y, max(1, min(ROWS, NUMBERS // p)))):
        total = torch.zeros(len(grads), width, device=grads.device)
        for start in progress.track(range(0, p, chunk), "projection"):
            part = grads[:, start : start + chunk]
            rng = generator(seed, f"{name} from parameter {start}")
            draw = torch.randint(0, 2, (part.shape[1], width), generator=rng, dtype=torch.int8)
            total.addmm_(part, draw.to(grads.device).to(total.dtype).mul_(2).sub_(1))
        found.append(total.div_(width**0.5).cpu())
    return Dense(torch.cat(found))


def _linear_layers(net: nn.Module) -> list[nn.Linear]:
    linear = [m for m in net.modules() if isinstance(m, nn.Linear) and m.weight.requires_grad]
    owned = [id(v) for m in linear for v in (m.weight, m.bias) if v is not None]
    inside = set(owned)
    if len(owned) > len(inside):
        raise ValueError(
            "two of this network's linear layers share their weights, so its gradient does not factor; use "
            "how='projected', or how='last layer'"
        )
    for name, value in net.named_parameters():
        if value.requires_grad and id(value) not in inside:
            raise ValueError(
                f"{name} is no part of a linear layer whose weights are trained, so its gradient does not factor; use "
                "how='projected', or how='last layer'"
            )
    return linear


def _with_one(a: Tensor) -> Tensor:
    return torch.cat([a, torch.ones_like(a[:, :1])], 1)


def _name(net: nn.Module, module: nn.Module) -> str:
    return next(name for name, m in net.named_modules() if m is module)


def _padded(parts: Sequence[Tensor]) -> Tensor:
    whole = parts[0].new_zeros(len(parts), len(parts[0]), max(part.shape[1] for part in parts))
    for place, part in zip(whole, parts):
        place[:, : part.shape[1]] = part
    return whole
