"""What makes random numbers of raw words: the same numbers as numpy's way makes."""

from __future__ import annotations

import numpy as np

from rushlight.random import box_muller, engine, kernels
from rushlight.random.state import WORDS

from ..check import near, same
from ..draw import Draw
from . import family


@family("random numbers")
def draws(draw: Draw) -> bool:
    made = draw.run(kernels.get, 1 << 20)
    if made is None:
        return False
    size = draw.size(3000)
    kind = draw.number(0, 4)
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
    elif kind == 2:
        key = draw.random.integers(0, 1 << 32, WORDS, dtype=np.uint32)
        blocks = draw.number(1, 40)
        state = draw.guarded(draw.run(made.twister, key))
        twister = np.random.MT19937(0)
        twister.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": WORDS}}
        same(draw.run(made.words, state, blocks), twister.random_raw(blocks * WORDS).astype(np.uint32))
        same(state[:WORDS], twister.state["state"]["key"])
    elif kind == 3:
        words = draw.guarded(draw.random.integers(0, 1 << 32, 2 * size, dtype=np.uint32))
        pairs = engine.pair_words(words)
        same(draw.run(made.floats, words), engine.words_to_floats(words))
        same(draw.run(made.doubles, words), engine.words_to_doubles(pairs))
        limit, one = draw.number(0, 1 << 53), np.float32(draw.one(1.0, 1.25))
        same(draw.run(made.below, words, limit, one), one * ((pairs & engine.DOUBLE_BITS) < limit))
        low, count = draw.number(-(1 << 40), 1 << 40), draw.one(1, 2, 3, 10, draw.number(1, 1 << 32))
        same(draw.run(made.integers, words, low, count), low + (words % np.uint64(count)).astype(np.int64))
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
