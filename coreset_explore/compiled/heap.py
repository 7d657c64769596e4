"""A heap of rows by (bound descending, row): what lazy greedy looks at next."""

from __future__ import annotations

from coreset_explore.compiled.loop import compiled


@compiled
def sift(heap, size, bound, place):
    """Let the entry at `place` sink until neither child comes before it (larger bound, then smaller row)."""
    row = heap[place]
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and _before(bound, heap[child + 1], heap[child]):
            child += 1
        if not _before(bound, heap[child], row):
            break
        heap[place] = heap[child]
        place = child
    heap[place] = row
    return place


@compiled
def _before(bound, a, b):
    return bound[a] > bound[b] or (bound[a] == bound[b] and a < b)


@compiled
def rise(heap, bound, place):
    """Let the entry at `place` rise until its parent comes before it."""
    row = heap[place]
    while place > 0:
        parent = (place - 1) // 2
        if not _before(bound, row, heap[parent]):
            break
        heap[place] = heap[parent]
        place = parent
    heap[place] = row
