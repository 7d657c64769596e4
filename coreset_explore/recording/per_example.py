"""Each row's gradient in all parameters, by one forward and one backward pass over many rows, as outer products.

A parameter's gradient of one row is δ ⊗ a: of a linear layer's weights, δ the loss's slope in its output and a its
input; of a convolution's, summed over positions first; of whatever is no product, [1] ⊗ the gradient itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coreset_explore import progress
from coreset_explore.gradients import residuals
from coreset_explore.machine.devices import device_of
from coreset_explore.recording.extras import full_gradients
from coreset_explore.training.evaluation import evaluating

Piece = tuple[Tensor, Tensor]  # δ (b, o) and a (b, i): o·i parameters, in the order of (δ ⊗ a).flatten()
NUMBERS = 2**24  # in one block: of unfolded inputs, or of gradients
ROWS = 512


def pieces(net: nn.Module, x: Tensor, y: Tensor, rows: int = ROWS) -> Iterator[list[Piece]]:
    """Of some rows at a time, at most `rows`, every trained parameter's gradients, in the order of `named_parameters`.

    Networks of linear layers on vectors, convolutions and batch normalization, each used once, take a pass forward and
    one back to the layers' outputs; b rows of a convolution are unfolded, b·inputs·positions numbers, b such that these
    and a layer's gradients are at most 2^24. Any other network is differentiated a row at a time by `full_gradients`.
    """
    layers = _layers(net, x[:1])
    if layers is None:
        p = sum(v.numel() for v in net.parameters() if v.requires_grad)
        for grads in full_gradients(net, x, y, max(1, min(rows, NUMBERS // p))):
            yield [(grads.new_ones(len(grads), 1), grads)]
        return
    where, modules = device_of(net), list(layers)
    block = max(1, min(rows, NUMBERS // max(layers.values())))
    for part, label in progress.track(list(zip(x.split(block), y.split(block))), "gradient block"):
        logits, given, outputs = _passed(net, part.to(where), modules)
        pull = residuals(logits.detach(), label.to(where))
        with torch.enable_grad():
            slopes = torch.autograd.grad(logits, [outputs[m] for m in modules], pull)
        found: dict[int, Piece] = {}
        for module, slope in zip(modules, slopes, strict=True):
            found |= _of_layer(module, given[module], slope)
        yield [found[id(p)] for p in net.parameters() if p.requires_grad]


def built(parts: list[Piece]) -> Tensor:
    """The gradients (b, p) themselves."""
    return torch.cat([(slope[:, :, None] * given[:, None]).flatten(1) for slope, given in parts], 1)


def _layers(net: nn.Module, x: Tensor) -> dict[nn.Module, int] | None:
    """The layers with trained parameters, and what numbers a row takes in each; None where one is of another kind."""
    modules = [m for m in net.modules() if any(p.requires_grad for p in m.parameters(recurse=False))]
    owners = [id(p) for m in modules for p in m.parameters(recurse=False)]
    if len(owners) != len(set(owners)) or not all(_known(m) for m in modules):
        return None
    used: list[nn.Module] = []
    hooks = [m.register_forward_hook(lambda module, *_: used.append(module)) for m in modules]
    try:
        _, given, outputs = _passed(net, x.to(device_of(net)), modules)
    finally:
        for hook in hooks:
            hook.remove()
    flat = all(given[m].ndim == 2 for m in set(used) if isinstance(m, nn.Linear))
    if sorted(map(id, used)) != sorted(map(id, modules)) or not flat:
        return None
    return {m: _numbers(m, given[m], outputs[m]) for m in modules}


def _known(module: nn.Module) -> bool:
    if isinstance(module, nn.Conv2d):
        return module.padding_mode == "zeros" and not isinstance(module.padding, str)
    return isinstance(module, nn.Linear) or (
        isinstance(module, nn.BatchNorm2d) and module.track_running_stats
    )


def _numbers(module: nn.Module, given: Tensor, output: Tensor) -> int:
    if isinstance(module, nn.Conv2d):
        return max(module.weight[0].numel() * module.groups * output[0, 0].numel(), module.weight.numel())
    return given[0].numel()


def _passed(
    net: nn.Module, x: Tensor, modules: list[nn.Module]
) -> tuple[Tensor, dict[nn.Module, Tensor], dict[nn.Module, Tensor]]:
    """Logits, and every layer's input and output."""
    given: dict[nn.Module, Tensor] = {}
    outputs: dict[nn.Module, Tensor] = {}

    def keep(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
        given[module], outputs[module] = args[0].detach(), output
        return output.clone()  # so that what follows may change it in place

    hooks = [m.register_forward_hook(keep) for m in modules]
    try:
        with evaluating(net), torch.enable_grad():
            return net(x)[0], given, outputs
    finally:
        for hook in hooks:
            hook.remove()


def _of_layer(module: nn.Module, given: Tensor, slope: Tensor) -> dict[int, Piece]:
    """Its parameters' gradients, by id."""
    weight, bias = _KINDS[type(module)](module, given, slope)
    found = {}
    for parameter, piece in ((module.weight, weight), (module.bias, bias)):
        if parameter is not None and parameter.requires_grad:
            found[id(parameter)] = piece
    return found


def _linear(module: nn.Linear, given: Tensor, slope: Tensor) -> tuple[Piece, Piece]:
    return (slope, given), _plain(slope)


def _convolution(module: nn.Conv2d, given: Tensor, slope: Tensor) -> tuple[Piece, Piece]:
    b, groups = len(given), module.groups
    patches = F.unfold(given, module.kernel_size, module.dilation, module.padding, module.stride)
    patches = patches.reshape(b * groups, -1, patches.shape[-1])
    weight = slope.reshape(b * groups, -1, patches.shape[-1]) @ patches.transpose(1, 2)
    return _plain(weight.reshape(b, -1)), _plain(slope.flatten(2).sum(2))


def _normalization(module: nn.BatchNorm2d, given: Tensor, slope: Tensor) -> tuple[Piece, Piece]:
    spread = torch.rsqrt(module.running_var + module.eps)[:, None, None]
    scaled = (given - module.running_mean[:, None, None]) * spread
    return _plain((slope * scaled).sum((2, 3))), _plain(slope.sum((2, 3)))


def _plain(grads: Tensor) -> Piece:
    return grads.new_ones(len(grads), 1), grads


_KINDS: dict[type, Callable[..., tuple[Piece, Piece]]] = {
    nn.Linear: _linear,
    nn.Conv2d: _convolution,
    nn.BatchNorm2d: _normalization,
}
