"""`Size`, the tuple that a tensor's shape is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from operator import index
from typing import Any, SupportsIndex, overload

__all__ = ["Size"]


class Size(tuple[int, ...]):
    """The shape of a tensor: a tuple of integers that knows how many elements it spans.

    Slices, sums and repetitions are Sizes again. Code that holds a tuple of ints already, such as the shape
    of a numpy array, skips the checks with `tuple.__new__(Size, shape)`.
    """

    __slots__ = ()
    __array_priority__ = -1.0  # above numpy's scalars: np.int64(2) * size repeats it, as with any tuple

    def __new__(cls, lengths: Iterable[SupportsIndex] = (), /) -> Size:
        return tuple.__new__(cls, [n if type(n) is int else _as_int(n, i) for i, n in enumerate(lengths)])

    def numel(self) -> int:
        """The number of elements of a tensor of this shape."""
        return math.prod(self)

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"

    def __reduce__(self) -> tuple[type[Size], tuple[tuple[int, ...]]]:
        return Size, (tuple(self),)

    @overload
    def __getitem__(self, key: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, key: slice) -> Size: ...
    def __getitem__(self, key: Any) -> int | Size:
        item = tuple.__getitem__(self, key)
        return tuple.__new__(Size, item) if type(key) is slice else item

    def __add__(self, other: tuple[SupportsIndex, ...]) -> Size:  # type: ignore[override]
        return Size(tuple.__add__(self, other)) if isinstance(other, tuple) else NotImplemented

    def __radd__(self, other: tuple[SupportsIndex, ...]) -> Size:
        return Size(tuple.__add__(other, self)) if isinstance(other, tuple) else NotImplemented

    def __mul__(self, times: SupportsIndex) -> Size:
        try:
            return tuple.__new__(Size, tuple.__mul__(self, times))
        except TypeError:
            return NotImplemented  # an array, say, multiplies each length

    __rmul__ = __mul__


def _as_int(length: Any, position: int) -> int:
    try:
        return int(index(length))
    except TypeError:
        raise TypeError(
            f"torch.Size() takes integers, but item {position} is {length!r}, a {type(length).__name__}; "
            "convert it with int() if that is meant"
        ) from None
