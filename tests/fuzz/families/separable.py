"""Weighted sums along the last axes: maps with any taps, of floats and of bytes."""

from __future__ import annotations

import numpy as np

from rushlight.kernels import separable

from ..check import near, rounding_of_sums, same
from ..draw import Draw
from . import family

ELEMENTS = 20_000
MOST_RESULTS = 60_000


def _map(draw: Draw, size: int, most: int, dtype: str) -> tuple[separable.Map, np.ndarray]:
    """Taps anywhere, and the matrices that they and their sizes are."""
    count, taps = draw.size(most), draw.one(0, 1, 2, 4)
    targets = np.repeat(np.arange(count), taps) if taps else draw.random.integers(0, count, 2 * count)
    places, weights = draw.random.integers(0, size, len(targets)), draw.values((len(targets),), dtype)
    if draw.chance(0.2):
        weights[...] = 1
    matrices = np.zeros((2, count, size))
    np.add.at(matrices[0], (targets, places), weights)
    np.add.at(matrices[1], (targets, places), abs(weights))
    return separable.Map.of_taps(size, targets, places, weights, count), matrices


def _maps(draw: Draw, shape: tuple[int, ...], dtype: str) -> tuple[list, list, int]:
    """For each of the last axes a map or none, their matrices, and how many taps an element may have."""
    maps, matrices, taps = [], [], 1
    mapped = shape[-draw.number(1, 3) :]
    room = MOST_RESULTS // int(np.prod(shape[: len(shape) - len(mapped)]))
    for k, n in enumerate(mapped):
        most = min(90, max(1, room // int(np.prod(mapped[k + 1 :]))))
        made, matrix = _map(draw, n, most, dtype) if draw.chance(0.85) else (None, (None, None))
        room = max(1, room // (made.count if made else n))
        maps.append(made)
        matrices.append(matrix)
        taps += int(np.diff(made.starts).max(initial=0)) if made else 0
    return maps, matrices, taps


def _run(draw: Draw, x: np.ndarray, maps: tuple) -> np.ndarray | None:
    made = draw.run(separable.run, x, draw.number(0, 1 << 60), lambda: maps)
    separable._plans.forget()  # tables lie in memory of this case
    return made


def _exact(x: np.ndarray, matrices: list[np.ndarray | None]) -> np.ndarray:
    for axis, matrix in enumerate(matrices, x.ndim - len(matrices)):
        if matrix is not None:
            x = np.moveaxis(np.moveaxis(x, axis, -1) @ matrix.T, -1, axis)
    return x


@family("sums along axes")
def sums(draw: Draw) -> bool:
    shape = draw.shape(draw.number(3, 4), ELEMENTS)
    dtype = draw.one("float32", "float64")
    maps, matrices, taps = _maps(draw, shape, dtype)
    x = draw.dense(shape, dtype)
    numbers = None
    if draw.chance(0.3) and all(maps):
        numbers = separable.Divided(tuple(draw.random.integers(1, 9, m.count) for m in maps))
    made = _run(draw, x, (maps, numbers))
    if made is None:
        return False
    exact = _exact(x.astype("f8"), [m[0] for m in matrices])
    magnitude = _exact(abs(x.astype("f8")), [m[1] for m in matrices])
    for axis, n in enumerate(numbers.numbers if numbers else (), x.ndim - len(maps)):
        divisor = n.reshape([-1 if k == axis else 1 for k in range(x.ndim)])
        exact, magnitude = exact / divisor, magnitude / divisor
    near(made, exact, 3 * rounding_of_sums(magnitude, taps, dtype))
    return True


@family("sums along axes: bytes")
def bytes_(draw: Draw) -> bool:
    shape = draw.shape(3, ELEMENTS)
    made, _ = _map(draw, shape[-1], 90, "float64")
    made.weights = abs(made.weights)
    axis = draw.number(1, 2)
    x = draw.dense(np.moveaxis(np.empty(shape), -1, axis).shape, "uint8")
    whole, bits = separable.whole_weights(made.weights)
    matrix = np.zeros((made.count, made.size), np.int64)
    np.add.at(matrix, (made.targets, made.places), whole)
    got = _run(draw, x, ([made, None] if axis == 1 else [made], None))
    if got is None:
        return False
    total = np.moveaxis(x, axis, -1).astype(np.int64) @ matrix.T
    exact = np.clip((total + ((1 << bits) >> 1)) >> bits, 0, 255).astype(np.uint8)
    same(got, np.moveaxis(exact, -1, axis))
    return True
