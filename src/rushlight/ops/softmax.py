"""Softmax and its relatives."""

from __future__ import annotations

import warnings

from .. import lang
from .alias import alias
from .declare import composite, operator
from .rules import wrap_dim


def _logits(name, input, dtype):
    """`input` in the type to compute in; integers have no softmax of their own."""
    if dtype is not None:
        input = lang.cast(input, dtype)
        return lang.cast(input, "float32") if dtype.reduced else input
    if input.dtype.kind not in "fc":
        raise NotImplementedError(
            f'"{name}" not implemented for {input.dtype}; give dtype=torch.float32, or convert with x.float()'
        )
    return input


def _rounded(result, dtype):
    return lang.cast(result, dtype) if dtype is not None and dtype.reduced else result


def _shifted(x, dim):
    """The logits less the largest along `dim`, which leaves every ratio as it is and cannot overflow."""
    return x - lang.amax(lang.real(x), dim, True) if x.size else x


def _axis(x, dim):
    """The axis to go along; a number by itself has none."""
    dim = wrap_dim(dim, len(x.shape))
    return dim if len(x.shape) else None


@operator
def softmax(input: Array, dim, dtype=None):
    """Positive numbers that sum to one along `dim`, in proportion to the exponentials."""
    x = _logits("softmax", input, dtype)
    dim = _axis(input, dim)
    e = lang.exp(_shifted(x, dim))
    return _rounded(e / lang.sum(e, dim, True), dtype)


@operator
def log_softmax(input: Array, dim, dtype=None):
    """The logarithm of `softmax`, accurate where that underflows."""
    x = _logits("log_softmax", input, dtype)
    dim = _axis(input, dim)
    s = _shifted(x, dim)
    return _rounded(s - lang.log(lang.sum(lang.exp(s), dim, True)), dtype)


@softmax.gradient
def _(g, input_dtype, dim, result, needs):
    weighted = g * lang.conj(result)
    return (
        lang.cast(weighted - lang.conj(result) * lang.sum(weighted, _axis(result, dim), True), input_dtype),
    )


@log_softmax.gradient
def _(g, input_dtype, dim, result, needs):
    return (lang.cast(g - lang.conj(lang.exp(result)) * lang.sum(g, _axis(result, dim), True), input_dtype),)


def _implicit_dim(name, ndim):
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X "
        "as an argument.",
        UserWarning,
        stacklevel=4,
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
