"""Operators on half precision: computed in float32, rounded once, with gradients of their inputs' types."""

import numpy as np
import pytest

import rushlight as rl
from rushlight.nn import functional as F

pytest.importorskip("ml_dtypes")
NEAR = {"float16": 2.0**-9, "bfloat16": 2.0**-6}
names = pytest.mark.parametrize("name", NEAR)
CASES = {
    "linear": (lambda m, x, w, b: m.nn.functional.linear(x, w, b), (8, 30), (20, 30), (20,)),
    "linear of one vector": (lambda m, x, w, b: m.nn.functional.linear(x, w, b), (30,), (20, 30), (20,)),
    "matmul in batches": (lambda m, x, w: x @ w, (5, 8, 30), (5, 30, 7)),
    "addmm": (lambda m, i, x, w: m.addmm(i, x, w, beta=0.3, alpha=0.7), (7,), (8, 30), (30, 7)),
    "addmm of a number": (lambda m, i, x, w: m.addmm(i, x, w, beta=0.3), (), (8, 30), (30, 7)),
    "baddbmm": (lambda m, i, x, w: m.baddbmm(i, x, w), (5, 8, 7), (5, 8, 30), (5, 30, 7)),
    "mv": (lambda m, x, w: m.mv(x, w), (8, 30), (30,)),
    "conv2d": (lambda m, x, w, b: m.nn.functional.conv2d(x, w, b), (2, 3, 8, 8), (4, 3, 3, 3), (4,)),
    "layer_norm": (lambda m, x, w, b: m.nn.functional.layer_norm(x, (30,), w, b), (8, 30), (30,), (30,)),
    "group_norm": (lambda m, x, w, b: m.nn.functional.group_norm(x, 2, w, b), (4, 6, 5, 5), (6,), (6,)),
    "batch_norm": (
        lambda m, x, w, b: m.nn.functional.batch_norm(x, None, None, w, b, True),
        *((4, 3, 5, 5), (3,), (3,)),
    ),
    "max_pool2d": (lambda m, x: m.nn.functional.max_pool2d(x, 2), (2, 3, 8, 8)),
    "avg_pool2d": (lambda m, x: m.nn.functional.avg_pool2d(x, 2), (2, 3, 8, 8)),
    "softmax": (lambda m, x: m.softmax(x, 1), (5, 30)),
    "log_softmax": (lambda m, x: m.log_softmax(x, 0), (5, 30)),
    "sum": (lambda m, x: x.sum((0, 2)), (5, 30, 4)),
    "mean": (lambda m, x: x.mean(1), (5, 30)),
    "amax": (lambda m, x: x.amax(1), (5, 30)),
    "std": (lambda m, x: x.std(1), (5, 30)),
    "norm": (lambda m, x: m.linalg.vector_norm(x, dim=1), (5, 30)),
    "cat": (lambda m, x, y: m.cat([x, y]), (5, 30), (6, 30)),
    "cumsum": (lambda m, x: x.cumsum(1), (5, 30)),
    "embedding": (lambda m, x: m.nn.functional.embedding(m.tensor([1, 2, 2]), x), (5, 30)),
    "cross_entropy": (
        lambda m, x: m.nn.functional.cross_entropy(x, m.tensor([1, 2, 0, 0, 3]), reduction="none"),
        (5, 30),
    ),
    "attention": (
        lambda m, q, k, v: m.nn.functional.scaled_dot_product_attention(q, k, v),
        *((2, 5, 30), (2, 6, 30), (2, 6, 30)),
    ),
    "turned": (lambda m, x: x.t().contiguous() * 3, (70, 300)),
}


def run(module, function, arrays, name):
    dtype = getattr(module, name)
    inputs = [module.tensor(a).to(dtype).requires_grad_() for a in arrays]
    out = function(module, *inputs)
    assert out.dtype is dtype
    g = module.tensor(np.random.default_rng(9).standard_normal(tuple(out.shape)).astype(np.float32))
    out.backward(g.to(dtype))
    assert all(x.grad.dtype is dtype for x in inputs)
    return [t.detach().float().numpy() for t in (out, *(x.grad for x in inputs))]


@names
@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_are_those_of_pytorch(case, name):
    torch = pytest.importorskip("torch")
    function, *shapes = CASES[case]
    draw = np.random.default_rng(0)
    arrays = [draw.standard_normal(s).astype(np.float32) for s in shapes]
    for found, wanted in zip(
        run(rl, function, arrays, name), run(torch, function, arrays, name), strict=True
    ):
        near = NEAR[name] * max(1.0, np.abs(wanted).max())
        np.testing.assert_allclose(found, wanted, rtol=0, atol=near)


@names
@pytest.mark.parametrize("case", CASES)
def test_gradients_of_one_input_alone(case, name):
    function, *shapes = CASES[case]
    draw = np.random.default_rng(0)
    arrays = [draw.standard_normal(s).astype(np.float32) for s in shapes]
    wanted = run(rl, function, arrays, name)[1:]
    inputs = [rl.tensor(a).to(getattr(rl, name)).requires_grad_() for a in arrays]
    for x, expected in zip(inputs, wanted, strict=True):
        out = function(rl, *inputs)
        g = rl.tensor(np.random.default_rng(9).standard_normal(tuple(out.shape)).astype(np.float32))
        for again in (False, True):
            (found,) = rl.autograd.grad(out, x, g.to(out.dtype), retain_graph=True, create_graph=again)
            assert found.dtype is x.dtype
            near = NEAR[name] * max(1.0, np.abs(expected).max())
            np.testing.assert_allclose(found.detach().float().numpy(), expected, rtol=0, atol=near)


@names
def test_what_a_gradient_needs_is_kept_in_half_precision(name):
    x = rl.randn(6, 7).to(getattr(rl, name)).requires_grad_()
    seen = []
    with rl.autograd.graph.saved_tensors_hooks(lambda t: seen.append(t.dtype) or t, lambda t: t):
        y = F.max_pool2d(x.view(1, 6, 7), 2).sum() + (x * x).exp().sum() + x.std()
    y.backward()
    assert {d for d in seen if d.is_floating_point} == {getattr(rl, name)}
    assert x.grad.dtype is getattr(rl, name)


@names
def test_gradient_of_one_input_alone(name):
    """`autograd.grad` asks the node of a product for some of its edges."""
    x, y = (rl.tensor([1.0, 2.0, 3.0], dtype=getattr(rl, name), requires_grad=True) for _ in range(2))
    (found,) = rl.autograd.grad((x * y).sum(), [x])
    assert found.dtype is x.dtype
    assert found.tolist() == [1, 2, 3]


def test_norm_with_weights_in_float32():
    x = rl.randn(4, 3, 5, 5).bfloat16().requires_grad_()
    layer = rl.nn.BatchNorm2d(3)
    y = layer(x)
    y.float().square().mean().backward()
    assert y.dtype is x.grad.dtype is rl.bfloat16
    assert layer.weight.grad.dtype is layer.running_mean.dtype is rl.float32


def test_bytes_are_multiplied_in_32_bits():
    draw = np.random.default_rng(0)
    a, b = (draw.integers(-128, 128, s).astype(np.int8) for s in ((33, 70), (70, 21)))
    found = rl._int_mm(rl.tensor(a), rl.tensor(b))
    assert found.dtype is rl.int32
    np.testing.assert_array_equal(found.numpy(), a.astype(np.int32) @ b.astype(np.int32))
    with pytest.raises(RuntimeError, match="two matrices of int8"):
        rl._int_mm(rl.tensor(a).int(), rl.tensor(b))
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        rl._int_mm(rl.tensor(a), rl.tensor(a))


@pytest.mark.parametrize("name", ["int8", "uint8", "int16", "int32", "int64"])
def test_integer_products_wrap_round(name):
    draw = np.random.default_rng(1)
    info = np.iinfo(name)
    a, b = (draw.integers(info.min, info.max, s, dtype=name) for s in ((20, 33), (33, 17)))
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal((rl.tensor(a) @ rl.tensor(b)).numpy(), np.matmul(a, b))


@names
def test_optimisers_on_half_precision(name):
    p = rl.ones(5000, dtype=getattr(rl, name)).requires_grad_()
    p.grad = rl.full((5000,), 0.5, dtype=getattr(rl, name))
    optimiser = rl.optim.Adam([p], lr=0.125)
    for _ in range(3):
        optimiser.step()
    assert p.dtype is getattr(rl, name)
    np.testing.assert_allclose(p.detach().float().numpy(), 1 - 3 * 0.125, atol=0.01)


def test_a_step_under_autocast():
    rl.manual_seed(0)
    model = rl.nn.Sequential(
        rl.nn.Conv2d(1, 8, 3), rl.nn.BatchNorm2d(8), rl.nn.ReLU(), rl.nn.MaxPool2d(2), rl.nn.Flatten(),
        rl.nn.Linear(8 * 9, 4),
    )  # fmt: skip
    x, y = rl.randn(16, 1, 8, 8), rl.arange(16) % 4
    optimiser, losses = rl.optim.SGD(model.parameters(), lr=0.1), []
    for _ in range(20):
        optimiser.zero_grad()
        with rl.autocast("cpu", dtype=rl.bfloat16):
            out = model(x)
            loss = F.cross_entropy(out, y)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert out.dtype is rl.bfloat16
    assert all(p.grad.dtype is rl.float32 for p in model.parameters())
    assert losses[-1] < 0.5 * losses[0]


@names
@pytest.mark.parametrize("count", [3, 20_000])  # by numpy, and by a kernel
def test_filling(name, count):
    x = rl.full((count,), 2.5, dtype=getattr(rl, name))
    assert x.tolist() == [2.5] * count
    assert rl.ones_like(x).tolist() == [1.0] * count
    assert x.fill_(-0.75).tolist() == [-0.75] * count
