"""The CPU generator: a 32-bit Mersenne twister drawn from in PyTorch's order.

Outputs are produced in blocks of 624 words. Small draws are slices of the current block, large ones go
straight to numpy's implementation of the same twister.
"""

import operator
import os
import threading

import numpy as np

from ..runtime import memory
from . import state as layout
from .state import WORDS

DEFAULT_SEED = 67280421310721
FLOAT_BITS = np.uint32((1 << 24) - 1)
FLOAT_UNIT = np.float32(2.0**-24)
DOUBLE_BITS = np.uint64((1 << 53) - 1)
DOUBLE_UNIT = 2.0**-53
_RAW_CHUNK = 1 << 16


class Generator:
    """A stream of random words equal to that of PyTorch's CPU generator with the same seed or saved state."""

    def __init__(self, device="cpu"):
        _check_device(device)
        self.lock = threading.RLock()
        self._twister = None
        self.manual_seed(DEFAULT_SEED)

    # Seeding and state

    def manual_seed(self, seed):
        """Start the stream over from `seed`, an integer from -2**63 to 2**64 - 1; returns the generator."""
        seed = _as_seed(seed)
        with self.lock:
            self._restart(seed, untouched=True)
            self._must_seed = True
        return self

    def seed(self):
        """Start the stream over from a fresh 64-bit seed of the operating system, and return that seed."""
        seed = int.from_bytes(os.urandom(8), "little")
        self.manual_seed(seed)
        return seed

    def initial_seed(self):
        """The seed the stream was last started from."""
        return self._seed

    def get_state(self):
        """The whole state as 5056 bytes, in the layout of `torch.get_rng_state()`."""
        with self.lock:
            key = self._source().state["state"]["key"]
            return layout.pack(
                self._seed, key, self._position, self._untouched, self.double_normal, self.float_normal
            )

    def set_state(self, state):
        """Go on from bytes saved by `get_state` here or in PyTorch; returns the generator."""
        seed, key, position, untouched, double_normal, float_normal = layout.unpack(state)
        with self.lock:
            self._restart(seed, untouched)
            loaded = {"key": key, "pos": WORDS if untouched else 0}
            self._source().state = {"bit_generator": "MT19937", "state": loaded}
            if not untouched:
                self._next_block()
                self._position = position
            self.double_normal, self.float_normal = double_normal, float_normal
        return self

    def clone(self):
        """An independent generator that continues from the same point."""
        return type(self)().set_state(self.get_state())

    def __getstate__(self):
        return {"state": self.get_state().tobytes()}

    def __setstate__(self, saved):
        Generator.__init__(self)
        self.set_state(np.frombuffer(saved["state"], np.uint8))

    # Draws; the arrays may be views of the current block and are read-only

    def raw32(self, count):
        """The next `count` outputs of the twister as a read-only uint32 array."""
        with self.lock:
            start = self._position
            end = start + count
            if start <= end <= WORDS:
                self._position = end
                return self._block[start:end]
            return self._raw32_across_blocks(count)

    def raw64(self, count):
        """The next `count` 64-bit words: each from two outputs, the first of them in the upper half."""
        return pair_words(self.raw32(2 * count))

    def floats(self, count):
        """`count` float32 numbers in [0, 1), 24 random bits each, as a read-only array."""
        with self.lock:
            start = self._position
            end = start + count
            if start <= end <= WORDS:
                self._position = end
                return self._block_as_floats()[start:end]
        return words_to_floats(self.raw32(count))

    def doubles(self, count):
        """`count` float64 numbers in [0, 1), 53 random bits each, as a read-only array."""
        with self.lock:
            start = self._position
            end = start + 2 * count
            if start <= end <= WORDS:
                self._position = end
                return self._block_as_doubles(start & 1)[start >> 1 : end >> 1]
        return words_to_doubles(self.raw64(count))

    def doubles_ahead(self):
        """Some doubles, at least one; `give_back` the unused ones before anything else is drawn."""
        return self.doubles(max(1, (WORDS - self._position) // 2))

    def give_back(self, count):
        """Take the last `count` doubles of the latest `doubles_ahead` as not drawn."""
        self._position -= 2 * count

    def _raw32_across_blocks(self, count):
        result = memory.empty((count,), np.dtype(np.uint32))
        filled = WORDS - self._position
        result[:filled] = self._block[self._position :]
        whole_blocks_end = filled + (count - filled) // WORDS * WORDS
        if whole_blocks_end > filled:
            self._untouched, source = False, self._source()
            while filled < whole_blocks_end:
                size = min(_RAW_CHUNK, whole_blocks_end - filled)
                result[filled : filled + size] = source.random_raw(size)
                filled += size
            self._position = WORDS
            self._forget_block()
        if filled < count:
            self._next_block()
            self._position = count - filled
            result[filled:] = self._block[: self._position]
        result.flags.writeable = False
        return result

    def _next_block(self):
        self._block = self._source().random_raw(WORDS).astype(np.uint32)
        self._block.flags.writeable = False
        self._floats = None
        self._doubles = [None, None]
        self._position = 0
        self._untouched = False

    def _forget_block(self):
        self._block = _NO_WORDS
        self._floats = None
        self._doubles = [None, None]

    def _block_as_floats(self):
        if self._floats is None:
            self._floats = words_to_floats(self._block)
            self._floats.flags.writeable = False
        return self._floats

    def _block_as_doubles(self, parity):
        """The doubles that start at even (or odd) words of the current block."""
        if self._doubles[parity] is None:
            self._doubles[parity] = words_to_doubles(pair_words(self._block[parity : WORDS - parity]))
            self._doubles[parity].flags.writeable = False
        return self._doubles[parity]

    def _source(self):
        """numpy's twister, made at the first draw (which spares programs that draw nothing importing it)."""
        if self._twister is None:
            self._twister = np.random.MT19937(0)
            self._seeder = np.random.RandomState(self._twister)
        if self._must_seed:
            self._seeder.seed(self._seed & 0xFFFFFFFF)
            self._must_seed = False
        return self._twister

    def _restart(self, seed, untouched):
        self._seed = seed
        self._must_seed = False
        self._position = WORDS
        self._untouched = untouched
        # The second half of a Box-Muller pair waits here for the next serial draw of a normal number.
        self.double_normal = None
        self.float_normal = None
        self._forget_block()

    def __repr__(self):
        return f"Generator(device='cpu', initial_seed={self._seed})"


# Stands for a block that is used up or was not kept: a slice from position 624 is empty, as it should be.
_NO_WORDS = np.zeros(WORDS, np.uint32)
_NO_WORDS.flags.writeable = False


def pair_words(words):
    """uint64 from consecutive pairs of uint32 words, the first of each pair in the upper half."""
    result = words[0::2].astype(np.uint64)
    result <<= np.uint64(32)
    result |= words[1::2]
    return result


def words_to_floats(words):
    """uint32 words to float32 numbers in [0, 1), from their low 24 bits."""
    result = (words & FLOAT_BITS).astype(np.float32)
    result *= FLOAT_UNIT
    return result


def words_to_doubles(words):
    """uint64 words to float64 numbers in [0, 1), from their low 53 bits."""
    # Signed integers convert several times faster, and 53 bits leave the sign clear.
    result = (words & DOUBLE_BITS).view(np.int64).astype(np.float64)
    result *= DOUBLE_UNIT
    return result


def _as_seed(seed):
    try:
        seed = operator.index(seed)
    except TypeError:
        raise RuntimeError(f"manual_seed expected an integer, but got {type(seed).__name__}") from None
    if not -(2**63) <= seed < 2**64:
        raise ValueError(f"Overflow: a seed lies in [-2**63, 2**64 - 1], got {seed}")
    return seed % 2**64


def _check_device(device):
    kind = getattr(device, "type", device)
    if not (isinstance(kind, str) and kind.split(":")[0] == "cpu"):
        raise RuntimeError(f"expected a generator device of type 'cpu', got {device!r}")


default_generator = Generator()
