"""The first few elements of rows in order."""

from __future__ import annotations

import numpy as np

from rushlight.kernels import choosing

from ..check import same
from ..draw import Draw
from . import family

DTYPES = ("float32", "float64", "int32", "int64")


@family("choices of the first few")
def choices(draw: Draw) -> bool:
    lead, length, dtype = draw.shape(draw.number(0, 2), 60), draw.size(3000), draw.one(*DTYPES)
    values = draw.values((*lead, length), dtype, (np.nan, np.inf, -np.inf) if draw.chance(0.3) else ())
    if draw.chance(0.2):
        values.sort(-1)
    few, largest = draw.number(1, min(length, 20)), draw.chance(0.5)
    x, shape = draw.guarded(values), (*lead, few)
    found, places = draw.guarded(np.zeros(shape, dtype)), draw.guarded(np.zeros(shape, np.int64))
    assert draw.run(choosing.load(), found, places, x, int(largest)) is True
    order = np.argsort(values[..., ::-1] if largest else values, -1, kind="stable")
    order = (length - 1 - order[..., ::-1] if largest else order)[..., :few]
    same(places, order)
    same(found, np.take_along_axis(values, order, -1))
    return True
