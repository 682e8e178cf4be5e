"""The exact arithmetic under the samplers, and the two ways to shuffle."""

import math
from fractions import Fraction

import numpy as np
import pytest

from rushlight.random import Generator, kernels, libm
from rushlight.random.box_muller import Float32, normal_pair
from rushlight.random.fused import fma32, fma64
from rushlight.random.integers import _exchange_ahead, _exchange_behind, _exchange_in_turn, randperm
from rushlight.random.precision import FLOATS
from rushlight.runtime import available


@pytest.fixture
def compiled():
    if not available():
        pytest.skip(available().reason)
    return kernels.get(10**6)


def _rounded_to_float32(exact):
    """The float32 nearest to a fraction, ties to even, from Python's correctly rounded float64."""
    low = np.float32(float(exact))
    neighbours = [np.nextafter(low, np.float32(-np.inf)), low, np.nextafter(low, np.float32(np.inf))]
    return min(neighbours, key=lambda x: (abs(Fraction(float(x)) - exact), int(x.view(np.int32)) & 1))


@pytest.mark.parametrize(
    ("scale", "offset"), [(0.2, -0.1), (997.0, 3.0), (2.0, -1.0), (0.7, 0.0), (1e-3, 1.0)]
)
def test_fused_multiply_add(scale, offset):
    generator = Generator().manual_seed(6)
    singles, doubles = generator.floats(300), generator.doubles(300)
    scale32, offset32 = np.float32(scale), np.float32(offset)
    exact = [Fraction(float(x)) * Fraction(float(scale32)) + Fraction(float(offset32)) for x in singles]
    np.testing.assert_array_equal(fma32(singles, scale32, offset32), [_rounded_to_float32(x) for x in exact])
    exact = [Fraction(x) * Fraction(scale) + Fraction(offset) for x in doubles.tolist()]
    np.testing.assert_array_equal(fma64(doubles, scale, offset), [float(x) for x in exact])


@pytest.mark.parametrize("offset", [2.0**-60, -(2.0**-60), 0.0])
def test_sums_that_float64_rounds_to_a_tie(offset):
    """(1 + 2**-12)**2 is half-way between two float32: a tiny offset decides, and float64 forgets it."""
    factor = np.float32(1 + 2.0**-12)
    exact = Fraction(float(factor)) ** 2 + Fraction(offset)
    assert fma32(np.array([factor, 1]), factor, np.float32(offset))[0] == _rounded_to_float32(exact)


def test_normal_pair_is_the_mathematical_one():
    generator = Generator().manual_seed(8)
    u, v = generator.floats(10**5).reshape(2, -1)
    radius = np.sqrt(-2 * np.log1p(-u.astype(np.float64)))
    angle = 2 * np.pi * v.astype(np.float64)
    first, second = normal_pair(Float32, u, v)
    np.testing.assert_allclose(first, radius * np.cos(angle), rtol=0, atol=3e-6)
    np.testing.assert_allclose(second, radius * np.sin(angle), rtol=0, atol=3e-6)


def test_compiled_normals_equal_numpys(compiled):
    words = Generator().manual_seed(10).raw32(1 << 17)
    numbers = compiled.normal(words, 0.0, 1.0).reshape(-1, 2, 8)
    uniforms = ((words & np.uint32(0xFFFFFF)).astype(np.float32) * np.float32(2.0**-24)).reshape(-1, 2, 8)
    pair = normal_pair(Float32, uniforms[:, 0].copy(), uniforms[:, 1].copy())
    np.testing.assert_array_equal(numbers, np.stack(pair, 1))


@pytest.mark.parametrize("name", ["log", "log1p", "exp", "tan"])
def test_functions_are_the_c_librarys(name, compiled):
    values = Generator().manual_seed(11).doubles(3000)
    expected = [getattr(math, name)(x) for x in values.tolist()]
    np.testing.assert_array_equal(getattr(libm, name)(values), expected)
    np.testing.assert_array_equal(compiled.apply(name, values), expected)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 149, 150, 1000, 20000])
def test_shuffles_agree(n):
    words = Generator().manual_seed(n).raw32(n).astype(np.int64)
    behind = words % np.arange(1, n + 1)
    ahead = (words % np.arange(n, 0, -1) + np.arange(n))[:-1]
    for partners, at_once in ((ahead, _exchange_ahead), (behind, _exchange_behind)):
        in_turn = _exchange_in_turn(n, partners)
        np.testing.assert_array_equal(np.sort(in_turn), np.arange(n))
        np.testing.assert_array_equal(at_once(n, partners), in_turn)
        if available():
            np.testing.assert_array_equal(kernels.get(10**6).shuffle(n, partners), in_turn)


def test_large_permutations_grow_from_the_inside(monkeypatch):
    """Each new number takes a random place, and the one that was there moves to the end."""
    monkeypatch.setattr("rushlight.random.integers._LARGE_PERMUTATION", 200)
    grown = []
    for i, word in enumerate(Generator().manual_seed(1).raw64(300).tolist()):
        grown.append(i)
        place = word % (i + 1)
        grown[i], grown[place] = grown[place], i
    generator = Generator().manual_seed(1)
    assert randperm(generator, 300).tolist() == grown
    assert generator.raw32(1) == Generator().manual_seed(1).raw32(601)[-1]


def test_bfloat16_rounds_the_same_without_ml_dtypes(monkeypatch):
    values = Generator().manual_seed(13).raw32(20000).view(np.float32)
    values = np.concatenate([values, np.array([0, -0.0, np.inf, -np.inf, np.nan, 3.4e38], np.float32)])
    ml_dtypes = pytest.importorskip("ml_dtypes")
    with np.errstate(all="ignore"):
        expected = values.astype(ml_dtypes.bfloat16).astype(np.float32)
    monkeypatch.setattr("rushlight.random.precision.bfloat16_dtype", lambda: None)
    rounded = FLOATS["bfloat16"].store(values)
    assert rounded.dtype == np.float32
    np.testing.assert_array_equal(rounded, expected)
