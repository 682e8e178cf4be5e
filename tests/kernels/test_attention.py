"""The kernels of attention in tiles: results and gradients against float64 numpy, masks, layouts, threads."""

import numpy as np
import pytest

import rushlight as rl
import rushlight.nn.functional as F
from rushlight.kernels import attention
from rushlight.runtime import available, get_num_threads, set_kernel_mode, set_num_threads
from support import guarded

pytestmark = pytest.mark.skipif(not available(), reason="no kernels on this machine")
NEAR = {"float32": 2e-5, "float64": 1e-12}


@pytest.fixture(autouse=True)
def every_size():
    before = set_kernel_mode("force")
    yield
    set_kernel_mode(before)


def wanted(g, query, key, value, mask, is_causal, scale):
    """The result and the gradients in float64."""
    g, query, key, value = (x.astype("f8") for x in (g, query, key, value))
    scores = np.matmul(query, key.swapaxes(-1, -2)) * scale
    if is_causal:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    scores = scores if mask is None else scores + mask
    largest = scores.max(-1, keepdims=True)
    weights = np.exp(scores - np.where(largest == -np.inf, 0, largest))
    sums = weights.sum(-1, keepdims=True)
    weights = weights / np.where(sums == 0, 1, sums)
    slopes = g @ value.swapaxes(-1, -2)
    slopes = weights * (slopes - (slopes * weights).sum(-1, keepdims=True)) * scale
    return weights @ value, slopes @ key, slopes.swapaxes(-1, -2) @ query, weights.swapaxes(-1, -2) @ g


def drawn_mask(draw, batch, queries, keys, dtype):
    shapes = [(*batch, queries, keys), (queries, keys), (*batch, 1, keys), (1, keys)]
    shape = shapes[int(draw.integers(0, 4))]
    mask = np.where(draw.random(shape) < 0.3, -np.inf, draw.standard_normal(shape)).astype(dtype)
    mask[..., 0, :] = -np.inf  # the first query sees nothing, or no query does
    return guarded.copy(mask)


def heads_inside(x):
    """The same values where rows of all heads lie beside each other."""
    return np.ascontiguousarray(x.swapaxes(1, 2)).swapaxes(1, 2)


@pytest.mark.parametrize("seed", range(40))
def test_results_and_gradients(seed):
    check(seed, 300, 300)


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.parametrize(("mode", "queries", "keys"), [("force", 5, 300), ("auto", 25, 25)])
def test_few_queries_and_little_work(seed, mode, queries, keys):
    set_kernel_mode(mode)
    check(seed, queries, keys)


def check(seed, most_queries, most_keys):
    """Results and gradients of drawn arrays, beside float64."""
    draw = np.random.default_rng(seed)
    dtype = ("float32", "float64")[seed % 2]
    queries, keys = (int(draw.integers(1, n)) for n in (most_queries, most_keys))
    keys = queries if seed % 3 and most_queries == most_keys else keys
    size, value_size = (int(n) for n in draw.integers(1, 80, 2))
    batch = tuple(int(n) for n in draw.integers(1, 3, seed % 4))
    shapes = (queries, value_size), (queries, size), (keys, size), (keys, value_size)
    arrays = [guarded.copy(draw.standard_normal((*batch, *shape)).astype(dtype)) for shape in shapes]
    if len(batch) == 2 and seed % 5:
        arrays = [heads_inside(x) for x in arrays]
    is_causal = seed % 4 == 1
    mask = drawn_mask(draw, batch, queries, keys, dtype) if not is_causal and seed % 3 else None
    how = mask, is_causal, size**-0.5
    with np.errstate(invalid="ignore"):
        truth = wanted(*arrays, *how)
    g, query, key, value = arrays
    out, stats = attention.forward(query, key, value, *how)
    found = out, *attention.backward(g, query, key, value, mask, out, stats, *how[1:])
    for ours, true in zip(found, truth):
        np.testing.assert_allclose(ours, true, rtol=0, atol=NEAR[dtype] * max(1, np.abs(true).max()))


def test_the_same_bits_on_any_number_of_threads():
    draw, threads = np.random.default_rng(1), get_num_threads()
    query, key, value, g = (draw.standard_normal((3, 4, 150, 40)).astype("f4") for _ in range(4))
    found = []
    for count in (1, 2, 3):
        set_num_threads(count)
        out, stats = attention.forward(query, key, value, None, True, 0.2)
        found.append((out, *attention.backward(g, query, key, value, None, out, stats, True, 0.2)))
    set_num_threads(threads)
    for others in found[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(found[0], others))


def test_a_value_that_is_no_number_is_not_hidden():
    query, key, value = (np.ones((1, 20, 8), "f4") for _ in range(3))
    query[0, 3, 2] = np.nan
    out, _ = attention.forward(query, key, value, None, False, 1.0)
    assert np.isnan(out[0, 3]).all()
    assert np.isfinite(np.delete(out, 3, 1)).all()


def test_heads_of_a_layer_are_read_and_written_where_they_lie():
    x = rl.randn(2, 70, 3 * 4 * 16)
    query, key, value = (u.view(2, 70, 4, 16).transpose(1, 2) for u in x.split(64, 2))
    assert F.scaled_dot_product_attention(query, key, value).transpose(1, 2).is_contiguous()


@pytest.mark.parametrize("case", ["plain", "causal", "bool", "added", "grouped"])
def test_the_same_meaning_without_kernels(case):
    rl.manual_seed(0)
    key, value = (rl.randn(2, 2 if case == "grouped" else 4, 60, 16, dtype=rl.float64) for _ in range(2))
    query, more = rl.randn(2, 4, 50, 16, dtype=rl.float64), {}
    if case == "bool":
        more["attn_mask"] = rl.rand(50, 60) > 0.3
    elif case == "added":
        more["attn_mask"] = rl.randn(2, 1, 1, 60, dtype=rl.float64)
    more |= {"is_causal": case == "causal", "enable_gqa": case == "grouped"}
    found = []
    for mode in ("force", "off"):
        set_kernel_mode(mode)
        inputs = [x.clone().requires_grad_() for x in (query, key, value)]
        result = F.scaled_dot_product_attention(*inputs, **more)
        first = rl.autograd.grad((result * result).sum(), inputs, create_graph=True)
        second = rl.autograd.grad(sum((x * x).sum() for x in first), inputs)
        found.append([result, *first, *second])
    for ours, numpys in zip(*found):
        rl.testing.assert_close(ours, numpys, rtol=1e-10, atol=1e-10)


def test_a_mask_that_wants_a_gradient_gets_it():
    rl.manual_seed(0)
    query, mask = rl.randn(3, 20, 8, dtype=rl.float64), rl.randn(20, 20, dtype=rl.float64)
    found = []
    for mode in ("force", "off"):
        set_kernel_mode(mode)
        leaf = mask.clone().requires_grad_()
        F.scaled_dot_product_attention(query, query, query, leaf).square().sum().backward()
        found.append(leaf.grad)
    rl.testing.assert_close(*found)


def test_one_query_of_heads_that_share_keys():
    query, key, value = rl.randn(2, 6, 1, 16), rl.randn(2, 2, 40, 16), rl.randn(2, 2, 40, 8)
    ours = F.scaled_dot_product_attention(query, key, value, enable_gqa=True)
    each = (x.repeat_interleave(3, 1) for x in (key, value))
    np.testing.assert_allclose(ours, F.scaled_dot_product_attention(query, *each), atol=1e-6)
    assert ours.shape == (2, 6, 1, 8)


def test_one_query_gives_the_same_bits_on_any_number_of_threads():
    query, key, value = (rl.randn(12, n, 64).numpy() for n in (1, 500, 500))
    before, seen = get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            set_num_threads(threads)
            seen.append(attention.forward(query, key, value, None, False, 0.1)[0])
    finally:
        set_num_threads(before)
    assert (seen[0] == seen[1]).all()
    assert (seen[0] == seen[2]).all()
