"""Window functions: `signal.windows.hann` and its like, and the older `hann_window` and its like."""

from __future__ import annotations

from ..lang import signal_windows as shapes
from ..tensor.dtype import DTYPES, get_default_dtype
from ..tensor.factories import ones
from ..tensor.layout import strided
from ..tensor.options import make
from .declare import composite

PRECISIONS = (DTYPES["float32"], DTYPES["float64"])


def window_function(body):
    """Declares a function of `signal.windows`."""
    return composite(body, namespace="signal.windows", out=False)


def _window(name, size, sym, options, shape, *arguments):
    """A window of `size` values from a function of `lang.signal_windows`."""
    dtype = options.get("dtype") or get_default_dtype()
    if options.get("layout", strided) is not strided:
        raise ValueError(f"{name} window is implemented for strided tensors only, got: {options['layout']}")
    if dtype not in PRECISIONS:
        raise ValueError(f"{name} window expects float32 or float64 dtypes, got: {dtype}")
    if size < 0:
        raise ValueError(f"{name} window requires non-negative window length, got M={size}")
    return _filled(name, size, sym, {**options, "dtype": dtype}, shape, *arguments)


def _filled(name, size, sym, options, shape, *arguments):
    if size <= 1:
        return ones(size, **options)
    span = size if sym else size + 1
    return make(name, lambda dt: shape(size, span, *arguments).astype(dt.np), **options)


@window_function
def exponential(M, *, center=None, tau=1.0, sym=True, **options):
    """Falls by a factor of e every `tau` steps away from the center."""
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows; pass sym=False")
    return _window("exponential", M, sym, options, shapes.exponential, center, tau)


@window_function
def cosine(M, *, sym=True, **options):
    """Half of a sine wave."""
    return _window("cosine", M, sym, options, shapes.sine)


@window_function
def gaussian(M, *, std=1.0, sym=True, **options):
    """A bell of standard deviation `std`."""
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    return _window("gaussian", M, sym, options, shapes.gaussian, std)


@window_function
def kaiser(M, *, beta=12.0, sym=True, **options):
    """The Kaiser window: a larger `beta` makes it narrower."""
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    return _window("kaiser", M, sym, options, shapes.kaiser, beta)


@window_function
def general_cosine(M, *, a, sym=True, **options):
    """A sum of cosines with the weights `a`, of alternating sign."""
    _check_weights(a)
    return _window("general_cosine", M, sym, options, shapes.cosines, tuple(a))


def _check_weights(a):
    try:
        count = len(a)
    except TypeError:
        raise TypeError(f"Coefficients must be a list/tuple, got {type(a).__name__}") from None
    if not count:
        raise ValueError("Coefficients cannot be empty")


@window_function
def general_hamming(M, *, alpha=0.54, sym=True, **options):
    """`alpha - (1 - alpha) cos(x)`"""
    return _window("general_hamming", M, sym, options, shapes.cosines, (alpha, 1 - alpha))


@window_function
def hamming(M, *, sym=True, **options):
    """The Hamming window."""
    return _window("hamming", M, sym, options, shapes.cosines, (0.54, 0.46))


@window_function
def hann(M, *, sym=True, **options):
    """The Hann window, a raised cosine."""
    return _window("hann", M, sym, options, shapes.cosines, (0.5, 0.5))


@window_function
def blackman(M, *, sym=True, **options):
    """The Blackman window, of three cosines."""
    return _window("blackman", M, sym, options, shapes.cosines, (0.42, 0.5, 0.08))


@window_function
def nuttall(M, *, sym=True, **options):
    """Nuttall's window, of four cosines."""
    return _window("nuttall", M, sym, options, shapes.cosines, (0.3635819, 0.4891775, 0.1365995, 0.0106411))


@window_function
def bartlett(M, *, sym=True, **options):
    """A triangle."""
    return _window("bartlett", M, sym, options, shapes.bartlett)


# ---- the older forms, periodic by default


def old_window(body):
    """Declares a function of the root namespace."""
    return composite(body, method=False, out=False)


def _old_window(name, size, periodic, options, shape, *arguments):
    dtype = options.get("dtype") or get_default_dtype()
    if not dtype.is_floating_point:
        raise RuntimeError(f"{name} expects floating point dtypes, got: {dtype}")
    if size < 0:
        raise RuntimeError(f"{name} requires non-negative window_length, got window_length={size}")
    return _filled(name, size, not periodic, {**options, "dtype": dtype}, shape, *arguments)


@old_window
def hann_window(window_length, periodic=True, **options):
    """The Hann window, a raised cosine."""
    return _old_window("hann_window", window_length, periodic, options, shapes.cosines, (0.5, 0.5))


@old_window
def hamming_window(window_length, periodic=True, alpha=0.54, beta=0.46, **options):
    """The Hamming window: `alpha - beta cos(x)`."""
    return _old_window("hamming_window", window_length, periodic, options, shapes.cosines, (alpha, beta))


@old_window
def blackman_window(window_length, periodic=True, **options):
    """The Blackman window, of three cosines."""
    return _old_window("blackman_window", window_length, periodic, options, shapes.cosines, (0.42, 0.5, 0.08))


@old_window
def bartlett_window(window_length, periodic=True, **options):
    """A triangle."""
    return _old_window("bartlett_window", window_length, periodic, options, shapes.bartlett)


@old_window
def kaiser_window(window_length, periodic=True, beta=12.0, **options):
    """The Kaiser window: a larger `beta` makes it narrower."""
    return _old_window("kaiser_window", window_length, periodic, options, shapes.kaiser, beta)
