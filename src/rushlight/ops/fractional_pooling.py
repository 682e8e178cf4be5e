"""Max pools whose windows lie at random, so that a size need not shrink by a whole number."""

from __future__ import annotations

from math import prod

from .. import lang
from ..tensor.sampling import rand
from .declare import composite, operator
from .shapes import shape_of
from .spatial import batch_of, each, unbatched

AXES = {2: ("height", "width"), 3: ("time", "height", "width")}


@operator(name="_fractional_max_pool", method=False, out=False)
def fractional(input: Array, corners: Array, kernel, counts):
    """The largest elements of windows that begin at `corners`, and their places."""
    return lang.interval_argmax(input, corners, kernel, counts)


@operator(name="_interval_corners", method=False, out=False, exact=True, differentiable=False)
def interval_corners(samples: Array, sizes, kernel, counts):
    """Where windows begin, from random numbers; worked out in the precision that these have."""
    return lang.interval_corners(samples, sizes, kernel, counts)


@fractional.gradient
def _(g, input_shape, results, needs):
    lead, planes = input_shape[:2], input_shape[2:]
    size, count = prod(planes), prod(g[0].shape[2:])
    flat = [lang.reshape(x, (*lead, count)) for x in (g[0], results[1])]
    return lang.reshape(lang.add_flat_at(*flat, size, False), input_shape), None


def _output_size(name, count, sizes, output_size, output_ratio):
    if output_size is None and output_ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    if output_size is not None:
        return each(name, "output_size", output_size, count)
    ratios = output_ratio if isinstance(output_ratio, (list, tuple)) else (output_ratio,) * count
    if len(ratios) != count:
        raise ValueError(
            f"{name} requires output_ratio to either be a single Int or tuple of {count} Ints, but got "
            f"{output_ratio}"
        )
    if not all(0 < r < 1 for r in ratios):
        raise ValueError(f"{name}: output_ratio must be between 0 and 1, but got {output_ratio}")
    return tuple(int(n * r) for n, r in zip(sizes, ratios))


def _check(name, shape, kernel, counts, samples):
    count = len(kernel)
    if 0 in shape[1:]:
        raise RuntimeError(
            f"{name}(): Expected input to have non-zero size for non-batch dimensions, but got {list(shape)}"
        )
    for axis, n, k, m in zip(AXES[count], shape[2:], kernel, counts):
        least = m + k - 1 if count == 2 else m + k  # PyTorch wants room to spare in volumes
        if m < 1 or k < 1 or least > n:
            raise RuntimeError(
                f"{name}(): pool {axis} {k} too large relative to input {axis} {n}: {m} windows of {k} "
                f"elements need at least {least}"
            )
    wanted = (*shape[:2], count)
    if len(samples) != 3 or samples[0] < wanted[0] or samples[1:] != wanted[1:]:
        raise RuntimeError(
            f"{name}(): Expect _random_samples of size {list(wanted)}, a number for each plane and "
            f"dimension, but got {list(samples)}"
        )


def _declare(count):
    name = f"fractional_max_pool{count}d"

    def with_indices(
        input, kernel_size, output_size=None, output_ratio=None, return_indices=True, _random_samples=None
    ):
        x, single = batch_of(name, input, count)
        if input.dtype.category != 2:
            raise NotImplementedError(
                f'"{name}" not implemented for {input.dtype.name}; convert the input first: x.float()'
            )
        shape = shape_of(x)
        kernel = each(name, "kernel_size", kernel_size, count)
        counts = _output_size(name, count, shape[2:], output_size, output_ratio)
        samples = rand(*shape[:2], count, dtype=input.dtype) if _random_samples is None else _random_samples
        _check(name, shape, kernel, counts, shape_of(samples))
        if samples.dtype is not input.dtype:
            raise RuntimeError(
                f"{name}(): Expect _random_samples to have the same dtype as input, {input.dtype}, but got "
                f"{samples.dtype}"
            )
        if count == 2:  # the first random number is for the width
            samples = lang.flip(samples, (2,))
        corners = interval_corners(samples[: shape[0]], shape[2:], kernel, counts)
        return unbatched(fractional(x, corners, kernel, counts), single)

    def pool(
        input, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None
    ):
        both = with_indices(input, kernel_size, output_size, output_ratio, True, _random_samples)
        return both if return_indices else both[0]

    pool.__name__, with_indices.__name__ = name, name + "_with_indices"
    pool.__doc__ = (
        "The largest elements of windows at random: `output_size` of them, or `output_ratio` of each size."
    )
    with_indices.__doc__ = f"`{name}` with the places of the elements."
    composite(with_indices, namespace="nn.functional", method=False, out=False)
    return composite(pool, namespace="nn.functional", method=False, out=False)


fractional_max_pool2d, fractional_max_pool3d = map(_declare, (2, 3))
