"""Normalisation, losses and gradients of sizes that take kernels: as exact as PyTorch, in all layouts."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight as rl
from rushlight import kernels
from rushlight.ops.fused import MOST_VARIANTS
from rushlight.runtime import get_num_threads, set_num_threads

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)
IMAGES = [(8, 16, 10, 10), (16, 32, 4, 4), (4, 3, 100, 100), (5, 7, 300), (200, 100), (2, 40, 3, 5, 7)]


def drawn(*shape, dtype="float32", seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=getattr(torch, dtype), generator=generator)


def ours(t):
    return None if t is None else rl.from_numpy(t.numpy())


def results(F, call, inputs, g):
    """The result and the gradients of the inputs."""
    inputs = [None if t is None else t.clone().requires_grad_() for t in inputs]
    out = call(F, *inputs)
    out.backward(g if g is not None else None)
    return [out.detach().numpy(), *(t.grad.numpy() for t in inputs if t is not None)]


def check(call, *inputs, g=None):
    """Errors against float64 are at most a few units in the last place, or those of PyTorch."""
    dtype = inputs[0].dtype
    found = results(rl.nn.functional, call, [ours(t) for t in inputs], ours(g))
    theirs = results(torch.nn.functional, call, inputs, g)
    wide = [None if t is None else t.double() for t in inputs]
    exact = results(torch.nn.functional, call, wide, None if g is None else g.double())
    unit = torch.finfo(dtype).eps * (1 if dtype is torch.float32 else 16)  # PyTorch's float64 is no truth
    for a, b, truth in zip(found, theirs, exact, strict=True):
        assert a.shape == truth.shape
        size = max(np.abs(truth).max(), 1e-30)
        allowed = 16 * unit + 3 * np.abs(b - truth).max() / size
        assert np.abs(a - truth).max() / size <= allowed


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("shape", IMAGES)
def test_batch_norm(shape, affine, dtype):
    x, g = drawn(*shape, dtype=dtype) * 2 + 1, drawn(*shape, dtype=dtype, seed=1)
    w, b = (drawn(shape[1], dtype=dtype, seed=k) if affine else None for k in (2, 3))
    mean, variance = np.linspace(-1, 1, shape[1]), np.linspace(0.5, 2, shape[1])

    def trained(F, x, w, b):
        return F.batch_norm(x, None, None, w, b, True)

    def evaluated(F, x, w, b):
        as_tensor = rl.from_numpy if F is rl.nn.functional else torch.from_numpy
        return F.batch_norm(x, as_tensor(mean).to(x.dtype), as_tensor(variance).to(x.dtype), w, b)

    for call in (trained, evaluated):
        check(call, x, w, b, g=g)
        if len(shape) == 4:
            check(call, x.contiguous(memory_format=torch.channels_last), w, b, g=g)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("shape", IMAGES)
def test_other_norms(shape, affine, dtype):
    x, g = drawn(*shape, dtype=dtype) * 2 + 1, drawn(*shape, dtype=dtype, seed=1)

    def vectors(*lengths):
        return (drawn(*lengths, dtype=dtype, seed=k) if affine else None for k in (2, 3))

    groups = shape[1] if shape[1] % 4 else 4
    if len(shape) > 2:
        check(lambda F, x, w, b: F.instance_norm(x, None, None, w, b, True), x, *vectors(shape[1]), g=g)
        check(lambda F, x, w, b: F.group_norm(x, groups, w, b), x, *vectors(shape[1]), g=g)
    check(lambda F, x, w, b: F.layer_norm(x, shape[-1:], w, b), x, *vectors(shape[-1]), g=g)
    check(lambda F, x, w, b: F.layer_norm(x, shape[1:], w, b), x, *vectors(*shape[1:]), g=g)
    check(lambda F, x, w: F.rms_norm(x, shape[-1:], w), x, next(vectors(shape[-1])), g=g)


def test_a_layer_norm_sums_to_nothing():
    x = rl.rand(512, 1024) + 1000
    rows = rl.nn.functional.layer_norm(x, (1024,)).numpy().astype(np.float64)
    assert np.abs(rows.sum(1)).max() < 1e-3  # each element is rounded, but the mean is not


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(1000, 10), (5000, 2), (16, 21, 20, 20), (1, 5000)])
@pytest.mark.parametrize("options", [{}, {"weighted": True}, {"ignore_index": 0}, {"label_smoothing": 0.1}])
def test_cross_entropy(shape, reduction, dtype, options):
    x = drawn(*shape, dtype=dtype) * 5
    labels = torch.randint(1, shape[1], (shape[0], *shape[2:]), generator=torch.Generator().manual_seed(5))
    labels[..., :1] = 0 if shape[0] > 1 else 1
    weight = torch.linspace(0.5, 2, shape[1], dtype=x.dtype)
    options = dict(options)
    weighted = options.pop("weighted", False)

    def call(F, x):
        mine = F is rl.nn.functional
        w = (ours(weight) if mine else weight).to(x.dtype) if weighted else None
        return F.cross_entropy(x, ours(labels) if mine else labels, w, reduction=reduction, **options)

    g = drawn(shape[0], *shape[2:], dtype=dtype, seed=6) if reduction == "none" else None
    check(call, x, g=g)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mse_loss", {}),
        ("l1_loss", {}),
        ("smooth_l1_loss", {"beta": 0.7}),
        ("huber_loss", {"delta": 1.3}),
        ("binary_cross_entropy_with_logits", {}),
    ],
)
def test_losses_of_pairs(name, options, reduction, dtype):
    x, target = drawn(90, 77, dtype=dtype) * 2, drawn(90, 77, dtype=dtype, seed=1).sigmoid()

    def call(F, x):
        t = ours(target) if F is rl.nn.functional else target
        return getattr(F, name)(x, t.to(x.dtype), reduction=reduction, **options)

    check(call, x, g=drawn(90, 77, dtype=dtype, seed=2) if reduction == "none" else None)


@pytest.mark.parametrize("ord", [2, 1, float("inf")])
def test_norms(ord):
    x = drawn(40, 30, 20)
    for dim in (None, 0, 1, 2, (0, 2)):
        for keepdim in (False, True):
            found = rl.linalg.vector_norm(ours(x), ord, dim, keepdim)
            expected = torch.linalg.vector_norm(x.double(), ord, dim, keepdim)
            assert tuple(found.shape) == tuple(expected.shape)
            np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-6)


ACTIVATIONS = [
    ("gelu", {}), ("gelu", {"approximate": "tanh"}), ("leaky_relu", {"negative_slope": 0.2}),
    ("elu", {"alpha": 1.5}), ("celu", {"alpha": 0.5}), ("softplus", {"beta": 2, "threshold": 3}),
    ("hardtanh", {}), ("softshrink", {}), ("threshold", {"threshold": 0.1, "value": -2.0}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_of_functions_with_options(name, options, dtype):
    x, g = drawn(90, 77, dtype=dtype) * 2, drawn(90, 77, dtype=dtype, seed=1)
    check(lambda F, x: getattr(F, name)(x, **options), x, g=g)


def test_more_options_than_there_are_kernels_for():
    x, g = drawn(90, 77), drawn(90, 77, seed=1)
    for k in range(MOST_VARIANTS + 3):
        check(lambda F, x, k=k: F.leaky_relu(x, 0.01 * k), x, g=g)


def test_the_same_bits_for_any_number_of_threads():
    before = get_num_threads()
    x = ours(drawn(64, 32, 20, 20))
    seen = set()
    try:
        for count in (1, 2, 3):
            set_num_threads(count)
            leaf = x.clone().requires_grad_()
            out = rl.nn.functional.batch_norm(leaf, None, None, training=True)
            (out * out.sigmoid()).sum().backward()
            loss = rl.nn.functional.smooth_l1_loss(leaf, rl.zeros_like(leaf))
            seen.add(
                out.detach().numpy().tobytes() + leaf.grad.numpy().tobytes() + loss.detach().numpy().tobytes()
            )
    finally:
        set_num_threads(before)
    assert len(seen) == 1


def test_joined_arrays_of_any_layout():
    parts = [drawn(30, 40, 20, seed=k) for k in range(3)]
    turned = [p.transpose(0, 2).contiguous().transpose(0, 2) for p in parts]
    for group in (parts, turned, [parts[0], turned[1], parts[2][::1]], [p[:, ::2] for p in parts]):
        mine = [rl.from_numpy(p.numpy()) for p in group]
        for dim in range(3):
            found = rl.cat(mine, dim)
            assert found.is_contiguous()
            np.testing.assert_array_equal(found.numpy(), torch.cat(group, dim).numpy())
            np.testing.assert_array_equal(rl.stack(mine, dim).numpy(), torch.stack(group, dim).numpy())
    with pytest.raises(RuntimeError):
        rl.cat([rl.zeros(100, 100), rl.zeros(100, 99)])


def test_choices_and_conversions():
    x, y = drawn(130, 120), drawn(130, 120, seed=1)
    a, b = ours(x), ours(y)
    np.testing.assert_array_equal(rl.where(a > 0, a, b).numpy(), torch.where(x > 0, x, y).numpy())
    np.testing.assert_array_equal(rl.where(a > 0, a, 2.0).numpy(), torch.where(x > 0, x, 2.0).numpy())
    row = rl.where(a[:, :1] > 0, a.t().contiguous().t(), b[:1])
    np.testing.assert_array_equal(row.numpy(), torch.where(x[:, :1] > 0, x, y[:1]).numpy())
    for kind in ("float64", "int64", "int8", "uint8", "bool", "float16"):
        found = (a * 50).to(getattr(rl, kind)).numpy()
        np.testing.assert_array_equal(found, (x * 50).to(getattr(torch, kind)).numpy())
        back = rl.from_numpy(found).float().numpy()
        np.testing.assert_array_equal(back, found.astype(np.float32))


def test_variances_keep_their_digits_beside_a_large_mean():
    x = drawn(300, 200, dtype="float64") + 1e3
    for dim in (None, 0, 1):
        found = rl.var(ours(x.float()), dim).numpy()
        np.testing.assert_allclose(found, torch.var(x.float().double(), dim).numpy(), rtol=1e-6)
