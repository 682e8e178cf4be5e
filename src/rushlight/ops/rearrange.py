"""Elements in another order, or several times: flip, roll, rot90, tile, repeat."""

from __future__ import annotations

from .. import lang
from ..tensor.core import Tensor
from .declare import composite, operator
from .rules import wrap_dim
from .shapes import shape_of, sizes


@operator(out=False, exact=True, varargs=True, learns="moves")
def flip(input: Array, dims):
    """Dimensions in the opposite order."""
    axes = [wrap_dim(d, input.ndim) for d in sizes(dims, "flip(dims)")]
    if len(set(axes)) < len(axes):
        raise RuntimeError(f"dim {axes[-1]} appears multiple times in the list of dims: flip got dims={axes}")
    return lang.flip(input, [d for d in axes if input.ndim])


flip.gradient(input=lambda g, dims: lang.flip(g, [d % max(len(g.shape), 1) for d in dims]) if g.shape else g)


def _need_rank(name, x, rank):
    if x._a.ndim < rank:
        raise RuntimeError(f"{name}: Input must be >= {rank}-d, but it has {x._a.ndim} dimensions")


@composite(out=False)
def fliplr(input):
    """Columns in the opposite order."""
    _need_rank("fliplr", input, 2)
    return flip(input, (1,))


@composite(out=False)
def flipud(input):
    """Rows in the opposite order."""
    _need_rank("flipud", input, 1)
    return flip(input, (0,))


@composite(out=False, node="Rot90Backward0", learns="moves")
def rot90(input, k=1, dims=(0, 1)):
    """A plane turned by `k` quarters."""
    ndim = input._a.ndim
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}: {list(dims)}")
    if ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {ndim}")
    if dims[0] == dims[1] or abs(dims[0] - dims[1]) == ndim:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    a, b = (_rotation_dim(d, ndim) for d in dims)
    k %= 4
    if k == 0:
        return input.clone()
    if k == 2:
        return flip(input, (a, b))
    return flip(input, (b,)).transpose(a, b) if k == 1 else flip(input.transpose(a, b), (b,))


def _rotation_dim(d, ndim):
    if not -ndim <= d < ndim:
        raise RuntimeError(f"Rotation dim0 or dim1 out of range, dim = {d}; the tensor has {ndim} dimensions")
    return d % ndim


@operator(out=False, exact=True, learns="moves")
def roll(input: Array, shifts, dims=()):
    """Elements shifted along dimensions; those that fall off come back at the other end."""
    shifts, dims = sizes(shifts, "roll(shifts)"), () if dims is None else sizes(dims, "roll(dims)")
    if not shifts:
        raise RuntimeError("roll: `shifts` required; give how many places to move")
    if (dims and len(dims) != len(shifts)) or (not dims and len(shifts) != 1):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}")
    if dims and not input.ndim:
        raise IndexError(
            f"Dimension specified as {dims[0]} but tensor has no dimensions: roll() needs one to go along"
        )
    axes = [wrap_dim(d, input.ndim) for d in dims]
    return lang.roll(input, shifts, axes) if input.ndim else input


roll.gradient(
    input=lambda g, shifts, dims: lang.roll(g, [-s for s in sizes(shifts, "roll")], sizes(dims, "roll"))
)


def repeat(self, *repeats):
    """`self` laid out several times along each dimension."""
    times = sizes(repeats, "repeat(*repeats)")
    shape = shape_of(self)
    if len(times) < len(shape):
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor: "
            f"repeat{times} of shape {list(shape)}"
        )
    if min(times, default=0) < 0:
        raise RuntimeError(
            f"repeat: Trying to create tensor with negative dimension; repeats are {list(times)}"
        )
    return repeated(self, times)


@operator(name="_repeat", method=False, out=False, exact=True, node="RepeatBackward0", learns="moves")
def repeated(input: Array, times):
    """`input` laid out as often along each dimension as `times` says."""
    shape = (1,) * (len(times) - input.ndim) + input.shape
    once = lang.reshape(input, in_pairs((1,) * len(shape), shape))
    copies = lang.contiguous(lang.expand(once, in_pairs(times, shape)))
    return lang.reshape(copies, [k * n for k, n in zip(times, shape)])


repeated.gradient(input=lambda g, input_shape, times: sum_of_repeats(g, input_shape, times))


def in_pairs(a, b):
    """The elements of two shapes in turn."""
    return [n for pair in zip(a, b) for n in pair]


def sum_of_repeats(g, shape, times):
    """The sum over all copies of each element."""
    full = (1,) * (len(times) - len(shape)) + tuple(shape)
    apart = lang.reshape(g, in_pairs(times, full))
    return lang.reshape(lang.sum(apart, tuple(range(0, 2 * len(times), 2))), shape)


@composite(out=False, learns="moves")
def tile(input, *dims):
    """Like `repeat`; missing dimensions are not repeated."""
    times = sizes(dims, "tile(dims)")
    return repeat(input, (1,) * (input._a.ndim - len(times)) + times)


Tensor.repeat = repeat
