"""Element-wise kernels: random graphs on arrays of any layout, and the vector functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np

from rushlight import kernels
from rushlight.kernels import Node, input_node

from ..check import near, same
from ..draw import Draw
from ..graphs import random_graph, value_of
from . import family

GRAPHS = 400  # each is compiled once, and called with many layouts
ELEMENTS = 20_000
SPECIAL = (0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, -1e-44)


@cache
def _graph(number: int):
    outputs, *dtypes = random_graph(Draw(1, number))
    return outputs, *dtypes, kernels.elementwise(outputs, name=f"fuzz{number}")


def _arguments(draw: Draw, shape: tuple, dtypes: list[str], special: tuple = ()) -> list[np.ndarray]:
    """Arrays that broadcast to the shape, of any layout."""
    arrays = []
    for dtype in dtypes:
        own = shape[draw.number(0, len(shape)) if draw.chance(0.2) else 0 :]
        own = [1 if draw.chance(0.15) else n for n in own]
        values = draw.values(own, dtype, special)
        if dtype.startswith("float") and not special:
            values = np.rint(values * 5)  # chains of exact primitives stay exact
        arrays.append(draw.strided(values.astype(dtype)))
    return arrays


def _run(draw: Draw, shape: tuple) -> bool:
    outputs, dtypes, types, kernel = _graph(draw.number(0, GRAPHS - 1))
    arrays, numbers = _arguments(draw, shape, dtypes), [_number(draw, dtype) for dtype in types]
    results = [draw.output(shape, node.dtype) for node in outputs]
    known: dict[int, np.ndarray] = {}
    with np.errstate(all="ignore"):
        exact = [np.broadcast_to(value_of(node, arrays, numbers, known), shape).copy() for node in outputs]
    draw.run(kernel, *results, *arrays, *numbers)
    for made, wanted in zip(results, exact):
        same(made, wanted)
    return True


def _number(draw: Draw, dtype: str) -> float:
    number = draw.number(0 if dtype == "uint8" else -9, 20)
    return number / 2 if dtype.startswith("float") else number


@family("element-wise")
def elementwise(draw: Draw) -> bool:
    return _run(draw, draw.shape(draw.number(0, 5), ELEMENTS))


@family("short rows")
def short_rows(draw: Draw) -> bool:
    """Many rows of a few elements, or of some hundreds that meet numbers; the kernel gets blocks of them."""
    width = draw.number(65, 1100) if draw.chance(0.2) else draw.number(1, 70)
    rows = draw.number(20, max(30, min(1500, 2 * ELEMENTS // width)))
    outer = draw.number(1, 6) if draw.chance(0.5) else 1
    shape = (outer, max(rows // outer, 1), width) if outer > 1 or draw.chance(0.1) else (rows, width)
    return _run(draw, shape)


def _of_doubles(function: Callable[[float], float]) -> Callable:
    return lambda x: np.vectorize(function, otypes=[np.longdouble])(x)


FUNCTIONS: dict[str, Callable] = {  # a few units in the last place are allowed, against higher precision
    **{name: getattr(np, name) for name in ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt")},
    **{name: getattr(np, name) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "square")},
    **{f"a{name}": getattr(np, f"arc{name}") for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "reciprocal": lambda x: 1 / x,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "erf": _of_doubles(math.erf),
    "erfc": _of_doubles(math.erfc),
    "normal_below": _of_doubles(lambda x: math.erfc(-x / math.sqrt(2)) / 2),
    "pow": np.power,
    "atan2": np.arctan2,
}
OF_TWO = ("pow", "atan2")
UNITS = {"erfc": 8, "normal_below": 8}  # of which the reference has some


@cache
def _function(op: str, dtype: str):
    inputs = tuple(input_node(k, dtype) for k in range(1 + (op in OF_TWO)))
    return kernels.elementwise(Node(op, inputs, dtype), name=f"{op}_{dtype}")


@family("element-wise functions")
def functions(draw: Draw) -> bool:
    """exp, log, tanh... with special values, to units in the last place."""
    op, dtype = draw.one(*FUNCTIONS), draw.one("float32", "float64")
    shape = draw.shape(draw.number(0, 3), ELEMENTS // 4)
    special = SPECIAL if draw.chance(0.5) else ()
    arrays = [draw.strided(draw.values(shape, dtype, special)) for _ in range(1 + (op in OF_TWO))]
    result = draw.output(shape, dtype)
    with np.errstate(all="ignore"):
        exact = np.asarray(FUNCTIONS[op](*(x.astype(np.longdouble) for x in arrays)))
        rounded = exact.astype(dtype)  # beyond the largest number there is infinity
        exact = np.where(np.isfinite(rounded), exact, rounded)
    draw.run(_function(op, dtype), result, *arrays)
    info = np.finfo(dtype)
    allowed = UNITS.get(op, 3) * (np.abs(exact) * info.eps + info.smallest_subnormal)
    near(result, exact, allowed + (op == "normal_below") * info.eps / 10)  # which is documented so
    zero = exact == 0
    np.testing.assert_array_equal(np.signbit(result[zero]), np.signbit(exact[zero]))
    return True
