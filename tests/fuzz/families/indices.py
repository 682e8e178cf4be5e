"""Elements along an axis by arrays of indices: taken, put and added."""

from __future__ import annotations

import numpy as np

from rushlight.kernels import indexing
from rushlight.lang.index import every_axis

from ..check import same
from ..draw import Draw
from . import family

ELEMENTS = 40_000
DTYPES = ("uint8", "int16", "float32", "float64", "int64", "complex64", "complex128")
ADDED = ("float32", "float64", "int64", "int32", "uint8")
FOLDED = {"mul": np.multiply, "max": np.maximum, "min": np.minimum}


def _placed(draw: Draw, values: np.ndarray) -> np.ndarray:
    made = draw.output(values.shape, values.dtype)
    made[...] = values
    return made


@family("indices")
def indices(draw: Draw) -> bool:
    shape = draw.shape(draw.number(1, 4), ELEMENTS)
    dim = draw.number(0, len(shape) - 1)
    size = draw.size(100)
    far_shape = (*shape[:dim], size, *shape[dim + 1 :])
    mode = draw.one("take", "put", "add", *FOLDED)
    dtype = draw.one(*(ADDED if mode == "add" else ADDED[:-1] if mode in FOLDED else DTYPES))
    far, near = (draw.random.integers(-50, 100, s).astype(dtype) for s in (far_shape, shape))
    if mode in ("max", "min") and dtype.startswith("float") and draw.chance(0.3):
        near[draw.random.random(shape) < 0.05] = np.nan
    of_rows = draw.chance(0.4)
    index = draw.random.integers(-size, size, shape[dim] if of_rows else shape)
    wide = index.reshape([-1 if k == dim else 1 for k in range(len(shape))]) if of_rows else index
    where = every_axis(np.broadcast_to(wide, shape), dim)
    written = near if mode == "take" else far
    out, read = _placed(draw, written), draw.strided(far if mode == "take" else near)
    wrap = int(not draw.chance(0.2))
    made = draw.run(indexing.load(mode), out, read, dim, draw.strided(index), wrap, far.itemsize)
    if not wrap and (index < 0).any():
        assert made is False
        return True
    assert made is True
    if mode == "take":
        near[...] = far[where]
    elif mode == "put":
        far[where] = near
    else:
        with np.errstate(over="ignore", invalid="ignore"):  # of long products, of NaN
            (FOLDED.get(mode) or np.add).at(far, where, near)
    same(out, written)
    return True
