"""Which device: a name, or the GPU where there is one."""

from __future__ import annotations

import torch
from torch import nn

from coreset_explore.inputs import checks


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


def device_of(model: nn.Module) -> torch.device:
    return next((p.device for p in model.parameters()), torch.device("cpu"))
