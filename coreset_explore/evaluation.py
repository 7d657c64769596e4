"""What a model says about rows: accuracy, logits and features, in blocks; devices, threads and seeded streams.

n rows, c classes, d features.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coreset_explore import checks, models, progress
from coreset_explore.gradients import less_one_hot


def evaluate(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of the rows x (n, …), as stored, that `model` puts into their class y (n,)."""
    net, where = models.adapt(model, x), device_of(model)
    right, size = 0, _block(x, where)
    with evaluating(net):
        for part, labels in progress.track(list(zip(*(v.split(size) for v in (x, y)))), "test batch"):
            right += int((net(part.to(where))[0].argmax(1).cpu() == labels.cpu()).sum())
    return right / len(x)


def logits_features(model: nn.Module, x: Tensor, label: str = "recording batch") -> tuple[Tensor, Tensor]:
    """Logits (n, c) and the features (n, d) that enter the last layer, on the CPU, a block of rows at a time."""
    net, where = models.adapt(model, x), device_of(model)
    found: tuple[Tensor, ...] = ()
    done = 0
    with evaluating(net):
        for part in progress.track(x.split(_block(x, where)), label):
            given = net(part.to(where))
            found = found or tuple(torch.empty(len(x), v.shape[1]) for v in given)
            for whole, block in zip(found, given):
                whole[done : done + len(part)] = block
            done += len(part)
    return found


def measured(now: Tensor, logits: Tensor, y: Tensor, before: Tensor) -> tuple[Tensor, ...]:
    """One epoch of History, in the order of `pool.History`, from log-probabilities (n, c) now and an epoch before."""
    label = y[:, None]
    true = logits.gather(1, label)[:, 0]
    other = logits.scatter(1, label, -torch.inf).amax(1)
    chance = now.exp()
    loss = -now.gather(1, label)[:, 0]
    wrong = less_one_hot(chance, label)
    divergence = (chance * (now - before)).sum(1).clamp_min(0)
    return logits.argmax(1) == y, (-loss).exp(), true - other, loss, wrong.norm(dim=1), divergence


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards every module is back in the mode it had."""
    modes = [(m, m.training) for m in model.modules()]
    try:
        model.eval()
        with torch.no_grad():
            yield
    finally:
        for m, training in modes:
            m.training = training


@contextmanager
def threads(count: int | None = None) -> Iterator[int]:
    """Within the block torch uses `count` CPU threads: unless told, one or all it had, whichever a short probe favours.

    On a busy machine threads wait for each other at every small operation and several are slower than one.
    """
    before = torch.get_num_threads()
    try:
        if count is None:
            count = before if before > 1 and _rate(before) > 1.2 * _rate(1) else 1
        torch.set_num_threads(count)
        yield count
    finally:
        torch.set_num_threads(before)


def _rate(count: int, seconds: float = 0.025) -> float:
    """Small convolutions a second with `count` threads."""
    torch.set_num_threads(count)
    images, kernels = torch.zeros(64, 6, 14, 14), torch.zeros(16, 6, 5, 5)
    done, start = -1, time.perf_counter()
    while time.perf_counter() - start < seconds:
        F.conv2d(images, kernels)
        done += 1
        if done == 0:  # the first starts the threads
            start = time.perf_counter()
    return done / (time.perf_counter() - start)


def stream(seed: int, what: str) -> torch.Generator:
    """A CPU generator for one purpose: different purposes draw independently from one seed."""
    digest = hashlib.sha256(f"{seed}/{what}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def pick_device(device: str | torch.device) -> torch.device:
    """`auto` is the GPU where torch sees one, else the CPU."""
    if isinstance(device, str) and device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        found = torch.device(device)
        torch.empty(1, device=found)  # a name may be right and no such device be here
    # torch's four ways to say so: an unknown name, no build for it, a device without storage, no name at all
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        why = str(error).split("\n")[0].split(", ")[0]
        raise ValueError(
            f"device={checks.shown(device)} is none that torch can use here ({why}); write 'cpu', or 'auto', which "
            "takes a GPU where there is one"
        ) from None
    return found


def _block(x: Tensor, where: torch.device) -> int:
    """Rows at a time: on a CPU few enough for their activations to stay near it (twice as fast on photographs).

    A matter of sizes alone: found by timing, it would change the last bits from run to run.
    """
    pixels = x[0, 0].numel() if x.ndim == 4 else 32
    return min(max((2**20 if where.type == "cuda" else 2**16) // pixels, 8), 8192)


def device_of(model: nn.Module) -> torch.device:
    return next((p.device for p in model.parameters()), torch.device("cpu"))
