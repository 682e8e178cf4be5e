"""The words of a 32-bit Mersenne twister, block after block: numpy's, or generated code for large draws."""

import numpy as np

from . import kernels
from .state import WORDS

COMPILED_FROM = 8  # blocks
_ALL_BITS = 0xFFFFFFFF


def tempered(key):
    """The words that a block of the key stands for."""
    words = key ^ key >> 11
    words ^= words << 7 & 0x9D2C5680
    words ^= words << 15 & 0xEFC60000
    return words ^ words >> 18


class Twister:
    """A twister between two blocks. Its key is the last block, before its words were tempered."""

    def __init__(self):
        self._numpy = None  # made at the first draw, which spares programs that draw nothing importing it
        self._seed = None  # to start from before anything else is done
        self._compiled = None  # where generated code keeps the key, once it has drawn from this twister

    def seed(self, seed):
        """Start from the low 32 bits of a seed."""
        self._seed, self._compiled = seed & _ALL_BITS, None

    @property
    def key(self):
        if self._compiled is not None:
            return self._compiled[:WORDS].copy()
        return self._source().state["state"]["key"]

    @key.setter
    def key(self, key):
        self._compiled = self._seed = None
        self._source().state = {"bit_generator": "MT19937", "state": {"key": key, "pos": WORDS}}

    def blocks(self, count):
        """The words of the next `count` blocks."""
        compiled = (
            kernels.get(count * WORDS) if count >= COMPILED_FROM or self._compiled is not None else None
        )
        if compiled is None:
            if self._compiled is not None:  # kernels were switched off meanwhile
                self.key = self.key
            return self._source().random_raw(count * WORDS).astype(np.uint32)
        if self._compiled is None:
            self._compiled = compiled.twister(self.key)
        return compiled.words(self._compiled, count)

    def _source(self):
        if self._numpy is None:
            self._numpy = np.random.MT19937(0)
            self._seeder = np.random.RandomState(self._numpy)
        if self._seed is not None:
            self._seeder.seed(self._seed)
            self._seed = None
        return self._numpy
