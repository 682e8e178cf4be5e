"""Kernels with faults, to show that each kind of fault is found; no run has them but that of the tests."""

from __future__ import annotations

import ctypes

import numpy as np

from ..check import same
from ..draw import Draw
from . import family


def _doubled(x: np.ndarray) -> np.ndarray:
    """Twice the elements of `x`, in memory that was asked for."""
    out = np.empty(x.shape, x.dtype)
    out[...] = 2 * x
    return out


def _peek(place: int) -> int:
    return ctypes.c_ubyte.from_address(place).value


@family("broken: reads behind the end")
def reads_behind(draw: Draw) -> bool:
    x = draw.dense((draw.number(1, 2000),), "float32")
    draw.run(_doubled, x)
    _peek(x.ctypes.data + x.nbytes)
    return True


@family("broken: reads before the beginning")
def reads_before(draw: Draw) -> bool:
    x = draw.dense((draw.number(1, 2000),), "float32")
    _peek(draw.run(_doubled, x).ctypes.data - 1)
    return True


@family("broken: reads behind what numpy made")
def reads_behind_numpy(draw: Draw) -> bool:
    x = draw.dense((draw.number(1, 2000),), "float32")
    made = draw.run(np.add, x, x)
    _peek(made.ctypes.data + made.nbytes)
    return True


@family("broken: writes between the elements")
def writes_between(draw: Draw) -> bool:
    out = draw.output((7, 9), "float32")
    while out.flags.forc:
        out = draw.output((7, 9), "float32")
    out[...] = 1
    ctypes.c_ubyte.from_address(out[:1, :1].ctypes.data + 4).value = 0
    ctypes.c_ubyte.from_address(out[-1:, -1:].ctypes.data - 4).value = 0
    return True


@family("broken: leaves an element as it was")
def leaves_one(draw: Draw) -> bool:
    x = draw.dense((5,), "float32")
    made = draw.run(np.empty, x.shape, x.dtype)
    made[:4] = 2 * x[:4]
    same(made, 2 * x)
    return True


@family("broken: never ends")
def never_ends(draw: Draw) -> bool:
    while True:
        pass
