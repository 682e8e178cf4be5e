"""Arrays continued at their borders: elements of any size, places in any order."""

from __future__ import annotations

import numpy as np

from rushlight.kernels import borders

from ..check import same
from ..draw import Draw
from . import family

ELEMENTS = 30_000


def _places(draw: Draw, size: int) -> np.ndarray:
    """A run with borders, mirrored or not, or places anywhere."""
    if draw.chance(0.3):
        return draw.random.integers(0, size, draw.size(60))
    low, high = draw.number(-size + 1, size), draw.number(0, size)
    places = np.arange(-low, size + high)
    return (size - 1) - abs((size - 1) - abs(places) % (2 * size - 1)) if draw.chance(0.5) else places % size


@family("borders")
def borders_(draw: Draw) -> bool:
    shape = draw.shape(draw.number(1, 4), ELEMENTS // 9)
    dtype = draw.one("uint8", "int16", "float32", "float64", "int64", "bool")
    x = draw.dense(shape, dtype)
    places = [_places(draw, n) for n in shape[-draw.number(1, 3) :]]
    if np.prod([len(p) for p in places]) * np.prod(shape[: len(shape) - len(places)]) > 8 * ELEMENTS:
        return False
    made = draw.run(borders.take, x, draw.number(0, 1 << 60), lambda: places)
    borders._plans.forget()  # tables lie in memory of this case
    if made is None:
        return False
    exact = x
    for axis, p in enumerate(places, x.ndim - len(places)):
        exact = exact.take(p, axis)
    same(made, exact)
    return True
