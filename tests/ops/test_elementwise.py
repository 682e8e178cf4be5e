"""Element-wise operators agree with PyTorch: values, types, signs of zero, first and second derivatives."""

from __future__ import annotations

import warnings
import zlib

import numpy as np
import pytest

import rushlight
from rushlight.ops import OPERATORS

from . import elementwise_cases as cases

torch = pytest.importorskip("torch")

SHAPES = [((), ()), ((5,), (5,)), ((3, 4), (4,)), ((2, 1, 3), (4, 1)), ((0, 3), (3,)), ((2, 3, 4), ())]
# where PyTorch's own value is the less exact one, or its choice between two right ones is
LOOSE = {"special.ndtr": 1e-8, "special.airy_ai": 2e-5, "igamma": 1e-8, "igammac": 1e-8}
NOT_TWICE = {"hardsigmoid"}  # PyTorch has no second derivative of these
LOOSE |= {f"special.bessel_{k}": 1e-5 for k in ("j0", "j1", "y0", "y1")}


def generator(name):
    return np.random.default_rng(zlib.crc32(name.encode()))


def path_of(name):
    return f"nn.functional.{name}" if name in cases.ACTIVATIONS else name


def ours(name):
    return OPERATORS[path_of(name)].call


def theirs(name):
    function = torch
    for part in path_of(name).split("."):
        function = getattr(function, part)
    return function


def both(array, requires_grad=False):
    """The same values, with the same strides, here and there."""
    own, other = rushlight.from_numpy(array), torch.from_numpy(array)
    return (own.requires_grad_(), other.requires_grad_()) if requires_grad else (own, other)


def values(t):
    """As a numpy array, whatever PyTorch has put off (conjugation, sign, zeros)."""
    return t.detach().numpy(force=True)


def assert_same(own, other, name, tolerance=1e-11):
    assert own.dtype.name == str(other.dtype).removeprefix("torch.")
    assert tuple(own.shape) == tuple(other.shape)
    tolerance = max(tolerance, LOOSE.get(name, 0))
    np.testing.assert_allclose(values(own), values(other), rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("name", [*cases.UNARY, *cases.NO_GRADIENT])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_unary(name, dtype):
    rng = generator(name)
    low, high = {**cases.UNARY, **cases.NO_GRADIENT}[name]
    for shape, _ in SHAPES:
        own, other = both(cases.draw(rng, low, high, shape, dtype))
        assert_same(ours(name)(own), theirs(name)(other), name, 1e-11 if dtype == "float64" else 4e-6)


@pytest.mark.parametrize("name", [*cases.BINARY, *cases.BINARY_NO_GRADIENT])
def test_binary_with_broadcasting(name):
    rng = generator(name)
    for first, second in SHAPES:
        x, y = (cases.draw(rng, 0.3, 4, shape) for shape in (first, second))
        (own_x, other_x), (own_y, other_y) = both(x), both(y)
        assert_same(ours(name)(own_x, own_y), theirs(name)(other_x, other_y), name)


@pytest.mark.parametrize("name", [*cases.UNARY, *cases.NO_GRADIENT])
def test_odd_values(name):
    if name.startswith("special.") and (
        "bessel" in name or name in ("special.airy_ai", "special.i1", "special.i1e")
    ):
        pytest.skip("other functions of infinities and signed zeros are a matter of taste")
    own, other = both(np.array(cases.ODD))
    result, expected = ours(name)(own), theirs(name)(other)
    assert_same(result, expected, name, 1e-9)
    if name not in ("i0", "special.ndtr"):
        known = ~np.isnan(values(expected)) if result.dtype.is_floating_point else slice(None)
        np.testing.assert_array_equal(np.signbit(values(result))[known], np.signbit(values(expected))[known])


@pytest.mark.parametrize(
    "name", [n for n in [*cases.BINARY, *cases.BINARY_NO_GRADIENT] if n not in ("special.zeta", "rsub")]
)
def test_odd_pairs(name):
    x, y = cases.pairs(cases.ODD, "float64")
    (own_x, other_x), (own_y, other_y) = both(x), both(y)
    assert_same(ours(name)(own_x, own_y), theirs(name)(other_x, other_y), name, 1e-9)


@pytest.mark.parametrize("dtype", ["int64", "int16", "uint8"])
@pytest.mark.parametrize("name", cases.INTEGER)
def test_integers(name, dtype):
    chosen = [0, 1, 2, 3, 7, 63, 64, 100, 127] + ([-1, -2, -7] if dtype.startswith("i") else [128, 255])
    x, y = cases.pairs(chosen, dtype)
    if name in ("floor_divide", "remainder", "fmod"):
        x, y = x[y != 0], y[y != 0]
    (own_x, other_x), (own_y, other_y) = both(x), both(y)
    assert_same(ours(name)(own_x, own_y), theirs(name)(other_x, other_y), name, 1e-6)


@pytest.mark.parametrize("name", cases.COMPLEX)
def test_complex_with_gradient(name):
    rng = generator(name)
    array = rng.normal(size=9) + 1j * rng.normal(size=9)
    check_gradients(name, [array])


@pytest.mark.parametrize("name", cases.COMPLEX_BINARY)
def test_complex_pairs_with_gradient(name):
    rng = generator(name)
    first, second = (rng.normal(size=(3, 2)) + 1j * rng.normal(size=(3, 2)) for _ in range(2))
    check_gradients(name, [first, second])
    check_gradients(name, [first, np.abs(second)])


def check_gradients(name, arrays):
    """Value, first and second derivatives along random directions."""
    own, other = (derivatives(name, arrays, side) for side in (0, 1))
    assert len(own) == len(other)
    for a, b in zip(own, other):
        assert_same(a, b, name, 1e-7)


def derivatives(name, arrays, side):
    """What `name` gives here (side 0) or in PyTorch (1): value, gradients, gradients of their length."""
    library, functions = ((rushlight, ours), (torch, theirs))[side]
    inputs = [both(a, True)[side] for a in arrays]
    out = functions(name)(*inputs)
    rng = np.random.default_rng(3)
    weight = rng.normal(size=tuple(out.shape))
    weight = both(weight * (1 + 0.5j) if out.is_complex() else weight)[side]
    first = library.autograd.grad(out, inputs, weight, create_graph=True)
    length = sum((g * g.conj()).real.sum() if g.is_complex() else (g * g).sum() for g in first)
    if name in NOT_TWICE:
        return [out, *first]
    second = (
        library.autograd.grad(length, inputs, allow_unused=True)
        if length.requires_grad
        else [None] * len(inputs)
    )
    return [out, *first, *(g if g is not None else x.detach() * 0 for g, x in zip(second, inputs))]


@pytest.mark.parametrize("name", cases.UNARY)
def test_unary_gradients(name):
    low, high = cases.UNARY[name]
    check_gradients(name, [cases.draw(generator(name), low, high, (4, 3))])


@pytest.mark.parametrize("name", cases.BINARY)
def test_binary_gradients(name):
    rng = generator(name)
    check_gradients(name, [cases.draw(rng, 0.3, 3, (4, 3)), cases.draw(rng, 0.3, 3, (3,))])


def test_gradients_at_kinks():
    x = np.array([-6.0, -3, -1, -0.5, 0, 0.5, 1, 3, 6, float("nan")])
    names = [
        "relu",
        "abs",
        "relu6",
        "hardtanh",
        "hardsigmoid",
        "hardswish",
        "hardshrink",
        "softshrink",
        "leaky_relu",
        "elu",
        "sinc",
        "sgn",
    ]
    for name in names:
        own, other = both(x, True)
        ours(name)(own).sum().backward()
        theirs(name)(other).sum().backward()
        np.testing.assert_allclose(values(own.grad), values(other.grad), err_msg=name)


@pytest.mark.parametrize(
    "name",
    ["maximum", "minimum", "fmax", "fmin", "clamp_min", "clamp_max", "atan2", "pow", "xlogy", "logaddexp"],
)
def test_gradients_of_ties_and_odd_pairs(name):
    x, y = cases.pairs([0.0, 1.0, 2.0, float("nan")], "float64")
    gradients = []
    for side, functions in ((0, ours), (1, theirs)):
        a, b = both(x, True)[side], both(y, True)[side]
        functions(name)(a, b).sum().backward()
        gradients.append([values(a.grad), values(b.grad)])
    for own, other in zip(*gradients):
        np.testing.assert_allclose(own, other, err_msg=name)


@pytest.mark.parametrize("limits", [(-1.0, 1.0), (None, 0.5), (0.5, None), (2.0, 1.0), (float("nan"), 1.0)])
@pytest.mark.parametrize("as_tensors", [False, True])
def test_clamp(limits, as_tensors):
    x = np.array([-2.0, -1, 0, 0.5, 1, 3, float("nan")])
    results = []
    for side, library in ((0, rushlight), (1, torch)):
        t = both(x, True)[side]
        low, high = (
            None if v is None else both(np.full(7, v), True)[side] if as_tensors else v for v in limits
        )
        out = library.clamp(t, low, high)
        out.sum().backward()
        results.append([out, t.grad, *(v.grad for v in (low, high) if hasattr(v, "grad"))])
    for own, other in zip(*results):
        np.testing.assert_allclose(values(own), values(other))


def test_numbers_decide_no_width_but_the_kind():
    for dtype in ("uint8", "int32", "float32", "bool", "float16"):
        own, other = both(np.ones(3, dtype))
        for number in (2, 2.5, True, 1j)[: 3 if dtype == "float16" else 4]:
            for name in ("add", "mul", "true_divide", "eq"):
                assert ours(name)(own, number).dtype.name == str(theirs(name)(other, number).dtype)[6:], (
                    dtype,
                    number,
                    name,
                )


@pytest.mark.parametrize("mode", [None, "trunc", "floor"])
def test_division_modes(mode):
    for dtype in ("int64", "float64"):
        x, y = cases.pairs([-7, -2, -1, 1, 2, 3, 7], dtype)
        (own_x, other_x), (own_y, other_y) = both(x), both(y)
        own, other = own_x.div(own_y, rounding_mode=mode), other_x.div(other_y, rounding_mode=mode)
        assert_same(own, other, "div", 1e-6)


def test_half_precision_is_rounded_once():
    x = np.linspace(-3, 3, 50, dtype=np.float32)
    own, other = (t.to(library.bfloat16) for t, library in zip(both(x), (rushlight, torch)))
    for name in ("sin", "exp", "gelu", "nextafter", "softplus"):
        arguments = ((own, own * 0), (other, other * 0)) if name == "nextafter" else ((own,), (other,))
        result, expected = ours(name)(*arguments[0]).float(), theirs(name)(*arguments[1]).float()
        np.testing.assert_allclose(
            values(result), values(expected), rtol=1e-2, atol=1e-30 if name == "nextafter" else 1e-3
        )


@pytest.mark.parametrize(
    "name", ["add", "mul", "sub", "div", "pow", "clamp_", "sigmoid", "floor_divide", "eq"]
)
def test_in_place_and_out(name):
    x = np.array([0.5, 1.5, 2.5])
    arguments = () if name == "sigmoid" else (2.0,) if name != "clamp_" else (1.0, 2.0)
    name = name.rstrip("_")
    own, other = both(x.copy())[0], both(x.copy())[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert getattr(own, name + "_")(*arguments) is own
        getattr(other, name + "_")(*arguments)
    assert_same(own, other, name)
    own, other = both(x.copy())
    destination = rushlight.empty(3, dtype=rushlight.float64)
    assert (
        getattr(rushlight, name)(own, *[both(np.full(3, a))[0] for a in arguments], out=destination)
        is destination
    )
    expected = getattr(torch, name)(other, *[both(np.full(3, a))[1] for a in arguments])
    np.testing.assert_allclose(values(destination), values(expected).astype(float))


def test_random_slopes_are_those_of_the_same_seed():
    x = np.random.default_rng(0).normal(size=200)
    rushlight.manual_seed(5), torch.manual_seed(5)
    own = OPERATORS["nn.functional.rrelu"].call(both(x)[0], training=True)
    other = torch.nn.functional.rrelu(both(x)[1], training=True)
    assert_same(own, other, "rrelu")
