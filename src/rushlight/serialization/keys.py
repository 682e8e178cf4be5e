"""Which values may be keys of a dictionary or items of a set that is loaded."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor.device import device
from .errors import LoadError

MOST_PARTS_OF_A_KEY = 10_000  # hashing tuples of tuples of the same tuples would take forever
QUICK_HASHES = {
    t.__hash__ for t in (object, str, bytes, int, float, complex, type(None), tuple, frozenset, type)
}
HASHABLE = (device, np.generic, np.dtype, slice, range)


def checked_key(key: Any) -> Any:
    """The key, if hashing it takes no more than a moment and runs no code of the program's classes."""
    waiting, seen = [key], 0
    while waiting:
        part = waiting.pop()
        if type(part).__hash__ not in QUICK_HASHES and not isinstance(part, HASHABLE):
            raise LoadError(
                f"a {type(part).__name__} is no key of a dictionary or item of a set that is loaded"
            )
        if isinstance(part, (tuple, frozenset)):
            seen += 1 + len(part)
            if seen > MOST_PARTS_OF_A_KEY:
                raise LoadError("a key of a dictionary or an item of a set has too many parts")
            waiting.extend(part)
    return key
