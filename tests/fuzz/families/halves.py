"""Half precision: conversions, arithmetic and matrix products, of bfloat16, float16 and short integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from rushlight import kernels
from rushlight.kernels import Node, half_products, input_node

from ..check import near, same
from ..draw import Draw
from . import family

ROUNDING = {"float16": 2.0**-11, "bfloat16": 2.0**-8}
UNARY = ("neg", "abs", "sqrt", "exp", "tanh", "sigmoid")


def _type(name: str) -> np.dtype:
    if name != "bfloat16":
        return np.dtype(name)
    import ml_dtypes

    return np.dtype(ml_dtypes.bfloat16)


def _array(draw: Draw, shape: tuple[int, ...], name: str) -> Any:
    """Numbers of that type between guard pages, in one of the layouts that are drawn."""
    if name not in ROUNDING:
        return draw.dense(shape, name)
    return draw.guarded(draw.values(shape, "float32").astype(_type(name)))


@family("half precision")
def arithmetic(draw: Draw) -> bool:
    name, op = draw.one(*ROUNDING), draw.one(*UNARY)
    shape = tuple(draw.size(60) for _ in range(draw.number(1, 3)))
    x = _array(draw, shape, name)
    if draw.chance(0.3) and len(shape) > 1:
        x = x.swapaxes(0, 1)
    x = x[..., ::2] if draw.chance(0.3) else x
    wide = Node("cast", (input_node(0, name),), "float32")
    graph = Node("cast", (Node(op, (wide,), "float32"),), name)
    out = _array(draw, x.shape, name)
    draw.run(kernels.elementwise(graph), out, x)
    reference = kernels.elementwise(Node(op, (input_node(0, "float32"),), "float32"))
    single = np.ascontiguousarray(x.astype(np.float32))
    with np.errstate(all="ignore"):
        wanted = reference(np.empty_like(single), single).astype(_type(name))
    same(out.astype(np.float32), wanted.astype(np.float32))
    return True


@family("products of few bits")
def products(draw: Draw) -> bool:
    name = draw.one("bfloat16", "bfloat16", "float16", "int8", "uint8", "int16", "int32", "int64")
    batch = tuple(draw.number(1, 3) for _ in range(draw.number(0, 2)))
    rows, inner, columns = draw.size(90), draw.size(300), draw.size(90)
    a, b = (
        _array(draw, (*batch, c, r), name).swapaxes(-1, -2)
        if draw.chance(0.5)
        else _array(draw, (*batch, r, c), name)
        for r, c in ((rows, inner), (inner, columns))
    )
    start = None
    if name in ROUNDING and draw.chance(0.3):
        start = _array(draw, draw.one((columns,), (rows, columns)), name)
    made = draw.run(half_products.product, a, b, start)
    if made is None:
        return False
    if name not in ROUNDING:
        with np.errstate(over="ignore"):
            same(made, np.matmul(a, b))
        return True
    a, b = a.astype("f8"), b.astype("f8")
    exact, size = np.matmul(a, b), np.matmul(np.abs(a), np.abs(b))
    if start is not None:
        exact, size = exact + start.astype("f8"), size + np.abs(start.astype("f8"))
    near(made.astype("f8"), exact, ROUNDING[name] * np.abs(exact) + 4e-5 * size + 1e-7)
    return True
