"""The kernel of matrix products: layouts, batches, odd sizes and special values, against float64 numpy."""

import numpy as np
import pytest

import rushlight as rl
from rushlight.kernels import matmul, product_plans
from rushlight.runtime import available, get_num_threads, set_kernel_mode, set_num_threads
from support import guarded

pytestmark = pytest.mark.skipif(not available(), reason="no kernels on this machine")
NEAR = {"float32": 1e-5, "float64": 1e-13}


@pytest.fixture(autouse=True)
def every_size():
    """Products of any size go to the kernel."""
    before = set_kernel_mode("force")
    yield
    set_kernel_mode(before)


def stored(x, draw):
    """The same values between guard pages, with rows or columns dense, some with a gap after each."""
    crossed = draw.random() < 0.5
    lying = x.swapaxes(-1, -2) if crossed else x
    gap = int(draw.integers(0, 2)) * 3
    memory = guarded.empty((*lying.shape[:-1], lying.shape[-1] + gap), x.dtype)
    view = memory[..., gap:]
    memory[...] = 9
    view[...] = lying
    return view.swapaxes(-1, -2) if crossed else view


def matrices(draw, batch, rows, columns, dtype):
    batch = [n if draw.random() < 0.8 else 1 for n in batch][int(draw.integers(0, len(batch) + 1)) :]
    return stored(draw.standard_normal((*batch, rows, columns)).astype(dtype), draw)


def close(found, wanted, dtype):
    scale = max(1.0, np.abs(wanted).max(initial=0))
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=0, atol=NEAR[dtype] * scale)


@pytest.mark.parametrize("seed", range(60))
def test_products_of_any_layout(seed):
    draw = np.random.default_rng(seed)
    dtype = ("float32", "float64")[seed % 2]
    rows, inner, columns = (int(n) for n in draw.integers(1, 120, 3))
    inner = inner + 600 if seed % 7 == 0 else inner  # deeper than what is packed at once
    batch = [int(n) for n in draw.integers(1, 4, seed % 3)]
    a, b = matrices(draw, batch, rows, inner, dtype), matrices(draw, batch, inner, columns, dtype)
    wanted = np.matmul(a.astype("f8"), b.astype("f8"))
    close(matmul.product(a, b), wanted, dtype)
    lead = [n if draw.random() < 0.7 else 1 for n in wanted.shape[:-1]]
    start = draw.standard_normal((*lead[int(draw.integers(0, len(lead) + 1)) :], columns)).astype(dtype)
    close(matmul.product(a, b, start), wanted + start, dtype)


@pytest.mark.parametrize("seed", range(24))
def test_few_rows_with_columns_along_the_memory(seed):
    draw = np.random.default_rng(seed)
    dtype = ("float32", "float64")[seed % 2]
    rows, inner, columns = 1 + seed % 3, int(draw.integers(1, 300)), int(draw.integers(1, 200))
    a, b, start, other = (
        guarded.copy(draw.standard_normal(shape).astype(dtype), bool(seed & 4))
        for shape in ((rows, inner), (columns, inner), (columns,), (rows, columns))
    )
    wanted = np.matmul(a, b.T, dtype="f8")
    close(matmul.product(a, b.T), wanted, dtype)
    close(matmul.product(a, b.T, start), wanted + start, dtype)
    found = matmul.product(a, b.T, start, matmul.added(other, 0.5, -2.0))
    close(found, 0.5 * other - 2 * (wanted + start), dtype)


def test_a_part_of_the_columns_at_a_time(monkeypatch):
    """As for a right side that is too large to be packed at once."""
    monkeypatch.setattr(product_plans, "SHARED_BYTES", 1)
    matmul._plans.forget()
    draw = np.random.default_rng(0)
    a, b = (draw.standard_normal(shape).astype("f4") for shape in ((150, 70), (70, 135)))
    close(matmul.product(a, b), np.matmul(a, b, dtype="f8"), "float32")
    matmul._plans.forget()


def test_the_same_bits_on_any_number_of_threads():
    draw, threads = np.random.default_rng(1), get_num_threads()
    a, b = (draw.standard_normal(shape).astype("f4") for shape in ((301, 700), (700, 201)))
    found = []
    for count in (1, 2, 3):
        set_num_threads(count)
        found.append(matmul.product(a, b))
    set_num_threads(threads)
    assert all(np.array_equal(found[0], other) for other in found[1:])


def test_special_values_stay_where_they_belong():
    a, b = np.ones((40, 33), "f4"), np.ones((33, 50), "f4")
    a[3, 4], b[5, 6], b[7, 8] = np.nan, np.inf, -np.inf
    found = matmul.product(a, b)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(found, a @ b)
    assert np.isfinite(found).sum() == 39 * 48


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.ones((4, 3), "i4"), np.ones((3, 4), "i4")),
        (np.ones((4, 3), "f4"), np.ones((3, 4), "f8")),
        (np.ones((4, 3), ">f4"), np.ones((3, 4), ">f4")),
        (np.ones((4, 6), "f4")[:, ::2], np.ones((3, 4), "f4")),
        (np.ones((0, 3), "f4"), np.ones((3, 4), "f4")),
        (np.ones((4, 0), "f4"), np.ones((0, 4), "f4")),
        (np.ones((4, 3), "f4"), np.ones((2, 4), "f4")),
        (np.ones((2, 4, 3), "f4"), np.ones((3, 3, 4), "f4")),
        (np.ones(3, "f4"), np.ones((3, 4), "f4")),
    ],
)
def test_what_is_out_of_the_ordinary_is_left_to_numpy(a, b):
    assert matmul.product(a, b) is None


@pytest.mark.parametrize("shape", [(5, 130, 70), (130, 70), (3, 4, 50, 70)])
def test_linear_layers_mean_the_same_without_kernels(shape):
    rl.manual_seed(0)
    x, layer = rl.randn(*shape, dtype=rl.float64), rl.nn.Linear(70, 90, dtype=rl.float64)
    g = rl.randn(*shape[:-1], 90, dtype=rl.float64)
    found = []
    for mode in ("force", "off"):
        set_kernel_mode(mode)
        layer.zero_grad()
        y = x.clone().requires_grad_()
        made = layer(y)
        made.backward(g)
        found.append([made.detach(), y.grad, layer.weight.grad, layer.bias.grad])
    for ours, numpys in zip(*found):
        rl.testing.assert_close(ours, numpys, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("seed", range(30))
def test_epilogues_of_any_layout(seed):
    draw = np.random.default_rng(seed)
    dtype = ("float32", "float64")[seed % 2]
    rows, inner, columns = (int(n) for n in draw.integers(1, 150, 3))
    batch = [int(n) for n in draw.integers(1, 4, seed % 3)]
    a, b = matrices(draw, batch, rows, inner, dtype), matrices(draw, batch, inner, columns, dtype)
    wanted = np.matmul(a.astype("f8"), b.astype("f8"))
    lead = [n if draw.random() < 0.7 else 1 for n in wanted.shape[:-1]]
    other = draw.standard_normal((*lead[int(draw.integers(0, len(lead) + 1)) :], columns)).astype(dtype)
    close(matmul.product(a, b, None, matmul.added(other, 0.5, -2.0)), 0.5 * other - 2 * wanted, dtype)
    close(matmul.product(a, b, other, matmul.added(other, 0.0, 3.0)), 3 * (other + wanted), dtype)


def test_an_epilogue_on_a_part_of_the_columns(monkeypatch):
    monkeypatch.setattr(product_plans, "SHARED_BYTES", 1)
    matmul._plans.forget()
    draw = np.random.default_rng(0)
    a, b, c = (draw.standard_normal(shape).astype("f4") for shape in ((150, 1070), (1070, 135), (150, 135)))
    wanted = 2 * np.matmul(a, b, dtype="f8") + 3 * c
    close(matmul.product(a, b, None, matmul.added(c, 3.0, 2.0)), wanted, "float32")
    matmul._plans.forget()
