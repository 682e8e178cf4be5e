"""Normalisation of rows by generated kernels: each row is read once forwards, and once backwards."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..lang.normalise import Groups, Moments
from ..runtime import memory, settings


def takes(x: Any, by: Groups) -> bool:
    """Is this large enough for a kernel, and laid out in rows?"""
    return (
        x.size >= settings.kernels_from
        and by.axes == (1,)
        and len(by.shape) == 2
        and x.dtype.char in "fd"
        and x.flags.c_contiguous
        and min(by.shape) > 0
        and _available()
    )


@lru_cache(maxsize=1)
def _available() -> bool:
    from .. import kernels

    return bool(kernels.available())


class _Formulas:
    """The graphs of a normalisation in one type."""

    def __init__(self, dtype: str) -> None:
        from .. import kernels

        self.dtype = dtype
        self.length = kernels.length_node(dtype)
        self.input = lambda k: kernels.input_node(k, dtype)
        self.node = lambda op, *arguments: kernels.Node(op, arguments, dtype)

    def mean(self, x: Any) -> Any:
        return self.node("div", self.node("sum", x), self.length)

    def normal(self, x: Any, mean: Any, scale: Any) -> Any:
        return self.node("mul", x if mean is None else self.node("sub", x, mean), scale)


@lru_cache(maxsize=64)
def _forward(dtype: str, centred: bool, weighted: bool, shifted: bool, eps: float) -> Any:
    from .. import kernels

    f = _Formulas(dtype)
    x = f.input(0)
    mean = f.mean(x) if centred else None
    gap = f.node("sub", x, mean) if centred else x
    scale = f.node("rsqrt", f.node("add", f.mean(f.node("mul", gap, gap)), eps))
    result = f.node("mul", gap, scale)
    if weighted:
        result = f.node("mul", result, f.input(1))
    if shifted:
        result = f.node("add", result, f.input(1 + weighted))
    outputs = [result, mean, scale] if centred else [result, scale]
    return kernels.rowwise(outputs, name="normalise")


@lru_cache(maxsize=64)
def _backward(dtype: str, centred: bool, weighted: bool, with_normal: bool) -> Any:
    """The gradient of the input (and the normalised values, if the weight's gradient wants them)."""
    from .. import kernels

    f = _Formulas(dtype)
    g, x, scale = f.input(0), f.input(1), f.input(2)
    mean = f.input(3) if centred else None
    y = f.normal(x, mean, scale)
    h = f.node("mul", g, f.input(3 + centred)) if weighted else g
    slope = f.node("sub", h, f.node("mul", y, f.mean(f.node("mul", h, y))))
    if centred:
        slope = f.node("sub", slope, f.mean(h))
    result = f.node("mul", slope, scale)
    return kernels.rowwise([result, y] if with_normal else result, name="normalise_grad")


@lru_cache(maxsize=8)
def _of_weights(dtype: str) -> Any:
    from .. import kernels

    f = _Formulas(dtype)
    g, y = f.input(0), f.input(1)
    sums = [f.node("sum", f.node("mul", g, y)), f.node("sum", g)]
    return kernels.columnwise(sums, name="normalise_weights_grad")


def by_rows(x: Any, by: Groups, weight: Any, bias: Any, eps: float) -> tuple[Any, Moments]:
    """What `lang.normalise.normalised` gives for rows."""
    rows, columns = by.shape
    kernel = _forward(x.dtype.name, by.centred, weight is not None, bias is not None, float(eps))
    result = memory.empty(by.shape, x.dtype)
    mean = memory.empty((rows, 1), x.dtype) if by.centred else None
    scale = memory.empty((rows, 1), x.dtype)
    vectors = [v.reshape(1, columns) for v in (weight, bias) if v is not None]
    outputs = (result, scale) if mean is None else (result, mean, scale)
    kernel(*outputs, x.reshape(by.shape), *vectors)
    return result.reshape(x.shape), Moments(mean, None, scale)


def gradients_by_rows(
    g: Any, x: Any, by: Groups, weight: Any, bias: Any, moments: Moments, needs: Any
) -> tuple[Any, Any, Any]:
    """What `lang.normalise.normalised_gradients` gives for rows."""
    g, v = g.reshape(by.shape), x.reshape(by.shape)
    centred, dtype = moments.mean is not None, x.dtype
    kernel = _backward(dtype.name, centred, weight is not None, needs[1])
    result = memory.empty(by.shape, dtype)
    normal = (memory.empty(by.shape, dtype),) if needs[1] else ()
    inputs = [g, v, moments.scale]
    if centred:
        inputs.append(moments.mean)
    if weight is not None:
        inputs.append(weight.reshape(by.affine))
    kernel(result, *normal, *inputs)
    of_weight = of_bias = None
    if needs[1] or needs[2]:
        of_weight, of_bias = memory.empty(by.affine, dtype), memory.empty(by.affine, dtype)
        _of_weights(dtype.name)(of_weight, of_bias, g, *(normal or (g,)))
    return (
        result.reshape(x.shape) if needs[0] else None,
        of_weight.reshape(weight.shape) if needs[1] else None,
        of_bias.reshape(bias.shape) if needs[2] else None,
    )
