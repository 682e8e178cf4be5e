"""Copies between arrays whose axes lie in memory in different orders."""

from __future__ import annotations

import numpy as np

from rushlight.kernels import copying

from ..check import same
from ..draw import Draw
from . import family

ELEMENTS = 40_000
DTYPES = ("uint8", "bool", "int16", "float16", "float32", "int64", "complex64")


def _values(draw: Draw, shape: tuple[int, ...]) -> np.ndarray:
    dtype = draw.one(*DTYPES)
    return draw.random.integers(0, 2 if dtype == "bool" else 100, shape).astype(dtype)


@family("copies")
def copies(draw: Draw) -> bool:
    shape = draw.shape(draw.number(1, 5), ELEMENTS)
    values = _values(draw, shape)
    x = draw.strided(values)
    if draw.chance(0.1) and x.ndim > 1:
        x = np.broadcast_to(x[:1], shape)
    out = draw.output(shape, x.dtype)
    made = draw.run(copying.put, out, x)
    if made:
        same(out, x)
    return made
