"""Running sums, products and extremes along any axis of arrays of any layout; extremes of short rows."""

from __future__ import annotations

import numpy as np

from rushlight.kernels import scanning
from rushlight.lang import places

from ..check import near, same
from ..draw import Draw
from . import family

ELEMENTS = 30_000
DTYPES = ("float32", "float64", "int64")
UFUNCS = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}


def _places(op: str, x: np.ndarray, axis: int) -> np.ndarray:
    """Where the last of the extremes so far is, one element after the other."""
    rows = np.moveaxis(x, axis, 0)
    places, best = np.zeros(rows.shape, np.int64), rows[0].copy()
    for k in range(1, len(rows)):
        reaches = (rows[k] >= best if op == "max" else rows[k] <= best) | (rows[k] != rows[k])
        best = np.where(reaches, rows[k], best)
        places[k] = np.where(reaches, k, places[k - 1])
    return np.moveaxis(places, 0, axis)


@family("scans")
def scans(draw: Draw) -> bool:
    shape, dtype = draw.shape(draw.number(1, 4), ELEMENTS), draw.one(*DTYPES)
    op, axis = draw.one(*UFUNCS), draw.number(0, len(shape) - 1)
    special = (np.nan, np.inf, -np.inf) if op in ("max", "min") and draw.chance(0.3) else ()
    values = draw.values(shape, dtype, special)
    if draw.chance(0.2):
        values.sort(axis)
    if op == "mul" and dtype != "int64":
        values = np.copysign(1 + values / 64, values).astype(dtype)
    x = draw.strided(values)
    made = draw.run(scanning.scan, op, x, axis)
    if made is None:
        return False
    with np.errstate(all="ignore"):
        if op in ("max", "min"):
            same(made[1], _places(op, values, axis))
            same(made[0], UFUNCS[op].accumulate(values, axis))
        elif dtype == "int64":
            same(made, UFUNCS[op].accumulate(values, axis))
        else:
            exact = UFUNCS[op].accumulate(values.astype(np.longdouble), axis)
            size = np.add.accumulate(abs(values), axis) if op == "add" else abs(exact)
            steps = shape[axis] * np.finfo(np.float64).eps
            near(made, exact, (2 * np.finfo(dtype).eps + 2 * steps) * size + np.finfo(dtype).tiny)
    return True


@family("extremes of short rows")
def extremes_of_short_rows(draw: Draw) -> bool:
    *lead, _ = draw.shape(draw.number(2, 3), ELEMENTS // places.SHORT)
    shape, dtype = (*lead, draw.number(2, places.SHORT)), draw.one(*DTYPES, "int32")
    special = (np.nan, np.inf, -np.inf) if dtype[0] == "f" and draw.chance(0.5) else ()
    x = draw.dense(shape, dtype, special)
    name, extreme = draw.one(("argmax", "amax"), ("argmin", "amin"))
    made = draw.run(places.in_short_rows, extreme, x, -1, False)
    if made is None:
        return False
    same(made, getattr(x, name)(-1))
    return True
