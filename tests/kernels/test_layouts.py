"""Kernels give numpy's answer for every layout of their arguments, and never touch memory outside them."""

import numpy as np
import pytest

from rushlight import kernels
from rushlight.kernels import Node, input_node, scalar_node
from rushlight.runtime import get_num_threads, set_num_threads
from support import guarded

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)


def binary(op, dtype, result=None):
    return kernels.elementwise(
        Node(op, (input_node(0, dtype), input_node(1, dtype)), result or dtype), name=op
    )


@pytest.fixture(params=[1, 2])
def threads(request):
    before = get_num_threads()
    set_num_threads(request.param)
    yield request.param
    set_num_threads(before)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "int8", "uint8", "int16"])
def test_every_tail_length(dtype):
    add = binary("add", dtype)
    for size in range(131):
        for at_end in (True, False):
            a = guarded.copy((np.arange(size) % 50).astype(dtype), at_end)
            b = guarded.copy((np.arange(size) % 7 + 1).astype(dtype), at_end)
            out = guarded.empty((size,), dtype, at_end)
            assert add(out, a, b) is out
            np.testing.assert_array_equal(out, a + b)


def random_view(random, shape, dtype):
    """An array of this shape whose axes are permuted, stepped, reversed or broadcast at random."""
    steps = [int(random.choice([1, 1, 1, 2, -1, -2])) for _ in shape]
    order = random.permutation(len(shape))
    kept = [1 if random.random() < 0.2 else length for length in shape]
    base = [kept[axis] * abs(steps[axis]) for axis in order]
    memory = guarded.empty(base, dtype, bool(random.random() < 0.5))
    memory[...] = random.integers(-20, 20, base)
    view = memory.transpose(np.argsort(order)) if len(shape) else memory
    return view[(*(slice(None, None, step) for step in steps), ...)]


def random_output(random, shape, dtype):
    view = random_view(random, shape, dtype)
    while view.shape != tuple(shape):
        view = random_view(random, shape, dtype)
    return view


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8"])
@pytest.mark.parametrize("width", [1, 2, 3, 9, 16, 49, 64, 65, 127, 129, 196, 256, 257, 1000, 1024, 1025])
def test_rows_that_meet_numbers(width, dtype, threads):
    """As the planes of (images, channels, plane) do: one number a row, the same for each image or not."""
    outputs = Node(
        "add", (Node("mul", (input_node(0, dtype), input_node(1, dtype)), dtype), input_node(2, dtype)), dtype
    )
    kernel = kernels.elementwise(outputs, name="scaled_and_shifted")
    random = np.random.default_rng(width)
    for images, channels in ((1, 40), (3, 13), (37, 2), (200, 1), (40, 50), (64, 9)):
        whole = random.integers(-5, 6, (images, channels, width)).astype(dtype)
        scales = random.integers(-3, 4, (1, 2 * channels, 1)).astype(dtype)[:, ::2]
        shifts = random.integers(-3, 4, (images, 1, 1) if images % 2 else (channels, images, 1)).astype(dtype)
        shifts = shifts if images % 2 else shifts.transpose(1, 0, 2)
        shifts = shifts[:1] if images > 50 else shifts  # the same for all images
        out = guarded.empty(whole.shape, dtype, True)
        kernel(out, guarded.copy(whole, True), scales, shifts)
        np.testing.assert_array_equal(out, whole * scales + shifts)


@pytest.mark.parametrize("seed", range(40))
def test_random_layouts(seed, threads):
    random = np.random.default_rng(seed)
    dtype = ["float32", "float64", "int32", "int64", "int16", "int8"][seed % 6]
    add = binary("add", dtype)
    for _ in range(12):
        shape = [int(n) for n in random.integers(1, 12, random.integers(0, 6))]
        if random.random() < 0.3 and shape:
            shape[int(random.integers(len(shape)))] = int(random.integers(200, 700))
        if np.prod(shape) > 300_000:
            continue
        out = random_output(random, shape, dtype)
        drop = int(random.integers(0, len(shape) + 1)) if random.random() < 0.3 else 0
        a, b = random_view(random, shape[drop:], dtype), random_view(random, shape, dtype)
        expected = np.asarray(a + b)
        add(out, a, b)
        np.testing.assert_array_equal(out, np.broadcast_to(expected, shape))


def test_large_arrays_are_shared_by_threads(threads):
    add = binary("add", "float32")
    a = np.random.default_rng(0).normal(size=(1000, 1003)).astype(np.float32)
    for b in (a[::-1], a[:1], a[:, :1], a[::-1, ::-1], a.reshape(1003, 1000).T):
        out = np.empty_like(a)
        np.testing.assert_array_equal(add(out, a, b), a + b)


def test_in_place_is_allowed_and_partial_overlap_is_copied():
    add = binary("add", "float32")
    x = np.arange(1000, dtype=np.float32)
    np.testing.assert_array_equal(add(x, x, x), 2 * np.arange(1000))
    x = np.arange(1000, dtype=np.float32)
    expected = x[1:] + x[:-1]
    np.testing.assert_array_equal(add(x[1:], x[1:], x[:-1]), expected)
    x = np.arange(64 * 64, dtype=np.float32).reshape(64, 64)
    expected = x + x.T
    np.testing.assert_array_equal(add(x, x, x.T), expected)


def test_interleaved_outputs_are_allowed_and_shared_ones_refused():
    x = input_node(0, "float32")
    both = kernels.elementwise([Node("neg", (x,), "float32"), Node("square", (x,), "float32")], name="both")
    memory = np.zeros((100, 2), np.float32)
    source = np.arange(100, dtype=np.float32)
    both(memory[:, 0], memory[:, 1], source)
    np.testing.assert_array_equal(memory, np.stack([-source, source**2], axis=1))
    with pytest.raises(ValueError, match="output 1 shares memory"):
        both(memory[:, 0], memory[:, 0], source)


def test_unusual_arrays_are_converted():
    add = binary("add", "float32")
    a = np.arange(10, dtype=np.float32)
    swapped = a.astype(">f4")
    misaligned = np.frombuffer(b"x" + a.tobytes(), dtype=np.uint8)[1:].view(np.float32)

    class Special(np.ndarray):
        pass

    for other in (swapped, misaligned, a.view(Special), np.float32(3)):
        np.testing.assert_array_equal(add(np.empty_like(a), a, other), a + other)
    out = np.zeros(41, np.uint8)[1:].view(np.float32)
    np.testing.assert_array_equal(add(out, a, a), a + a)
    np.testing.assert_array_equal(add(np.empty(10, ">f4"), a, a), a + a)
    if np.dtype("long").itemsize == 8:
        whole = np.arange(5, dtype=np.longlong)
        np.testing.assert_array_equal(
            binary("add", "int64")(np.empty(5, np.longlong), whole, whole), whole * 2
        )


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((3, 3), TypeError, "takes 1 outputs, 2 inputs and 0 numbers, got 2 arguments"),
        ((3, 3, 4), ValueError, r"input 1 of shape \(4,\) does not fit \(3,\)"),
        ((3, 3, "float64"), TypeError, "input 1 must be float32, got float64"),
        (("float64", 3, 3), TypeError, "output 0 must be a float32 array, got float64"),
        (("readonly", 3, 3), ValueError, "output 0 is read-only"),
        (("broadcast", 3, 3), ValueError, "its elements share memory"),
        (("list", 3, 3), TypeError, "output 0 must be a float32 array, got list"),
    ],
)
def test_wrong_arguments_are_explained(arguments, error, message):
    frozen = np.zeros(3, np.float32)
    frozen.flags.writeable = False
    repeated = np.lib.stride_tricks.as_strided(np.zeros(1, np.float32), (3,), (0,))
    special = {"float64": np.zeros(3), "readonly": frozen, "broadcast": repeated, "list": [1.0]}
    values = [special[a] if isinstance(a, str) else np.zeros(a, np.float32) for a in arguments]
    with pytest.raises(error, match=message):
        binary("add", "float32")(*values)


def test_scalars_are_given_at_each_call():
    x, factor = input_node(0, "float32"), scalar_node(0, "float32")
    scale = kernels.elementwise(Node("mul", (x, factor), "float32"), name="scale")
    a = np.arange(50, dtype=np.float32)
    for value in (2, 0.5, -1, -1.0, np.float64(3.0), float("inf")):
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(scale(np.empty_like(a), a, value), a * np.float32(value))
    with pytest.raises(TypeError, match="real number"):
        scale(np.empty_like(a), a, "two")
    whole = kernels.elementwise(
        Node("mul", (input_node(0, "int64"), scalar_node(0, "int64")), "int64"), name="times"
    )
    np.testing.assert_array_equal(whole(np.empty(3, np.int64), np.arange(3), 1 << 40), np.arange(3) << 40)
    with pytest.raises(OverflowError):
        whole(np.empty(3, np.int64), np.arange(3), 1 << 70)


def test_empty_and_zero_dimensional():
    add = binary("add", "float32")
    for shape in ((), (0,), (3, 0, 2), (1,), (1, 1, 1)):
        a = np.full(shape, 1.5, np.float32)
        np.testing.assert_array_equal(add(np.empty(shape, np.float32), a, a), a + a)


def test_results_larger_than_the_caches(threads):
    """They are stored past the caches, by another body: same values, every tail, aligned or not."""
    size = 6_000_007
    a = np.arange(size, dtype=np.float32)
    memory = np.empty(size + 32, np.float32)
    aligned = -memory.ctypes.data % 64 // 4
    for start in (aligned, aligned + 1):
        out = memory[start : start + size]
        np.testing.assert_array_equal(binary("add", "float32")(out, a, a), a + a)
    smaller = binary("lt", "float32", "bool")(np.empty(size, bool), a, a[::-1])
    np.testing.assert_array_equal(smaller, a < a[::-1])
