"""A make-believe accelerator: tensors that say they lie on "pretend:0", compute on the CPU, refuse what a GPU refuses.

    there = pool.to(pretend.device())   # every path for "not on the CPU" runs, on any machine
    select("craig", there, 10)          # a CPU tensor met by one over there, .numpy() of one, a CPU generator … raise

The arithmetic is the CPU's, so what is tested is where tensors lie and the code that is written for a GPU, not its
speed. The rules are CUDA's, as its users meet them:

- the tensors of one operation lie on one device; an element-wise operation of two takes one CPU number (no dimension);
- a tensor over there is indexed by indices of either device, one on the CPU by CPU indices alone;
- copying leads from either to the other, and so does assigning to a slice; `.numpy()` does not;
- random numbers come from a generator of the device, and whole numbers have no matrix product.

What torch leaves open is answered otherwise than a CPU answers it, so that nobody leans on that: of equals, `topk` and
a sort that is not stable give the last first; memory that nobody wrote to holds NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor
from torch.utils import backend_registration

NAME, CPU = "pretend", torch.device("cpu")
MOVES = ("copy_", "_to_copy", "_copy_from")
INDEXING = ("index", "index_put", "index_put_", "_index_put_impl_")
FILLS = ("fill", "fill_", "masked_fill", "masked_fill_")
PRODUCTS = ("mm", "addmm", "addmm_", "bmm", "baddbmm", "mv", "addmv", "dot", "vdot")
FRESH = ("empty_like", "new_empty", "new_empty_strided")


@cache
def device() -> torch.device:
    """The device, registered by the first call for the rest of the process; nothing that is on the CPU notices."""
    setup = getattr(backend_registration, "_setup_privateuseone_for_python_backend", None)
    if setup is None:
        pytest.skip(f"torch {torch.__version__} has no hook for devices written in Python")
    setup(NAME)
    for name, kernel in KERNELS.items():
        LIBRARY.impl(name, kernel, "PrivateUse1")
    return torch.device(NAME, 0)


class Held(Tensor):
    """A CPU tensor, `inside`, that says it lies on the make-believe device."""

    inside: Tensor

    @staticmethod
    def __new__(cls, inside: Tensor) -> Held:
        held = Tensor._make_wrapper_subclass(
            cls,
            inside.shape,
            strides=inside.stride(),
            storage_offset=inside.storage_offset(),
            dtype=inside.dtype,
            device=torch.device(NAME, 0),
        )
        held.inside = inside
        return held

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None) -> Any:
        return _run(_op(func), args, kwargs or {})

    def numpy(self, *, force: bool = False):
        if force:
            return self.detach().cpu().numpy()
        raise TypeError(
            f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host "
            "memory first."
        )

    def __array__(self, dtype=None, copy=None):
        return self.numpy()

    def tolist(self):
        return self.inside.tolist()

    def __repr__(self, *, tensor_contents=None) -> str:
        return f"{self.inside!r} on {self.device}"


class Op(NamedTuple):
    """What there is to know about an operation, looked up once."""

    func: Any
    name: str
    writes: bool  # into one of its arguments
    reshapes: bool  # an argument, in place
    elementwise: bool


@cache
def _op(func) -> Op:
    name, tags = func._schema.name.removeprefix("aten::"), func.tags
    elementwise = torch.Tag.pointwise in tags and not name.startswith("clamp")
    return Op(func, name, func._schema.is_mutable, torch.Tag.inplace_view in tags, elementwise)


def _run(op: Op, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Do on the CPU what was asked for over there, or refuse it."""
    tensors: list[Tensor] = []
    inside, named = _taken_in(args, tensors), {}
    for name, value in kwargs.items():
        named[name] = _taken_in(value, tensors)
    _refuse(op, args, kwargs, tensors)
    over_there = True
    if kwargs.get("device") is not None:
        over_there, named["device"] = torch.device(kwargs["device"]).type == NAME, CPU
    found = _answer(op, inside, named)
    if op.reshapes:
        with torch._C._DisableTorchDispatch():  # what says where the numbers lie takes the new shape as well
            op.func(*args, **kwargs)
    if not op.writes:
        return _brought_out(found, {}, over_there)
    if any(t.shape != _inside(t).shape for t in tensors):
        raise NotImplementedError(
            f"{op.func} gives a tensor another shape in a way that {NAME} cannot follow"
        )
    return _brought_out(found, {id(_inside(t)): t for t in tensors}, over_there)


def _taken_in(value: Any, tensors: list[Tensor]) -> Any:
    """The value with what is inside of each held tensor; `tensors` gets all of them as they were."""
    if isinstance(value, Tensor):
        tensors.append(value)
        return _inside(value)
    if isinstance(value, list | tuple):
        return [_taken_in(part, tensors) for part in value]
    return value


def _brought_out(value: Any, given: dict[int, Tensor], over_there: bool) -> Any:
    """The answer held over there; an argument that was written into comes back as itself."""
    if isinstance(value, Tensor):
        return given[id(value)] if id(value) in given else Held(value) if over_there else value
    if isinstance(value, list | tuple):
        return type(value)(_brought_out(part, given, over_there) for part in value)
    return value


def _refuse(op: Op, args: tuple, kwargs: dict[str, Any], tensors: list[Tensor]) -> None:
    """Raise what CUDA raises for arguments that do not go together."""
    name = op.name
    if (generator := kwargs.get("generator")) is not None and generator.device.type != NAME:
        raise RuntimeError(
            f"Expected a '{NAME}' device type for generator but found '{generator.device.type}'"
        )
    if name in PRODUCTS and not (tensors[-1].is_floating_point() or tensors[-1].is_complex()):
        raise NotImplementedError(f'"{name}_cuda" not implemented for {tensors[-1].dtype}')
    if all(isinstance(t, Held) for t in tensors):
        return
    if name in INDEXING and not isinstance(args[0], Held) and any(isinstance(t, Held) for t in args[1]):
        raise RuntimeError(
            "indices should be either on cpu or on the same device as the indexed tensor (cpu)"
        )
    together = _together(op, args, kwargs, tensors)
    if len({isinstance(t, Held) for t in together}) > 1:
        met = ", ".join(f"{tuple(t.shape)} on {t.device}" for t in together)
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but found at least two devices, {NAME}:0 and cpu! "
            f"({op.func} of {met})"
        )


def _together(op: Op, args: tuple, kwargs: dict[str, Any], tensors: list[Tensor]) -> list[Tensor]:
    """The arguments that have to lie on one device."""
    name = op.name
    if name in MOVES:
        return []
    if name in INDEXING:
        return [t for t in (args[0], *args[2:3]) if t is args[0] or t.ndim]
    if name in FILLS:
        return [t for t in args[:-1] if isinstance(t, Tensor)]
    if name == "where":
        return [t for t in tensors if t.ndim or isinstance(t, Held)]
    written = kwargs.get("out", args[0] if op.writes else None)
    read = [t for t in tensors if t is not kwargs.get("out")]
    if op.elementwise and len(read) == 2:
        numbers = [t for t in read if not t.ndim and not isinstance(t, Held) and t is not written]
        return [t for t in tensors if t is not (numbers or [None])[0]]
    return tensors


def _answer(op: Op, args: list, kwargs: dict[str, Any]) -> Any:
    """What the CPU answers, but where torch leaves the order of equals open, or what fresh memory holds."""
    name = op.name
    if name in ("topk", "sort") and args[0].ndim:
        told = {a.name: a.default_value for a in op.func._schema.arguments}
        told |= dict(zip(told, args, strict=False)) | kwargs
        if not told.get("stable"):
            dim, descending = told["dim"], told.get("descending", told.get("largest"))
            values, places = torch.sort(args[0].flip(dim), dim=dim, descending=descending, stable=True)
            places = args[0].shape[dim] - 1 - places
            most = told.get("k", args[0].shape[dim])
            return values.narrow(dim, 0, most), places.narrow(dim, 0, most)
    found = op.func(*args, **kwargs)
    if name == "_to_copy" and found is args[0]:
        return found.clone()
    return _worthless(found) if name in FRESH else found


def _worthless(fresh: Tensor) -> Tensor:
    return fresh.fill_(torch.nan) if fresh.is_floating_point() else fresh


def _inside(t: Tensor) -> Tensor:
    return t.inside if isinstance(t, Held) else t


# -- what torch asks a backend for: memory, a way in and out of it, and numbers that are made in it ------------------


def _made(op) -> Callable[..., Held]:
    def kernel(*args, **kwargs) -> Held:
        return Held(op(*args, **{**kwargs, "device": CPU}))

    return kernel


def _empty(*args, **kwargs) -> Held:
    return Held(_worthless(torch.ops.aten.empty.memory_format(*args, **{**kwargs, "device": CPU})))


def _empty_strided(*args, **kwargs) -> Held:
    return Held(_worthless(torch.ops.aten.empty_strided.default(*args, **{**kwargs, "device": CPU})))


def _copy_from(source: Tensor, target: Tensor, non_blocking: bool = False) -> Tensor:
    _inside(target).copy_(_inside(source))
    return target


LIBRARY = torch.library.Library("aten", "IMPL")
KERNELS: dict[str, Callable] = {
    "empty.memory_format": _empty,
    "empty_strided": _empty_strided,
    "_copy_from": _copy_from,
    "_local_scalar_dense": lambda held: held.inside.item(),
    "arange": _made(torch.ops.aten.arange.default),
    "arange.start": _made(torch.ops.aten.arange.start),
    "arange.start_step": _made(torch.ops.aten.arange.start_step),
    "eye": _made(torch.ops.aten.eye.default),
    "eye.m": _made(torch.ops.aten.eye.m),
}
