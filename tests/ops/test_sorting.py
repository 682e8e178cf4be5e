"""Sorting and searching in PyTorch's order: NaN is the largest, equals keep their places."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight as rl
from support.against_torch import same

random = np.random.default_rng(2)
TYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]


def draw(shape, dtype, distinct=20):
    x = random.integers(-distinct, distinct, shape).astype(dtype)
    if x.dtype.kind == "f":
        x[random.random(shape) < 0.1] = np.nan
        x[random.random(shape) < 0.1] = -0.0
        x[random.random(shape) < 0.05] = -np.inf
    return x


@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 300, 3), (1000,), (0, 3), ()])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dtype", TYPES)
def test_stable_sort(dtype, descending, shape):
    pytest.importorskip("torch")
    for dim in range(-len(shape), max(len(shape), 1)):
        same(
            lambda f, x, d=dim: f.sort(x, dim=d, descending=descending, stable=True),
            np.asarray(draw(shape, dtype)),
        )


def test_stable_sort_without_an_oracle():
    x = rl.tensor([2.0, float("nan"), 1.0, 2.0, 1.0])
    assert x.argsort(stable=True).tolist() == [2, 4, 0, 3, 1]
    assert x.argsort(descending=True, stable=True).tolist() == [1, 0, 3, 2, 4]


@pytest.mark.parametrize("dtype", ["int64", "float32", "float64"])
def test_long_rows_with_few_different_values_stay_in_order(dtype):
    x = random.integers(0, 50, 30_000).astype(dtype)
    values, indices = rl.from_numpy(x).sort()
    expected = np.argsort(x, kind="stable")
    np.testing.assert_array_equal(indices.numpy(), expected)
    np.testing.assert_array_equal(values.numpy(), x[expected])


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("k", [0, 1, 3, 4])
@pytest.mark.parametrize("dtype", ["int64", "float32", "float64"])
def test_topk(dtype, k, largest):
    pytest.importorskip("torch")
    x = random.permutation(4 * 600).reshape(4, 600).astype(dtype)
    same(lambda f, x: f.topk(x, k, dim=0, largest=largest), x)
    same(lambda f, x: f.topk(x, k, largest=largest), x)
    same(lambda f, x: f.topk(x, k, sorted=False, largest=largest).values.sort().values, x)


@pytest.mark.parametrize("length", [7, 1000])
@pytest.mark.parametrize("dtype", ["int32", "float32", "float64"])
def test_kthvalue_and_median(dtype, length):
    pytest.importorskip("torch")
    x = random.permutation(3 * length).reshape(3, length).astype(dtype)
    same(lambda f, x: (f.kthvalue(x, 5), x.median(1), x.median(), f.nanmedian(x, 1)), x)


@pytest.mark.parametrize("call", [
    lambda f, x: x.sort(1), lambda f, x: f.msort(x), lambda f, x: x.topk(2, 1), lambda f, x: x.sort(0, True),
])  # fmt: skip
def test_gradients_to_second_order(call):
    pytest.importorskip("torch")
    same(lambda f, x: call(f, x * x), random.standard_normal((3, 5)), order=2)


@pytest.mark.parametrize("dim", [None, 0, 1])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32"])
def test_unique(dtype, dim):
    pytest.importorskip("torch")
    x = random.integers(0, 2, (6, 3)).astype(dtype)
    same(lambda f, x: f.unique(x, return_inverse=True, return_counts=True, dim=dim), x)
    same(lambda f, x: f.unique(x, dim=dim), x)
    same(lambda f, x: f.unique_consecutive(x, return_inverse=True, return_counts=True, dim=dim), x)


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("counts", [False, True])
@pytest.mark.parametrize("shape", [(), (1,), (40, 30)])
def test_what_of_unique_elements_is_asked_for(shape, counts, inverse):
    pytest.importorskip("torch")
    x = np.asarray(random.integers(0, 9, shape))
    same(lambda f, x: f.unique(x, return_inverse=inverse, return_counts=counts), x)
    same(lambda f, x: f.unique_consecutive(x, return_inverse=inverse, return_counts=counts), x)


def test_unique_of_nothing():
    assert rl.unique(rl.zeros(0)).shape == (0,)
    assert rl.unique(rl.zeros(0, 2), dim=0).shape == (0, 2)
    with pytest.raises(RuntimeError, match="0 sized dimensions"):
        rl.unique(rl.zeros(0, 2), dim=1)


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_searchsorted_and_bucketize(dtype, right):
    pytest.importorskip("torch")
    rows, values = (
        np.sort(random.integers(0, 9, (3, 7)).astype(dtype), 1),
        random.integers(-1, 11, (3, 5)).astype(dtype),
    )
    same(lambda f, r, v: f.searchsorted(r, v, right=right), rows, values)
    same(
        lambda f, r, v: f.searchsorted(r[0], v, side="right" if right else "left", out_int32=True),
        rows,
        values,
    )
    same(lambda f, r, v: f.bucketize(v, r[0].contiguous(), right=right), rows, values)
    same(lambda f, r, v: f.searchsorted(r[0], 4, right=right), rows, values)


def test_searchsorted_with_a_sorter():
    sequence = rl.tensor([5.0, 1.0, 3.0])
    assert rl.searchsorted(sequence, rl.tensor([2.0, 5.0]), sorter=sequence.argsort()).tolist() == [1, 2]


def test_isin():
    x = rl.tensor([[1, 2], [3, 4]])
    assert rl.isin(x, rl.tensor([2, 3])).tolist() == [[False, True], [True, False]]
    assert rl.isin(x, 4, invert=True).tolist() == [[True, True], [True, False]]


def test_mode_takes_the_smallest_of_the_most_frequent():
    values, indices = rl.mode(rl.tensor([[3, 1, 3, 1, 2], [5, 4, 4, 5, 5]]))
    assert values.tolist() == [1, 5]
    assert indices.tolist() == [3, 4]


@pytest.mark.parametrize("call", [
    lambda f, x, w: f.histc(x, 7), lambda f, x, w: f.histc(x, 4, -1, 1), lambda f, x, w: f.histogram(x, 5),
    lambda f, x, w: f.histogram(x, 5, range=(-1, 1), weight=w, density=True),
    lambda f, x, w: f.histogram(x, f.tensor([-1.0, 0, 0.5, 2]).to(x.dtype)),
    lambda f, x, w: f.histogramdd(x.reshape(-1, 2), [3, 4]),
    lambda f, x, w: f.histogramdd(x.reshape(-1, 2), [3, 4], range=[-1, 1, 0, 2], density=True),
])  # fmt: skip
def test_histograms(call):
    pytest.importorskip("torch")
    same(call, random.standard_normal(40), random.random(40))


def test_bincount():
    assert rl.bincount(rl.tensor([1, 1, 3]), minlength=6).tolist() == [0, 2, 0, 1, 0, 0]
    assert rl.bincount(rl.tensor([1, 1, 3]), rl.tensor([0.5, 1.0, 2.0])).tolist() == [0, 1.5, 0, 2.0]
    with pytest.raises(RuntimeError, match="non-negative"):
        rl.bincount(rl.tensor([-1]))


def test_messages():
    with pytest.raises(RuntimeError, match="k out of range"):
        rl.ones(3).topk(4)
    with pytest.raises(RuntimeError, match="complex"):
        rl.ones(3, dtype=rl.complex64).sort()
    with pytest.raises(RuntimeError, match="same dtype"):
        rl.searchsorted(rl.ones(3), rl.tensor([1]))
    with pytest.raises(RuntimeError, match="q must be in the range"):
        rl.quantile(rl.ones(3), 1.5)
