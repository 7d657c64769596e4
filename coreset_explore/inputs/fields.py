"""What a pool holds for each row: features, logits, gradients, History, extras; converted, or refused in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from coreset_explore.gradients import Dense, LastLayer
from coreset_explore.inputs import arrays, frames
from coreset_explore.inputs.checks import rows, shown
from coreset_explore.inputs.similarities import Similarities, similarities


@dataclass(frozen=True, eq=False)
class History:
    """Training dynamics, each (n, T), taken in one evaluation pass at the end of each of T epochs.

    `correct` bool, `p_true` the true class's probability, `logit_margin` z_y − max z_other, `loss` cross-entropy,
    `el2n` ‖softmax − one-hot‖₂, `kl` KL(softmax_t ‖ softmax_{t−1}) (0 in the first epoch).

    >>> import torch, coreset_explore as cx
    >>> p = torch.tensor([[0.6, 0.9], [0.4, 0.2], [0.7, 0.4]])  # of your own training: 3 rows, 2 epochs
    >>> none = torch.zeros(3, 2)
    >>> history = cx.History(correct=p > 0.5, p_true=p, logit_margin=none, loss=-p.log(), el2n=none, kl=none)
    >>> history
    History(3 rows, 2 epochs: correct, p_true, logit_margin, loss, el2n, kl)
    >>> cx.select("forgetting", cx.Pool.of(history=history), 2).indices.tolist()  # never learnt, then forgotten
    [1, 2]
    """

    correct: Tensor
    p_true: Tensor
    logit_margin: Tensor
    loss: Tensor
    el2n: Tensor
    kl: Tensor

    def __len__(self) -> int:
        return self.correct.shape[0]

    def __repr__(self) -> str:
        epochs = f"{self.epochs} epoch{'s' * (self.epochs != 1)}"
        return f"History({len(self):,} rows, {epochs}: {', '.join(f.name for f in fields(self))})"

    def __getitem__(self, rows) -> History:
        return History(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    @property
    def epochs(self) -> int:
        return self.correct.shape[1]

    def to(self, device) -> History:
        return History(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


LABELS = "pass the label column as y"
STRUCTURED = {
    "grads": ((LastLayer, Dense), "LastLayer(r, h), or Dense(g) for one vector a row"),
    "history": ((History,), "a History(correct=…, p_true=…, …), each (rows, epochs)"),
}


def features(X: Any) -> Tensor:
    """Features float32 (n, d) of an array, a tensor or a frame."""
    wanted = "features want numbers in shape (n, d)"
    if isinstance(X, str) or hasattr(X, "y_test"):
        raise ValueError(f"{wanted}, got {shown(X)}; signals(data) records the features of a dataset")
    if isinstance(X, tuple) and len(X) == 2 and all(hasattr(part, "__len__") for part in X):
        raise ValueError(f"{wanted}, got a pair; give features and labels apart, as Pool.of(X, y)")
    if isinstance(X, LastLayer | Dense):
        raise ValueError(f"{wanted}, got gradients; give these by name, as Pool.of(grads=…)")
    if frames.is_frame(X):
        return frames.parted(X, None, None, None, LABELS).x
    found = arrays.tensor(X, "X, the features,")
    if found.ndim != 2 or found.shape[1] == 0 or found.is_complex():
        hint = "flatten images, or record features with cx.signals"
        raise ValueError(f"{wanted}, got {str(found.dtype)[6:]} in shape {tuple(found.shape)}; {hint}")
    return _bounded("emb", arrays.single(found, "the features"))


def field(name: str, value: Any) -> Any:
    """A named field as a tensor with one entry a row, or as the structure that `name` stands for."""
    if name == "emb":
        return features(value)
    if name == "ids":
        return _each_once(rows(value, "ids, each row's number in the original dataset,"))
    if name == "similarity":
        return similarities(value)
    if name in STRUCTURED:
        types, wanted = STRUCTURED[name]
        if not isinstance(value, types):
            raise ValueError(f"{name} is {wanted}, not {shown(value)}")
    if isinstance(value, LastLayer | Dense | History):
        parts = {f.name: getattr(value, f.name) for f in fields(value) if f.name != "bias"}
        found = {part: _wide(arrays.tensor(held, name)) for part, held in parts.items()}
        return _bounded(name, replace(value, **found))
    found = _wide(arrays.tensor(value, name))
    if found.ndim == 0 or (name == "logits" and found.ndim != 2):
        wanted = "(n, classes)" if name == "logits" else "(n,) or (n, …)"
        raise ValueError(f"{name} wants one entry a row, {wanted}, got shape {tuple(found.shape)}")
    return _bounded(name, found)


def outputs_of(fields: Mapping[str, Any]) -> int | None:
    """How many classes the model tells apart that logits or gradients are of, None where neither says."""
    if "logits" in fields:
        return fields["logits"].shape[1]
    return fields["grads"].r.shape[2] if isinstance(fields.get("grads"), LastLayer) else None


def parts_of(value: Any) -> list[Tensor]:
    """The tensors that a field consists of, or row by row what tells one similarity from another."""
    if isinstance(value, Similarities):
        return [value.marks]
    if isinstance(value, Tensor):
        return [value]
    return [getattr(value, f.name) for f in fields(value) if isinstance(getattr(value, f.name), Tensor)]


def row_axis(value: Any) -> int:
    """Which axis of a field's tensors counts rows: a LastLayer's first one counts steps."""
    return 1 if isinstance(value, LastLayer) else 0


def _wide(x: Tensor) -> Tensor:
    """Half precision as float32: squares and sums of it would leave its range, or keep three of its digits."""
    return x.float() if x.is_floating_point() and x.element_size() < 4 else x


def _each_once(ids: Tensor) -> Tensor:
    """ids as they are, unless one stands twice: what is picked could not be told apart."""
    found, times = torch.unique(ids, return_counts=True)
    if len(found) < len(ids):
        twice = int(times.argmax())
        raise ValueError(
            f"ids name each row once, and {int(found[twice])} stands {int(times[twice]):,} times; leave ids out to "
            "number the rows"
        )
    return ids


def _bounded(name: str, value: Any) -> Any:
    """The features, logits or gradients, unless NaN or infinity stands in them; extras may be infinite."""
    label = {"emb": "the features", "grads": "the gradients", "logits": "logits"}.get(name)
    for part in parts_of(value) if label else ():
        blocks = list(_blocks(part, row_axis(value))) if part.is_floating_point() and part.numel() else []
        # a block's extremes: they take no mask beside the numbers, and where NaN is among these it is both
        ends = part.new_zeros(len(blocks), 2)
        for own, (_, block) in zip(ends, blocks, strict=True):
            own[0], own[1] = block.aminmax()
        if ends.isfinite().all():
            continue
        bad = torch.cat(
            [start + (~block.isfinite()).flatten(1).any(1).nonzero()[:, 0] for start, block in blocks]
        )
        first = ", ".join(str(int(i)) for i in bad[:5])
        raise ValueError(
            f"{len(bad):,} rows of {label} hold NaN or infinity (rows {first}); drop or mend them first"
        )
    return value


def _blocks(part: Tensor, axis: int, numbers: int = 2**20) -> Iterator[tuple[int, Tensor]]:
    """(first row, some rows), rows first: what is computed of all numbers at once is never as large as they are."""
    rows = max(1, numbers * part.shape[axis] // part.numel())
    for start in range(0, part.shape[axis], rows):
        yield start, part.narrow(axis, start, min(rows, part.shape[axis] - start)).movedim(axis, 0)
