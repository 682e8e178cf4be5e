"""The opposite of max pools: elements put back where they were."""

from __future__ import annotations

from math import prod

from .. import lang
from .declare import composite
from .pooling import put_flat
from .shapes import shape_of
from .spatial import batch_of, check_least, each, expect_tensors, unbatched


def _unpooled_sizes(name, sizes, kernel, stride, padding, output_size):
    """The sizes of the result: those given, if a pool would make the input of them, else the smallest."""
    count = len(sizes)
    smallest = [(n - 1) * s + k - 2 * p for n, s, k, p in zip(sizes, stride, kernel, padding)]
    if output_size is None:
        return smallest
    given = [int(n) for n in output_size]
    if len(given) == count + 2:
        given = given[2:]
    if len(given) != count:
        raise ValueError(
            f"{name}: output_size should be a sequence containing {count} or {count + 2} elements, but it "
            f"has a length of '{len(given)}'"
        )
    for d, (n, m, s) in enumerate(zip(given, smallest, stride)):
        if not m - s < n < m + s:
            raise ValueError(
                f"{name}: invalid output_size {given} (dim {d} must be between {m - s} and {m + s}): a pool "
                f"with stride {list(stride)} "
                f"would not make the input of sizes {list(sizes)} of it"
            )
    return given


def _check_indices(name, input, indices, sizes):
    if indices.dtype.name != "int64":
        raise RuntimeError(
            f"{name}: elements in indices should be type int64 but got: {indices.dtype.name}; pass what a "
            "max pool returned"
        )
    if shape_of(indices) != shape_of(input):
        raise RuntimeError(
            f"{name}: Expected shape of indices to be same as that of the input tensor "
            f"({list(shape_of(input))}) but got indices tensor "
            f"with shape: {list(shape_of(indices))}"
        )
    places = indices._a
    low, high = (int(places.min()), int(places.max())) if places.size else (0, 0)
    if places.size and not 0 <= low <= high < prod(sizes):
        bad = low if low < 0 else high
        raise RuntimeError(
            f"{name}: Found an invalid max index: {bad} (output volumes are of size "
            f"{'x'.join(map(str, sizes))}); give the output_size that "
            "the pool had as its input"
        )


def _declare(count):
    name = f"max_unpool{count}d"

    def unpool(input, indices, kernel_size, stride=None, padding=0, output_size=None):
        expect_tensors(name, input=input, indices=indices)
        kernel = each(name, "kernel_size", kernel_size, count)
        stride, padding = (
            each(name, "stride", stride, count, optional=kernel),
            each(name, "padding", padding, count),
        )
        check_least(name, "stride", stride, 1)
        if input.dtype.category < 2 and input.dtype.name not in ("int64", "int32", "int16", "int8", "uint8"):
            raise NotImplementedError(
                f'"{name}" not implemented for {input.dtype.name}; convert the input first: x.float()'
            )
        x, single = batch_of(name, input, count)
        shape = shape_of(x)
        if 0 in shape[1:]:
            raise RuntimeError(
                f"{name}: Expected input to have non-zero size for non-batch dimensions, but got "
                f"{list(shape)}"
            )
        sizes = _unpooled_sizes(name, shape[2:], kernel, stride, padding, output_size)
        _check_indices(name, input, indices, sizes)
        flat = (*shape[:2], prod(shape[2:]))
        result = put_flat(lang.reshape(x, flat), lang.reshape(indices, flat), prod(sizes))
        return unbatched(lang.reshape(result, (*shape[:2], *sizes)), single)

    unpool.__name__ = name
    unpool.__doc__ = "Zeros with each element where `indices`, from a max pool, says that it was."
    return composite(unpool, namespace="nn.functional", method=False, out=False)


max_unpool1d, max_unpool2d, max_unpool3d = map(_declare, (1, 2, 3))
