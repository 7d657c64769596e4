"""Layouts in their own process: the same map, progress, an immediate cancel, errors that come back."""

import time

import pytest
import torch

from coreset_explore.progress import Cancelled, listening
from coreset_explore.projection import layouts, project
from coreset_explore.projection.worker import Worker


@pytest.fixture(scope="module")
def worker():
    made = Worker()
    yield made
    made.close()


def points(n: int = 400) -> torch.Tensor:
    return torch.randn(n, 6, generator=torch.Generator().manual_seed(0))


def test_it_draws_the_map_that_this_process_would_draw(worker):
    x, heard = points(), []
    with listening(lambda fraction, text: heard.append((fraction, text)), interval=0.0):
        there = worker("tsne", x, 0, perplexity=20.0)
    assert torch.allclose(there, layouts.tsne(x, 0, perplexity=20.0), atol=1e-4)
    assert any("t-SNE iteration" in text for _, text in heard)
    assert max(fraction for fraction, _ in heard) > 0.5


def test_project_uses_it(worker, tmp_path, monkeypatch):
    monkeypatch.setenv("CORESET_CACHE", str(tmp_path))
    there = project(points(), "tsne", runner=worker)
    assert there.how == "tsne" and not there.cached and torch.isfinite(there.xy).all()
    assert project(points(), "tsne").cached


def test_a_cancel_ends_the_process_at_once_and_the_next_request_starts_another(worker):
    worker.start()
    began = time.monotonic()
    with pytest.raises(Cancelled), listening(should_stop=lambda: time.monotonic() - began > 0.3):
        worker("tsne", points(5000), 0, perplexity=30.0)
    assert time.monotonic() - began < 1.0
    assert not worker.alive
    assert worker("tsne", points(60), 0, perplexity=5.0).shape == (60, 2)


def test_an_error_over_there_is_raised_here(worker):
    with pytest.raises(RuntimeError, match="could not be drawn: TypeError"):
        worker("tsne", points(), 0, wrong=1)


def test_a_process_that_died_is_replaced(worker):
    worker.start()
    worker._process.kill()
    worker._process.wait()
    assert worker("tsne", points(60), 0, perplexity=5.0).shape == (60, 2)
