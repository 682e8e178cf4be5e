"""The text of a tensor is PyTorch's to the character: recorded texts, then random arrays beside PyTorch."""

from __future__ import annotations

import random
from contextlib import contextmanager

import numpy as np
import pytest

from rushlight.tensor.printing import (
    array_to_string,
    get_printoptions,
    printoptions,
    set_printoptions,
    tensor_to_string,
)
from tensor.printing_cases import CASES, printed_by_torch, recorded_texts

DEFAULTS = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None}


@pytest.fixture(autouse=True)
def _restore_options():
    with printoptions(profile="default"):
        yield


def printed(array, default="float32", suffixes=(), dtype=None):
    return tensor_to_string(
        array, dtype_name=dtype or array.dtype.name, default_dtype_name=default, suffixes=suffixes
    )


# -- recorded texts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_text_is_the_recorded_one(name):
    case = CASES[name]
    with printoptions(**case.options):
        text = printed(case.array, case.default, ["requires_grad=True"] if case.grad else [])
    assert text == recorded_texts()[name]


@pytest.mark.parametrize("name", CASES)
def test_record_is_what_pytorch_prints(name):
    pytest.importorskip("torch")
    assert printed_by_torch(CASES[name]) == recorded_texts()[name]


def test_every_record_has_its_case():
    assert list(recorded_texts()) == list(CASES)


# -- what stands around the numbers --------------------------------------------------------------------------


def test_meta_tensors_say_their_shape_and_every_dtype_but_the_default():
    def meta(dtype, shape, *suffixes):
        return tensor_to_string(
            None,
            shape=shape,
            dtype_name=dtype,
            default_dtype_name="float32",
            device_suffix="device='meta'",
            suffixes=suffixes,
        )

    assert meta("float32", (2, 3)) == "tensor(..., device='meta', size=(2, 3))"
    assert meta("float32", (0,)) == "tensor(..., device='meta', size=(0,))"
    assert meta("int64", ()) == "tensor(..., device='meta', size=(), dtype=torch.int64)"
    assert meta("complex64", ()) == "tensor(..., device='meta', size=(), dtype=torch.complex64)"
    gradient = meta("float32", (2, 3), "grad_fn=<AddBackward0>")
    assert gradient == "tensor(..., device='meta', size=(2, 3), grad_fn=<AddBackward0>)"


def test_a_tensor_without_data_needs_its_shape():
    with pytest.raises(TypeError, match="shape"):
        tensor_to_string(None, dtype_name="float32", default_dtype_name="float32")


def test_the_device_comes_first():
    text = tensor_to_string(
        np.ones(2), dtype_name="float64", default_dtype_name="float32", device_suffix="device='cuda:0'"
    )
    assert text == "tensor([1., 1.], device='cuda:0', dtype=torch.float64)"


def test_lines_start_below_the_first_number_whatever_the_prefix():
    text = tensor_to_string(
        np.full(12, 1.5, np.float32), prefix="Sub(", dtype_name="float32", default_dtype_name="float32"
    )
    first, second = text.split("\n")
    assert first == "Sub([1.5000, 1.5000, 1.5000, 1.5000, 1.5000, 1.5000, 1.5000, 1.5000, 1.5000,"
    assert second == "     1.5000, 1.5000, 1.5000])"


def test_numbers_alone():
    assert array_to_string(np.eye(2, dtype=np.float32), 3) == "[[1., 0.],\n    [0., 1.]]"


# -- arrays of every make ------------------------------------------------------------------------------------


def test_only_the_corners_of_a_large_array_are_read():
    no_memory_holds_this = np.broadcast_to(np.float32(1), (10**6, 10**7))
    lines = printed(no_memory_holds_this).split("\n")
    assert lines[0] == "tensor([[1., 1., 1.,  ..., 1., 1., 1.],"
    assert len(lines) == 7


def test_byte_order_does_not_show():
    assert array_to_string(np.array([1, 2], ">i4")) == "[1, 2]"
    assert array_to_string(np.array([1.5, 2], ">f8")) == "[1.5000, 2.0000]"


@pytest.mark.parametrize("dtype", [np.longdouble, "U3", object, "M8[s]"])
def test_what_no_tensor_holds_is_refused(dtype):
    if np.dtype(dtype) == np.float64:
        pytest.skip("long double is float64 here")
    with pytest.raises(TypeError, match=np.dtype(dtype).name.split("[")[0]):
        array_to_string(np.zeros(2, dtype))


def test_small_integers_of_ml_dtypes_print_as_integers():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    assert array_to_string(np.array([1, -8], ml_dtypes.int4)) == "[ 1, -8]"


# -- options -------------------------------------------------------------------------------------------------


def test_options_keep_what_is_not_named_but_for_sci_mode():
    set_printoptions(precision=2, sci_mode=True)
    assert get_printoptions() == DEFAULTS | {"precision": 2, "sci_mode": True}
    set_printoptions(linewidth=40)
    assert get_printoptions() == DEFAULTS | {"precision": 2, "linewidth": 40}


def test_a_profile_sets_everything_and_the_rest_is_said_on_top():
    set_printoptions(linewidth=40, sci_mode=False)
    set_printoptions(profile="short", precision=5)
    assert get_printoptions() == DEFAULTS | {"precision": 5, "edgeitems": 2}
    set_printoptions(profile="full")
    assert get_printoptions() == DEFAULTS | {"threshold": float("inf")}


def test_options_are_restored_after_a_block_that_fails():
    def fails():
        with printoptions(precision=1):
            assert get_printoptions()["precision"] == 1
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert get_printoptions() == DEFAULTS


def test_an_unknown_profile_is_ignored_aloud():
    with pytest.warns(UserWarning, match="unknown profile 'FULL'"):
        set_printoptions(profile="FULL")
    assert get_printoptions() == DEFAULTS


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"precision": "a"}, TypeError),
        ({"precision": -1}, ValueError),
        ({"edgeitems": -1}, ValueError),
        ({"edgeitems": 1.5}, TypeError),
        ({"threshold": "many"}, TypeError),
        ({"linewidth": float("nan")}, TypeError),
    ],
)
def test_options_that_mean_nothing_are_refused_and_change_nothing(options, error):
    with pytest.raises(error, match=next(iter(options))):
        set_printoptions(**options)
    assert get_printoptions() == DEFAULTS


def test_an_endless_line():
    set_printoptions(linewidth=float("inf"))
    assert "\n" not in printed(np.full(500, 1.5), suffixes=["requires_grad=True"])


# -- random arrays, against PyTorch --------------------------------------------------------------------------

VALUES = (
    lambda rng, n: rng.standard_normal(n),
    lambda rng, n: rng.standard_normal(n) * 10.0 ** rng.integers(-6, 9),
    lambda rng, n: np.round(rng.standard_normal(n) * 100) / 2,
    lambda rng, n: 10.0 ** rng.uniform(-12, 12, n),
    lambda rng, n: 10.0 ** rng.uniform(-320, 308, n),
    lambda rng, n: 10.0 ** rng.uniform(-4.2, -1, n),
    lambda rng, n: rng.uniform(1, 1.001, n) * rng.choice([1, 1000], n),
    lambda rng, n: rng.integers(-5, 1200, n),
    lambda rng, n: rng.integers(0, 3, n),
    lambda rng, n: rng.integers(9 * 10**7, 11 * 10**7, n),
    lambda rng, n: -rng.integers(0, 10 ** int(rng.integers(1, 12)), n),
)
SPECIAL = [0.0, -0.0, np.nan, np.inf, -np.inf]
INTEGERS = [np.dtype(kind + width).type for kind in "iu" for width in "1248"]
FLOATS = [np.float16, np.float32, np.float64]


def random_values(rng, count):
    values = VALUES[rng.integers(len(VALUES))](rng, count) * 1.0
    if rng.random() < 0.5:
        values = values * rng.choice([1, -1], count)
    if rng.random() < 0.3:
        values = np.where(rng.random(count) < 0.3, rng.choice(SPECIAL, count), values)
    return np.asarray(values)


def random_array(rng):
    dims = int(rng.integers(0, 6))
    longest = [1, 60, 12, 8, 5, 4][dims]
    shape = tuple(rng.integers(0 if rng.random() < 0.1 else 1, longest + 1, dims).tolist())
    kind, count = rng.integers(10), int(np.prod(shape))
    with np.errstate(all="ignore"):
        if kind < 6:
            array = random_values(rng, count).astype(rng.choice(FLOATS))
        elif kind == 6:
            array = np.zeros(count, rng.choice([np.complex64, np.complex128]))
            array.real, array.imag = random_values(rng, count), random_values(rng, count)
        elif kind == 7:
            array = rng.random(count) < 0.8
        else:
            array = random_integers(rng, count, rng.choice(INTEGERS))
    array = array.reshape(shape)
    return array.T if rng.random() < 0.3 else array


def random_integers(rng, count, dtype):
    limits, share = np.iinfo(dtype), int(rng.choice([1, 64, 1024]))
    return rng.integers(limits.min // share, limits.max // share, count, dtype=dtype, endpoint=True)


def random_options(rng):
    if rng.random() < 0.4:
        return {"profile": str(rng.choice(["default", "short", "full"]))}
    return {
        "precision": int(rng.integers(0, 9)),
        "threshold": int(rng.choice([0, 5, 50, 1000])),
        "edgeitems": int(rng.integers(0, 5)),
        "linewidth": int(rng.choice([1, 20, 40, 79, 80, 81, 120, 1000])),
        "sci_mode": [None, None, True, False][rng.integers(4)],
    }


def with_random_gradient(torch, tensor, choice):
    """The tensor, with what PyTorch adds to its text for its gradient."""
    if choice == 0 or not (tensor.is_floating_point() or tensor.is_complex()):
        return tensor, []
    tensor = tensor.clone().requires_grad_()
    return (tensor, ["requires_grad=True"]) if choice == 1 else (tensor.clone(), ["grad_fn=<CloneBackward0>"])


@contextmanager
def torch_settings(torch, default, options):
    from torch._tensor_str import printoptions as torch_printoptions

    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, default))
    try:
        with torch_printoptions(**options), printoptions(**options):
            yield
    finally:
        torch.set_default_dtype(before)


@pytest.mark.parametrize("seed", range(4))
def test_random_arrays_print_as_in_pytorch(seed):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    for _ in range(1000):
        array, options = random_array(rng), random_options(rng)
        tensor, suffixes = with_random_gradient(torch, torch.from_numpy(array), rng.integers(3))
        default = str(rng.choice(["float32", "float32", "float64", "float16", "bfloat16"]))
        with torch_settings(torch, default, options):
            assert printed(array, default, suffixes) == str(tensor), (array, options)


@pytest.mark.parametrize(
    "name",
    ["bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"],
)
def test_random_small_floats_print_as_in_pytorch(name):
    torch, ml_dtypes = pytest.importorskip("torch"), pytest.importorskip("ml_dtypes")
    dtype = np.dtype(getattr(ml_dtypes, name))
    bits, rng = np.dtype(f"u{dtype.itemsize}"), np.random.default_rng(len(name))
    for _ in range(100):
        raw = rng.integers(0, 256**dtype.itemsize, rng.integers(1, 30), dtype=bits)
        tensor = torch.from_numpy(raw).view(getattr(torch, name))
        options = random_options(rng)
        with torch_settings(torch, "float32", options):
            assert printed(raw.view(dtype)) == str(tensor), (raw, options)


def test_options_change_as_in_pytorch():
    torch = pytest.importorskip("torch")
    from torch._tensor_str import get_printoptions as torch_options

    rng = random.Random(0)
    try:
        for _ in range(200):
            choices = {"precision": 2, "threshold": 7, "edgeitems": 1, "linewidth": 60, "sci_mode": True}
            options = {name: choices[name] for name in rng.sample(sorted(choices), rng.randrange(4))}
            options["profile"] = rng.choice([None, None, "default", "short", "full"])
            torch.set_printoptions(**options)
            set_printoptions(**options)
            assert get_printoptions() == torch_options()
    finally:
        torch.set_printoptions(profile="default")
