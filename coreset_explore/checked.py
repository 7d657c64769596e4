"""What users hand over for a pool, as tensors, or refused in a sentence that names the rows."""

from __future__ import annotations

from dataclasses import fields

import torch
from torch import Tensor

from coreset_explore.gradients import LastLayer


def features(X) -> Tensor:
    """X as float32 (n, d)."""
    wanted = "features want numbers in shape (n, d)"
    if hasattr(X, "to_numpy"):
        try:
            X = X.to_numpy(dtype="float32")
        except (ValueError, TypeError) as error:
            raise ValueError(f"{wanted}, and a column holds something else: {error}") from None
    try:
        emb = torch.as_tensor(X)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(f"{wanted}, got {type(X).__name__}: {error}") from None
    if emb.ndim != 2 or emb.shape[1] == 0 or emb.is_complex():
        hint = "flatten images, or record features with recording.signals"
        raise ValueError(f"{wanted}, got {str(emb.dtype)[6:]} in shape {tuple(emb.shape)}; {hint}")
    return emb.to(torch.float32)


def row_names(ids) -> Tensor:
    """Rows of the original dataset as int64 (n,): each stands once, or what is picked could not be told apart."""
    ids = torch.as_tensor(ids, dtype=torch.int64)
    if ids.ndim != 1:
        raise ValueError(f"ids want one number a row, (n,), got shape {tuple(ids.shape)}")
    found, times = torch.unique(ids, return_counts=True)
    if len(found) < len(ids):
        twice = int(times.argmax())
        raise ValueError(
            f"ids name each row once, and {int(found[twice])} stands {int(times[twice]):,} times; leave ids out to "
            "number the rows"
        )
    return ids


def refuse_bad(name: str, value) -> None:
    """Raise for NaN or infinity, naming the rows."""
    label = {"emb": "the features", "grads": "the gradients"}.get(name, name)
    for part in tensors(value):
        if not part.is_floating_point() or torch.isfinite(part).all():
            continue
        rows = (~torch.isfinite(part)).nonzero()[:, 1 if isinstance(value, LastLayer) else 0].unique()
        first = ", ".join(str(int(i)) for i in rows[:5])
        raise ValueError(
            f"{len(rows):,} rows of {label} hold NaN or infinity (rows {first}); drop or mend them first"
        )


def tensors(value) -> list[Tensor]:
    """The tensors that a field of a pool consists of."""
    if isinstance(value, Tensor):
        return [value]
    return [getattr(value, f.name) for f in fields(value) if isinstance(getattr(value, f.name), Tensor)]
