"""The element-wise operators, by the values that they are tried on."""

import itertools

import numpy as np

# name: (lowest, highest) argument where the function is smooth and real
UNARY = {
    **dict.fromkeys(
        ["abs", "neg", "sgn", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh", "asinh"], (-1.4, 1.4)
    ),
    **dict.fromkeys(
        ["exp", "exp2", "expm1", "sigmoid", "erf", "erfc", "sinc", "deg2rad", "rad2deg", "square"], (-3, 3)
    ),
    **dict.fromkeys(["asin", "acos", "atanh", "erfinv"], (-0.95, 0.95)),
    **dict.fromkeys(
        ["log", "log2", "log10", "log1p", "sqrt", "rsqrt", "reciprocal", "lgamma", "digamma"], (0.2, 9)
    ),
    **dict.fromkeys(["acosh"], (1.1, 5)),
    **dict.fromkeys(["logit", "special.ndtri", "special.entr"], (0.05, 0.95)),
    **dict.fromkeys(["i0", "special.i0e", "special.i1", "special.i1e", "special.erfcx"], (-4, 4)),
    **dict.fromkeys(
        ["special.ndtr", "special.log_ndtr", "nan_to_num", "frac", "trunc", "floor", "relu"], (-3, 3)
    ),
    **dict.fromkeys(
        ["relu6", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "softsign"], (-4, 7)
    ),
    **dict.fromkeys(["softshrink", "hardshrink", "tanhshrink", "hardtanh", "hardsigmoid"], (-4, 4)),
    **dict.fromkeys(["hardswish", "leaky_relu", "logsigmoid"], (-4, 4)),
}
NO_GRADIENT = {
    **dict.fromkeys(
        ["sign", "ceil", "round", "isnan", "isinf", "isfinite", "isposinf", "isneginf", "isreal"], (-3, 3)
    ),
    **dict.fromkeys(["signbit", "logical_not", "angle", "positive", "special.airy_ai"], (-3, 3)),
    **{f"special.bessel_{k}": (0.1, 5) for k in ("j0", "j1", "y0", "y1")},
    **{
        f"special.{s}modified_bessel_{k}": (0.1, 5)
        for s, k in itertools.product(("", "scaled_"), ("k0", "k1"))
    },
    **{f"special.{k}": (-5, 5) for k in ("modified_bessel_i0", "modified_bessel_i1", "spherical_bessel_j0")},
}
BINARY = [
    "add",
    "sub",
    "rsub",
    "mul",
    "true_divide",
    "pow",
    "atan2",
    "hypot",
    "copysign",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
]
BINARY += [
    "xlogy",
    "special.xlog1py",
    "logaddexp",
    "logaddexp2",
    "remainder",
    "fmod",
    "ldexp",
    "clamp_min",
    "clamp_max",
]
BINARY_NO_GRADIENT = [
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "logical_and",
    "logical_or",
    "logical_xor",
    "heaviside",
]
BINARY_NO_GRADIENT += ["nextafter", "floor_divide", "igamma", "igammac", "special.zeta", "isclose"]
INTEGER = [
    "add",
    "sub",
    "mul",
    "true_divide",
    "floor_divide",
    "remainder",
    "fmod",
    "maximum",
    "minimum",
    "eq",
    "lt",
    "ge",
]
INTEGER += [
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "bitwise_left_shift",
    "bitwise_right_shift",
    "lcm",
    "pow",
    "copysign",
]
INTEGER += ["clamp_min", "clamp_max", "heaviside", "float_power"]
COMPLEX = [
    "neg",
    "abs",
    "sgn",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
]
COMPLEX += [
    "exp",
    "log",
    "log2",
    "log10",
    "log1p",
    "sqrt",
    "rsqrt",
    "reciprocal",
    "sigmoid",
    "square",
    "sinc",
]
COMPLEX_BINARY = ["add", "sub", "mul", "true_divide", "pow"]
ACTIVATIONS = {
    "relu6",
    "elu",
    "selu",
    "celu",
    "gelu",
    "silu",
    "mish",
    "softplus",
    "softsign",
    "softshrink",
    "hardshrink",
}
ACTIVATIONS |= {"tanhshrink", "hardtanh", "hardsigmoid", "hardswish", "leaky_relu", "logsigmoid"}

INFINITY = float("inf")
ODD = [
    0.0,
    -0.0,
    INFINITY,
    -INFINITY,
    float("nan"),
    1,
    -1,
    0.5,
    -0.5,
    2,
    -3,
    3.5,
    1e-30,
    -1e-30,
    20.5,
    -20.5,
    6,
    -6,
]


def draw(rng, low, high, shape, dtype="float64"):
    """Random numbers in memory of some layout: contiguous, transposed, or every second."""
    layout = rng.integers(3)
    if layout == 1:
        return rng.uniform(low, high, shape[::-1]).astype(dtype).T
    if layout == 2 and shape:
        return rng.uniform(low, high, (*shape[:-1], shape[-1] * 2)).astype(dtype)[..., ::2]
    return np.asarray(rng.uniform(low, high, shape), dtype)


def pairs(values, dtype):
    """Two arrays with every pair of values."""
    table = np.array(list(itertools.product(values, values)), dtype)
    return table[:, 0].copy(), table[:, 1].copy()
