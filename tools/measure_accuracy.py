"""Measure the largest error of each vector function of the kernels, and put the table into docs/accuracy.md.

    python tools/measure_accuracy.py [--check]

float32: every 521st number that there is, beside float64 (the inverse and error functions: SciPy's).
float64: some thousand random numbers of all sizes, beside mpmath with 60 digits. Errors are in units in the
last place (ulp) of the exact result. `--check` writes nothing, and fails where an error is larger than told.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
from mpmath import mp, mpf

from rushlight import kernels
from rushlight.kernels import Node, input_node

PAGE = Path(__file__).resolve().parent.parent / "docs" / "accuracy.md"
STEP = 521
WIDE_POINTS = 3000
mp.dps = 60


def _rsqrt(x):
    return 1 / np.sqrt(x)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _error_function(name):
    from scipy import special

    return getattr(special, name)


# name: (numpy's function of float64, mpmath's, the arguments that matter)
FUNCTIONS = {
    "exp": (np.exp, mp.exp, (-746, 710)),
    "exp2": (np.exp2, lambda x: mpf(2) ** x, (-1075, 1024)),
    "expm1": (np.expm1, mp.expm1, (-60, 710)),
    "log": (np.log, mp.log, (0, None)),
    "log2": (np.log2, lambda x: mp.log(x, 2), (0, None)),
    "log10": (np.log10, mp.log10, (0, None)),
    "log1p": (np.log1p, mp.log1p, (-1, None)),
    "sqrt": (np.sqrt, mp.sqrt, (0, None)),
    "rsqrt": (_rsqrt, lambda x: 1 / mp.sqrt(x), (0, None)),
    "reciprocal": (np.reciprocal, lambda x: 1 / x, (None, None)),
    "sin": (np.sin, mp.sin, (-1e9, 1e9)),
    "cos": (np.cos, mp.cos, (-1e9, 1e9)),
    "tan": (np.tan, mp.tan, (-1e9, 1e9)),
    "asin": (np.arcsin, mp.asin, (-1, 1)),
    "acos": (np.arccos, mp.acos, (-1, 1)),
    "atan": (np.arctan, mp.atan, (None, None)),
    "sinh": (np.sinh, mp.sinh, (-710, 710)),
    "cosh": (np.cosh, mp.cosh, (-710, 710)),
    "tanh": (np.tanh, mp.tanh, (None, None)),
    "asinh": (np.arcsinh, mp.asinh, (None, None)),
    "acosh": (np.arccosh, mp.acosh, (1, None)),
    "atanh": (np.arctanh, mp.atanh, (-1, 1)),
    "sigmoid": (_sigmoid, lambda x: 1 / (1 + mp.exp(-x)), (-745, 745)),
    "erf": ("erf", mp.erf, (-7, 7)),
    "erfc": ("erfc", mp.erfc, (-7, 27)),
}


def kernel_of(name, dtype):
    return kernels.elementwise(Node(name, (input_node(0, dtype),), dtype), name=f"{name}_{dtype}")


def error_in_ulps(found, exact):
    """The largest distance, and where it is; special values count where they differ."""
    exact = np.asarray(exact, np.longdouble)
    with np.errstate(all="ignore"):
        rounded = exact.astype(found.dtype)
        unit = np.spacing(np.abs(rounded)).astype(np.longdouble)
        error = np.abs(found.astype(np.longdouble) - exact) / unit
    same = (found == rounded) | (np.isnan(found) & np.isnan(rounded))
    error = np.where(same, np.where(np.isfinite(error), np.minimum(error, 0.5), 0), error)
    return float(np.nan_to_num(error, nan=np.inf).max())


def within(x, bounds):
    low, high = bounds
    keep = np.isfinite(x) & (x != 0)
    if low is not None:
        keep &= x > low
    return x[keep] if high is None else x[keep & (x < high)]


def worst_single(name):
    function, _, bounds = FUNCTIONS[name]
    function = _error_function(function) if isinstance(function, str) else function
    x = within(np.arange(0, 1 << 32, STEP, dtype=np.uint32).view(np.float32), bounds)
    with np.errstate(all="ignore"):
        exact = function(x.astype(np.float64))
    return error_in_ulps(kernel_of(name, "float32")(np.empty_like(x), x), exact)


def drawn_double(bounds, random):
    """Numbers of all sizes, and evenly spread ones where the function is of interest."""
    sizes = 10.0 ** random.uniform(-20, 9, WIDE_POINTS)
    low, high = (-50 if bounds[0] is None else bounds[0]), (50 if bounds[1] is None else bounds[1])
    spread = random.uniform(max(-50, low), min(50, high), WIDE_POINTS)
    near_one = 1 + random.normal(size=WIDE_POINTS) * 10.0 ** random.uniform(-8, 0, WIDE_POINTS)
    return within(np.concatenate([sizes, -sizes, spread, near_one, -near_one]), bounds)


def worst_double(name):
    _, function, bounds = FUNCTIONS[name]
    x = drawn_double(bounds, np.random.default_rng(0))
    exact = [_long_double(function(mpf(float(v)))) for v in x]
    return error_in_ulps(kernel_of(name, "float64")(np.empty_like(x), x), exact)


def _long_double(value):
    """An mpmath number as numpy's longest float: as two float64, which together have 106 bits."""
    high = float(value)
    return np.longdouble(high) + np.longdouble(float(value - mpf(high))) if np.isfinite(high) else high


def worst_power(dtype):
    random = np.random.default_rng(1)
    count = 1_000_000 if dtype == "float32" else WIDE_POINTS
    x = np.exp(random.uniform(-20, 20, count)).astype(dtype)
    y = random.uniform(-4, 4, count).astype(dtype)
    node = Node("pow", (input_node(0, dtype), input_node(1, dtype)), dtype)
    found = kernels.elementwise(node, name=f"pow_{dtype}")(np.empty_like(x), x, y)
    if dtype == "float32":
        return error_in_ulps(found, np.power(x.astype(np.float64), y.astype(np.float64)))
    return error_in_ulps(found, [_long_double(mpf(float(a)) ** mpf(float(b))) for a, b in zip(x, y)])


def measured():
    """(name, worst error in float32, in float64) of each function."""
    for name in FUNCTIONS:
        yield name, worst_single(name), worst_double(name)
    yield "pow", worst_power("float32"), worst_power("float64")


ROW = re.compile(r"^\| `(\w+)` \| ([\d.]+) \| ([\d.]+) \|$", re.MULTILINE)


def main(check):
    rows = list(measured())
    page = PAGE.read_text(encoding="utf-8")
    if check:
        told = {name: (float(a), float(b)) for name, a, b in ROW.findall(page)}
        return [n for n, a, b in rows if a > told[n][0] + 0.01 or b > told[n][1] + 0.05]
    # rounded up, so that the page never promises too much
    lines = [f"| `{n}` | {np.ceil(a * 100) / 100:.2f} | {np.ceil(b * 100) / 100:.2f} |" for n, a, b in rows]
    start, end = (
        page.index("|---|---|---|\n") + len("|---|---|---|\n"),
        page.index("\n\n", page.index("|---")),
    )
    PAGE.write_text(page[:start] + "\n".join(lines) + page[end:], encoding="utf-8")
    return []


if __name__ == "__main__":
    wrong = main("--check" in sys.argv[1:])
    if wrong:
        sys.exit(f"larger errors than docs/accuracy.md says: {', '.join(wrong)}")
