"""Variances, standard deviations, covariances and correlations."""

from __future__ import annotations

from .. import lang
from ..lang.along import Along
from ..tensor.dtype import get_default_dtype, promote_types
from ..warned import warn
from .declare import composite, operator
from .reduction import count_of
from .rules import axes_of, restore, without


def _deviations(input, dim):
    """Each element less the average along `dim`."""
    return input - lang.sum(input, axes_of(dim, len(input.shape)), True) / count_of(input.shape, dim)


def _freedom(input, dim, correction):
    return max(count_of(input.shape, dim) - correction, 0)


@operator(name="_var", method=False, out=False, learns=True)
def variance(input: Array, dim, correction, keepdim):
    """The average square of the deviations."""
    made = _by_kernel(_variance, input, dim, correction, keepdim)
    return _average_square("var", input, dim, correction, keepdim) if made is None else made


def _by_kernel(formula, input, dim, correction, keepdim):
    """A formula of deviations and their degrees of freedom in one pass, or None."""
    if input.dtype.kind != "f" or (freedom := _freedom(input, dim, correction)) == 0:
        return None
    axes = axes_of(dim, input.ndim)
    made = formula.by_kernel(tuple(range(input.ndim)) if axes is None else axes, input, float(freedom))
    return made if made is None or keepdim else without(made, axes)


def _average_square(name, input, dim, correction, keepdim):
    if input.dtype.kind not in "fc":
        raise RuntimeError(
            "std and var only support floating point and complex dtypes, but the input is "
            f"{input.dtype}; convert it with x.float()"
        )
    freedom = _freedom(input, dim, correction)
    if freedom == 0:
        warn(
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the "
            "reduction factor (input numel divided by "
            f"output numel): the input has shape {list(input.shape)}, dim is {dim} and correction "
            f"{correction}.",
            UserWarning,
        )
    total = _total_square(input, dim, keepdim)
    return total / freedom if freedom else total / lang.zeros_like(total)


def _total_square(input, dim, keepdim):
    """The sum of the squares of the deviations."""
    axes = axes_of(dim, input.ndim)
    d = _deviations(input, dim)
    squares = d * d if input.dtype.kind == "f" else lang.real(d * lang.conj(d))
    return lang.sum(squares, axes, keepdim)


def _squares_of_deviations(axes, x):
    gap = x - lang.sum(x, axes, True) / lang.count(x, axes)
    rest = lang.sum(gap, axes, True)  # of the mean, which is rounded
    return lang.sum(gap * gap, axes, True) - rest * rest / lang.count(x, axes)


_variance = Along(lambda axes, x, freedom: _squares_of_deviations(axes, x) / freedom, "variance")
_deviation = Along(lambda axes, x, freedom: lang.sqrt(_squares_of_deviations(axes, x) / freedom), "deviation")


@variance.gradient
def _(g, input, dim, correction, keepdim, needs):
    g = restore(g, input.shape, dim, keepdim)
    freedom = _freedom(input, dim, correction)
    scale = g * (2 / freedom) if freedom else g / lang.zeros_like(g)
    return (scale * _deviations(input, dim),)


def _arguments(dim, unbiased, correction):
    """`dim` and `correction` of var(x, unbiased), var(x, dim, unbiased) or var(x, dim, correction=...)."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if unbiased is not None:
        if correction is not None:
            raise TypeError(
                "give either unbiased= or correction=, not both: unbiased=True is correction=1, "
                "unbiased=False correction=0"
            )
        correction = 1 if unbiased else 0
    return dim, 1 if correction is None else correction


@composite
def var(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """The variance of all elements, or along `dim`: squares of deviations over their number less one."""
    dim, correction = _arguments(dim, unbiased, correction)
    return variance(input, dim, correction, keepdim)


@composite
def std(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """The standard deviation of all elements, or along `dim`: the root of the variance."""
    dim, correction = _arguments(dim, unbiased, correction)
    return standard_deviation(input, dim, correction, keepdim)


@operator(name="_std", method=False, out=False, learns=True)
def standard_deviation(input: Array, dim, correction, keepdim):
    """The root of the variance."""
    made = _by_kernel(_deviation, input, dim, correction, keepdim)
    if made is not None:
        return made
    return lang.sqrt(_average_square("std", input, dim, correction, keepdim))


@standard_deviation.gradient
def _(g, input, dim, correction, keepdim, result, needs):
    g, result = restore(g, input.shape, dim, keepdim), restore(result, input.shape, dim, keepdim)
    freedom = _freedom(input, dim, correction)
    zero = lang.eq(result, 0)
    scale = g / (result * freedom) if freedom else g / lang.zeros_like(g)
    return (lang.where(zero, 0, scale) * _deviations(input, dim),)


@composite(method=False, out=False)
def var_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """The variance and the mean of all elements, or along `dim`."""
    dim, correction = _arguments(dim, unbiased, correction)
    return variance(input, dim, correction, keepdim), input.mean(dim, keepdim)


@composite(method=False, out=False)
def std_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """The standard deviation and the mean of all elements, or along `dim`."""
    dim, correction = _arguments(dim, unbiased, correction)
    return standard_deviation(input, dim, correction, keepdim), input.mean(dim, keepdim)


def _check_weights(name, weights, count, integral):
    if weights is None:
        return
    if weights.ndim > 1:
        raise RuntimeError(
            f"cov(): expected {name} to have one or fewer dimensions but got {name} with "
            f"{weights.ndim} dimensions"
        )
    if (weights.dtype.category == 1) != integral:
        kind = "integral" if integral else "floating point"
        raise RuntimeError(
            f"cov(): expected {name} to have {kind} dtype but got {name} with {weights.dtype} dtype"
        )
    if weights._a.size != count:
        raise RuntimeError(
            f"cov(): expected {name} to have the same numel as there are observations in the input but "
            f"got {weights._a.size} numel != {count}"
        )
    if weights._a.size and weights._a.min() < 0:
        raise RuntimeError(f"cov(): {name} cannot be negative")


@composite(out=False)
def cov(input, *, correction=1, fweights=None, aweights=None):
    """The covariances of the rows of `input`, whose columns are observations.

    `fweights` says how often each observation was made, `aweights` how much each counts.
    """
    if input.ndim > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {input.ndim} "
            "dimensions"
        )
    if input.dtype.name == "bool":
        raise RuntimeError("cov(): bool dtype is not supported for input; convert it with x.float()")
    if input.dtype.category < 2:
        input = input.to(get_default_dtype())
    count = input.shape[-1] if input.ndim else 1
    _check_weights("fweights", fweights, count, True)
    _check_weights("aweights", aweights, count, False)
    if aweights is not None:
        input = input.to(promote_types(input.dtype, aweights.dtype))
    return covariance(input, fweights, aweights, correction)


@operator(name="_cov", method=False, out=False)
def covariance(input: Array, fweights: Array | None, aweights: Array | None, correction):
    """Covariances of rows."""
    rows = input if len(input.shape) == 2 else lang.reshape(input, (1, -1))
    weighted, total, freedom = rows, rows.shape[1], rows.shape[1] - correction
    weights = _weights(fweights, aweights)
    if weights is not None:
        total = lang.sum(weights)
        lost = correction if aweights is None else correction * lang.sum(weights * aweights) / total
        freedom = lang.cast(lang.maximum(total - lost, 0), rows.dtype)
        total = lang.cast(total, rows.dtype)
        weighted = rows * lang.cast(weights, rows.dtype)
    d = rows - lang.sum(weighted, 1, True) / total
    right = d if weights is None else d * lang.cast(weights, rows.dtype)
    result = lang.matmul(d, lang.conj(lang.transpose(right, 0, 1)))
    result = result / (freedom if weights is not None else lang.full_like(result, max(freedom, 0)))
    return result if rows.shape[0] != 1 else lang.reshape(result, ())


def _weights(fweights, aweights):
    """How much each observation counts; None when all count the same."""
    if fweights is None or aweights is None:
        return fweights if aweights is None else aweights
    return lang.cast(fweights, aweights.dtype) * aweights


@composite(out=False)
def corrcoef(input):
    """The correlation coefficients of the rows of `input`, whose columns are observations."""
    if input.ndim > 2:
        raise RuntimeError(
            "corrcoef(): expected input to have two or fewer dimensions but got an input with "
            f"{input.ndim} dimensions"
        )
    result = correlation(cov(input))
    return result if result.dtype.is_complex else result.clamp(-1, 1)


@operator(name="_corrcoef", method=False, out=False)
def correlation(covariances: Array):
    """Covariances divided by both standard deviations."""
    if len(covariances.shape) == 0:
        return covariances / covariances
    scale = lang.sqrt(lang.real(lang.diagonal(covariances)))
    n = scale.shape[0]
    return covariances / lang.reshape(scale, (n, 1)) / lang.reshape(scale, (1, n))
