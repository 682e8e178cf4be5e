"""Half precision in generated kernels: every bit pattern, rounded once, as without generated code."""

import numpy as np
import pytest

import rushlight as rl
from rushlight import kernels, nn
from rushlight.kernels import Node, input_node
from rushlight.runtime import available, get_num_threads, set_kernel_mode, set_num_threads
from support import guarded

ml_dtypes = pytest.importorskip("ml_dtypes")
pytestmark = pytest.mark.skipif(not available(), reason="no kernels on this machine")
TYPES = {"float16": np.dtype(np.float16), "bfloat16": np.dtype(ml_dtypes.bfloat16)}
BITS = np.arange(1 << 16, dtype=np.uint16)
names = pytest.mark.parametrize("name", TYPES)


def cast(array, target):
    kernel = kernels.elementwise(Node("cast", (input_node(0, array.dtype.name),), np.dtype(target).name))
    return kernel(guarded.empty(array.shape, target), guarded.copy(array))


@names
def test_every_number_is_widened(name):
    numbers = BITS.view(TYPES[name])
    found = cast(numbers, np.float32)
    wanted = numbers.astype(np.float32)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(wanted))


@names
def test_every_number_and_what_lies_halfway_is_rounded_to_even(name):
    numbers = BITS.view(TYPES[name]).astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        halfway = (numbers[:-1].astype(np.float64) + numbers[1:]) / 2
        tried = np.concatenate([numbers, halfway.astype(np.float32)])
        tried = np.concatenate([tried, np.nextafter(tried, np.inf), np.nextafter(tried, -np.inf)])
        wanted = tried.astype(TYPES[name])
    found = cast(tried, TYPES[name])
    nan = np.isnan(tried)
    np.testing.assert_array_equal(found.view(np.uint16)[~nan], wanted.view(np.uint16)[~nan])
    assert np.isnan(found.astype(np.float32)[nan]).all()


@names
def test_random_bits_are_rounded(name):
    tried = np.random.default_rng(0).integers(0, 1 << 32, 300_001, dtype=np.uint32).view(np.float32)
    found = cast(tried, TYPES[name])
    with np.errstate(over="ignore", invalid="ignore"):
        wanted = tried.astype(TYPES[name])
    nan = np.isnan(tried)
    np.testing.assert_array_equal(found.view(np.uint16)[~nan], wanted.view(np.uint16)[~nan])
    assert np.isnan(found.astype(np.float32)[nan]).all()


@pytest.mark.parametrize("target", ["int8", "int16", "int32", "int64", "float32", "float64", "bool"])
def test_bfloat16_becomes_any_type(target):
    numbers = np.arange(-100, 100, 0.25).astype(ml_dtypes.bfloat16)
    np.testing.assert_array_equal(cast(numbers, np.dtype(target)), numbers.astype(np.float32).astype(target))


@names
def test_a_value_in_between_is_rounded_too(name):
    """A cast down and up again within a graph, as PyTorch's bodies have it, takes the digits away."""
    x = input_node(0, "float32")
    down = Node("cast", (x,), name)
    kernel = kernels.elementwise(Node("mul", (Node("cast", (down,), "float32"), 3), "float32"))
    tried = np.random.default_rng(1).standard_normal(1001).astype(np.float32)
    wanted = tried.astype(TYPES[name]).astype(np.float32) * np.float32(3)
    np.testing.assert_array_equal(kernel(np.empty_like(tried), tried), wanted)


# ---- operators


def values(name, *shape, seed=0):
    draw = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return rl.tensor(draw).to(getattr(rl, name))


def single(t):
    return t.detach().float().numpy()


@names
@pytest.mark.parametrize("size", [1, 7, 1000, 70_001])
def test_arithmetic_is_rounded_once(name, size):
    x, y = values(name, size), values(name, size, seed=1)
    a, b = single(x), single(y)
    for found, wanted in (
        (x + y, a + b),
        (x * y, a * b),
        (x / y, a / b),
        (-x, -a),
        (x.maximum(y), np.maximum(a, b)),
        (rl.where(x > y, x, y), np.where(a > b, a, b)),
        (x * 0.3, a * np.float32(0.3)),
        (x.abs().sqrt(), np.sqrt(np.abs(a))),
    ):
        assert found.dtype is getattr(rl, name)
        np.testing.assert_array_equal(single(found), wanted.astype(TYPES[name]).astype(np.float32))


@names
def test_numbers_beside_it_are_rounded_where_pytorch_rounds_them(name):
    x = values(name, 500)
    tenth = np.float32(0.1).astype(TYPES[name]).astype(np.float32)
    np.testing.assert_array_equal(single(x + 0.1), (single(x) + tenth).astype(TYPES[name]).astype(np.float32))
    assert bool((rl.tensor(0.1).to(getattr(rl, name)) == 0.1).item())


def functions():
    return {
        "add": lambda x, y: x + y,
        "gelu": lambda x, y: nn.functional.gelu(x) * y,
        "broadcast": lambda x, y: x * y[:1] + y[:, :1],
        "softmax": lambda x, y: nn.functional.softmax(x, 1) + nn.functional.log_softmax(y, 0),
        "sums": lambda x, y: x.sum(0) + y.mean(1)[:1] + x.amax(),
        "norm": lambda x, y: nn.functional.layer_norm(x, (x.shape[1],), y[0], y[1]),
        "powers": lambda x, y: (x.abs() + 0.5) ** 1.5 + y.tanh(),
        "turned": lambda x, y: (x.t() + y.t() * 2).contiguous(),
        "half of it": lambda x, y: x[:, ::2] + y[:, 1::2],
        "product": lambda x, y: x @ y.t(),
    }


@names
@pytest.mark.parametrize("what", functions())
@pytest.mark.parametrize("shape", [(4, 6), (90, 120)])
def test_the_same_with_and_without_kernels(name, what, shape):
    function = functions()[what]

    def run():
        x = values(name, *shape).requires_grad_()
        y = values(name, *shape, seed=1).requires_grad_()
        out = function(x, y)
        out.backward(values(name, *out.shape, seed=2))
        return [single(t) for t in (out, x.grad, y.grad)]

    found = run()
    before = set_kernel_mode("off")
    try:
        wanted = run()
    finally:
        set_kernel_mode(before)
    digits = {"float16": 2**-9, "bfloat16": 2**-6}[name]
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=digits, atol=digits * max(1.0, np.abs(b).max()))


@names
def test_any_number_of_threads_gives_the_same_bits(name):
    x = values(name, 600, 701)
    before, found = get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            set_num_threads(threads)
            y = nn.functional.softmax(x, 1) * x.sum(1, keepdim=True) + x.sum(0)
            found.append(single(y @ x.t()).tobytes())
    finally:
        set_num_threads(before)
    assert len(set(found)) == 1


@names
def test_gradients_have_the_type_of_what_they_are_for(name):
    x, y = values(name, 5, 6).requires_grad_(), values(name, 6).requires_grad_()
    ((x * y).exp() * 0.5).sum().backward()
    assert x.grad.dtype is y.grad.dtype is getattr(rl, name)
    z = single(x) * single(y)
    near = {"float16": 4e-3, "bfloat16": 4e-2}[name]
    np.testing.assert_allclose(single(x.grad), 0.5 * np.exp(z) * single(y), rtol=near, atol=near)


@names
def test_double_backward(name):
    x = values(name, 40).requires_grad_()
    (g,) = rl.autograd.grad((x.sin() * x).sum(), x, create_graph=True)
    (h,) = rl.autograd.grad(g.sum(), x)
    a = single(x).astype(np.float64)
    np.testing.assert_allclose(single(h), 2 * np.cos(a) - a * np.sin(a), atol=0.06)
    assert h.dtype is getattr(rl, name)
