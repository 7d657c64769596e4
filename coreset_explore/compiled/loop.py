"""How a loop is compiled, and what floats in float32 can be trusted with."""

from __future__ import annotations

import numpy as np
from numba import njit

# Reordered sums and no NaN, or minima and sums are not vectorized; infinities must keep their meaning.
compiled = njit(cache=True, nogil=True, error_model="numpy", fastmath={"nnan", "nsz", "reassoc", "contract"})

CHUNK = 2048  # floats that stay in the first-level cache, and float32 terms summed before float64 takes over
# Shares of ‖a‖² + ‖b‖²: below the first a squared distance has cancelled and is computed anew; no inner product in
# float32 is further off than the second.
NEAR, DOUBT = np.float32(2**-7), np.float32(1e-5)
