"""The constructors of PyTorch's early days, and the types that programs still compare with."""

from __future__ import annotations

import pytest

import rushlight as rl
from support.expressions import check, lines_of

EXPRESSIONS = lines_of("""
torch.Tensor(2, 3).shape
torch.Tensor([1, 2])
torch.Tensor()
torch.Tensor((2, 3))
torch.Tensor(torch.Size([2, 3])).shape
torch.Tensor(size=(2, 3)).shape
torch.Tensor(np.ones(2))
torch.Tensor(torch.ones(2))
torch.Tensor(torch.ones(2, dtype=torch.int64))
torch.Tensor(3.5)
torch.Tensor('a')
torch.Tensor(2, 3, device='cuda')
torch.Tensor(2, foo=1)
torch.Tensor([[1, 2], [3]])
torch.FloatTensor(2, 3).shape
torch.FloatTensor([1, 2])
torch.LongTensor([1.5, 2])
torch.LongTensor(np.array([1, 2]))
torch.LongTensor(np.array([1., 2]))
torch.LongTensor(torch.ones(2))
torch.IntTensor(3).dtype
torch.BoolTensor([1, 0])
torch.ByteTensor([255])
torch.DoubleTensor([[1.]])
torch.HalfTensor([1])
torch.FloatTensor(3.5)
isinstance(x, torch.FloatTensor), isinstance(x, torch.DoubleTensor)
isinstance(x, torch.Tensor)
isinstance(3, torch.FloatTensor)
isinstance(torch.FloatTensor, type)
torch.FloatTensor
torch.FloatTensor.dtype
torch.FloatTensor.__name__
torch.FloatTensor.layout
torch.cuda.FloatTensor
torch.cuda.FloatTensor(2)
isinstance(x, torch.cuda.FloatTensor)
x.type()
x.type(torch.LongTensor)
x.type('torch.DoubleTensor')
x.type(torch.int8)
x.type('torch.FooTensor')
i.type()
x.bool().type()
x.cfloat().type()
e.type()
x.new(2, 3).shape
x.new([1, 2])
i.new([1, 2])
x.new(i)
torch.set_default_tensor_type('torch.LongTensor')
torch.autograd.Variable(x, requires_grad=True)
isinstance(x, torch.autograd.Variable)
isinstance(3, torch.autograd.Variable)
torch.autograd.Variable(3)
torch.autograd.Variable(i, requires_grad=True)
torch.autograd.Variable(x).data
""")


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_outcome_is_that_of_pytorch(expression):
    check(expression, rl)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_record_is_still_true(expression):
    check(expression, pytest.importorskip("torch"))


def test_constructor_of_a_tensor_shares_its_memory():
    x = rl.zeros(2)
    rl.Tensor(x)[0] = 1
    assert x.tolist() == [1, 0]


def test_variable_is_a_leaf_on_the_same_memory():
    x = rl.ones(2)
    v = rl.autograd.Variable(x, requires_grad=True)
    (v * 2).sum().backward()
    assert v.is_leaf
    assert v.grad.tolist() == [2, 2]
    assert not x.requires_grad


def test_default_tensor_type():
    rl.set_default_tensor_type(rl.DoubleTensor)
    try:
        assert rl.Tensor(2).dtype is rl.float64
    finally:
        rl.set_default_tensor_type("torch.FloatTensor")
    assert rl.zeros(1).dtype is rl.float32
