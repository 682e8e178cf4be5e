"""numpy, buffers, DLPack, pickle and copies: what is shared stays shared, what is copied does not."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import rushlight as rl
from support.expressions import check, lines_of

EXPRESSIONS = lines_of("""
np.abs(x)
np.add(x, 1)
np.add(x, np.ones(3))
x * np.ones(3)
np.float64(2) * x
np.float32(2) + s
x + np.float64(2)
np.maximum(x, 2)
np.exp(g)
np.array(g)
np.asarray(x, dtype=np.float64)
np.asarray(x)
np.concatenate([x, x])
np.stack([x, x])
np.where(x > 2, x, 0)
np.array_equal(x, x)
np.sqrt(x, out=np.empty((2, 3), np.float32))
np.arange(3)[torch.tensor([1, 2])]
s.numpy()
g.numpy()
g.numpy(force=True)
torch.ones(2, dtype=torch.bfloat16).numpy()
x.half().numpy().dtype
e.numpy()
torch.from_numpy(3)
torch.from_numpy(np.ones(2, 'U1'))
torch.from_numpy(np.ones((2, 3)).T)
torch.from_numpy(np.ones(3)[::-1])
torch.from_numpy(np.arange(6)[2:]).storage_offset()
torch.from_numpy(np.zeros(2, '>i4'))
torch.from_numpy(np.array(3.))
torch.frombuffer(bytearray(8), dtype=torch.float32)
torch.frombuffer(b'12345678', dtype=torch.int16, offset=2)
torch.frombuffer(bytearray(8), dtype=torch.float32, count=1)
torch.frombuffer(bytearray(8), dtype=torch.float32, count=5)
torch.frombuffer(bytearray(8), dtype=torch.float32, offset=9)
torch.frombuffer(bytearray(7), dtype=torch.float32)
torch.frombuffer(bytearray(0), dtype=torch.float32)
torch.frombuffer(3, dtype=torch.float32)
torch.from_dlpack(np.arange(3))
g.__dlpack__()
np.from_dlpack(x)
torch.from_dlpack(x)
copy.deepcopy(g * 2)
copy.deepcopy(g)
copy.copy(x)
pickle.loads(pickle.dumps(g))
pickle.loads(pickle.dumps(x.t()))
pickle.loads(pickle.dumps(torch.float32)) is torch.float32
pickle.loads(pickle.dumps(torch.Size([2])))
copy.deepcopy(torch.strided)
copy.deepcopy(e)
torch.nn.Parameter(x)
copy.deepcopy(torch.nn.Parameter(x))
pickle.loads(pickle.dumps(torch.nn.Parameter(x)))
torch.nn.Parameter(i)
torch.nn.Parameter(i, requires_grad=False)
torch.nn.Parameter()
torch.nn.Parameter(x).data
torch.nn.Parameter(x) + 1
torch.nn.Buffer(x)
isinstance(torch.nn.Buffer(x), torch.nn.Buffer)
isinstance(x, torch.nn.Buffer)
isinstance(x, torch.nn.Parameter)
isinstance(torch.nn.Parameter(x), torch.Tensor)
torch.nn.Parameter(x).detach().requires_grad
torch.nn.Parameter(e)
""")


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_outcome_is_that_of_pytorch(expression):
    check(expression, rl)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_record_is_still_true(expression):
    check(expression, pytest.importorskip("torch"))


def test_numpy_shares_both_ways():
    array = np.zeros((2, 3))
    tensor = rl.from_numpy(array)
    tensor += 1
    array[0, 0] = 7
    back = tensor.numpy()
    back[1, 1] = 9
    assert tensor.tolist() == [[7, 1, 1], [1, 9, 1]]
    assert array[1, 1] == 9


@pytest.mark.parametrize(
    "dtype", ["float16", "float32", "float64", "int8", "int64", "uint8", "uint16", "bool", "complex64"]
)
def test_every_numpy_type_comes_and_goes(dtype):
    array = np.array([[0, 1], [1, 0]], dtype)
    tensor = rl.from_numpy(array.T)
    assert tensor.dtype.name == dtype
    assert np.array_equal(tensor.numpy(), array.T)
    assert tensor.stride() == (1, 2)


def test_reductions_and_arrays_on_the_left():
    x = rl.arange(6.0).reshape(2, 3)
    assert np.sum(x).item() == 15
    assert np.mean(x, axis=0).tolist() == [1.5, 2.5, 3.5]
    assert isinstance(np.ones(3, np.float32) * x, rl.Tensor)
    assert (np.ones(3, np.float32) + x).tolist() == [[1, 2, 3], [4, 5, 6]]
    assert np.isnan(rl.tensor([1.0, float("nan")])).tolist() == [False, True]


def test_arrays_that_may_not_be_written_are_shared_with_a_warning():
    array = np.zeros(3)
    array.flags.writeable = False
    with pytest.warns(UserWarning, match="not writable"):
        tensor = rl.from_numpy(array)
    with pytest.raises(ValueError, match="read-only"):
        tensor += 1


def test_buffers_share():
    memory = bytearray(8)
    tensor = rl.frombuffer(memory, dtype=rl.int16)
    tensor += 1
    assert memory == bytes([1, 0] * 4)


def test_dlpack_shares_with_numpy():
    array = np.zeros(3, np.float32)
    tensor = rl.from_dlpack(array)
    tensor.add_(2)
    assert array.tolist() == [2, 2, 2]
    assert np.shares_memory(np.from_dlpack(tensor), array)
    assert rl.utils.dlpack.from_dlpack(tensor.__dlpack__()).tolist() == [2, 2, 2]


def test_dlpack_shares_with_pytorch():
    torch = pytest.importorskip("torch")
    theirs = torch.zeros(2, 3)
    ours = rl.from_dlpack(theirs.t())
    ours[0, 1] = 5
    assert theirs[1, 0] == 5
    again = torch.from_dlpack(ours)
    again[2, 1] = 7
    assert theirs.tolist() == [[0, 0, 0], [5, 0, 7]]


@pytest.mark.parametrize("copied", [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy])
def test_tensors_that_share_memory_share_it_in_the_copy(copied):
    base = rl.arange(6.0).reshape(2, 3)
    views = [base, base[1], base.t(), rl.nn.Parameter(base)]
    one, row, turned, parameter = copied(views)
    row += 10
    assert one.tolist() == turned.t().tolist() == parameter.tolist() == [[0, 1, 2], [13, 14, 15]]
    assert base.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert type(parameter) is rl.nn.Parameter


def test_deepcopy_takes_gradient_and_attributes_along():
    weight = rl.nn.Parameter(rl.ones(2))
    (weight * 3).sum().backward()
    weight.note = ["a"]
    new = copy.deepcopy(weight)
    assert new.grad.tolist() == [3, 3]
    assert new.grad is not weight.grad
    assert new.note == ["a"]
    assert new.note is not weight.note
    assert pickle.loads(pickle.dumps(weight)).note == ["a"]


def test_meta_tensors_pickle_without_data():
    x = rl.empty(1000, 1000, 1000, 100, device="meta")
    data = pickle.dumps(x.transpose(0, 1))
    assert len(data) < 2000
    assert pickle.loads(data).stride() == (100_000, 100_000_000, 100, 1)
    assert pickle.loads(data).is_meta
