"""The few hot loops, compiled; the only room that imports numba, and only when a loop is first needed.

Rows are factored as in LastLayer: `r` (s, n, c), `h` (s, n, d), `bias` 1 or 0; features are r = 1, h = features,
bias 0. So ⟨i, j⟩ = Σ_s (r_i·r_j)(h_i·h_j + bias) throughout. One signature each, single-threaded (a parallel region
costs a scheduler tick a pick on a busy machine), without the interpreter lock, and called in pieces of some
milliseconds so that a run can be cancelled between two.
"""
