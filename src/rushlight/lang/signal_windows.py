"""Window functions as arrays: the weights by which a stretch of a signal is faded in and out.

`size` values are taken out of a window that is symmetric over `span` of them: one more where it is periodic.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def steps(size: int) -> np.ndarray:
    return np.arange(size, dtype=np.float64)


def cosines(size: int, span: int, weights: Sequence[float]) -> np.ndarray:
    """`weights[0] - weights[1] cos(x) + weights[2] cos(2 x) - ...` over one turn."""
    angle = steps(size) * (2 * np.pi / (span - 1))
    return sum((-1) ** k * a * np.cos(k * angle) for k, a in enumerate(weights))  # type: ignore[return-value]


def bartlett(size: int, span: int) -> np.ndarray:
    """A triangle."""
    return 1 - np.abs(steps(size) * (2 / (span - 1)) - 1)


def sine(size: int, span: int) -> np.ndarray:
    """Half of a sine wave."""
    return np.sin(np.pi / span * (steps(size) + 0.5))


def exponential(size: int, span: int, center: float | None, tau: float) -> np.ndarray:
    """Falls by a factor of e every `tau` steps away from the center."""
    center = (span - 1) / 2 if center is None else center
    return np.exp(-np.abs(steps(size) - center) / tau)


def gaussian(size: int, span: int, std: float) -> np.ndarray:
    """A bell of the given standard deviation."""
    return np.exp(-(((steps(size) - (span - 1) / 2) / std) ** 2) / 2)


def kaiser(size: int, span: int, beta: float) -> np.ndarray:
    """Close to the window with the most energy in its main lobe."""
    place = steps(size) * (2 / (span - 1)) - 1
    return np.i0(beta * np.sqrt(np.maximum(1 - place * place, 0))) / np.i0(beta)
