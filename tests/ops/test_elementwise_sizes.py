"""Many elements at once give what a few give: numpy, small kernels and large kernels mean the same."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

import rushlight
from rushlight.ops import OPERATORS

from . import elementwise_cases as cases

COUNT, FEW = 100_000, 250
CANCELLING = {"gelu": 4e-7, "tanhshrink": 1e-7, "mish": 1e-7}  # rounding differs where results nearly vanish


def function(name):
    return OPERATORS[f"nn.functional.{name}" if name in cases.ACTIVATIONS else name].call


def numbers(rng):
    x = (rng.normal(size=COUNT) * 3).astype(np.float32)
    x[rng.integers(0, 5000, 500)] = rng.choice(np.array(cases.ODD, np.float32), 500)
    return x


def agrees_with_itself(name, call, *arrays):
    whole = call(*map(rushlight.from_numpy, arrays)).numpy()[:5000]
    parts = [
        call(*(rushlight.from_numpy(a[i : i + FEW].copy()) for a in arrays)).numpy()
        for i in range(0, 5000, FEW)
    ]
    parts = np.concatenate(parts)
    np.testing.assert_allclose(whole, parts, rtol=3e-6, atol=CANCELLING.get(name, 1e-30), err_msg=name)
    if whole.dtype.kind == "f":
        known = ~np.isnan(parts)
        np.testing.assert_array_equal(np.signbit(whole)[known], np.signbit(parts)[known], err_msg=name)


@pytest.mark.parametrize("name", [*cases.UNARY, *cases.NO_GRADIENT])
def test_unary(name):
    agrees_with_itself(name, function(name), numbers(np.random.default_rng(zlib.crc32(name.encode()))))


@pytest.mark.parametrize(
    "name",
    [n for n in cases.BINARY + cases.BINARY_NO_GRADIENT if n not in ("igamma", "igammac", "special.zeta")],
)
def test_binary(name):
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    agrees_with_itself(name, function(name), numbers(rng), numbers(rng))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("hardtanh", (0.0, 6.0)),
        ("leaky_relu", (0.3,)),
        ("elu", (0.5,)),
        ("softplus", (2.0, 5.0)),
        ("hardshrink", (1.5,)),
        ("clamp", (-2, 1.0)),
    ],
)
def test_options(name, options):
    agrees_with_itself(name, lambda x: function(name)(x, *options), numbers(np.random.default_rng(0)))
    x = rushlight.from_numpy(numbers(np.random.default_rng(0)))
    assert not rushlight.equal(
        function(name)(x, *options).nan_to_num(), function(name)(x, *[0.25] * len(options)).nan_to_num()
    )
