"""Elements that a mask chooses: taken, put, found and filled."""

from __future__ import annotations

import numpy as np

from rushlight.kernels import masking

from ..check import same
from ..draw import Draw
from . import family

ELEMENTS = 20_000
DTYPES = ("uint8", "bool", "int16", "float32", "int64", "complex128")


@family("masks")
def masks(draw: Draw) -> bool:
    shape = (draw.number(60_000, 200_000),) if draw.chance(0.02) else draw.shape(draw.number(1, 2), ELEMENTS)
    share, dtype = draw.one(0, 0.001, 0.1, 0.5, 0.9, 1), draw.one(*DTYPES)
    mask = draw.guarded(draw.random.random(shape) < share)
    values = draw.random.integers(0, 2 if dtype == "bool" else 100, shape).astype(dtype)
    x = draw.guarded(values)
    kernels = masking.load()
    way = draw.one("pick", "put", "find", "fill")
    if way == "pick":
        same(draw.run(kernels.picked, x, mask), values[mask])
    elif way == "find":
        made = draw.run(kernels.nonzero, mask)
        if made is None:
            return False
        same(made, np.argwhere(mask))
    elif way == "put":
        count = int(mask.sum())
        source = draw.guarded(values.reshape(-1)[::-1][:count])
        assert draw.run(kernels.placed, x, source, mask) is True
        values[mask] = source
    else:
        one = draw.guarded(values.reshape(-1)[:1].reshape(()))
        assert draw.run(kernels.fill, x, one, mask, x.itemsize) is True
        values[mask] = one
    same(x, values)
    return True
