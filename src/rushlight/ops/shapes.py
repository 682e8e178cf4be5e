"""Shapes that are given in part, and what they must agree with."""

from __future__ import annotations

from math import prod
from operator import index as as_int
from typing import Any

from ..tensor.core import Tensor

WHOLE = frozenset((int,))


def sizes(given: Any, what: str) -> tuple[int, ...]:
    """A shape given as one number or several, or 0-d tensors; a TypeError shows what is no number."""
    items = given if isinstance(given, (tuple, list)) else (given,)
    if WHOLE.issuperset(map(type, items)):
        return tuple(items)
    if len(items) == 1 and isinstance(items[0], (tuple, list)):
        items = items[0]
    try:
        return tuple(n if type(n) is int else as_int(n) for n in items)
    except TypeError:
        bad = next(n for n in items if type(n) is not int)
        raise TypeError(
            f"{what}: a shape is made of integers, but it has {bad!r}, a {type(bad).__name__}"
        ) from None


def complete(shape: tuple[int, ...], count: int, what: str, own: Any) -> tuple[int, ...]:
    """`shape` with its -1 worked out for `count` elements; `own` is the present shape, for the message."""
    known = prod(n for n in shape if n != -1)
    unknown = shape.count(-1)
    if unknown == 0 and known == count and min(shape, default=0) >= 0:
        return shape
    if unknown > 1:
        raise RuntimeError(
            f"only one dimension can be inferred, but {what} got shape {list(shape)} with {unknown} of -1"
        )
    if min(shape, default=0) < -1:
        raise RuntimeError(
            f"invalid shape dimension {min(shape)}: {what} got {list(shape)}; only -1 stands for an unknown "
            "size"
        )
    if unknown and known == 0 and count == 0:
        raise RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified dimension "
            "size -1 can be any "
            f"value and is ambiguous ({what} of shape {list(own)}); write the size instead of -1"
        )
    if (unknown and (known == 0 or count % known)) or (not unknown and known != count):
        raise RuntimeError(
            f"shape '{list(shape)}' is invalid for input of size {count}: {what} of shape {list(own)} "
            + (
                f"needs sizes whose product divides {count}"
                if unknown
                else f"needs sizes with the product {count}, not {known}"
            )
        )
    return tuple(count // known if n == -1 else n for n in shape)


def expanded(shape: tuple[int, ...], own: tuple[int, ...], what: str = "expand") -> tuple[int, ...]:
    """The shape that `expand(shape)` gives a tensor of shape `own`."""
    lead = len(shape) - len(own)
    if lead < 0:
        raise RuntimeError(
            f"{what}: the number of sizes provided ({len(shape)}) must be greater or equal to the number of "
            "dimensions in the tensor "
            f"({len(own)}); sizes {list(shape)}, tensor {list(own)}"
        )
    result = []
    for i, n in enumerate(shape):
        have = own[i - lead] if i >= lead else None
        if n == -1 and have is None:
            raise RuntimeError(
                "The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension "
                f"{i}: {what} of {list(own)} to "
                f"{list(shape)}; -1 keeps a size, and there is none to keep"
            )
        if n < -1:
            raise RuntimeError(
                f"{what}: invalid size {n} in {list(shape)}; sizes are at least 0, and -1 keeps a size"
            )
        if n != -1 and have is not None and have not in (1, n):
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({have}) at "
                f"non-singleton dimension {i}.  "
                f"Target sizes: {list(shape)}.  Tensor sizes: {list(own)}. Only dimensions of size 1 can be "
                "expanded."
            )
        result.append(have if n == -1 else n)
    return tuple(result)


def broadcast(shapes: Any, what: str) -> tuple[int, ...]:
    """The shape that all of `shapes` broadcast to."""
    ndim = max(map(len, shapes), default=0)
    result = [1] * ndim
    for shape in shapes:
        for k, n in enumerate(shape, ndim - len(shape)):
            if n != result[k] and 1 not in (n, result[k]):
                raise RuntimeError(
                    f"Shape mismatch: objects cannot be broadcast to a single shape; {what} got "
                    f"{' and '.join(str(list(s)) for s in shapes)}, "
                    f"which differ at dimension {k} counted in the result ({result[k]} and {n}). Sizes must "
                    "be equal or 1."
                )
            result[k] = n if result[k] == 1 else result[k]
    return tuple(result)


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of a tensor or an array as a plain tuple."""
    return x._a.shape if isinstance(x, Tensor) else x.shape
