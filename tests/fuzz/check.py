"""How results are compared: the same bits, or within the rounding of a sum."""

from __future__ import annotations

from typing import Any

import numpy as np


def same(made: np.ndarray, exact: np.ndarray) -> None:
    """The same values, NaN for NaN."""
    np.testing.assert_array_equal(made, exact)


def near(made: np.ndarray, exact: np.ndarray, allowed: Any) -> None:
    """`made` is as far from `exact` as is allowed; infinities and NaN are where they are in `exact`."""
    assert made.shape == exact.shape, (made.shape, exact.shape)
    finite = np.isfinite(exact)
    np.testing.assert_array_equal(made[~finite], exact[~finite].astype(made.dtype))
    with np.errstate(invalid="ignore"):
        error = np.abs(made.astype(exact.dtype) - exact)
    wrong = finite & ~(error <= allowed)
    if wrong.any():
        first = tuple(int(k) for k in np.argwhere(wrong)[0])
        limit = np.broadcast_to(allowed, exact.shape)[first]
        raise AssertionError(
            f"{wrong.sum()} of {wrong.size} are wrong, first at {first}: {made[first]!r}, "
            f"exactly {exact[first]!r}, allowed {limit:.3g}"
        )


def rounding_of_sums(magnitude: np.ndarray, terms: int, dtype: Any) -> np.ndarray:
    """What sums of `terms` rounded numbers may be off by, where `magnitude` is the sum of their sizes."""
    info = np.finfo(dtype)
    return (4 + 2 * np.sqrt(terms)) * float(info.eps) * magnitude + terms * float(info.smallest_subnormal)
