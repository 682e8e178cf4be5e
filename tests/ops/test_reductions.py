"""Reductions agree with PyTorch in value, dtype, shape and gradients to second order, and with exact sums."""

from __future__ import annotations

import math

import numpy as np
import pytest

import rushlight as rl
from support.against_torch import same

random = np.random.default_rng(0)
X = random.standard_normal((3, 4, 5))
TIES = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
NAN = np.where(X > 1, np.nan, X)
DIMS = [None, 0, -1, (0, 2), ()]

DIFFERENTIABLE = {
    "sum": lambda f, x, **k: f.sum(x, **k),
    "mean": lambda f, x, **k: f.mean(x, **k),
    "amax": lambda f, x, dim=(), **k: f.amax(x, dim=() if dim is None else dim, **k),
    "amin": lambda f, x, dim=(), **k: f.amin(x, dim=() if dim is None else dim, **k),
    "var": lambda f, x, **k: f.var(x, **k),
    "std": lambda f, x, **k: f.std(x, correction=0, **k),
    "norm": lambda f, x, **k: f.norm(x, **k),
    "norm of order 3": lambda f, x, **k: f.linalg.vector_norm(x, 3, **k),
}


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_each_form_of_dim_to_second_order(name, dim, keepdim):
    pytest.importorskip("torch")
    if name in ("var", "std") and dim == ():
        pytest.skip("PyTorch divides by the wrong number here: its gradient is inf")
    given = {} if dim is None else {"dim": dim, "keepdim": keepdim}
    same(lambda f, x: DIFFERENTIABLE[name](f, x, **given), X, order=2)


CALLS = {
    "logsumexp": lambda f, x: f.logsumexp(x, 1),
    "softmax": lambda f, x: f.softmax(x, 1),
    "log_softmax": lambda f, x: x.log_softmax(-1),
    "max of all": lambda f, x: x.max(),
    "max along": lambda f, x: x.max(dim=1),
    "min along, kept": lambda f, x: f.min(x, 0, keepdim=True),
    "aminmax": lambda f, x: f.aminmax(x, dim=1),
    "prod of all": lambda f, x: x.prod(),
    "prod along": lambda f, x: x.prod(1),
    "std_mean": lambda f, x: f.std_mean(x, 1),
    "var_mean": lambda f, x: f.var_mean(x, (0, 1), correction=2),
    "var, unbiased by position": lambda f, x: x.var(False),
    "var, all by position": lambda f, x: x.var(1, False, True),
    "norm of order inf": lambda f, x: x.norm(math.inf, 1),
    "norm of order -inf": lambda f, x: f.linalg.vector_norm(x, -math.inf, 1),
    "norm of order 1": lambda f, x: x.norm(1, 0),
    "norm of order 0": lambda f, x: x.norm(0, 0),
    "norm of order 1.5": lambda f, x: x.norm(1.5, 2),
    "norm of order 0.5": lambda f, x: x.norm(0.5, 2),
    "dist": lambda f, x: f.dist(x[0], x[1], 3),
    "renorm": lambda f, x: f.renorm(x, 2, 1, 1.5),
    "nansum": lambda f, x: f.nansum(x, 1),
    "nanmean": lambda f, x: f.nanmean(x, 1, True),
    "median along": lambda f, x: x.median(1),
    "nanmedian": lambda f, x: x.nanmedian(),
    "median of all": lambda f, x: x.median(),
    "kthvalue": lambda f, x: f.kthvalue(x, 2, 0),
    "mode": lambda f, x: f.mode(x, 0)[0],
    "quantile": lambda f, x: f.quantile(x, 0.3, 1),
    "quantiles": lambda f, x: f.quantile(x, f.tensor([0.1, 0.9], dtype=x.dtype), dim=2, keepdim=True),
    "nanquantile": lambda f, x: f.nanquantile(x, 0.6, interpolation="midpoint"),
    "cov": lambda f, x: f.cov(x[0]),
    "corrcoef": lambda f, x: f.corrcoef(x[0]),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_calls_to_second_order(call):
    pytest.importorskip("torch")
    same(call, X, order=2)


LAYOUTS = {
    "transposed": lambda x: x.transpose(0, 2),
    "with gaps": lambda x: x[:, ::2, 1::2],
    "expanded": lambda x: x[:, :1].expand(3, 4, 5),
    "without elements in one dimension": lambda x: x[:, :, :0],
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize(
    "name",
    ["logsumexp", "softmax", "max along", "prod along", "nansum", "kthvalue", "norm of order 1"],
)
def test_any_layout(name, layout):
    pytest.importorskip("torch")
    same(lambda f, x: CALLS[name](f, layout(x)), X, order=1)


@pytest.mark.parametrize("name", ["logsumexp", "prod along", "var_mean", "norm of order 1", "cov"])
def test_complex_numbers(name):
    pytest.importorskip("torch")
    same(CALLS[name], X + 1j * random.standard_normal(X.shape), order=1)


@pytest.mark.parametrize(
    "name",
    ["nansum", "nanmean", "median along", "nanmedian", "nanquantile", "quantile", "max along", "kthvalue"],
)
def test_nan_as_in_pytorch(name):
    pytest.importorskip("torch")
    same(CALLS[name], NAN)


@pytest.mark.parametrize(
    "call",
    [
        lambda f, x: x.max(),
        lambda f, x: x.amax(1),
        lambda f, x: x.max(1),
        lambda f, x: x.min(),
        lambda f, x: f.aminmax(x),
    ],
)
def test_equals_share_the_gradient_unless_one_was_picked(call):
    pytest.importorskip("torch")
    same(call, TIES, order=1)


def test_gradient_of_equals_without_an_oracle():
    x = rl.from_numpy(TIES.copy()).requires_grad_()
    x.amax(1).sum().backward()
    third = 1 / 3
    np.testing.assert_allclose(x.grad.numpy(), [[0, 0.5, 0.5], [third, third, third]])


@pytest.mark.parametrize("zeros", [[], [1], [1, 3], [0, 2, 3]])
@pytest.mark.parametrize("dim", [None, 0])
def test_product_with_zeros_to_third_order(zeros, dim):
    pytest.importorskip("torch")
    x = np.array([2.0, -3.0, 0.5, 4.0])
    x[zeros] = 0
    same(lambda f, x: x.prod() if dim is None else x.prod(dim), x, order=3)


def test_norm_at_zero_has_a_gradient_of_zero():
    for p in (0.5, 1, 1.5, 2, 3, math.inf):
        x = rl.zeros(3, dtype=rl.float64, requires_grad=True)
        x.norm(p).backward()
        assert x.grad.tolist() == [0.0, 0.0, 0.0], p


def test_std_of_equal_numbers_has_a_gradient_of_zero():
    x = rl.ones(4, dtype=rl.float64, requires_grad=True)
    x.std().backward()
    assert x.grad.tolist() == [0.0] * 4


def test_too_few_numbers_for_a_variance_warn():
    with pytest.warns(UserWarning, match="degrees of freedom"):
        assert math.isnan(rl.ones(1).var().item())


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int32", "int64", "float32"])
@pytest.mark.parametrize("call", [
    lambda f, x: (x.sum(), x.sum(0), x.sum(dtype=f.float32)),
    lambda f, x: (x.prod(0), x.mean(dtype=f.float64), f.softmax(x, 0, dtype=f.float32)),
    lambda f, x: (x.all(0), x.any(), f.all(x, dim=()), f.any(x, dim=(0, 1)), f.count_nonzero(x, 1)),
    lambda f, x: (x.amin(), x.max(0)),
])  # fmt: skip
def test_result_types(call, dtype):
    pytest.importorskip("torch")
    same(call, random.integers(0, 2, (3, 4)).astype(dtype))


def test_half_precision_is_summed_in_single_precision():
    x = rl.from_numpy(np.full(10_000, 1.0, "float16"))
    assert x.sum().item() == 10_000.0
    assert x.sum(dtype=rl.float32).dtype is rl.float32
    assert (x / 3).mean().dtype is rl.float16


@pytest.mark.parametrize(
    ("shape", "dim"),
    [
        ((200_000, 3), 0),
        ((20_000, 64), 0),
        ((3000, 700), 0),
        ((32, 3000, 8), (0, 1)),
        ((50, 600, 7, 4), (1, 3)),
    ],
)
@pytest.mark.parametrize("layout", ["contiguous", "strided"])
def test_long_sums_are_accurate_along_any_dimension(shape, dim, layout):
    x = random.random(shape, dtype="float32")
    t = rl.from_numpy(x)
    if layout == "strided":
        wide = np.zeros((*shape[:-1], shape[-1] * 2), "float32")
        wide[..., ::2] = x
        t = rl.from_numpy(wide[..., ::2])
    exact = x.astype("float64").sum(dim)
    assert np.abs(t.sum(dim).numpy() - exact).max() < 1e-6 * exact.max()


@pytest.mark.parametrize(
    "call", [lambda x: x.max(), lambda x: x.amax(), lambda x: x.argmin(), lambda x: x.aminmax()]
)
def test_extremes_of_nothing_are_refused_and_say_what_to_do(call):
    with pytest.raises((RuntimeError, IndexError), match="dim"):
        call(rl.zeros(0, 3))
    assert rl.zeros(0, 3).amax(1).shape == (0,)
    with pytest.raises(IndexError, match="non-zero size"):
        rl.zeros(0, 3).amax(0)


def test_teaching_messages():
    with pytest.raises(RuntimeError, match=r"int64.*dtype=torch.float32"):
        rl.ones(2, dtype=rl.int64).mean()
    with pytest.raises(IndexError, match=r"\[-2, 1\], but got 2"):
        rl.ones(2, 3).sum(2)
    with pytest.raises(RuntimeError, match="appears multiple times"):
        rl.ones(2, 3).sum((0, -2))
    with pytest.raises(NotImplementedError, match="complex numbers have no order"):
        rl.ones(2, dtype=rl.complex64).max()


def test_named_results_print_like_pytorchs():
    result = rl.tensor([[1.0, 3.0], [4.0, 2.0]]).max(dim=1)
    assert repr(result) == "torch.return_types.max(\nvalues=tensor([3., 4.]),\nindices=tensor([1, 0]))"
    values, indices = result
    assert result.values is values
    assert result.indices is indices


def test_axis_and_keepdims_are_understood():
    x = rl.ones(2, 3)
    assert x.sum(axis=0).shape == (3,)
    assert x.max(axis=1, keepdims=True).values.shape == (2, 1)
    assert rl.std(x, axis=1).shape == (2,)


def test_three_forms_of_max():
    x, y = rl.tensor([1.0, 5.0]), rl.tensor([2.0, 3.0])
    assert x.max().item() == 5
    assert rl.max(x, 0).indices.item() == 1
    assert rl.max(x, y).tolist() == [2.0, 5.0]


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int16", "int32"])
@pytest.mark.parametrize(
    ("shape", "dim"), [((3, 5), 1), ((70, 90), 0), ((70, 90), 1), ((9, 30, 40), (0, 2)), ((0, 4), 0)]
)
def test_sums_of_narrow_integers_are_wide(dtype, shape, dim):
    """Without an array of 64-bit numbers in between; the type of the sum is int64."""
    low, high = (0, 2) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    a = np.random.default_rng(11).integers(low, high, shape, endpoint=dtype != "bool").astype(dtype)
    x = rl.from_numpy(a)
    for keepdim in (False, True):
        total = x.sum(dim, keepdim)
        assert total.dtype == rl.int64
        np.testing.assert_array_equal(total.numpy(), a.sum(dim, dtype=np.int64, keepdims=keepdim))
    assert x.sum().item() == a.sum(dtype=np.int64)
