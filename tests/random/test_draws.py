"""Every sampler gives PyTorch's numbers and leaves the generator where PyTorch leaves it."""

import itertools
import json

import numpy as np
import pytest

import rushlight.random as ours
from rushlight.runtime import available, set_kernel_mode
from support.random_draws import DRAWS, RECORDED, RECORDED_SIZES, SEED, as_numpy, digest, plain, widened

RECORDS = json.loads(RECORDED.read_text())
SIZES = (*range(1, 41), 100, 311, 312, 313, 623, 624, 625, 1000, 1249, 5000)


def torch_beside_us():
    """PyTorch, where it runs the vector code whose last bits ours are."""
    torch = pytest.importorskip("torch")
    if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        pytest.skip("PyTorch's fused multiply-adds and polynomials are those of its AVX2 and AVX-512 code")
    return torch


@pytest.fixture(params=["off", "force"])
def kernels(request):
    """Run with numpy alone, and with compiled code."""
    if request.param == "force" and not available():
        pytest.skip(available().reason)
    before = set_kernel_mode(request.param)
    yield request.param
    set_kernel_mode(before)


def close(mine, theirs):
    """Equal; the last bit is allowed to differ where the C library's functions end in float64."""
    mine, theirs = widened(mine), np.asarray(theirs)
    if theirs.dtype in (np.float64, np.complex128):
        return np.allclose(mine, theirs, rtol=1e-14, atol=1e-15, equal_nan=True)
    return np.array_equal(mine, theirs)


@pytest.mark.parametrize("name", DRAWS)
def test_recorded_numbers(name, kernels):
    generator = ours.Generator().manual_seed(SEED)
    for n, record in zip(RECORDED_SIZES, RECORDS[name]):
        mine = DRAWS[name].ours(generator, n)
        flat = np.asarray(plain(widened(mine)))
        assert close(flat, np.asarray(record["values"], flat.dtype)), n
        if generator.double_normal is None:  # a waiting normal number is a float64 of the C library's
            assert digest(generator.get_state()) == record["state"], n


def test_every_draw_is_recorded():
    assert list(RECORDS) == list(DRAWS)


@pytest.mark.parametrize("name", DRAWS)
def test_as_torch_at_many_sizes(name, kernels):
    torch = torch_beside_us()
    draw = DRAWS[name]
    mine, theirs = ours.Generator().manual_seed(1), torch.Generator().manual_seed(1)
    for n in SIZES:
        if draw.smallest <= n <= draw.largest:
            drawn, expected = draw.ours(mine, n), as_numpy(draw.torchs(torch, theirs, n))
            assert widened(drawn).dtype == expected.dtype
            assert drawn.shape == expected.shape
            assert drawn.flags.writeable
            assert close(drawn, expected), n
            assert same_state(mine, theirs), n


@pytest.mark.parametrize(
    "name",
    [
        *(
            "uniform float32",
            "uniform -0.3 1.7 float32",
            "uniform float64",
            "normal float32",
            "normal 2 3 float16",
        ),
        *(
            "normal float64",
            "exponential float32",
            "bernoulli float32",
            "randint 0 100 int64",
            "randperm int64",
        ),
    ],
)
def test_as_torch_for_a_million(name, kernels):
    torch = torch_beside_us()
    mine, theirs = ours.Generator().manual_seed(5), torch.Generator().manual_seed(5)
    n = 10**6 - 7 if "randperm" not in name else 10**5
    assert close(DRAWS[name].ours(mine, n), as_numpy(DRAWS[name].torchs(torch, theirs, n)))
    assert same_state(mine, theirs)


def test_mixed_draws_and_states_that_cross_over():
    """One stream, drawn from in every way in turn, its state handed from side to side on the way."""
    torch = torch_beside_us()
    mine, theirs = ours.Generator().manual_seed(3), torch.Generator().manual_seed(3)
    sizes = itertools.cycle([1, 7, 16, 33, 250, 3])
    for step, ((name, draw), n) in enumerate(zip(list(DRAWS.items()) * 2, sizes)):
        n = max(n, draw.smallest)
        assert close(draw.ours(mine, n), as_numpy(draw.torchs(torch, theirs, n))), name
        if step % 3 == 0:
            mine = ours.Generator().set_state(theirs.get_state().numpy())
        if step % 5 == 0:
            theirs = torch.Generator()
            theirs.set_state(torch.from_numpy(mine.get_state()))
    assert same_state(mine, theirs)


@pytest.mark.parametrize("layout", ["transposed", "every second", "channels last", "offset"])
@pytest.mark.parametrize("method", ["uniform", "normal"])
def test_memory_order(layout, method):
    """Memory that is not contiguous is filled from low to high addresses, with normal numbers one by one."""
    torch = torch_beside_us()
    tensor = {
        "transposed": lambda: torch.zeros(6, 5).t(),
        "every second": lambda: torch.zeros(6, 10)[:, ::2],
        "channels last": lambda: torch.zeros(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
        "offset": lambda: torch.zeros(100)[3:50],
    }[layout]()
    array = np.zeros_like(tensor.numpy(), subok=False) if layout == "transposed" else tensor.clone().numpy()
    if layout == "every second":
        array = np.zeros((6, 10), np.float32)[:, ::2]
    assert array.strides == tensor.numpy().strides
    getattr(tensor, f"{method}_")(generator=torch.Generator().manual_seed(2))
    generator, view = ours.Generator().manual_seed(2), ours.in_memory_order(array)
    if method == "uniform":
        view[...] = ours.uniform(generator, view.shape)
    else:
        view[...] = ours.normal(generator, view.shape, contiguous=array.flags.c_contiguous)
    np.testing.assert_array_equal(array, tensor.numpy())


def test_layers_draw_as_torchs():
    """Dropout is a coin of one minus its p for each element, rrelu a uniform slope for each negative one."""
    torch = torch_beside_us()
    functional = torch.nn.functional
    generator = ours.Generator().manual_seed(31)
    with torch.random.fork_rng():
        torch.manual_seed(31)
        dropped = functional.dropout(torch.ones(40, 7), 0.2).numpy()
        np.testing.assert_array_equal(dropped != 0, ours.bernoulli(generator, 1 - 0.2, (40, 7), "bool"))
        slopes = -functional.rrelu(-torch.ones(100), 0.1, 0.4, training=True).numpy()
        np.testing.assert_allclose(slopes, ours.uniform(generator, 100, "float64", 0.1, 0.4), rtol=1e-6)
        places = torch.rand(2, 3, 2).numpy()
        np.testing.assert_array_equal(places, ours.uniform(generator, (2, 3, 2)))


def same_state(mine, theirs):
    """The same bytes; a waiting normal number may differ in its last bits."""
    expected = ours.Generator().set_state(theirs.get_state().numpy())
    waiting = (mine.double_normal, expected.double_normal)
    if None not in waiting:
        assert waiting[0] == pytest.approx(waiting[1], rel=1e-14, abs=1e-15)
        expected.double_normal = mine.double_normal
    return np.array_equal(mine.get_state(), expected.get_state())


def test_large_tensors_are_drawn_in_place(monkeypatch):
    """The same numbers as a copy would get, in the same memory; what a graph has saved stays as it was."""
    import importlib

    import rushlight

    sampling = importlib.import_module("rushlight.ops.sampling")
    drawn = []
    for large in (1 << 30, 1):
        monkeypatch.setattr(sampling, "LARGE", large)
        rushlight.manual_seed(5)
        x = rushlight.zeros(300, 200)
        row, factor = x[7], rushlight.ones(300, 200, requires_grad=True)
        product = (x * factor).sum()
        x.uniform_(-2, 3)
        product.backward()
        assert not factor.grad.any()
        assert rushlight.equal(row, x[7])
        drawn.append(x.numpy())
    np.testing.assert_array_equal(*drawn)
