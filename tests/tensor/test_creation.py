"""Tensors from data and from sizes: dtypes, layouts and refusals are PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight as rl
from support.expressions import check, lines_of

EXPRESSIONS = lines_of("""
# what numbers become
torch.tensor(3)
torch.tensor(3.)
torch.tensor(True)
torch.tensor(1j)
torch.tensor([])
torch.tensor([[], []])
torch.tensor([True, 2])
torch.tensor([True, 2.])
torch.tensor([1, 2j])
torch.tensor([1, 2.5])
torch.tensor(range(3))
torch.tensor(((1, 2), (3, 4)))
torch.tensor([range(2), [3, 4]])
torch.tensor([[[1.]]])
torch.tensor(np.float64(1))
torch.tensor([np.float64(1)])
torch.tensor([np.float32(1), 2.0])
torch.tensor([np.int32(1), 2])
torch.tensor([np.array([1., 2.])])
torch.tensor(np.ones((2, 3)).T)
torch.tensor(torch.ones(2, 3).t())
torch.tensor([torch.tensor(1), torch.tensor(2.5)])
torch.tensor([torch.tensor(1., dtype=torch.float64)])
torch.tensor([torch.tensor([1.])])
torch.tensor(array.array('d', [1, 2]))
torch.tensor(bytearray(b'ab'))
# with a dtype
torch.tensor([1.5, -1.5], dtype=torch.int64)
torch.tensor([2, 0.], dtype=torch.bool)
torch.tensor([1j], dtype=torch.bool)
torch.tensor(-1, dtype=torch.uint8)
torch.tensor([-1], dtype=torch.uint16)
torch.tensor(2**63, dtype=torch.uint64)
torch.tensor(2**63, dtype=torch.float32)
torch.tensor([1e300], dtype=torch.float32)
torch.tensor([1e10], dtype=torch.float16)
torch.tensor(np.array([1.5, -2]), dtype=torch.uint8)
torch.tensor([1], dtype=torch.float32, requires_grad=True)
torch.tensor([1, 2], dtype=float)
torch.tensor([1.5], dtype=int)
torch.tensor([0.1], dtype=torch.bfloat16)
# what is refused
torch.tensor('a')
torch.tensor(['a'])
torch.tensor(b'ab')
torch.tensor(None)
torch.tensor([None])
torch.tensor({})
torch.tensor({1, 2})
torch.tensor(x for x in [1])
torch.tensor(object())
torch.tensor([[1, 2], [3]])
torch.tensor([[1, 2], 3])
torch.tensor([1, [2]])
torch.tensor([torch.tensor([1., 2.])])
torch.tensor(np.array(['a']))
torch.tensor(2**63)
torch.tensor([1, 2**63])
torch.tensor([2**64])
torch.tensor(300, dtype=torch.int8)
torch.tensor(300, dtype=torch.uint8)
torch.tensor([float('nan')], dtype=torch.int64)
torch.tensor([float('inf')], dtype=torch.int32)
torch.tensor([1j], dtype=torch.float32)
torch.tensor([1], requires_grad=True)
torch.tensor(np.zeros(2, '>f4'))
torch.tensor(np.arange(3)[::-1])
torch.tensor(np.array([None]))
torch.tensor(1, dtype='float32')
# sizes
torch.zeros(2, 3)
torch.zeros([2, 3])
torch.zeros(())
torch.zeros(size=(2, 3))
torch.zeros(torch.tensor(2), 3)
torch.zeros([2, 3], dtype=int)
torch.ones(2, dtype=torch.complex64)
torch.ones(0, 3)
torch.full((2,), True)
torch.full((2,), 3)
torch.full((2,), 3.)
torch.full((2,), 1j)
torch.full((2,), torch.tensor(3.))
torch.full((), 7)
torch.eye(3)
torch.eye(2, 3, dtype=torch.bool)
torch.scalar_tensor(3)
torch.zeros(2, out=torch.empty(0, dtype=torch.int32))
torch.zeros(-1)
torch.zeros(2.0)
torch.zeros('a')
torch.zeros(True)
torch.zeros()
torch.zeros((2,), (3,))
torch.zeros(2, dtype=np.float32)
torch.zeros(2, foo=1)
torch.zeros(2, pin_memory=True)
torch.full(2, 3)
torch.full((2,), 'a')
torch.eye(-1)
torch.zeros(2, device='cuda')
torch.zeros(2, device='xpu')
torch.zeros(2, device='mps')
torch.zeros(2, out=torch.empty(0, dtype=torch.int32), dtype=torch.float32)
torch.zeros(2, 3, memory_format=torch.channels_last)
# strides
torch.empty(2, 3, 4, 5, memory_format=torch.channels_last).stride()
torch.empty(2, 3, memory_format=torch.channels_last)
torch.empty_strided((2, 3), (1, 2)).stride()
torch.empty_permuted((2, 3, 4), (2, 0, 1)).stride()
torch.zeros_like(x.t())
torch.ones_like(x.t(), dtype=torch.int64)
torch.full_like(x, 2.5)
torch.full_like(i, 2.5)
torch.zeros_like(torch.empty(1, 3).expand(2, 3))
torch.zeros_like(torch.empty(2, 3, 4).permute(2, 0, 1)).stride()
torch.zeros_like(torch.empty(2, 6, 4)[:, ::2].transpose(0, 2)).stride()
torch.empty_like(x.t(), memory_format=torch.contiguous_format).stride()
torch.zeros_like(torch.empty(4, 1, 3).permute(1, 0, 2).expand(5, 4, 3)).stride()
torch.zeros_like(3)
torch.empty_permuted((2, 3), (0, 0))
torch.empty_strided((2, 3), (1,))
torch.empty_strided((2,), (-1,))
i.new_zeros(2)
i.new_ones((2, 3), dtype=torch.float32)
x.new_full((2,), 3)
x.new_tensor([1, 2])
x.new_empty(2, 3).shape
# sequences
torch.arange(5)
torch.arange(5.)
torch.arange(1, 10, 3)
torch.arange(5, 1, -2)
torch.arange(0, 1, 0.25)
torch.arange(torch.tensor(5))
torch.arange(end=3)
torch.arange(2, 2)
torch.arange(0, 10, 3, dtype=torch.float16)
torch.linspace(0, 1, 5)
torch.linspace(0, 10, 4, dtype=torch.int64)
torch.linspace(3, 3, 1)
torch.linspace(0, 1, 0)
torch.linspace(1j, 1, 3)
torch.logspace(0, 2, 3)
torch.logspace(0, 2, 3, base=2)
torch.range(1, 4)
torch.arange(0, 1, 0)
torch.arange(5, 1)
torch.arange(0, float('inf'))
torch.linspace(0, 1, -1)
torch.linspace(0, 1, 2.5)
# without copying
torch.as_tensor(x) is x
torch.as_tensor(np.ones((2, 3)).T)
torch.as_tensor([1, 2], dtype=torch.float32)
torch.asarray(np.ones(2), copy=False)
torch.asarray([1], copy=False)
torch.asarray([1., 2.], requires_grad=True)
""")


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_outcome_is_that_of_pytorch(expression):
    check(expression, rl)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_record_is_still_true(expression):
    check(expression, pytest.importorskip("torch"))


def test_default_dtype_decides_what_floats_become():
    rl.set_default_dtype(rl.float64)
    try:
        kinds = [
            rl.tensor(1.0),
            rl.tensor([1.0]),
            rl.zeros(2),
            rl.tensor(1j),
            rl.arange(2.0),
            rl.rand(2),
            rl.full((1,), 2.0),
        ]
    finally:
        rl.set_default_dtype(rl.float32)
    assert [t.dtype.name for t in kinds] == [*["float64"] * 3, "complex128", *["float64"] * 3]
    with pytest.raises(TypeError, match="floating-point"):
        rl.set_default_dtype(rl.int32)


def test_tensor_copies_and_as_tensor_shares():
    array = np.zeros(3, np.float32)
    copied, shared = rl.tensor(array), rl.as_tensor(array)
    array[0] = 5
    assert copied.tolist() == [0, 0, 0]
    assert shared.tolist() == [5, 0, 0]


def test_messages_teach():
    with pytest.raises(ValueError, match=r"length 2 at dim 1 \(got 1\).*pad"):
        rl.tensor([[1, 2], [3]])
    with pytest.raises(AssertionError, match="device='cpu'"):
        rl.zeros(2, device="cuda:0")
    with pytest.raises(TypeError, match=r"int\(\)"):
        rl.zeros(2.5)


def test_sparse_constructors_name_the_way_out():
    with pytest.raises(NotImplementedError, match="sparse_coo_tensor"):
        rl.sparse_csr_tensor([0, 1], [0], [1.0], (1, 2))


def test_default_device_is_honoured():
    with rl.device("meta"):
        assert all(
            t.is_meta
            for t in (
                rl.zeros(2),
                rl.tensor([1.0]),
                rl.rand(2),
                rl.arange(3),
                rl.randn(2, 2),
                rl.full((2,), 1),
            )
        )
    assert rl.zeros(2).is_cpu


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        ([np.int16(1)], rl.int16),
        ([[np.uint8(3)]], rl.uint8),
        ([np.array([1, 2], np.int16)], rl.int16),
        ([np.float16(1)], rl.float16),
        ([np.uint8(1), np.int8(1)], rl.int16),
        ([np.int16(1), np.int64(1)], rl.int64),
        ([np.int16(1), 1], rl.int64),
        ([np.int16(1), 1.0], rl.float32),
        ([np.int8(1), True], rl.int8),
    ],
    ids=str,
)
def test_numbers_of_numpy_in_a_list_keep_their_type(data, dtype):
    assert rl.tensor(data).dtype is dtype
