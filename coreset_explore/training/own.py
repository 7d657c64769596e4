"""A module of one's own as `forward(x) -> (logits, features)`: what it raises, in either mode, is one sentence.

b rows in a batch, c classes, d features.
"""

from __future__ import annotations

import copy
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class ModelError(ValueError):
    """What a module of one's own cannot do, in one sentence."""


class Adapted(nn.Module):
    """Somebody's module that ends in Linear, as `forward(x) -> (logits, features)`; it keeps no trace.

    What it returns is looked at in every call, since many a module answers otherwise while training.
    """

    classes: tuple[str, ...] = ()

    def __init__(self, module: nn.Module, prepare: nn.Module, head: nn.Linear):
        super().__init__()
        self.name, self.prepare, self.module = type(module).__name__, prepare, module
        self._head = [head]  # in a list: a second registration would double it in the state_dict

    @property
    def head(self) -> nn.Linear:
        """The layer whose output the module gives as its logits."""
        return self._head[0]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        logits, calls = _watched(self.module, [self.head], self.prepare(x))
        if not calls or calls[-1][2] is not logits:
            raise ModelError(
                f"{self.name} returns {_kind(logits)} {_mode(self.module)}, and not what its last Linear layer gave; "
                "switch auxiliary outputs off, or return the logits alone in both modes"
            )
        if self.training and torch.is_grad_enabled() and not logits.requires_grad:
            raise ModelError(
                f"nothing in {self.name} can be trained: its logits carry no gradient; set requires_grad on parameters "
                "of it, or record it as it is, with epochs=0"
            )
        return logits, calls[-1][1]


def adapted(module: nn.Module, prepare: nn.Module, x: Tensor) -> Adapted:
    """The module with the layer found that its answer to a row of `x` comes from; ModelError where there is none."""
    linear = [m for m in module.modules() if isinstance(m, nn.Linear)]
    with _asked(module):
        output, calls = _watched(module, linear, prepare(x[:1].to(_device(module))))
    head = next((layer for layer, _, answer in reversed(calls) if answer is output), None)
    if head is None or output.ndim != 2:
        raise ModelError(
            f"{type(module).__name__} must end in a Linear layer whose output (rows, classes) it returns as it is, and "
            f"returns {_kind(output)}; take a softmax off the end, or return only the logits"
        )
    return Adapted(module, prepare, head)


@contextmanager
def telling(module: nn.Module, x: Tensor) -> Iterator[None]:
    """Whatever calling `module` on `x` raises comes out as one sentence with its cause, but for a want of memory."""
    try:
        yield
    except (ModelError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # it is somebody's code: any error
        raise ModelError(_sentence(module, x, error)) from error


@contextmanager
def _asked(module: nn.Module) -> Iterator[None]:
    """In evaluation and without gradients; modes, and torch's generators, which lazy layers read, are as before."""
    modes, where = [(m, m.training) for m in module.modules()], _device(module)
    with torch.random.fork_rng([where] if where.type == "cuda" else []), torch.no_grad():
        try:
            module.eval()
            yield
        finally:
            for m, training in modes:
                m.training = training


def copied(module: nn.Module) -> nn.Module:
    """A copy that shares nothing; ValueError where a part of the module cannot be copied.

    A tensor that is computed from parameters and kept as an attribute (by weight_norm) is copied as its values.
    """
    held = [v for m in module.modules() for v in vars(m).values() if isinstance(v, Tensor) and not v.is_leaf]
    try:
        return copy.deepcopy(module, {id(v): v.detach().clone() for v in held})
    except Exception as error:  # it is somebody's code: any error
        raise ModelError(
            f"a copy of {type(module).__name__} is to be trained or recorded, and it cannot be copied "
            f"({type(error).__name__}: {_text(error)}); take out of it what is no part of the network, or train it in "
            "place with fit(model, data) and record it with snapshot(model, data)"
        ) from error


def learns_bias(layer: nn.Linear) -> bool:
    """Whether the layer's gradient has a part of a bias: not without one, nor where only the weights are trained."""
    weights = [p.requires_grad for p in layer.parameters() if p is not layer.bias]
    return layer.bias is not None and (layer.bias.requires_grad or not any(weights))


Call = tuple[nn.Linear, Tensor, Any]  # layer, what entered, what it gave


def _watched(module: nn.Module, layers: list[nn.Linear], x: Tensor) -> tuple[Any, list[Call]]:
    """The module's answer to x (b, …), and every call of these layers on the way."""
    calls: list[Call] = []

    def keep(layer: nn.Module, given: tuple, named: dict, output: Any) -> None:
        calls.append((layer, given[0] if given else named["input"], output))

    hooks = [layer.register_forward_hook(keep, with_kwargs=True) for layer in layers]
    try:
        with telling(module, x):
            return module(x), calls
    finally:
        for hook in hooks:
            hook.remove()


def _sentence(module: nn.Module, x: Tensor, error: Exception) -> str:
    name, shape = type(module).__name__, tuple(x.shape[1:])
    dtypes = {str(p.dtype)[6:] for p in module.parameters() if p.is_floating_point()} - {"float32"}
    text = _text(error)
    if isinstance(error, TypeError) and "argument" in text:
        return f"{name} is called with rows alone, and {text}; wrap it in a module whose forward(x) gives it the rest"
    if dtypes and isinstance(error, RuntimeError):
        held = ", ".join(sorted(dtypes))
        return f"{name} has weights of {held}, and rows come as float32 ({text}); give model.float()"
    cause = text if isinstance(error, RuntimeError | ValueError) else f"{type(error).__name__}: {text}"
    return f"{name} does not take rows of shape {shape} {_mode(module)}: {cause}"


def _text(error: Exception) -> str:
    """What an error says, in one line; the line of code that raised it where it says nothing."""
    text = " ".join(str(error).split())
    if not text:
        last = traceback.extract_tb(error.__traceback__)[-1]
        text = f"line {last.lineno} of {last.name}, {last.line}"
    return (text[:300] + "…" if len(text) > 300 else text).rstrip(".")


def _kind(output: Any) -> str:
    if isinstance(output, Tensor):
        return f"a tensor of shape {tuple(output.shape)}"
    what = type(output).__name__
    return f"a {what}" + (f" of {len(output)}" if isinstance(output, tuple | list | dict) else "")


def _mode(module: nn.Module) -> str:
    return "in training" if module.training else "in evaluation"


def _device(module: nn.Module) -> torch.device:
    return next((p.device for p in module.parameters()), torch.device("cpu"))
