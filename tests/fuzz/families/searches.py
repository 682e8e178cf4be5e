"""Places of numbers in ascending rows."""

from __future__ import annotations

import numpy as np

from rushlight.kernels import searching

from ..check import same
from ..draw import Draw
from . import family

DTYPES = ("float32", "float64", "int8", "int16", "int32", "int64")


@family("searches")
def searches(draw: Draw) -> bool:
    dtype, several = draw.one(*DTYPES), draw.chance(0.5)
    length, count = draw.number(0, 3) if draw.chance(0.2) else draw.size(3000), draw.size(6000)
    lead = draw.shape(draw.number(1, 2), 40) if several else ()
    special = (np.inf, -np.inf) if draw.chance(0.3) else ()
    rows = draw.guarded(np.sort(draw.values((*lead, length), dtype, special), -1))
    special = (*special, np.nan) if special else ()
    values = draw.dense((*lead, count), dtype, special)
    out, right = draw.guarded(np.zeros(values.shape, np.int64)), draw.chance(0.5)
    assert draw.run(searching.load(), out, rows, values, int(right)) is True
    several_rows = int(np.prod(lead))
    flat = rows.reshape(several_rows, length), values.reshape(several_rows, count)
    exact = [np.searchsorted(r, v, "right" if right else "left") for r, v in zip(*flat)]
    same(out, np.array(exact).reshape(out.shape))
    return True
