"""What makes random numbers of raw words: the same numbers as numpy's way makes."""

from __future__ import annotations

import numpy as np

from rushlight.random import box_muller, kernels

from ..check import near, same
from ..draw import Draw
from . import family


@family("random numbers")
def draws(draw: Draw) -> bool:
    made = draw.run(kernels.get, 1 << 20)
    if made is None:
        return False
    size = draw.size(3000)
    kind = draw.number(0, 2)
    if kind == 0:
        n = max(1, size)
        partners = draw.guarded(draw.random.integers(0, n, draw.number(0, n)))
        exact = list(range(n))
        for i, k in enumerate(partners.tolist()):
            exact[i], exact[k] = exact[k], exact[i]
        same(draw.run(made.shuffle, n, partners), np.array(exact))
    elif kind == 1:
        name = draw.one(*kernels.LIBRARY_FUNCTIONS)
        x = draw.guarded(np.abs(draw.values((size,), "float64")))
        exact = getattr(np, name)(x.astype(np.longdouble))
        near(draw.run(made.apply, name, x), exact, 4e-16 * np.abs(exact) + 5e-324)
    else:
        words = draw.guarded(draw.random.integers(0, 1 << 32, 16 * draw.number(1, 100), dtype=np.uint32))
        mean, std = draw.one(0.0, -3.5), draw.one(1.0, 0.02)
        same(draw.run(made.normal, words, mean, std), _normal(words, mean, std))
    return True


def _normal(words: np.ndarray, mean: float, std: float) -> np.ndarray:
    """As numpy's way in `random.continuous` has it."""
    numbers = ((words & 0xFFFFFF) * 2.0**-24).astype(np.float32).reshape(-1, 2, 8)
    pair = box_muller.normal_pair(box_muller.Float32, numbers[:, 0].copy(), numbers[:, 1].copy())
    values = np.stack(pair, axis=1).reshape(-1)
    return box_muller.Float32.fma(values, np.float32(std), np.float32(mean))
