"""Softmax and its relatives."""

from __future__ import annotations

from .. import lang
from ..lang.along import Along
from ..lang.halves import is_half
from ..warned import warn
from .alias import alias
from .declare import composite, operator
from .rules import wrap_dim


def _logits(name, input, dtype):
    """`input` in the type to compute in; integers have no softmax of their own."""
    if dtype is not None:
        input = lang.cast(input, dtype)
        return lang.cast(input, "float32") if dtype.reduced else input
    if input.dtype.kind not in "fc" and not is_half(input):
        raise NotImplementedError(
            f'"{name}" not implemented for {input.dtype}; give dtype=torch.float32, or convert with x.float()'
        )
    return input


def _rounded(result, dtype):
    return lang.cast(result, dtype) if dtype is not None and dtype.reduced else result


def _dense(x):
    """Row after row in memory, as the result is to be."""
    return x if x.flags.c_contiguous else lang.contiguous(x)


def _axes(x, dim):
    """The axis to go along, as a tuple; a number by itself has none."""
    dim = wrap_dim(dim, len(x.shape))
    return (dim,) if len(x.shape) else ()


def _of_scores(axes, x):
    """The exponentials relative to the largest, which cannot overflow, over their sum."""
    e = lang.exp(x - lang.amax(lang.real(x), axes, True))
    return e * lang.reciprocal(lang.sum(e, axes, True))


def _logs_of_scores(axes, x):
    s = x - lang.amax(lang.real(x), axes, True)
    return s - lang.log(lang.sum(lang.exp(s), axes, True))


def _slope(axes, g, result):
    weighted = g * lang.conj(result)
    return weighted - lang.conj(result) * lang.sum(weighted, axes, True)


def _slope_of_logs(axes, g, result):
    return g - lang.conj(lang.exp(result)) * lang.sum(g, axes, True)


_softmax, _log_softmax = Along(_of_scores, "softmax"), Along(_logs_of_scores, "log_softmax")
_softmax_slope = Along(_slope, "softmax_gradient")
_log_softmax_slope = Along(_slope_of_logs, "log_softmax_gradient")


@operator(halves=True, learns=True)
def softmax(input: Array, dim, dtype=None):
    """Positive numbers that sum to one along `dim`, in proportion to the exponentials."""
    x = _logits("softmax", input, dtype)
    axes = _axes(input, dim)
    return _rounded(_softmax(axes, _dense(x)) if x.size else x, dtype)


@operator(halves=True, learns=True)
def log_softmax(input: Array, dim, dtype=None):
    """The logarithm of `softmax`, accurate where that underflows."""
    x = _logits("log_softmax", input, dtype)
    axes = _axes(input, dim)
    return _rounded(_log_softmax(axes, _dense(x)) if x.size else x, dtype)


@softmax.gradient
def _(g, input_dtype, dim, result, needs):
    return (lang.cast(_softmax_slope(_axes(result, dim), g, result), input_dtype),)


@log_softmax.gradient
def _(g, input_dtype, dim, result, needs):
    return (lang.cast(_log_softmax_slope(_axes(result, dim), g, result), input_dtype),)


def _implicit_dim(name, ndim):
    warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X "
        "as an argument.",
        UserWarning,
    )
    return 0 if ndim in (0, 1, 3) else 1


def _functional(name, call, input, dim, dtype):
    return call(input, _implicit_dim(name, input.ndim) if dim is None else dim, dtype)


@composite(namespace="nn.functional", name="softmax", method=False, out=False)
def functional_softmax(input, dim=None, _stacklevel=3, dtype=None):
    """Positive numbers that sum to one along `dim`, in proportion to the exponentials."""
    return _functional("softmax", softmax, input, dim, dtype)


@composite(namespace="nn.functional", name="log_softmax", method=False, out=False)
def functional_log_softmax(input, dim=None, _stacklevel=3, dtype=None):
    """The logarithm of `softmax`, accurate where that underflows."""
    return _functional("log_softmax", log_softmax, input, dim, dtype)


@composite(namespace="nn.functional", name="softmin", method=False, out=False)
def functional_softmin(input, dim=None, _stacklevel=3, dtype=None):
    """The softmax of the negatives: the smallest gets the most."""
    return _functional("softmin", softmax, -input, dim, dtype)


alias(softmax, "special.softmax", method=False)
alias(log_softmax, "special.log_softmax", method=False)
