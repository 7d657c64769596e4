"""Selection: what a method answered, with its order, weights and provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from coreset_explore.inputs import checks
from coreset_explore.inputs.arrays import tensor
from coreset_explore.inputs.jsonable import jsonable
from coreset_explore.inputs.origin import doubt

if TYPE_CHECKING:
    from coreset_explore.pool import Pool

# What `info` may hold that whoever uses a selection should read; the louder ones are warnings of `select` too.
REMARKS = ("stopped", "ridge_binds", "few_steps", "heavy")
LOUD = ("few_steps", "heavy")
THIN = 0.2  # weights whose effective size falls below this share of k make training diverge


@dataclass(frozen=True, eq=False)
class Selection:
    """k distinct rows of a pool in pick order, or fewer with `info["stopped"]` saying why; never padded.

    `indices` (k,) int64 rows of the pool · `weights` (k,) with Σ w_i f_i ≈ Σ_all f_i, so they sum to about n, or None
    · `gains` (k,) of the greedy step, or None · `score` (n,) the method's ranking of all rows (higher is picked
    earlier; NaN in a class without a pick), or None · `ids` (k,) the same rows in the original dataset, by number (of a
    frame: `frame.iloc[ids.tolist()]`) · `keys` (k,) what a frame's own index calls them (`frame.loc[list(keys)]`), or
    None · `info` the provenance, plain JSON.

    >>> import coreset_explore as cx
    >>> pool = cx.Pool.of([[0.0], [1.0], [3.0], [10.0], [12.0], [17.0]])
    >>> chosen = cx.select("kcenter", pool, 3)
    >>> chosen
    Selection(3 rows by kcenter, weights counts)
    >>> chosen.indices.tolist(), chosen.weights.tolist()
    ([3, 0, 5], [2.0, 3.0, 1.0])
    >>> chosen[:2]  # the first two picks; weights belong to a budget, and `reweigh` states them
    Selection(2 rows by kcenter, weights none)
    >>> cx.Selection.load(chosen.save("chosen.npz")).indices.tolist()
    [3, 0, 5]
    """

    indices: Tensor
    weights: Tensor | None = None
    gains: Tensor | None = None
    score: Tensor | None = None
    info: Mapping[str, Any] = field(default_factory=dict)
    ids: Tensor | None = None
    keys: tuple | None = None

    def __post_init__(self) -> None:
        rows = checks.rows(self.indices, "a selection").cpu()
        object.__setattr__(self, "indices", rows)
        if len(torch.unique(rows)) != len(rows):
            raise ValueError("a selection holds distinct rows, and some row stands in it twice; leave it out")
        for name in ("weights", "gains", "ids"):
            value = getattr(self, name)
            if value is not None:
                value = tensor(value, name, "give one a pick").cpu()
                if value.shape != rows.shape:
                    raise ValueError(
                        f"{name} wants one value a pick, ({len(rows):,},), and has shape {tuple(value.shape)}"
                    )
                object.__setattr__(self, name, value)
        if self.keys is not None and len(self.keys) != len(rows):
            raise ValueError(f"keys wants one a pick, {len(rows):,}, and has {len(self.keys):,}")
        if self.weights is not None and not torch.isfinite(self.weights).all():
            raise ValueError(
                "weights must be finite; mend or drop the rows whose weights are NaN or infinite"
            )
        if not isinstance(self.info, Mapping):
            raise ValueError(
                f"info is a dictionary of what made the selection, not {checks.shown(self.info)}"
            )

    @classmethod
    def of(cls, indices, weights=None, name: str = "mine") -> Selection:
        """Bring your own: rows in the order you chose them, weights if you have them, and a name for the legend.

        >>> import coreset_explore as cx
        >>> cx.Selection.of([4, 1, 7], weights=[5, 3, 2], name="hand-picked")
        Selection(3 rows by hand-picked, weights given)
        """
        return cls(
            indices,
            weights,
            info={"method": name, "own": True, "weights": "given" if weights is not None else None},
        )

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, part: slice) -> Selection:
        """`sel[:j]`: the first j picks, without weights, since weights belong to a budget: `reweigh` states them."""
        if not isinstance(part, slice) or part.start not in (None, 0) or part.step not in (None, 1):
            raise TypeError("a selection is cut from the front: sel[:j]; for single rows use sel.indices")
        cut = {
            n: None if getattr(self, n) is None else getattr(self, n)[part]
            for n in ("indices", "gains", "ids", "keys")
        }
        info = {name: value for name, value in self.info.items() if name != "reweighed"}
        info |= {"prefix_of": self.info.get("prefix_of", len(self)), "k": len(self.indices[part])}
        return replace(self, **cut, weights=None, info=info)

    def __repr__(self) -> str:
        name, weights = self.info.get("method", "?"), self.info.get("weights")
        stopped = f", stopped: {self.info['stopped']}" if self.info.get("stopped") else ""
        shown = "none" if self.weights is None else weights
        return f"Selection({len(self):,} rows by {name}, weights {shown}{stopped})"

    @property
    def remarks(self) -> tuple[str, ...]:
        """What its user should know, a sentence each: why it stopped, what its weights are worth, what was missing."""
        return tuple(sentence for kind in REMARKS for sentence in self.said(kind))

    def said(self, kind: str) -> list[str]:
        """What `info[kind]` tells, a sentence or none; where classes differ the first one's, and how many more."""
        told = self.info.get(kind) or {}
        if isinstance(told, str):
            return [told]
        if len(set(told.values())) < 2:  # of all classes, or of all that the method had an answer for
            return list(told.values())[:1]
        (name, sentence), *others = told.items()
        return [f"in class {name} and {len(others):,} more, {sentence}"]

    # -- use it ---------------------------------------------------------------------------------------------------

    def subset(self, dataset) -> torch.utils.data.Subset:
        """The chosen rows of a map-style torch Dataset, in pick order."""
        return torch.utils.data.Subset(dataset, (self.indices if self.ids is None else self.ids).tolist())

    def sampler(
        self, num_samples: int | None = None, generator=None
    ) -> torch.utils.data.WeightedRandomSampler:
        """Draws positions of `subset(dataset)` in proportion to the weights; refused for negative weights."""
        weights = torch.ones(len(self)) if self.weights is None else self.weights
        if not (weights != 0).any():
            raise ValueError("no pick weighs more than 0, and a sampler needs chances; give weights above 0")
        if (weights < 0).any():
            raise ValueError(
                f"{int((weights < 0).sum())} weights are negative, and a sampler needs chances; "
                "select with non-negative weights (gradmatch(nonnegative=True)) or pass the weights to cx.fit"
            )
        return torch.utils.data.WeightedRandomSampler(
            weights.double().tolist(),
            len(self) if num_samples is None else checks.whole(num_samples, "num_samples", 1),
            generator=generator,
        )

    def names(self, files: Sequence[str]) -> list[str]:
        """The chosen rows' file names, from the list that names every row of the original dataset."""
        rows = self.indices if self.ids is None else self.ids
        if len(rows) and int(rows.max()) >= len(files):
            raise ValueError(
                f"row {int(rows.max()):,} was picked, and files names {len(files):,} rows; give the whole list, "
                "one name for each row of the original dataset"
            )
        places: list[int] = rows.tolist()
        return [files[i] for i in places]

    # -- keep it --------------------------------------------------------------------------------------------------

    def frame(self):
        """A pandas frame, one row a pick: rank (from 1), index, id, key, weight, gain; what there is of them."""
        import pandas

        table: dict[str, Any] = {"rank": range(1, len(self) + 1), "index": self.indices.numpy()}
        held = {"id": self.ids, "key": self.keys, "weight": self.weights, "gain": self.gains}
        for column, value in held.items():
            if value is not None:
                table[column] = list(value) if isinstance(value, tuple) else value.numpy()
        return pandas.DataFrame(table)

    def save(self, path: str | Path) -> Path:
        """Write `.npz` or `.parquet` (both load again, with provenance) or `.csv` (a table to read). Never pickles.

        What `info` holds of your own is written as JSON: arrays as lists, paths and dates as text, NaN as None. Raises
        ValueError that names what has no such form, before anything is written.
        """
        path = Path(path)
        if path.suffix == ".csv":
            self.frame().to_csv(path, index=False)
        elif path.suffix == ".npz":
            import numpy

            arrays = {n: getattr(self, n).numpy() for n in _ARRAYS if getattr(self, n) is not None}
            texts = {"info": self._provenance(), "keys": json.dumps(_plain_keys(self.keys))}
            numpy.savez_compressed(path, **{n: numpy.array(text) for n, text in texts.items()}, **arrays)
        elif path.suffix == ".parquet":
            import pyarrow
            import pyarrow.parquet

            meta = {b"coreset_info": self._provenance().encode()}
            if self.score is not None:
                meta[b"coreset_score"] = self.score.double().numpy().tobytes()
            meta[b"coreset_keys"] = json.dumps(_plain_keys(self.keys)).encode()
            frame = self.frame()
            if self.keys is not None and len({type(key) for key in self.keys} - {int, str}):
                frame["key"] = [str(key) for key in self.keys]  # a column is of one kind
            table = pyarrow.Table.from_pandas(frame, preserve_index=False)
            table = table.replace_schema_metadata({**(table.schema.metadata or {}), **meta})
            pyarrow.parquet.write_table(table, path)
        else:
            raise ValueError(
                f"a selection is saved as .npz, .parquet or .csv, not {path.suffix or path.name!r}"
            )
        return path

    def _provenance(self) -> str:
        return json.dumps(jsonable(self.info, "info"), allow_nan=False)

    @classmethod
    def load(cls, path: str | Path) -> Selection:
        """Read what `save` wrote as `.npz` or `.parquet`."""
        path = Path(path)
        try:
            if path.suffix == ".npz":
                import numpy

                with numpy.load(path, allow_pickle=False) as file:
                    found = {n: torch.from_numpy(file[n]) for n in _ARRAYS if n in file}
                    keys = _read_keys(str(file["keys"])) if "keys" in file else None
                    return cls(**found, keys=keys, info=json.loads(str(file["info"])))
            if path.suffix == ".parquet":
                import numpy
                import pyarrow.parquet

                table = pyarrow.parquet.read_table(path)
                meta = table.schema.metadata or {}
                column = {
                    n: torch.from_numpy(table[c].to_numpy().copy())
                    for n, c in _COLUMNS.items()
                    if c in table.column_names
                }
                if b"coreset_score" in meta:
                    column["score"] = torch.from_numpy(
                        numpy.frombuffer(meta[b"coreset_score"], dtype="float64").copy()
                    )
                keys = _read_keys(meta.get(b"coreset_keys", b"null"))
                return cls(**column, keys=keys, info=json.loads(meta[b"coreset_info"]))
        except FileNotFoundError:
            raise
        except Exception as error:
            raise ValueError(
                f"{path.name} is no selection that this library saved, or it is damaged: {error}"
            ) from error
        raise ValueError(f"a selection is loaded from .npz or .parquet, not {path.suffix or path.name!r}")


def fitting(selection: Selection, pool: Pool) -> Selection:
    """The selection itself, after making sure that it is one and that its rows are rows of this pool.

    Rows with other ids than those that were picked are refused. Where only what they hold is other, a warning says so:
    another model's features and gradients of the same rows may well be meant.
    """
    if not isinstance(selection, Selection):
        raise ValueError(
            f"a Selection is wanted, not {checks.shown(selection)}; Selection.of(rows) makes one of your own"
        )
    if len(selection) and (last := int(selection.indices.max())) >= len(pool):
        raise ValueError(
            f"the selection names row {last:,} and this pool has {len(pool):,} rows; give the pool that it was "
            "selected from"
        )
    rows = selection.indices
    if selection.ids is not None and len(bad := (pool.ids.cpu()[rows] != selection.ids).nonzero()):
        row, picked = int(rows[bad[0]]), int(selection.ids[bad[0]])
        raise ValueError(
            f"row {row:,} of this pool has id {int(pool.ids[row])}, and id {picked} was picked; give the pool that it "
            "was selected from"
        )
    if why := doubt(selection.info, pool):
        checks.warn(f"{selection!r} hardly belongs to this pool: {why}")
    return selection


def _plain_keys(keys: Any) -> Any:
    """An index's labels as JSON: whole numbers and text as they are, tuples as lists, anything else as its text."""
    if isinstance(keys, tuple):
        return [_plain_keys(key) for key in keys]
    return keys if keys is None or isinstance(keys, int | str) else str(keys)


def _read_keys(text: str | bytes) -> tuple | None:
    keys = json.loads(text)
    return None if keys is None else tuple(tuple(key) if isinstance(key, list) else key for key in keys)


_ARRAYS = ("indices", "weights", "gains", "score", "ids")
_COLUMNS = {"indices": "index", "weights": "weight", "gains": "gain", "ids": "id"}
