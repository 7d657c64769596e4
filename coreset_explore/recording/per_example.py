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
NUMBERS = 2**24  # in one block, of all that is held of its rows at once: 64 MB
ROWS = 512
TRIED = 4  # rows on which the layers' rules are compared with autograd before they are relied on
CLOSE = 5e-3  # how far apart these may be, of the rows' norms: a GPU's convolutions keep three digits


def pieces(net: nn.Module, x: Tensor, y: Tensor, rows: int = ROWS) -> Iterator[list[Piece]]:
    """Of some rows at a time, at most `rows`, every trained parameter's gradients, in the order of `named_parameters`.

    Networks of linear layers on vectors, convolutions and batch normalization, each used once, take a pass forward and
    one back to the layers' outputs. What is held of a block's rows, layers' inputs, outputs and slopes, convolutions'
    gradients and the largest layer's unfolded inputs (inputs · kernel · positions a row), is at most 2^24 numbers, or
    one row's. Any other network, or one whose first rows' gradients are not autograd's, is differentiated a row at a
    time by `full_gradients`, 2^24 numbers of gradients in a block.
    """
    layers = _layers(net, x[:TRIED], y[:TRIED])
    if layers is None:
        p = sum(v.numel() for v in net.parameters() if v.requires_grad)
        for grads in full_gradients(net, x, y, max(1, min(rows, NUMBERS // p))):
            yield [_plain(grads)]
        return
    modules, numbers = layers
    block = max(1, min(rows, NUMBERS // numbers))
    for part, label in progress.track(list(zip(x.split(block), y.split(block))), "gradient block"):
        yield _block(net, part, label, modules)


def built(parts: list[Piece]) -> Tensor:
    """The gradients (b, p) themselves."""
    return torch.cat([(slope[:, :, None] * given[:, None]).flatten(1) for slope, given in parts], 1)


def _block(net: nn.Module, x: Tensor, y: Tensor, modules: list[nn.Module]) -> list[Piece]:
    """The pieces of some rows, all at once."""
    where = device_of(net)
    logits, given, outputs = _passed(net, x.to(where), modules)
    with torch.enable_grad():
        slopes = torch.autograd.grad(logits, [outputs[m] for m in modules], _pull(logits, y))
    found: dict[int, Piece] = {}
    for module, slope in zip(modules, slopes, strict=True):
        found |= _of_layer(module, given[module], slope)
    return [found[id(p)] for p in net.parameters() if p.requires_grad]


def _layers(net: nn.Module, x: Tensor, y: Tensor) -> tuple[list[nn.Module], int] | None:
    """The layers with trained parameters, and how many numbers a row takes in all of them.

    None where one is of another kind, is used twice or on more than one vector or image a row, or where these rows'
    gradients are not autograd's, as when a layer's weights are used elsewhere too, or a hook changes what it gives.
    """
    modules = [m for m in net.modules() if any(p.requires_grad for p in m.parameters(recurse=False))]
    owners = [id(p) for m in modules for p in m.parameters(recurse=False)]
    if not modules or len(owners) != len(set(owners)) or not all(map(_known, modules)):
        return None
    used: list[nn.Module] = []
    hooks = [m.register_forward_hook(lambda module, *_: used.append(module)) for m in modules]
    try:
        logits, given, outputs = _passed(net, x.to(device_of(net)), modules)
    finally:
        for hook in hooks:
            hook.remove()
    if sorted(map(id, used)) != sorted(map(id, modules)):
        return None
    if any(len(given[m]) != len(x) or given[m].ndim != _AXES.get(type(m), given[m].ndim) for m in modules):
        return None
    trained = [p for p in net.parameters() if p.requires_grad]
    with torch.enable_grad():
        wanted = torch.autograd.grad(logits, trained, _pull(logits, y), allow_unused=True)
    for piece, sure in zip(_block(net, x, y, modules), wanted, strict=True):
        found = built([piece])
        apart = found.sum(0) - (0 if sure is None else sure.flatten())
        if not float(apart.norm()) <= CLOSE * float(found.norm(dim=1).sum()):
            return None
    held = sum(
        given[m][0].numel() + 2 * outputs[m][0].numel() + isinstance(m, nn.Conv2d) * m.weight.numel()
        for m in modules
    )
    return modules, held + max(_unfolded(m, outputs[m]) for m in modules)


def _known(module: nn.Module) -> bool:
    """Whether there is a rule for it: of exactly this kind, as one of another forward is not, with its own weights."""
    own = {name for name, _ in module.named_parameters(recurse=False)}
    if type(module) not in _KINDS or not own <= {"weight", "bias"}:
        return False
    if isinstance(module, nn.Conv2d):
        return module.padding_mode == "zeros" and not isinstance(module.padding, str)
    return isinstance(module, nn.Linear) or bool(module.track_running_stats)


def _unfolded(module: nn.Module, output: Tensor) -> int:
    if not isinstance(module, nn.Conv2d):
        return 0
    return module.weight[0].numel() * module.groups * output[0, 0].numel()


def _pull(logits: Tensor, y: Tensor) -> Tensor:
    """The summed loss's slope in the logits; going back through cross_entropy would cancel."""
    return residuals(logits.detach(), y.to(logits.device))


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


def _normalization(
    module: nn.BatchNorm1d | nn.BatchNorm2d, given: Tensor, slope: Tensor
) -> tuple[Piece, Piece]:
    mean, spread = module.running_mean, module.running_var
    assert mean is not None and spread is not None, "statistics are tracked"
    given, slope = (part.reshape(*part.shape[:2], -1) for part in (given, slope))
    scaled = (given - mean[:, None]) * torch.rsqrt(spread + module.eps)[:, None]
    return _plain((slope * scaled).sum(2)), _plain(slope.sum(2))


def _plain(grads: Tensor) -> Piece:
    return grads.new_ones(len(grads), 1), grads


_AXES = {nn.Linear: 2, nn.Conv2d: 4}
_KINDS: dict[type, Callable[..., tuple[Piece, Piece]]] = {
    nn.Linear: _linear,
    nn.Conv2d: _convolution,
    nn.BatchNorm1d: _normalization,
    nn.BatchNorm2d: _normalization,
}
