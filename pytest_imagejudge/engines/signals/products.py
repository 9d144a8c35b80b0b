"""Matrix products on the thread that asks for them."""

from __future__ import annotations

from typing import Any

_SMALL = 200_000  # multiplications; of more, OpenBLAS wakes a thread for each core, which costs more than it saves


def product(left: Any, right: Any) -> Any:
    """Return ``left @ right`` of (n, k) and (k, m), in parts that stay on this thread."""
    import numpy as np

    rows = max(1, _SMALL // right.size)
    whole = len(left) // rows * rows
    parts = left[:whole].reshape(-1, rows, left.shape[1]) @ right
    return np.concatenate([parts.reshape(whole, right.shape[1]), left[whole:] @ right])
