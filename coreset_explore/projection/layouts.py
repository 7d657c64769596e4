"""The layouts themselves: principal components, UMAP and t-SNE, from exact neighbors, on one thread, cancellable."""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from coreset_explore.machine import cache as results
from coreset_explore.machine.threads import limited
from coreset_explore.neighbors import knn
from coreset_explore.progress import check, track


def pca(x: Tensor, components: int = 2) -> Tensor:
    """Scores (n, components) float32 on the principal axes, each axis pointing where its largest entry is positive.

    Columns beyond the rank are zero. O(n d min(n, d)) up to 1,024 columns or rows, randomized subspace iteration
    (Halko, Martinsson & Tropp 2011) with a fixed start beyond.
    """
    n, d = x.shape
    x = x.float() - x.double().mean(0).float()
    found = min(components, n, d)
    if d <= 1024:
        axes = torch.linalg.eigh(_gram(x)).eigenvectors.flip(1)[:, :found]
    elif n <= 1024:
        values, left = torch.linalg.eigh(x.double() @ x.double().T)
        axes = x.double().T @ left.flip(1)[:, :found]
        axes = axes / axes.norm(dim=0).clamp_min(1e-30)
    else:
        axes = torch.randn(d, min(d, found + 10), generator=torch.Generator().manual_seed(0))
        for _ in track(range(8), "principal components"):
            axes = torch.linalg.qr(x.T @ (x @ axes)).Q
        small = (x @ axes).double()
        axes = axes.double() @ torch.linalg.eigh(small.T @ small).eigenvectors.flip(1)[:, :found]
    largest = axes.gather(0, axes.abs().argmax(0)[None])[0]
    scores = torch.zeros(n, components)
    scores[:, :found] = x @ (axes * torch.where(largest < 0, -1.0, 1.0)).float()
    return scores


def umap(x: Tensor, seed: int, n_neighbors: int, min_dist: float) -> Tensor:
    """UMAP (McInnes, Healy & Melville 2018, arXiv:1802.03426) of x (n, d) from exact neighbors and a PCA start."""
    k = min(n_neighbors, len(x) - 1)
    distances, ids = knn(x, k)  # each row first among its own neighbors, as UMAP counts
    check()
    _compiled_code_can_be_kept()
    with warnings.catch_warnings():
        # transforming new rows is what `place` does; the seed asks for one thread, which is what we want
        warnings.filterwarnings("ignore", message=r".*precomputed_knn\[2\] \(knn_search_index\).*")
        warnings.filterwarnings("ignore", message=r".*n_jobs value .* overridden to 1.*")
        warnings.filterwarnings("ignore", message=r"Tensorflow not installed.*", category=ImportWarning)
        package = _import("umap", "UMAP")
        check()
        from coreset_explore.compiled import kept  # numba comes when it is needed, as UMAP brings it

        kept.on_disk("umap", "pynndescent")
        layout = package.UMAP(
            n_neighbors=k,
            min_dist=min_dist,
            n_epochs=500 if len(x) <= 10_000 else 200,
            init=_start(x, 10.0).numpy(),
            random_state=seed,
            n_jobs=1,
            precomputed_knn=(ids.numpy(), distances.numpy()),
        )
        # numba's threads are OpenMP's, and so torch's: it leaves those of a caller who has one at as many as it has
        with limited(1), _heard(package.layouts):
            return torch.from_numpy(layout.fit_transform(x.numpy())).float()


def tsne(x: Tensor, seed: int, perplexity: float) -> Tensor:
    """t-SNE by openTSNE (Poličar, Stražar & Zupan 2024) of x (n, d) from exact neighbors and a PCA start."""
    n = len(x)
    perplexity = min(perplexity, (n - 1) / 3)
    distances, ids = knn(x, min(n - 1, int(3 * perplexity)) + 1)
    opentsne = _import("openTSNE", "t-SNE")
    check()
    neighbors = opentsne.nearest_neighbors.PrecomputedNeighbors(ids[:, 1:].numpy(), distances[:, 1:].numpy())
    affinities = opentsne.affinity.PerplexityBasedNN(perplexity=perplexity, knn_index=neighbors, n_jobs=1)
    check()
    step = _stepper(750, "t-SNE iteration")
    done = {"iterations": 0}
    every = max(1, min(10, 10_000 // n))  # some 100 ms between two looks at whether to stop

    def look(iteration: int, error: float, embedding) -> None:
        done["iterations"] += every
        step(done["iterations"])

    fit = opentsne.TSNE(n_jobs=1, random_state=seed, callbacks=[look], callbacks_every_iters=every)
    laid = fit.fit(affinities=affinities, initialization=_start(x, 1e-4).double().numpy())
    return torch.from_numpy(laid.__array__().copy()).float()


def _start(x: Tensor, spread: float) -> Tensor:
    """PCA as the first layout, its wider axis with standard deviation `spread`."""
    first = pca(x, 2)
    return first * (spread / first.std(0).max().clamp_min(1e-30))


def _stepper(total: int, label: str) -> Callable[[int], None]:
    """A function that tells the listener how many of `total` iterations are done, for loops that are not ours."""
    steps: Iterator[int] = iter(track(range(total), label))
    at = {"step": 0}

    def step(done: int) -> None:
        while at["step"] < min(done, total):
            next(steps)
            at["step"] += 1

    return step


@contextmanager
def _heard(module) -> Iterator[None]:
    """UMAP's loop over epochs asks nobody whether to go on, but it wraps its range in tqdm: here, in our `track`."""
    bar = module.tqdm
    module.tqdm = lambda epochs, **_: track(epochs, "UMAP epoch")
    try:
        yield
    finally:
        module.tqdm = bar


def _compiled_code_can_be_kept() -> None:
    """numba keeps UMAP's machine code beside the package; where that folder is read-only, with our results."""
    spec = importlib.util.find_spec("umap")
    if spec is not None and spec.origin is not None and not os.access(os.path.dirname(spec.origin), os.W_OK):
        os.environ.setdefault("NUMBA_CACHE_DIR", str(results.folder() / "compiled"))


def _import(module: str, name: str):
    try:
        found = importlib.import_module(module)
        if module == "openTSNE":
            importlib.import_module("openTSNE.nearest_neighbors")
        return found
    except ImportError as error:
        raise ImportError(f"{name} needs {module}: pip install 'coreset-explore[panel]' ({error})") from error


def _gram(x: Tensor) -> Tensor:
    total = torch.zeros(x.shape[1], x.shape[1], dtype=torch.float64)
    for part in track(x.split(8192), "principal components"):
        total += (part.T @ part).double()
    return total
