"""Kernels with reductions over rows, planes, strips and columns; those of several passes: softmax, norms."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from rushlight import kernels
from rushlight.kernels import Node, input_node, length_node, scalar_node
from rushlight.kernels.graph import FLOATS

from ..check import near, rounding_of_sums, same
from ..draw import Draw
from ..graphs import PRIMITIVES
from . import family

GRAPHS = 120
ELEMENTS = 60_000
MATRICES = 300  # each takes scratch, which is slow to guard
CHAIN = ("add", "sub", "minimum", "maximum")
REDUCE = {"sum": np.sum, "amax": np.max, "amin": np.min, "prod": np.prod}
DTYPES = ("float32", "float64", "int32", "int64")
KINDS = {
    "rows": ((-1,), kernels.rowwise),
    "planes": ((-2, -1), kernels.planewise),
    "strips": ((-2,), kernels.stripwise),
    "columns": ((-2,), kernels.columnwise),
}


def _graph(draw: Draw, kind: str) -> tuple[list[Node], str, int, int]:
    """A reduction of a chain whose values stay exact; but for columns perhaps another one that needs it, and
    an output of the whole shape. And of how many arrays and numbers.
    """
    dtype, number = draw.one(*DTYPES), draw.chance(0.3)
    inputs = [input_node(k, dtype) for k in range(draw.number(1, 3))]
    body = inputs[0]
    for other in [*inputs, *[scalar_node(0, dtype)] * number]:
        body = Node(draw.one(*CHAIN), (body, other), dtype)
    if dtype in FLOATS and draw.chance(0.3):
        body = Node("fmod", (body, 7.0), dtype)  # costs so much that it is kept for a second pass
    op = draw.one(*REDUCE)
    reduced = Node(op, (_one_or_minus_one(body) if op == "prod" else body,), dtype)
    outputs = [Node("neg", (reduced,), dtype)]
    if dtype in FLOATS and draw.chance(0.3):
        outputs[0] = Node("sub", (outputs[0], length_node(dtype)), dtype)
    if kind != "columns" and draw.chance(0.5):
        gap = Node("sub", (body, reduced), dtype)
        outputs.append(gap)
        if reduced.op != "sum" and draw.chance(0.5):
            outputs.append(Node("sum", (gap,), dtype))
    return outputs, dtype, len(inputs), int(number)


def _one_or_minus_one(x: Node) -> Node:
    """What has an exact product."""
    below = Node("cast", (Node("lt", (x, 0), "bool"),), x.dtype)
    return Node("sub", (Node("mul", (below, -2), x.dtype), -1), x.dtype)


@cache
def _kernel(number: int, kind: str):
    outputs, *rest = _graph(Draw(2, number), kind)
    return outputs, *rest, KINDS[kind][1](outputs, name=f"fuzz_{kind}{number}")


class _Values:
    """The values of nodes by numpy."""

    def __init__(self, arrays: list[np.ndarray], numbers: list[int], axes: tuple[int, ...]) -> None:
        self.arrays, self.numbers, self.axes = arrays, numbers, axes
        self.known: dict[int, np.ndarray] = {}

    def of(self, node: Node) -> np.ndarray:
        if id(node) not in self.known:
            self.known[id(node)] = np.asarray(self._made(node)).astype(node.dtype)
        return self.known[id(node)]

    def _made(self, node: Node) -> Any:
        if node.op == "input":
            return self.arrays[node.args[0]]
        if node.op == "scalar":
            return self.numbers[node.args[0]]
        if node.op == "length":
            return np.prod([self.arrays[0].shape[axis] for axis in self.axes])
        args = [self.of(a) if isinstance(a, Node) else a for a in node.args]
        if node.op in REDUCE:
            return REDUCE[node.op](args[0], axis=self.axes, keepdims=True)
        return args[0] if node.op == "cast" else PRIMITIVES[node.op](*args)


def _case(draw: Draw, kind: str) -> bool:
    outputs, dtype, count, numbered, kernel = _kernel(draw.number(0, GRAPHS - 1), kind)
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
    numbers = [draw.number(-9, 9) for _ in range(numbered)]
    exact = list(map(_Values(arrays, numbers, axes).of, outputs))
    results = [draw.output(e.shape, dtype) for e in exact]
    draw.run(kernel, *results, *arrays, *numbers)
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
