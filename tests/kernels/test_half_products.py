"""Products of matrices of half precision and integers: layouts, batches and odd sizes, against exact ones."""

import numpy as np
import pytest

import rushlight as rl
from rushlight.kernels import half_products
from rushlight.runtime import available, get_num_threads, session, set_num_threads
from support import guarded

ml_dtypes = pytest.importorskip("ml_dtypes")
pytestmark = pytest.mark.skipif(not available(), reason="no kernels on this machine")
TYPES = {n: np.dtype(n) for n in ("float16", "int8", "uint8", "int16", "int32", "int64")}
TYPES["bfloat16"] = np.dtype(ml_dtypes.bfloat16)
DIGITS = {"float16": 2.0**-11, "bfloat16": 2.0**-8}
names = pytest.mark.parametrize("name", TYPES)


@pytest.fixture(params=["all instructions", "none of them"])
def instructions(request, monkeypatch):
    """With the instructions of this processor, and as on one that has none of them."""
    if request.param == "none of them":
        monkeypatch.setattr(session, "instructions", frozenset)
    half_products._plans.forget()
    yield
    half_products._plans.forget()


def matrix(draw, name, *shape):
    """Between guard pages, with rows or columns dense, some with a gap after each."""
    dtype = TYPES[name]
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        x = draw.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
    else:
        x = draw.standard_normal(shape).astype(dtype)
    crossed, gap = draw.random() < 0.5, 3 * int(draw.integers(0, 2))
    lying = x.swapaxes(-1, -2) if crossed else x
    memory = guarded.empty((*lying.shape[:-1], lying.shape[-1] + gap), dtype)
    view = memory[..., gap:]
    memory[...] = 9
    view[...] = lying
    return view.swapaxes(-1, -2) if crossed else view


def wide(x):
    return x.astype(np.float64) if x.dtype.kind not in "iu" else x.astype(object)


def check(found, a, b, start, name):
    exact = np.matmul(wide(a), wide(b)) + (0 if start is None else wide(start))
    assert found.shape == exact.shape
    if name not in DIGITS:
        bits = 8 * TYPES[name].itemsize
        np.testing.assert_array_equal(found.astype(object) % (1 << bits), exact % (1 << bits))
        return
    size = np.matmul(np.abs(wide(a)), np.abs(wide(b)))
    allowed = np.abs(exact) * DIGITS[name] + 1e-6 * size + 1e-7
    assert (np.abs(found.astype(np.float64) - exact) <= allowed).all()


@names
@pytest.mark.parametrize("seed", range(12))
def test_products_of_any_layout(name, seed, instructions):
    draw = np.random.default_rng(seed)
    rows, inner, columns = (int(n) for n in draw.integers(1, 75, 3))
    inner = inner + 900 if seed == 7 else inner
    rows = 1 if seed == 5 else rows
    batch = [int(n) for n in draw.integers(1, 4, seed % 3)]
    a, b = matrix(draw, name, *batch, rows, inner), matrix(draw, name, *batch, inner, columns)
    start = None
    if name in DIGITS and seed % 2:
        start = draw.standard_normal((rows if seed % 4 == 1 else 1, columns)).astype(TYPES[name])
    check(half_products.product(a, b, start), a, b, start, name)


def test_bytes_are_summed_in_32_bits(instructions):
    draw = np.random.default_rng(0)
    a, b = matrix(draw, "int8", 70, 300), matrix(draw, "int8", 300, 50)
    found = half_products.product(a, b, None, "int32")
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, a.astype(np.int32) @ b.astype(np.int32))


@pytest.mark.parametrize("name", DIGITS)
def test_special_values(name, instructions):
    a = np.ones((3, 40), TYPES[name])
    a[0, 3], a[1, 5] = np.inf, np.nan
    b = np.ones((40, 20), TYPES[name])
    found = half_products.product(a, b).astype(np.float32)
    assert np.isposinf(found[0]).all()
    assert np.isnan(found[1]).all()
    assert (found[2] == 40).all()


@names
def test_any_number_of_threads_gives_the_same_bits(name):
    draw = np.random.default_rng(1)
    a, b = matrix(draw, name, 300, 211), matrix(draw, name, 211, 190)
    before, found = get_num_threads(), []
    try:
        for threads in (1, 2, 7):
            set_num_threads(threads)
            found.append(half_products.product(a, b).tobytes())
    finally:
        set_num_threads(before)
    assert len(set(found)) == 1


@pytest.mark.parametrize("shapes", [((40,), (40,)), ((3, 40), (40,)), ((40,), (40, 3)), ((2, 3, 4), (4, 5))])
@pytest.mark.parametrize("name", DIGITS)
def test_vectors_and_batches(name, shapes):
    a, b = (np.random.default_rng(2).standard_normal(s).astype(TYPES[name]) for s in shapes)
    found = rl.matmul(*(rl.tensor(x.astype(np.float32)).to(getattr(rl, name)) for x in (a, b)))
    exact = np.matmul(a.astype(np.float64), b.astype(np.float64))
    assert tuple(found.shape) == exact.shape
    np.testing.assert_allclose(found.float().numpy(), exact, rtol=DIGITS[name], atol=1e-5)


@pytest.mark.parametrize("shape", [(0, 3, 4), (3, 0, 4), (3, 4, 0)])
def test_empty_products(shape):
    m, k, n = shape
    x, y = rl.ones(m, k, dtype=rl.bfloat16), rl.ones(k, n, dtype=rl.bfloat16)
    assert (x @ y).shape == (m, n)
    assert (x @ y).float().sum().item() == 0
