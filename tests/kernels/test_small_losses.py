"""Losses of small arrays by kernels, against double precision, and what they leave to numpy."""

import numpy as np
import pytest

import rushlight as torch
from rushlight.kernels import small_losses
from rushlight.nn import functional as F
from rushlight.runtime import session, settings

pytestmark = pytest.mark.skipif(not session.available(), reason="no compiler here")
TYPES = {"float32": 1e-6, "float64": 1e-14}
SHAPES = [(1, 1), (1, 2), (200, 2), (17, 10), (16, 3), (33, 1), (5, 700)]


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mean", [True, False])
def test_squares(dtype, shape, mean, rng):
    x, t = (rng.normal(size=shape).astype(dtype) for _ in range(2))
    losses, g = small_losses.of(x), np.asarray(2.5, dtype)
    gap, count = x.astype("float64") - t, x.size if mean else 1
    near = {"rtol": 10 * TYPES[dtype], "atol": TYPES[dtype]}
    np.testing.assert_allclose(losses.squares(x, t, mean), (gap**2).sum() / count, **near)
    gx, gt = losses.squares_back(g, x, t, mean, (True, True))
    np.testing.assert_allclose(gx, 5 * gap / count, **near)
    np.testing.assert_array_equal(gt, -gx)
    assert losses.squares_back(g, x, t, mean, (False, True))[0] is None


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mean", [True, False])
def test_labels(dtype, shape, mean, rng):
    x, labels = (3 * rng.normal(size=shape)).astype(dtype), rng.integers(0, shape[1], shape[0])
    p, rows = softmax(x.astype("float64")), np.arange(shape[0])
    loss, odds = small_losses.of(x).labels(x, labels, mean)
    near = {"rtol": 10 * TYPES[dtype], "atol": TYPES[dtype]}
    each = -np.log(p[rows, labels])
    np.testing.assert_allclose(loss, each.mean() if mean else each.sum(), **near)
    p[rows, labels] -= 1
    np.testing.assert_allclose(odds, p, **near)
    g = np.asarray(0.5, dtype)
    expected = p * 0.5 / (shape[0] if mean else 1)
    np.testing.assert_allclose(small_losses.of(x).labels_back(g, odds, mean), expected, **near)


def test_what_is_left_to_numpy():
    x, labels = np.zeros((3, 4), "float32"), np.array([0, 1, 2])
    losses = small_losses.of(x)
    assert losses.labels(x, labels, True) is not None
    assert losses.labels(x, np.array([0, -100, 2]), True) is None
    assert losses.labels(x, np.array([0, 4, 2]), True) is None
    assert losses.labels(x, labels[:2], True) is None
    assert losses.labels(x, labels.astype("int32"), True) is None
    assert losses.labels(np.array([[0, 1e30, 2, 3]] * 3, "float32"), labels, True) is None
    assert losses.labels(x.T, labels, True) is None
    assert losses.labels(x.astype("float64"), labels, True) is None
    assert losses.labels(np.zeros((5000, 1), "float32"), np.zeros(5000, int), True) is None
    assert losses.squares(x, x[:2], True) is None
    assert losses.squares(x, x.astype("float64"), True) is None
    assert losses.squares(x[:0], x[:0], True) is None
    assert small_losses.of(labels).squares(labels, labels, True) is None


def results(reduction, ignore):
    torch.manual_seed(0)
    x = torch.randn(6, 4, requires_grad=True)
    labels, t = torch.tensor([0, 3, 2, 1, 1, 0]), torch.randn(6, 4, requires_grad=True)
    if ignore:
        labels[2] = -100
    loss = F.cross_entropy(x, labels, reduction=reduction) + 2 * F.mse_loss(x, t, reduction=reduction)
    loss.backward(retain_graph=True)
    once = x.grad.clone()
    (again,) = torch.autograd.grad(loss, x, create_graph=True)
    (again**2).sum().backward()
    return [a.detach().numpy() for a in (loss, once, x.grad, t.grad)]


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("ignore", [False, True])
def test_the_same_as_without_kernels(reduction, ignore):
    with_kernels = results(reduction, ignore)
    before = settings.set_kernel_mode("off")
    try:
        without = results(reduction, ignore)
    finally:
        settings.set_kernel_mode(before)
    for a, b in zip(with_kernels, without):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


def test_saved_values_in_the_care_of_hooks():
    x = torch.randn(6, 4, requires_grad=True)
    labels = torch.tensor([0, 3, 2, 1, 1, 0])
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.numpy().copy(), torch.from_numpy):
        loss = F.cross_entropy(x, labels)
    loss.backward()
    expected, x.grad = x.grad, None
    F.cross_entropy(x, labels).backward()
    np.testing.assert_allclose(expected.numpy(), x.grad.numpy(), rtol=1e-6)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("classes", [1, 3])
def test_what_is_not_finite_is_seen(value, classes):
    x = torch.full((4, classes), value)
    assert F.cross_entropy(x, torch.zeros(4, dtype=torch.int64)).isnan()
