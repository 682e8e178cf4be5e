"""Differences, derivatives and integrals of sampled values."""

from __future__ import annotations

from .. import lang
from ..tensor.core import Tensor
from ..tensor.dtype import get_default_dtype
from .alias import alias
from .declare import composite, operator
from .fused import Fusible
from .rules import axes_of, wrap_dim


def cut(x, dim, start, stop):
    """The elements from `start` to `stop` along `dim`."""
    return lang.pick(x, (slice(None),) * dim + (slice(start, stop),))


@operator
def diff(input: Array, n=1, dim=-1, prepend: Array | None = None, append: Array | None = None):
    """The differences of neighbours along `dim`, taken `n` times, with `prepend` and `append` joined on."""
    ndim = len(input.shape)
    if ndim == 0:
        raise RuntimeError(
            "diff expects input to be at least one-dimensional, but it is a single number; reshape it "
            "to (1,) first"
        )
    if n < 0:
        raise RuntimeError(f"diff(): order must be non-negative but got {n}")
    dim = wrap_dim(dim, ndim)
    for name, x in (("prepend", prepend), ("append", append)):
        _check_extension(name, x, input, dim)
    if n == 0:
        return lang.copy(input)
    x = _extended(input, dim, prepend, append)
    for _ in range(n):
        x = _difference(x, dim) if x.shape[dim] else x
    return x


def _extended(input, dim, prepend, append):
    parts = [x for x in (prepend, input, append) if x is not None]
    return lang.cat(parts, dim) if len(parts) > 1 else input


def _check_extension(name, x, input, dim):
    if x is None:
        return
    if len(x.shape) != len(input.shape):
        raise RuntimeError(
            f"diff expects prepend or append to be the same dimension as input, but {name} has "
            f"{len(x.shape)} and input {len(input.shape)}"
        )
    for k, (m, n) in enumerate(zip(x.shape, input.shape)):
        if k != dim and m != n:
            raise RuntimeError(
                "diff expects the shape of tensor to prepend or append to match that of input except "
                "along the differencing dimension "
                f"{dim}; but {name} has shape {list(x.shape)}, input {list(input.shape)}"
            )


def _difference(x, dim):
    later, earlier = cut(x, dim, 1, None), cut(x, dim, None, -1)
    return lang.logical_xor(later, earlier) if _is_bool(x) else _gap.apply(later, earlier)


_gap = Fusible(lambda later, earlier: later - earlier, "difference")


def _is_bool(x):
    return getattr(x.dtype, "name", "") == "bool"


# ---- integrals by the rule of trapezoids


def _areas(y, x, dx, dim):
    """The areas of the trapezoids between neighbours; `dx` apart, or at the places `x`."""
    pairs = cut(y, dim, 1, None) + cut(y, dim, None, -1)
    if x is None:
        return pairs * (dx / 2)
    if len(x.shape) == 1 and len(y.shape) != 1:
        x = lang.reshape(x, (-1,) + (1,) * (len(y.shape) - 1 - dim))
    elif len(x.shape) < len(y.shape):
        x = lang.reshape(x, (1,) * (len(y.shape) - len(x.shape)) + tuple(x.shape))
    axis = dim - len(y.shape) + len(x.shape)
    return pairs * (cut(x, axis, 1, None) - cut(x, axis, None, -1)) / 2


def _check_places(name, y, x, dx, dim):
    """The dimension, counted from the front."""
    if x is not None and dx is not None:
        raise TypeError(
            f"{name}(): give either x (where the values are) or dx (how far apart they are), not both"
        )
    for what, t in (("y", y), ("x", x)):
        if t is not None and t.dtype.name == "bool":
            raise RuntimeError(
                f"{name}: received a bool input for `{what}`, but bool is not supported; convert it "
                "with .float()"
            )
    dim = wrap_dim(dim, y.ndim)
    if x is None:
        return dim
    if x.ndim == 0:
        raise RuntimeError(
            f"{name}: expected `x` to have at least one dimension; if the places are evenly spaced, "
            "give dx= instead"
        )
    if x.ndim == 1 and x.shape[0] != y.shape[dim]:
        raise RuntimeError(
            f"{name}: there must be one `x` value for each sample point, but dim {dim} of y has "
            f"{y.shape[dim]} and x has {x.shape[0]}"
        )
    return dim


@operator(name="_trapezoid", method=False, out=False)
def trapezoids(y: Array, x: Array | None, dx, dim, running):
    """The sum of the areas along `dim`, or every sum on the way."""
    if y.shape[dim] == 0:
        return lang.sum(y, dim, False) if not running else y * 1
    areas = _areas(y, x, dx, dim)
    return lang.cumsum(areas, dim) if running else lang.sum(areas, dim, False)


def _floating(y):
    """Integer samples have areas and slopes in the default floating point type."""
    return y.to(get_default_dtype()) if y.dtype.category < 2 else y


def _integral(name, y, x, dx, dim, running):
    dim = _check_places(name, y, x, dx, dim)
    x = _floating(x) if x is not None else None
    return trapezoids(_floating(y), x, 1 if dx is None else dx, dim, running)


@composite(method=False, out=False)
def trapezoid(y, x=None, *, dx=None, dim=-1):
    """The integral of samples `y` along `dim` by trapezoids: they are `dx` (1) apart, or at places `x`."""
    return _integral("trapezoid", y, x, dx, dim, False)


alias(trapezoid, "trapz", method=False)


@composite(method=False, out=False)
def cumulative_trapezoid(y, x=None, *, dx=None, dim=-1):
    """The integral of samples `y` up to each of them, from the second on."""
    return _integral("cumulative_trapezoid", y, x, dx, dim, True)


# ---- derivatives


@composite(method=False, out=False)
def gradient(input, *, spacing=1, dim=None, edge_order=1):
    """The derivative of samples along each of `dim` (all), second order accurate inside: a tuple of tensors.

    `spacing` is how far apart the samples are, or (a list of tensors) where they are.
    """
    if input.dtype.name == "uint8":
        raise RuntimeError("torch.gradient does not support uint8 input; convert it with x.float()")
    if edge_order not in (1, 2):
        raise RuntimeError(
            f"torch.gradient only supports edge_order=1 and edge_order=2, but got {edge_order}"
        )
    dims = tuple(range(input.ndim)) if dim is None else axes_of(dim, input.ndim)
    if not dims:
        raise RuntimeError(
            "torch.gradient expected input to have at least one dimension, but it is a single number"
        )
    spacings = _spacings(spacing, dims, dim)
    for d, s in zip(dims, spacings):
        _check_samples(input, d, s, edge_order)
    x = _floating(input)
    parts = [(s.to(x.dtype.to_real()), 1) if isinstance(s, Tensor) else (None, s) for s in spacings]
    return tuple(derivative(x, places, spacing, d, edge_order) for d, (places, spacing) in zip(dims, parts))


def _spacings(spacing, dims, dim):
    """One spacing for each dimension."""
    spacing = 1 if spacing is None else spacing
    if isinstance(spacing, Tensor) or not isinstance(spacing, (tuple, list)):
        spacing = [spacing] * (len(dims) if not isinstance(spacing, Tensor) else 1)
    if len(spacing) != len(dims):
        raise RuntimeError(
            "torch.gradient expected spacing to be unspecified, a scalar, or a list of length equal "
            f"to the number of dims ({len(dims)}), "
            f"but got a list of length {len(spacing)}"
        )
    return spacing


def _check_samples(input, dim, spacing, edge_order):
    if input.shape[dim] < edge_order + 1:
        raise RuntimeError(
            "torch.gradient expected each dimension size to be at least edge_order+1 = "
            f"{edge_order + 1}, but dim {dim} of the input of "
            f"shape {list(input.shape)} has {input.shape[dim]}"
        )
    if isinstance(spacing, Tensor) and (spacing.ndim != 1 or spacing.shape[0] != input.shape[dim]):
        raise RuntimeError(
            "torch.gradient expected each element of spacing to have one dimension and as many "
            f"elements as dim {dim} of the input, "
            f"{input.shape[dim]}, but it has shape {list(spacing.shape)}"
        )


@operator(name="_derivative", method=False, out=False)
def derivative(input: Array, places: Array | None, spacing, dim, edge_order):
    """Central differences inside, one-sided ones at both ends."""
    gaps = None
    if places is not None:
        gaps = lang.reshape(_difference(places, 0), (-1,) + (1,) * (len(input.shape) - 1 - dim))
    first, last = (
        _end(input, gaps, spacing, dim, edge_order, 1),
        _end(input, gaps, spacing, dim, edge_order, -1),
    )
    return lang.cat([first, _inside(input, gaps, spacing, dim), last], dim)


def _inside(x, gaps, spacing, dim):
    slopes = _difference(x, dim) / (spacing if gaps is None else gaps)
    before, after = cut(slopes, dim, None, -1), cut(slopes, dim, 1, None)
    if gaps is None:
        return (before + after) / 2
    left, right = cut(gaps, 0, None, -1), cut(gaps, 0, 1, None)
    return (before * right + after * left) / (left + right)


def _end(x, gaps, spacing, dim, edge_order, side):
    """The derivative at the first (side 1) or the last sample (side -1), from the slopes next to it."""
    slopes = _difference(x, dim) / (spacing if gaps is None else gaps)
    near = _one(slopes, dim, side, 0)
    if edge_order == 1:
        return near
    far = _one(slopes, dim, side, 1)
    if gaps is None:
        return near + (near - far) / 2
    near_gap, far_gap = _one(gaps, 0, side, 0), _one(gaps, 0, side, 1)
    return near + (near - far) * (near_gap / (near_gap + far_gap))


def _one(x, dim, side, k):
    """The k-th element from that end, as a slice of length one."""
    start = k if side == 1 else x.shape[dim] - 1 - k
    return cut(x, dim, start, start + 1)
