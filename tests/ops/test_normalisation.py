"""Normalisation: values, gradients of two orders, running averages, and messages."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.against_torch import same

import rushlight
import rushlight.nn.functional as F
from rushlight import kernels
from rushlight.runtime import settings

generator = np.random.default_rng(72)


def reals(*shape):
    return generator.standard_normal(shape)


BATCHES = [(6, 3), (4, 3, 5), (2, 3, 4, 2), (2, 3, 2, 2, 2)]


@pytest.mark.parametrize("shape", BATCHES)
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_agrees_with_pytorch(shape, training):
    pytest.importorskip("torch")
    mean, variance = reals(3), generator.uniform(0.5, 2, 3)

    def call(f, x, w, b):
        known = [None, None] if training else [f.from_numpy(a.copy()) for a in (mean, variance)]
        return f.nn.functional.batch_norm(x, *known, w, b, training)

    same(call, reals(*shape), reals(3), reals(3), order=2)


@pytest.mark.parametrize("momentum", [0.1, 0.6])
@pytest.mark.parametrize("name", ["batch_norm", "instance_norm"])
def test_running_averages_follow_in_place(name, momentum):
    pytest.importorskip("torch")

    def call(f, x, mean, variance):
        mean, variance = mean.detach().clone(), variance.detach().clone()
        for _ in range(3):
            if name == "batch_norm":
                f.nn.functional.batch_norm(x, mean, variance, training=True, momentum=momentum)
            else:
                f.nn.functional.instance_norm(x, mean, variance, momentum=momentum)
        return mean, variance

    same(call, reals(4, 3, 5), reals(3), np.ones(3))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_running_averages_follow_where_they_lie(dtype):
    """In every second place of other memory, or in another type than the batch has."""
    memory = rushlight.zeros(12, dtype=getattr(rushlight, dtype))
    x = rushlight.from_numpy(reals(8, 6)).float()
    F.batch_norm(x, memory[::2], memory[1::2], training=True, momentum=0.25)
    expected = np.stack([x.numpy().mean(0), x.numpy().var(0, ddof=1)], 1).reshape(-1) * 0.25
    np.testing.assert_allclose(memory.numpy(), expected, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("last", [(4,), (5, 4)])
@pytest.mark.parametrize("name", ["layer_norm", "rms_norm"])
def test_layer_and_rms_norm_agree_with_pytorch(name, last, affine):
    pytest.importorskip("torch")

    def call(f, x, *affine):
        return getattr(f.nn.functional, name)(x, last, *affine)

    weights = [reals(*last)] * (1 if name == "rms_norm" else 2) if affine else []
    same(call, reals(2, 5, 4), *[w.copy() for w in weights], order=2)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("shape", [(3, 4), (2, 4, 5), (2, 4, 3, 2)])
def test_group_norm_agrees_with_pytorch(shape, groups):
    pytest.importorskip("torch")
    call = lambda f, x, w, b: f.nn.functional.group_norm(x, groups, w, b)  # noqa: E731
    if groups == 4 and len(shape) == 2:
        return  # one value in each group: nothing but the bias, and a gradient of noise
    same(call, reals(*shape), reals(4), reals(4), order=2)


def test_instance_norm_agrees_with_pytorch():
    pytest.importorskip("torch")
    call = lambda f, x, w, b: f.nn.functional.instance_norm(x, weight=w, bias=b)  # noqa: E731
    same(call, reals(3, 4, 5), reals(4), reals(4), order=2)


@pytest.mark.parametrize("shape", [(2, 6, 4), (2, 6, 3, 2)])
def test_local_response_norm_and_normalize_agree_with_pytorch(shape):
    pytest.importorskip("torch")
    same(lambda f, x: f.nn.functional.local_response_norm(x, 3, 0.1, 0.75, 2.0), reals(*shape), order=2)
    same(lambda f, x: f.nn.functional.normalize(x, dim=-1), reals(*shape), order=2)
    same(lambda f, x, y: f.cosine_similarity(x, y), reals(*shape), reals(*shape), order=2)
    same(lambda f, x, y: f.pairwise_distance(x, y), reals(*shape), reals(*shape), order=2)


def test_large_arrays_take_the_way_without_products_in_memory():
    """The sums of products over rows and over images are those of the plain formula."""
    x, w = reals(40, 8, 200), reals(8)
    t = rushlight.tensor(x, requires_grad=True)
    y = F.batch_norm(t, None, None, rushlight.tensor(w), training=True)
    normal = (x - x.mean((0, 2), keepdims=True)) / np.sqrt(x.var((0, 2), keepdims=True) + 1e-5)
    np.testing.assert_allclose(y.detach().numpy(), normal * w[:, None], rtol=1e-9, atol=1e-9)
    (y * y).sum().backward()
    assert abs(t.grad.sum((0, 2))).max().item() < 1e-8  # shifting a channel changes nothing


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["layer_norm", "rms_norm"])
@pytest.mark.parametrize("affine", [True, False])
def test_kernels_of_long_rows_agree_with_numpy(name, affine, dtype):
    found = []
    x, g, w, b = (reals(*s).astype(dtype) for s in ((40, 6, 70), (40, 6, 70), (70,), (70,)))
    for mode in ("off", "force"):
        before = settings.set_kernel_mode(mode)
        t = rushlight.tensor(x, requires_grad=True)
        weights = [rushlight.tensor(a, requires_grad=True) for a in ((w,) if name == "rms_norm" else (w, b))]
        y = getattr(F, name)(t, (70,), *(weights if affine else ()))
        y.backward(rushlight.tensor(g))
        found.append([y.detach(), t.grad, *([v.grad for v in weights] if affine else [])])
        settings.set_kernel_mode(before)
    for a, c in zip(*found, strict=True):
        tolerance = 2e-5 if dtype == "float32" else 1e-12
        np.testing.assert_allclose(a.numpy(), c.numpy(), rtol=tolerance, atol=tolerance * 10)


def test_half_precision_is_computed_in_float32():
    x = rushlight.tensor(reals(64, 16)).to(rushlight.bfloat16)
    y = F.layer_norm(x, (16,))
    assert y.dtype is rushlight.bfloat16
    wide = F.layer_norm(x.float(), (16,)).to(rushlight.bfloat16)
    assert rushlight.equal(y, wide)


MISTAKES = [
    (lambda x: F.batch_norm(x, None, None), RuntimeError, "training=False"),
    (lambda x: F.batch_norm(x[:1], None, None, training=True), ValueError, "more than 1 value per channel"),
    (
        lambda x: F.batch_norm(x, None, None, rushlight.ones(5), training=True),
        RuntimeError,
        "contain 4 elements not 5",
    ),
    (lambda x: F.layer_norm(x, (3,)), RuntimeError, "expected input with shape"),
    (lambda x: F.group_norm(x, 3), RuntimeError, "divisible by num_groups"),
    (lambda x: F.layer_norm(x.long(), (4,)), NotImplementedError, r"x\.float\(\)"),
]


@pytest.mark.parametrize(("call", "error", "message"), MISTAKES)
def test_messages_say_what_is_wrong(call, error, message):
    with pytest.raises(error, match=message):
        call(rushlight.zeros(2, 4))


@pytest.mark.skipif(
    settings.kernel_mode == "off" or not kernels.available(), reason="numpy's results are views here"
)
def test_gradients_are_nobodys_view(monkeypatch):
    """A leaf takes a large gradient as it is: one that is a view of another array would be copied."""
    from rushlight.autograd import engine

    copied = []
    whole = engine.copy
    monkeypatch.setattr(engine, "copy", lambda grad: copied.append(grad.shape) or whole(grad))
    x = rushlight.rand(8, 16, 40, 40, requires_grad=True)
    g = rushlight.rand(8, 16, 40, 40)
    F.group_norm(x, 4).backward(g)
    x.grad = None
    F.layer_norm(x, (40, 40)).backward(g)
    x.grad = None
    x.softmax(1).backward(g)
    assert copied == []
