"""Sums, means and maxima of bags of rows by kernels, beside float64, numpy's way and PyTorch."""

from itertools import pairwise

import numpy as np
import pytest

import rushlight
from rushlight.lang import bags
from rushlight.runtime import available, get_num_threads, set_kernel_mode, set_num_threads

pytestmark = pytest.mark.skipif(not available(), reason="no kernels on this machine")
SIZES = [(5, 3, 7, 2), (40, 64, 100, 9), (31, 300, 500, 40), (9, 17, 30, 30), (200, 129, 4000, 300)]


def arrays(rows, columns, places, count, dtype="float32"):
    """A table, the rows that are named, and where bags end, some of which are empty."""
    draw = np.random.default_rng(rows + columns)
    table = draw.standard_normal((rows, columns)).astype(dtype)
    cuts = np.sort(draw.integers(0, places + 1, count - 1))
    ends = np.concatenate(([0], cuts, [places])).astype(np.int64)
    share = draw.standard_normal(places).astype(dtype)
    return table, draw.integers(0, rows, places), ends, share


def by_hand(table, index, ends, share, mean, padding):
    out = np.zeros((len(ends) - 1, table.shape[1]))
    for k, (low, high) in enumerate(pairwise(ends)):
        places = [p for p in range(low, high) if index[p] != padding]
        for p in places:
            out[k] += table[index[p]].astype(float) * (1 if share is None else share[p])
        out[k] /= max(len(places), 1) if mean else 1
    return out


@pytest.fixture(params=["force", "off"])
def mode(request):
    before = set_kernel_mode(request.param)
    yield request.param
    set_kernel_mode(before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", SIZES)
def test_sums_and_means(mode, size, dtype):
    table, index, ends, share = arrays(*size, dtype)
    bound = 3e-5 if dtype == "float32" else 1e-13
    for padding in (-1, int(index[0])):
        for shares, mean in ((None, False), (None, True), (share, False)):
            found = bags.bag_sums(table, index, ends, shares, mean, padding)
            assert found.dtype == table.dtype
            expected = by_hand(table, index, ends, shares, mean, padding)
            np.testing.assert_allclose(found, expected, rtol=bound, atol=bound)


@pytest.mark.parametrize("size", SIZES)
def test_maxima_are_the_first_largest(mode, size):
    table, index, ends, _ = arrays(*size)
    table = table.round(0)  # many are equal
    values, largest = bags.bag_maxima(table, index, ends, int(index[1]))
    for k, (low, high) in enumerate(pairwise(ends)):
        named = [i for i in index[low:high] if i != index[1]]
        if not named:
            assert (largest[k] == -1).all()
            assert (values[k] == 0).all()
            continue
        np.testing.assert_array_equal(values[k], table[named].max(0))
        np.testing.assert_array_equal(largest[k], np.array(named)[table[named].argmax(0)])


def test_rows_that_do_not_lie_side_by_side(mode):
    table, index, ends, share = arrays(40, 64, 100, 9)
    for view in (table[::2], table[:, ::2], table[:, 3:40]):
        places = index % len(view)
        found = bags.bag_sums(view, places, ends, share, False, -1)
        np.testing.assert_allclose(found, by_hand(view, places, ends, share, False, -1), atol=3e-5)


def test_threads_do_not_change_a_bit():
    table, index, ends, share = arrays(200, 300, 4000, 300)
    before, seen = get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            set_num_threads(threads)
            seen.append(bags.bag_sums(table, index, ends, share, False, -1))
    finally:
        set_num_threads(before)
    assert (seen[0] == seen[1]).all()
    assert (seen[0] == seen[2]).all()


@pytest.mark.parametrize("how", ["sum", "mean", "max"])
@pytest.mark.parametrize("padding", [None, 3])
def test_gradients_are_those_of_differences(how, padding):
    rushlight.manual_seed(0)
    weight = rushlight.randn(6, 3, dtype=rushlight.float64, requires_grad=True)
    index, offsets = rushlight.tensor([1, 3, 3, 5, 0, 1, 2]), rushlight.tensor([0, 2, 2, 5])
    share = rushlight.rand(7, dtype=rushlight.float64, requires_grad=True) if how == "sum" else None

    def of(*tensors):
        w, s = tensors if how == "sum" else (*tensors, None)
        call = rushlight.nn.functional.embedding_bag
        return call(index, w, offsets, mode=how, per_sample_weights=s, padding_idx=padding)

    inputs = (weight, share) if how == "sum" else (weight,)
    assert rushlight.autograd.gradcheck(of, inputs)
    assert rushlight.autograd.gradgradcheck(of, inputs)


def test_wrong_places_are_told():
    call, weight = rushlight.nn.functional.embedding_bag, rushlight.randn(4, 2)
    with pytest.raises(RuntimeError, match="Index 1 of input takes value 9"):
        call(rushlight.tensor([0, 9]), weight, rushlight.tensor([0]))
    with pytest.raises(RuntimeError, match="never decrease"):
        call(rushlight.tensor([0, 1, 2]), weight, rushlight.tensor([0, 2, 1]))
