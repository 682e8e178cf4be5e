"""Pools that are told the size of their result: windows part each dimension evenly."""

from __future__ import annotations

from .. import lang
from ..lang.windows import Windows
from .alias import alias
from .declare import composite
from .pooling import ARGMAX, MEAN, checked_input, largest
from .shapes import shape_of
from .spatial import expect_tensors, sizes_named, unbatched

FLOATS = ("float16", "bfloat16", "float32", "float64")


def _output_sizes(name, output_size, sizes):
    """The size of the result in each dimension; None leaves one as it is."""
    given = output_size if isinstance(output_size, (list, tuple)) else (output_size,) * len(sizes)
    if len(given) == 1:
        given = tuple(given) * len(sizes)
    if len(given) != len(sizes):
        raise RuntimeError(f"{name}: output_size must be 1 or {len(sizes)} numbers, but got {output_size}")
    wanted = tuple(n if m is None else int(m) for m, n in zip(given, sizes))
    if min(wanted) < 0:
        raise RuntimeError(
            f"{name}: elements of output_size must be greater than or equal to 0, but received {list(wanted)}"
        )
    return wanted


def _prepared(name, count, input, output_size):
    """The batch, whether it was none, and its windows; None for those when the result has no elements."""
    expect_tensors(name, input=input)
    if input.dtype.name not in FLOATS:
        raise NotImplementedError(
            f'"{name}" not implemented for {input.dtype.name}; convert the input first: x.float()'
        )
    if count > 1 and input.ndim < count + 1:
        raise ValueError(
            f"{name}: Input dimension should be at least {count + 1}, (channels, {sizes_named(count)}), but "
            f"got input of size: {list(shape_of(input))}"
        )
    x, single = checked_input(name, input, count, (), channels="max" in name)
    sizes = shape_of(x)[2:]
    wanted = _output_sizes(name, output_size, sizes)
    return x, single, tuple(Windows(n, m, 0) for n, m in zip(sizes, wanted))


def _empty(x, windows):
    """A result without elements, still tied to the input."""
    return lang.reshape(x[..., :0], (*shape_of(x)[:2], *(w.count for w in windows)))


def _declare_average(count, namespace):
    name = f"adaptive_avg_pool{count}d"

    def pool(input, output_size):
        x, single, windows = _prepared(name, count, input, output_size)
        result = MEAN[count](x, windows, "present") if all(w.count for w in windows) else _empty(x, windows)
        return unbatched(result, single)

    pool.__name__, pool.__doc__ = (
        name,
        "The means of windows that part each dimension evenly into `output_size`.",
    )
    node = f"AdaptiveAvgPool{count}DBackward0"
    return composite(pool, namespace=namespace, method=False, out=False, node=_to_one(node))


def _to_one(node):
    """A pool to a single element is a mean."""
    return lambda input, output_size: "MeanBackward1" if output_size in (1, (1, 1), (1,)) else node


def _declare_max(count, namespace):
    name = f"adaptive_max_pool{count}d"

    def with_indices(input, output_size, return_indices=True):
        x, single, windows = _prepared(name, count, input, output_size)
        if not all(w.count for w in windows):
            nothing = _empty(x, windows)
            return unbatched((nothing, nothing.detach().long()), single)
        return unbatched(ARGMAX[count](x, windows), single)

    def pool(input, output_size, return_indices=False):
        if return_indices:
            return with_indices(input, output_size)
        x, single, windows = _prepared(name, count, input, output_size)
        result = largest(count, x, windows) if all(w.count for w in windows) else _empty(x, windows)
        return unbatched(result, single)

    pool.__name__, with_indices.__name__ = name, name + "_with_indices"
    pool.__doc__ = "The largest elements of windows that part each dimension evenly into `output_size`."
    with_indices.__doc__ = f"`{name}` with the places of the elements."
    composite(with_indices, namespace="nn.functional", method=False, out=False)
    node = f"AdaptiveMaxPool{count}DBackward0"
    return composite(pool, namespace=namespace, method=False, out=False, node=node)


adaptive_avg_pool1d = _declare_average(1, "")
adaptive_avg_pool2d = _declare_average(2, "nn.functional")
adaptive_avg_pool3d = _declare_average(3, "nn.functional")
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = (
    _declare_max(n, "nn.functional") for n in (1, 2, 3)
)
alias(adaptive_avg_pool1d, "nn.functional.adaptive_avg_pool1d")


@composite(name="adaptive_max_pool1d", method=False, out=False)
def adaptive_max_pool1d_with_places(input, output_size):
    """The largest elements of windows that part a sequence evenly, and where they are."""
    return adaptive_max_pool1d(input, output_size, True)
