"""Attention, embeddings and dropout: values, gradients of two orders, random numbers, and messages."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.against_torch import same

import rushlight
import rushlight.nn.functional as F

generator = np.random.default_rng(73)


def reals(*shape):
    return generator.standard_normal(shape)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("lead", [(), (2,), (2, 3)])
def test_attention_agrees_with_pytorch(lead, causal):
    pytest.importorskip("torch")
    call = lambda f, *t: f.nn.functional.scaled_dot_product_attention(*t, is_causal=causal)  # noqa: E731
    same(call, reals(*lead, 4, 3), reals(*lead, 5, 3), reals(*lead, 5, 2), order=2)


def test_masks_of_attention_agree_with_pytorch():
    pytest.importorskip("torch")
    hidden = generator.random((4, 5)) < 0.5
    hidden[:, 0] = True
    attend = "scaled_dot_product_attention"

    def marked(f, q, k, v):
        return getattr(f.nn.functional, attend)(q, k, v, attn_mask=f.from_numpy(hidden.copy()), scale=0.7)

    def added(f, q, k, v, m):
        return getattr(f.nn.functional, attend)(q, k, v, attn_mask=m)

    same(marked, reals(2, 4, 3), reals(2, 5, 3), reals(2, 5, 2), order=2)
    same(added, reals(2, 4, 3), reals(2, 5, 3), reals(2, 5, 2), reals(4, 5), order=2)


def test_heads_of_queries_may_share_keys():
    pytest.importorskip("torch")
    call = lambda f, *t: f.nn.functional.scaled_dot_product_attention(*t, enable_gqa=True)  # noqa: E731
    same(call, reals(2, 6, 4, 3), reals(2, 2, 5, 3), reals(2, 2, 5, 3), order=1)


def test_a_query_that_sees_no_key_gets_zeros():
    mask = rushlight.tensor([[True, False], [False, False]])
    q = rushlight.ones(2, 3, requires_grad=True)
    out = F.scaled_dot_product_attention(q, rushlight.ones(2, 3), rushlight.ones(2, 3), mask)
    assert out.tolist() == [[1.0] * 3, [0.0] * 3]
    out.sum().backward()
    assert not q.grad.isnan().any()


@pytest.mark.parametrize("weights", [True, False])
@pytest.mark.parametrize("batched", [True, False])
def test_multi_head_attention_agrees_with_pytorch(weights, batched):
    pytest.importorskip("torch")
    shape = (5, 2, 4) if batched else (5, 4)

    def call(f, x, w, b, wo, bo):
        forward = f.nn.functional.multi_head_attention_forward
        result = forward(x, x, x, 4, 2, w, b, None, None, False, 0.0, wo, bo, need_weights=weights)
        return result if weights else result[0]

    same(call, reals(*shape), reals(12, 4), reals(12), reals(4, 4), reals(4), order=1)


# ---- embeddings


@pytest.mark.parametrize("options", [{}, {"padding_idx": 1}, {"padding_idx": -2, "scale_grad_by_freq": True}])
def test_embedding_agrees_with_pytorch(options):
    pytest.importorskip("torch")
    index = generator.integers(0, 5, (3, 4))
    call = lambda f, w: f.nn.functional.embedding(f.from_numpy(index.copy()), w * w, **options)  # noqa: E731
    same(call, reals(5, 3), order=2)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("padding", [None, 2])
def test_embedding_bag_agrees_with_pytorch(mode, padding):
    pytest.importorskip("torch")
    index, offsets = generator.integers(0, 5, 9), np.array([0, 2, 2, 7])

    def call(f, w):
        i, o = f.from_numpy(index.copy()), f.from_numpy(offsets.copy())
        return f.nn.functional.embedding_bag(i, w, o, mode=mode, padding_idx=padding)

    same(call, reals(5, 3), order=1)


def test_rows_that_are_too_long_are_scaled_in_place():
    weight = rushlight.tensor([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0]])
    F.embedding(rushlight.tensor([0, 1]), weight, max_norm=1.0)
    np.testing.assert_allclose(weight.numpy(), [[0.6, 0.8], [0.3, 0.4], [6.0, 8.0]], rtol=1e-6)


def test_one_hot():
    assert F.one_hot(rushlight.tensor([2, 0])).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert F.one_hot(rushlight.tensor([[1]]), 3).tolist() == [[[0, 1, 0]]]


MISTAKES = [
    (
        lambda: F.embedding(rushlight.tensor([7]), rushlight.ones(5, 2)),
        IndexError,
        "7, but the table has 5 rows",
    ),
    (lambda: F.embedding(rushlight.tensor([1.0]), rushlight.ones(5, 2)), RuntimeError, "Long, Int"),
    (lambda: F.one_hot(rushlight.tensor([3]), 3), RuntimeError, "smaller than num_classes"),
    (lambda: F.dropout(rushlight.ones(3), 1.5), ValueError, "between 0 and 1"),
    (
        lambda: F.scaled_dot_product_attention(
            rushlight.ones(2, 3), rushlight.ones(2, 4), rushlight.ones(2, 4)
        ),
        RuntimeError,
        "same number of features",
    ),
    (
        lambda: F.embedding(rushlight.tensor([1]), 2 * rushlight.ones(5, 2, requires_grad=True), sparse=True),
        NotImplementedError,
        "sparse=False",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), MISTAKES)
def test_messages_say_what_is_wrong(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ---- dropout


DROPOUTS = ["dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"]
SHAPES = {"dropout1d": (4, 5, 3), "dropout2d": (4, 5, 3, 2), "dropout3d": (2, 5, 3, 2, 2)}


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("name", DROPOUTS)
def test_dropout_draws_the_numbers_of_pytorch(name, inplace, dtype):
    torch = pytest.importorskip("torch")
    x = reals(*SHAPES.get(name, (4, 5))).astype("float32")
    results = []
    for f in (rushlight, torch):
        f.manual_seed(11)
        t = f.from_numpy(x.copy()).to(getattr(f, dtype))
        y = getattr(f.nn.functional, name)(t, 0.4, training=True, inplace=inplace)
        results.append((y if not inplace else t).float().numpy())
    np.testing.assert_array_equal(*results)


def test_dropout_passes_gradients_where_it_kept():
    rushlight.manual_seed(0)
    x = rushlight.ones(1000, requires_grad=True)
    y = F.dropout(x, 0.25)
    y.sum().backward()
    assert rushlight.equal(x.grad, y.detach())
    assert sorted(set(y.tolist())) == pytest.approx([0, 4 / 3])
    assert F.dropout(x, 0.25, training=False) is x


def test_gumbel_softmax_is_a_point_of_the_simplex_with_a_gradient():
    rushlight.manual_seed(0)
    x = rushlight.zeros(6, 4, requires_grad=True)
    soft, hard = F.gumbel_softmax(x), F.gumbel_softmax(x, hard=True)
    np.testing.assert_allclose(soft.sum(1).tolist(), 1, rtol=1e-6)
    assert set(hard.detach().round().flatten().tolist()) == {0.0, 1.0}
    (hard * rushlight.arange(4.0)).sum().backward()
    assert x.grad.abs().sum() > 0
