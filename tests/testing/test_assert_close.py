"""`assert_close` passes what is close and says where the rest differs; `make_tensor` keeps its ranges."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight as rl
from rushlight.testing import assert_close, make_tensor

SAME = [
    lambda t: (t.ones(3), t.ones(3) + 1e-6),
    lambda t: (t.ones(3).half(), t.ones(3).half() * 1.0005),
    lambda t: (1.0, 1.0 + 1e-8),
    lambda t: ([t.ones(2), 3], [t.ones(2), 3]),
    lambda t: ({"a": t.zeros(2)}, {"a": t.zeros(2)}),
    lambda t: (np.ones(3), np.ones(3)),
    lambda t: (t.tensor([float("inf")]), t.tensor([float("inf")])),
    lambda t: (t.tensor([1 + 1j]), t.tensor([1 + 1.0000001j])),
    lambda t: (t.zeros(0, 3), t.zeros(0, 3)),
]
DIFFERENT = [
    lambda t: (t.ones(3), t.tensor([1.0, 2.0, 1.0])),
    lambda t: (t.ones(3), t.ones(3).double()),
    lambda t: (t.ones(3), t.ones(3, 1)),
    lambda t: (t.tensor([1, 2]), t.tensor([1, 3])),
    lambda t: (t.tensor([float("nan")]), t.tensor([float("nan")])),
    lambda t: ([1.0, 2.0], [1.0]),
    lambda t: ({"a": 1}, {"b": 1}),
    lambda t: (1.0, 2.0),
    lambda t: (True, False),
    lambda t: (t.tensor([float("inf")]), t.tensor([1.0])),
]


@pytest.mark.parametrize("pair", SAME)
def test_close(pair):
    assert_close(*pair(rl))


@pytest.mark.parametrize("pair", DIFFERENT)
def test_not_close(pair):
    with pytest.raises(AssertionError):
        assert_close(*pair(rl))


@pytest.mark.parametrize("pair", [*SAME, *DIFFERENT])
def test_pytorch_judges_alike(pair):
    torch = pytest.importorskip("torch")

    def verdict(t):
        try:
            t.testing.assert_close(*pair(t))
        except AssertionError:
            return False
        return True

    assert verdict(rl) == verdict(torch)


def test_message_says_where():
    with pytest.raises(
        AssertionError, match=r"1 / 3 \(33.3%\)(.|\n)*difference: 1.0 at index \(1,\)(.|\n)*item \['w'\]\[0\]"
    ):
        assert_close({"w": [rl.ones(3)]}, {"w": [rl.tensor([1.0, 2.0, 1.0])]})
    with pytest.raises(TypeError, match="ndarray"):
        assert_close(rl.ones(2), np.ones(2, np.float32))
    with pytest.raises(AssertionError, match="mine"):
        assert_close(1, 2, msg=lambda text: "mine: " + text)


def test_options():
    assert_close(rl.ones(2), rl.ones(2).double(), check_dtype=False)
    assert_close(rl.ones(1), rl.ones(1) + 0.1, rtol=0, atol=0.2)
    assert_close(rl.tensor([float("nan")]), rl.tensor([float("nan")]), equal_nan=True)
    with pytest.raises(ValueError, match="both"):
        assert_close(1.0, 1.0, rtol=1)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", "float64", "complex64"])
def test_make_tensor(dtype):
    x = make_tensor(
        3,
        4,
        dtype=getattr(rl, dtype),
        low=0 if dtype != "bool" else None,
        high=2 if dtype != "bool" else None,
    )
    assert x.dtype is getattr(rl, dtype)
    assert x.shape == (3, 4)
    if not dtype.startswith("complex"):
        assert 0 <= float(x.min()) <= float(x.max()) <= 2


def test_make_tensor_options():
    assert not make_tensor((3, 4), dtype=rl.float32, noncontiguous=True).is_contiguous()
    assert make_tensor(3, dtype=rl.float32, requires_grad=True).requires_grad
    assert (make_tensor(1000, dtype=rl.int8, exclude_zero=True) != 0).all()
    with pytest.raises(ValueError, match="low"):
        make_tensor(3, dtype=rl.float32, low=2, high=1)
