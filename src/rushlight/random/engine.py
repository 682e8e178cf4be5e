"""The CPU generator: a 32-bit Mersenne twister drawn from in PyTorch's order.

Outputs are produced in blocks of 624 words. Small draws are slices of the current block, large ones take
many blocks at once.
"""

import operator
import os
import threading

import numpy as np

from . import kernels
from . import state as layout
from .state import WORDS
from .twister import Twister, tempered

DEFAULT_SEED = 67280421310721
FLOAT_BITS = np.uint32((1 << 24) - 1)
FLOAT_UNIT = np.float32(2.0**-24)
DOUBLE_BITS = np.uint64((1 << 53) - 1)
DOUBLE_UNIT = 2.0**-53
COMPILED_FROM = 1024  # numbers; numpy has fewer done as quickly


class Generator:
    """A stream of random words equal to that of PyTorch's CPU generator with the same seed or saved state."""

    def __init__(self, device="cpu"):
        _check_device(device)
        self.lock = threading.RLock()
        self._twister = Twister()
        self.manual_seed(DEFAULT_SEED)

    # Seeding and state

    def manual_seed(self, seed):
        """Start the stream over from `seed`, an integer from -2**63 to 2**64 - 1; returns the generator."""
        seed = _as_seed(seed)
        with self.lock:
            self._restart(seed, untouched=True)
            self._twister.seed(seed)
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
            return layout.pack(
                self._seed,
                self._twister.key,
                self._position,
                self._untouched,
                self.double_normal,
                self.float_normal,
            )

    def set_state(self, state):
        """Go on from bytes saved by `get_state` here or in PyTorch; returns the generator."""
        seed, key, position, untouched, double_normal, float_normal = layout.unpack(state)
        with self.lock:
            self._restart(seed, untouched)
            self._twister.key = key
            if not untouched:
                self._open_block(tempered(key))
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
        words = self.raw32(count)
        compiled = kernels.get(count) if count >= COMPILED_FROM else None
        return words_to_floats(words) if compiled is None else compiled.floats(words)

    def doubles(self, count):
        """`count` float64 numbers in [0, 1), 53 random bits each, as a read-only array."""
        with self.lock:
            start = self._position
            end = start + 2 * count
            if start <= end <= WORDS:
                self._position = end
                return self._block_as_doubles(start & 1)[start >> 1 : end >> 1]
        words = self.raw32(2 * count)
        compiled = kernels.get(count) if count >= COMPILED_FROM else None
        return words_to_doubles(pair_words(words)) if compiled is None else compiled.doubles(words)

    def doubles_ahead(self):
        """Some doubles, at least one; `give_back` the unused ones before anything else is drawn."""
        return self.doubles(max(1, (WORDS - self._position) // 2))

    def give_back(self, count):
        """Take the last `count` doubles of the latest `doubles_ahead` as not drawn."""
        self._position -= 2 * count

    def _raw32_across_blocks(self, count):
        if count < 0:
            raise ValueError(f"the number of words must not be negative, got {count}")
        filled = WORDS - self._position
        blocks = (count - filled) // WORDS
        parts = [self._block[self._position :]]
        if blocks:
            self._untouched = False
            parts.append(self._twister.blocks(blocks))
            filled += blocks * WORDS
            self._position = WORDS
            self._forget_block()
        if filled < count:
            self._open_block(self._twister.blocks(1))
            self._position = count - filled
            parts.append(self._block[: self._position])
        result = np.concatenate(parts) if len(parts) > 1 else parts[0]
        result.flags.writeable = False
        return result

    def _open_block(self, words):
        self._forget_block()
        self._block = words
        self._block.flags.writeable = False
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

    def _restart(self, seed, untouched):
        self._seed = seed
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
