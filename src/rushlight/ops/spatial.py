"""What operators over images and volumes share: a size for each dimension, and batches of one."""

from __future__ import annotations

from operator import index as as_int

from ..tensor.core import Tensor
from .shapes import shape_of

WORDS = {1: "one int", 2: "two ints", 3: "three ints"}


def each(name, what, value, count, optional=None):
    """`value` for each of `count` dimensions; `optional` stands for None or an empty list."""
    if type(value) is int:
        return (value,) * count
    if value is None or (optional is not None and isinstance(value, (list, tuple)) and not value):
        if optional is None:
            raise TypeError(
                f"{name}(): argument '{what}' must be an int or a tuple of {WORDS[count]}, not None"
            )
        return tuple(optional)
    items = value if isinstance(value, (list, tuple)) else (value,)
    try:
        items = tuple([n if type(n) is int else as_int(n) for n in items])
    except TypeError:
        raise TypeError(
            f"{name}(): argument '{what}' must be an int or a tuple of {WORDS[count]}, but got {value!r}; "
            "whole numbers only"
        ) from None
    if len(items) not in (1, count):
        raise RuntimeError(
            f"{name}: {what} must either be a single int, or a tuple of {WORDS[count]}, but got "
            f"{what}={list(items)}; "
            f"give one number for each of the {count} dimensions"
        )
    return items * count if len(items) == 1 else items


def check_least(name, what, values, least, error=RuntimeError):
    """No value is below `least`."""
    if min(values) < least:
        raise error(
            f"{name}: {what} must be at least {least} in every dimension, but got {what}={list(values)}"
        )


def expect_tensors(name, **given):
    """A TypeError for an argument that is no tensor; None passes for those whose name ends in `_or_none`."""
    for what, x in given.items():
        if not isinstance(x, Tensor) and not (x is None and what.endswith("_or_none")):
            what = what.removesuffix("_or_none")
            raise TypeError(f"{name}(): argument '{what}' must be Tensor, not {type(x).__name__}")


def batch_of(name, input, count):
    """`input` as (images, channels, *sizes), and whether it had no dimension for images; else an error."""
    if type(input) is not Tensor:
        expect_tensors(name, input=input)
    shape = shape_of(input)
    if len(shape) == count + 2:
        return input, False
    if len(shape) == count + 1:
        return input.unsqueeze(0), True
    raise RuntimeError(
        f"{name}: Expected {count + 1}D (unbatched) or {count + 2}D (batched) input, (channels, "
        f"{sizes_named(count)}) or "
        f"(images, channels, {sizes_named(count)}), but got input of size: {list(shape)}"
    )


def sizes_named(count):
    return ", ".join(("depth", "height", "width")[-count:])


def unbatched(result, single):
    """The result for one image without the dimension for images."""
    if not single:
        return result
    return tuple(r.squeeze(0) for r in result) if isinstance(result, tuple) else result.squeeze(0)
