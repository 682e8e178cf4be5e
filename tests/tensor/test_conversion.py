"""`to` in all its forms, copies into tensors, and what a tensor tells about itself."""

from __future__ import annotations

import re

import pytest

import rushlight as rl
from support.expressions import check, lines_of

EXPRESSIONS = lines_of("""
x.to(torch.float64)
x.to(torch.float32) is x
x.to('cpu') is x
x.to(x) is x
x.to(i)
x.to('cpu', torch.int32)
x.to(torch.float32, copy=True) is x
x.to(dtype=torch.float64, device='cpu')
x.to(device='cpu') is x
x.to(torch.device('cpu')) is x
x.to('cuda')
x.to('foo')
x.to(foo=1)
x.to('meta')
e.to('cpu')
g.to(torch.float64)
g.double().half()
x.long()
x.bool()
x.half()
x.bfloat16()
x.float() is x
i.float()
x.cfloat()
torch.tensor([1 + 2j]).to(torch.complex32)
torch.tensor([-1.5, 300.7]).byte()
torch.tensor([-1.5, 1e5]).short()
torch.tensor([1 + 2j]).float()
x.type_as(i)
x.cpu() is x
x.cuda()
x.t().double().stride()
torch.ones(2, 3, 4, 5).to(memory_format=torch.channels_last).stride()
x.float(memory_format=torch.channels_last)
x.t().to(memory_format=torch.contiguous_format).stride()
# into a tensor
x.copy_(i)
x.copy_(torch.ones(3, dtype=torch.float64))
x.copy_(torch.ones(5))
x.copy_(3)
i.copy_(torch.tensor([1.9, -1.9, 0]))
torch.zeros(2).copy_(g.sum())
torch.zeros(2, 3).copy_(g * 2)
g.copy_(x[0])
x.copy_(e)
i.bool().copy_(i)
x.fill_(2)
i.fill_(1.5)
x.fill_(s)
x.fill_(torch.ones(2))
x.fill_('a')
x.fill_(1j)
i.to(torch.int8).fill_(300)
(g * 2).fill_(3)
(g * 2).zero_()
g.zero_()
x.zero_()
torch.fill(x, 3)
x[0].zero_()
x.apply_(lambda v: v + 1)
x.map_(x, lambda a, b: a + b)
g.apply_(lambda v: v)
x.set_(torch.ones(3)).shape
# numbers
s.item()
i.sum().item()
torch.tensor(True).item()
torch.tensor(1j).item()
torch.tensor([[2.5]]).item()
x.item()
e.sum().item()
x.tolist()
s.tolist()
torch.ones(2, 0).tolist()
torch.tensor([1.1]).half().tolist()
e.tolist()
bool(s)
bool(torch.tensor([]))
bool(x)
bool(torch.tensor([0]))
int(s)
int(torch.tensor([2.7]))
int(torch.tensor(float('nan')))
float(i[0])
float(torch.tensor(1j))
float(torch.tensor(1 + 0j))
complex(s)
[1, 2, 3][torch.tensor(1)]
[1, 2, 3][torch.tensor([1])]
[1, 2, 3][torch.tensor(1.)]
len(x)
len(s)
3 in x
x in x
'a' in x
torch.is_nonzero(s)
range(5)[i[2]]
f'{s:.2f} {s} {x}'
f'{x:.2f}'
f'{g[0]:.2f}'
f'{torch.ones(1):.2f}'
list(reversed(i))
hash(x) == hash(x)
x == 'a'
x != None
# metadata
x.size()
x.size(-1)
x.size(5)
x.stride()
x.stride(0)
x.stride(5)
torch.ones(2, 0, 3).stride()
x.dim(), x.ndimension()
x.numel(), x.nelement(), torch.numel(x)
x.element_size()
x[1].storage_offset()
x.t().storage_offset()
x.layout
x.is_sparse
x[1].data_ptr() - x.data_ptr()
x.get_device()
x.is_pinned()
x.pin_memory()
x.is_shared()
x._is_view(), x[0]._is_view()
x.is_inference()
x.names
x.__cuda_array_interface__
x.is_set_to(x)
x.dim_order()
x.nbytes, x.itemsize
x.to_dense() is x
torch.typename(x), torch.typename(3)
torch.is_tensor(3), torch.is_tensor(x)
torch.finfo(torch.float32)
torch.finfo(torch.bfloat16)
torch.finfo()
torch.finfo(torch.float16).max
torch.finfo(torch.complex64).eps
torch.iinfo(torch.int8)
torch.iinfo(torch.uint16).max
torch.finfo(torch.int8)
torch.iinfo(torch.float32)
torch.finfo(torch.float64) == torch.finfo(torch.float64)
torch.iinfo(torch.int64).bits
# storages
x.storage()
x.storage().size(), len(x.storage())
x.untyped_storage().nbytes()
x.storage().tolist()
x.storage()[2]
i.storage().dtype
x[1].untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
torch.is_storage(x.storage())
torch.FloatStorage([1, 2])
torch.FloatStorage(3).size()
torch.UntypedStorage(4).nbytes()
copy.deepcopy(x[1]).untyped_storage().nbytes()
x.storage().type()
# switches
torch.version.cuda, torch.cuda.is_available(), torch.cuda.device_count()
torch.cuda.current_device()
torch.cuda.synchronize()
torch.cuda.empty_cache()
torch.cuda.manual_seed_all(1)
torch.cuda.memory_allocated()
torch.set_num_threads(0)
torch.set_num_threads('a')
torch.backends.cudnn.is_available()
torch.backends.mps.is_available()
torch.are_deterministic_algorithms_enabled()
torch.get_float32_matmul_precision()
torch.get_deterministic_debug_mode()
torch.inf, torch.nan, torch.pi, torch.e, torch.newaxis
torch.strided, torch.channels_last, torch.preserve_format
torch.long is torch.int64
""")


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_outcome_is_that_of_pytorch(expression):
    check(expression, rl)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_record_is_still_true(expression):
    check(expression, pytest.importorskip("torch"))


def test_gradient_comes_through_a_conversion():
    x = rl.tensor([1.0, 2.0], requires_grad=True)
    (x.double() ** 2).sum().backward()
    assert x.grad.dtype is rl.float32
    assert x.grad.tolist() == [2.0, 4.0]


def test_copy_sends_gradients_to_its_source_and_not_to_what_was_there():
    source, other = rl.ones(3, requires_grad=True), rl.ones(2, 3, requires_grad=True)
    target = other * 2
    target.copy_(source)
    target.sum().backward()
    assert source.grad.tolist() == [2.0, 2.0, 2.0]
    assert other.grad is None or other.grad.abs().sum().item() == 0


def test_fill_with_a_tensor_has_its_gradient():
    value = rl.tensor(2.0, requires_grad=True)
    rl.zeros(2, 3).fill_(value).sum().backward()
    assert value.grad.item() == 6.0


def test_copy_does_not_tie_two_tensors_together():
    a, b = rl.zeros(3), rl.ones(3)
    a.copy_(b)
    b.zero_()
    assert a.tolist() == [1, 1, 1]


def test_values_saved_for_backward_survive_what_fills_their_tensor():
    x = rl.tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    z = (y * y).sum()
    with rl.no_grad():
        y.zero_()
    z.backward()
    assert x.grad.tolist() == [18.0, 36.0]


def test_storage_objects_of_views_are_one():
    x = rl.arange(6.0).reshape(2, 3)
    memory = x.untyped_storage()
    assert x[1].untyped_storage() is memory
    memory[:] = 0
    assert x.tolist() == [[0, 0, 0], [0, 0, 0]]


def test_storage_grows_under_its_tensors():
    x = rl.ones(3)
    view = x[1:]
    x.untyped_storage().resize_(40)
    view += 1
    assert x.tolist() == [1, 2, 2]
    assert view.untyped_storage().nbytes() == 40
    with pytest.raises(RuntimeError, match="reaches to byte 12"):
        x.untyped_storage().resize_(4)


def test_data_ptr_pins_the_memory():
    x = rl.ones(3, requires_grad=True)
    y = x * 1
    address = y.data_ptr()
    (y * y).sum()
    with rl.no_grad():
        y += 1
    assert y.data_ptr() == address


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="memory is shared with forked processes")
def test_shared_memory_is_seen_by_a_forked_process():
    import os

    x = rl.zeros(3).share_memory_()
    assert x.is_shared()
    child = os.fork()
    if child == 0:
        x[1] = 5
        os._exit(0)
    os.waitpid(child, 0)
    assert x.tolist() == [0, 5, 0]


def test_type_without_parentheses_prints_no_numbers():
    x = rl.arange(3.0)
    assert re.fullmatch("<built-in method type of Tensor object at 0x[0-9a-f]+>", repr(x.type))
    assert x.type() == "torch.FloatTensor"
    assert x.type.__name__ == "type"
    assert rl.Tensor.type(x, rl.int64).dtype is rl.int64
