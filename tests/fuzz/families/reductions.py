"""Kernels with reductions over rows, planes, strips and columns; those of several passes: softmax, norms."""

from __future__ import annotations

from functools import cache

import numpy as np

from rushlight import kernels
from rushlight.kernels import Node, input_node, length_node

from ..check import near, rounding_of_sums, same
from ..draw import Draw
from . import family

GRAPHS = 120
ELEMENTS = 60_000
MATRICES = 300  # each takes scratch, which is slow to guard
CHAIN = {"add": np.add, "sub": np.subtract, "minimum": np.minimum, "maximum": np.maximum}
REDUCE = {"sum": np.sum, "amax": np.max, "amin": np.min}
DTYPES = ("float32", "float64", "int32", "int64")
KINDS = {
    "rows": ((-1,), kernels.rowwise),
    "planes": ((-2, -1), kernels.planewise),
    "strips": ((-2,), kernels.stripwise),
    "columns": ((-2,), kernels.columnwise),
}


def _graph(draw: Draw, kind: str) -> tuple[list[Node], str, int]:
    """A reduction of a chain whose values stay exact; but for columns perhaps another one that needs it, and
    an output of the whole shape.
    """
    dtype = draw.one(*DTYPES)
    inputs = [input_node(k, dtype) for k in range(draw.number(1, 3))]
    body = inputs[0]
    for other in inputs:
        body = Node(draw.one(*CHAIN), (body, other), dtype)
    reduced = Node(draw.one(*REDUCE), (body,), dtype)
    outputs = [Node("neg", (reduced,), dtype)]
    if kind != "columns" and draw.chance(0.5):
        gap = Node("sub", (body, reduced), dtype)
        outputs.append(gap)
        if reduced.op != "sum" and draw.chance(0.5):
            outputs.append(Node("sum", (gap,), dtype))
    return outputs, dtype, len(inputs)


@cache
def _kernel(number: int, kind: str):
    outputs, dtype, count = _graph(Draw(2, number), kind)
    return outputs, dtype, count, KINDS[kind][1](outputs, name=f"fuzz_{kind}{number}")


def _value(node: Node, arrays: list[np.ndarray], axes: tuple[int, ...]) -> np.ndarray:
    if node.op == "input":
        return arrays[node.args[0]]
    args = [_value(a, arrays, axes) for a in node.args]
    if node.op in REDUCE:
        return REDUCE[node.op](args[0], axis=axes, keepdims=True).astype(node.dtype)
    return np.negative(*args) if node.op == "neg" else CHAIN[node.op](*args)


def _case(draw: Draw, kind: str) -> bool:
    outputs, dtype, count, kernel = _kernel(draw.number(0, GRAPHS - 1), kind)
    axes, last = KINDS[kind][0], -KINDS[kind][0][0]
    if draw.chance(0.03):  # rows so long that threads share one
        shape = [draw.number(1, 3), draw.number(65_000, 70_000)][:: -1 if axes == (-2,) else 1]
    else:
        lead = draw.shape(draw.number(0, 4 - last), ELEMENTS if last == 1 else MATRICES)
        shape = (*lead, *draw.shape(last, ELEMENTS // max(1, int(np.prod(lead)))))
    arrays = []
    for k in range(count):
        own = [1 if k and draw.chance(0.15) else n for n in shape]
        values = np.rint(draw.values(own, dtype) * 3).astype(dtype)
        arrays.append(draw.strided(values) if draw.chance(0.5) else draw.guarded(values))
    exact = [_value(node, arrays, axes) for node in outputs]
    results = [draw.output(e.shape, dtype) for e in exact]
    draw.run(kernel, *results, *arrays)
    for made, wanted in zip(results, exact):
        same(made, wanted)
    return True


@family("rows")
def rows(draw: Draw) -> bool:
    return _case(draw, "rows")


@family("planes")
def planes(draw: Draw) -> bool:
    return _case(draw, "planes")


@family("strips")
def strips(draw: Draw) -> bool:
    return _case(draw, "strips")


@family("columns")
def columns(draw: Draw) -> bool:
    return _case(draw, "columns")


# ---- several passes, with what the first ones computed kept in scratch


def _mean(x: Node) -> Node:
    return Node("div", (Node("sum", (x,), x.dtype), length_node(x.dtype)), x.dtype)


@cache
def _softmax(dtype: str):
    x = input_node(0, dtype)
    e = Node("exp", (Node("sub", (x, Node("amax", (x,), dtype)), dtype),), dtype)
    return kernels.rowwise(Node("div", (e, Node("sum", (e,), dtype)), dtype), name="fuzz_softmax")


@cache
def _norm(dtype: str):
    x = input_node(0, dtype)
    mean = _mean(x)
    gap = Node("sub", (x, mean), dtype)
    scale = Node("rsqrt", (Node("add", (_mean(Node("mul", (gap, gap), dtype)), 1e-3), dtype),), dtype)
    scaled = Node("mul", (Node("mul", (gap, scale), dtype), input_node(1, dtype)), dtype)
    return kernels.rowwise([scaled, mean, scale], name="fuzz_norm")


@family("softmax and normalisation of rows")
def passes(draw: Draw) -> bool:
    dtype = draw.one("float32", "float64")
    shape = draw.shape(draw.number(1, 3), ELEMENTS)
    if draw.chance(0.02):
        shape = (2, draw.number(65_000, 70_000))
    special = (-np.inf, np.nan) if draw.chance(0.2) else ()
    x = draw.dense(shape, dtype, special)
    wide = x.astype(np.longdouble)
    if draw.chance(0.5):
        with np.errstate(all="ignore"):
            e = np.exp(wide - wide.max(-1, keepdims=True))
            exact = e / e.sum(-1, keepdims=True)
        result = draw.output(shape, dtype)
        draw.run(_softmax(dtype), result, x)
        near(
            result,
            exact,
            4 * exact * np.finfo(dtype).eps * (4 + np.abs(np.where(np.isfinite(wide), wide, 0))),
        )
        return True
    weight = draw.dense((shape[-1],), dtype)
    with np.errstate(all="ignore"):
        mean = wide.mean(-1, keepdims=True)
        gap = wide - mean
        scale = 1 / np.sqrt((gap * gap).mean(-1, keepdims=True) + np.dtype(dtype).type(1e-3))
        exact = gap * scale * weight
        magnitude = np.abs(wide).mean(-1, keepdims=True)
    results = [draw.output(shape, dtype), *(draw.output((*shape[:-1], 1), dtype) for _ in range(2))]
    draw.run(_norm(dtype), *results, x, weight)
    rounding = rounding_of_sums(magnitude, 64, dtype)
    near(results[1], mean, rounding)
    near(results[2], scale, 40 * rounding * scale * scale + 1e-6 * scale)
    near(
        results[0],
        exact,
        (rounding * scale + 40 * rounding * scale * scale * np.abs(gap)) * (np.abs(weight) + 0.1),
    )
    return True
