"""Fourier transforms along one, two or any number of dimensions.

Three linear operators do it all: complex to complex, real to half, half to real. The gradient of each is the
transform back, with the scaling of the other direction.
"""

from __future__ import annotations

from .. import lang
from ..tensor.core import Tensor
from ..tensor.dtype import FLOATING, get_default_dtype
from .declare import composite, operator
from .rules import wrap_dim

TRANSPOSED = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


@operator(name="_fourier", method=False, out=False, node="FftC2CBackward0")
def fourier(input: Array, dims, norm, inverse):
    """From complex to complex."""
    return lang.fourier(input, dims, norm, inverse)


@operator(name="_fourier_real", method=False, out=False, node="FftR2CBackward0")
def fourier_real(input: Array, dim, norm):
    """From real to the half of the bins."""
    return lang.fourier_real(input, dim, norm)


@operator(name="_fourier_half", method=False, out=False, node="FftC2RBackward0")
def fourier_half(input: Array, points, dim, norm):
    """From half of the bins to real."""
    return lang.fourier_half(input, points, dim, norm)


@operator(name="_weigh_bins", method=False, out=False)
def weigh_bins(input: Array, points, dim, factor):
    """Bins that stand for two multiplied by a factor."""
    return lang.weigh_bins(input, points, dim, factor)


fourier.gradient(input=lambda g, dims, norm, inverse: lang.fourier(g, dims, TRANSPOSED[norm], not inverse))
fourier_real.gradient(
    input=lambda g, input_shape, dim, norm: lang.fourier_half(
        lang.weigh_bins(g, input_shape[dim], dim, 0.5), input_shape[dim], dim, TRANSPOSED[norm]
    )
)
fourier_half.gradient(
    input=lambda g, points, dim, norm: lang.weigh_bins(
        lang.fourier_real(g, dim, TRANSPOSED[norm]), points, dim, 2.0
    )
)
weigh_bins.gradient(input=lambda g, points, dim, factor: lang.weigh_bins(g, points, dim, factor))


# ---- arguments


def _operand(name, x, real=False):
    """A tensor in a type that can be transformed: integers become floats."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(x).__name__}")
    if x.dtype.category < FLOATING:
        x = x.to(get_default_dtype())
    if x.dtype.reduced:
        raise RuntimeError(f"{name}: Unsupported dtype {x.dtype.name}; convert the input with x.float()")
    if real and x.dtype.is_complex:
        raise RuntimeError(
            f"{name} expects a real input tensor, but got {x.dtype.name}; take x.real, or use the "
            "transform without r"
        )
    return x


def _complex(x):
    return x if x.dtype.is_complex else x.to(x.dtype.to_complex())


def _norm(name, norm):
    if norm not in (None, "backward", "forward", "ortho"):
        raise RuntimeError(
            f"{name}: Invalid normalization mode: {norm!r}; it is 'backward', 'forward' or 'ortho'"
        )
    return norm or "backward"


def _dims(name, x, s, dim):
    """The dimensions to transform and the size of each."""
    s = [s] if isinstance(s, int) else s
    dim = [dim] if isinstance(dim, int) else dim
    if dim is None:
        dim = range(x.ndim if s is None else len(s))
        if s is not None and len(s) > x.ndim:
            raise RuntimeError(
                f"{name}: Got shape with {len(s)} values but input tensor only has {x.ndim} dimensions."
            )
        dim = [d + x.ndim - len(dim) for d in dim]
    dims = [wrap_dim(d, x.ndim) for d in dim]
    if len(set(dims)) < len(dims):
        raise RuntimeError(f"{name}: FFT dims must be unique, but they are {list(dim)}")
    if s is None:
        s = [-1] * len(dims)
    elif len(s) != len(dims):
        raise RuntimeError(
            f"{name}: When given, dim and shape arguments must have the same length, but they are "
            f"{list(dim)} and {list(s)}"
        )
    sizes = [x.shape[d] if n == -1 else n for n, d in zip(s, dims)]
    return dims, sizes


def _check_points(name, *sizes):
    for n in sizes:
        if n < 1:
            raise RuntimeError(
                f"{name}: Invalid number of data points ({n}) specified; each transformed dimension needs "
                "at least one"
            )


def _resized(x, dims, sizes):
    """Dimensions cut, or filled up with zeros, to the sizes asked for."""
    cut = tuple(slice(0, dict(zip(dims, sizes)).get(d, n)) for d, n in enumerate(x.shape))
    if any(n < x.shape[d] for d, n in zip(dims, sizes)):
        x = lang.pick(x, cut)
    shape = [dict(zip(dims, sizes)).get(d, n) for d, n in enumerate(x.shape)]
    if shape != list(x.shape):
        x = lang.place(x, shape, tuple(slice(0, n) for n in x.shape))
    return x


# ---- the transforms


def _c2c(name, x, s, dim, norm, inverse):
    x, norm = _complex(_operand(name, x)), _norm(name, norm)
    dims, sizes = _dims(name, x, s, dim)
    _check_points(name, *sizes)
    x = _resized(x, dims, sizes)
    return fourier(x, tuple(dims), norm, inverse) if dims else lang.copy(x)


def _r2c(name, x, s, dim, norm, conjugated):
    """From real values to a half; the inverse of `hfft` is the conjugate of it, scaled the other way."""
    x, norm = _operand(name, x, real=True), _norm(name, norm)
    dims, sizes = _dims(name, x, s, dim)
    _check_last(name, dims)
    _check_points(name, *sizes)
    half = fourier_real(_resized(x, dims, sizes), dims[-1], TRANSPOSED[norm] if conjugated else norm)
    half = lang.conj(half) if conjugated else half
    return fourier(half, tuple(dims[:-1]), norm, conjugated) if dims[:-1] else half


def _c2r(name, x, s, dim, norm, conjugated):
    """From a half to real values; `hfft` does this to the conjugate, scaled the other way."""
    x, norm = _complex(_operand(name, x)), _norm(name, norm)
    dims, sizes = _dims(name, x, s, dim)
    _check_last(name, dims)
    given = s[-1] if isinstance(s, (tuple, list)) else s
    n = 2 * (x.shape[dims[-1]] - 1) if given in (None, -1) else given
    _check_points(name, *sizes[:-1], n)
    x = _resized(x, dims, [*sizes[:-1], n // 2 + 1])
    if dims[:-1]:
        x = fourier(x, tuple(dims[:-1]), norm, not conjugated)
    return fourier_half(
        lang.conj(x) if conjugated else x, n, dims[-1], TRANSPOSED[norm] if conjugated else norm
    )


def _check_last(name, dims):
    if not dims:
        raise RuntimeError(f"{name} must transform at least one axis")


def family(name, transform, flag, doc):
    """The transform `name` along one dimension, two, and any number."""

    def one(input, n=None, dim=-1, norm=None):
        return transform(name, input, n, dim, norm, flag)

    def two(input, s=None, dim=(-2, -1), norm=None):
        return transform(name + "2", input, s, dim, norm, flag)

    def many(input, s=None, dim=None, norm=None):
        return transform(name + "n", input, s, dim, norm, flag)

    for body, suffix, where in (
        (one, "", "a dimension"),
        (two, "2", "two dimensions"),
        (many, "n", "several dimensions"),
    ):
        body.__doc__ = f"{doc} along {where}."
        composite(body, name=name + suffix, namespace="fft")


family("fft", _c2c, False, "The discrete Fourier transform")
family("ifft", _c2c, True, "The inverse discrete Fourier transform")
family("rfft", _r2c, False, "The half of the Fourier transform of real values that says everything,")
family("irfft", _c2r, False, "The real values that have a given half of a Fourier transform,")
family("hfft", _c2r, True, "The real Fourier transform of Hermitian-symmetric values, given by half,")
family("ihfft", _r2c, True, "The inverse of `hfft`, half of Hermitian-symmetric values,")


# ---- shifts


@composite(namespace="fft", out=False)
def fftshift(input, dim=None):
    """The zero frequency moved to the middle."""
    dims = _shifted_dims(input, dim)
    return lang.roll(input, [input.shape[d] // 2 for d in dims], dims)


@composite(namespace="fft", out=False)
def ifftshift(input, dim=None):
    """The inverse of `fftshift`."""
    dims = _shifted_dims(input, dim)
    return lang.roll(input, [(input.shape[d] + 1) // 2 for d in dims], dims)


def _shifted_dims(x, dim):
    dims = range(x.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    return [wrap_dim(d, x.ndim) for d in dims]
