"""Storage objects: bytes and elements of the memory behind tensors, read, written, resized and copied."""

from __future__ import annotations

import copy
import pickle

import pytest

import rushlight as rl
from rushlight.lang.movement import address


def test_bytes_are_read_and_written():
    memory = rl.tensor([1, 256], dtype=rl.int16).untyped_storage()
    assert list(memory) == [1, 0, 0, 1]
    assert (len(memory), memory.nbytes(), memory.size(), memory[3], memory.element_size()) == (4, 4, 4, 1, 1)
    assert memory[1:].tolist() == [0, 0, 1]
    memory[0] = 7
    memory.copy_(memory.clone().fill_(2))
    assert memory.tobytes() == bytes([2, 2, 2, 2])
    assert memory.cpu() is memory
    assert not memory.is_pinned()
    assert repr(memory).endswith("[torch.storage.UntypedStorage(device=cpu) of size 4]")


def test_elements_are_read_and_written():
    x = rl.arange(4.0)
    storage = x.storage()
    storage[1] = 9
    assert (x.tolist(), list(storage), storage[2]) == ([0, 9, 2, 3], [0, 9, 2, 3], 2)
    storage.copy_(storage.clone().fill_(5))
    assert x.tolist() == [5, 5, 5, 5]
    assert storage.element_size() == 4
    assert storage.nbytes() == 16
    assert storage.untyped() is x.untyped_storage()
    assert storage == x.storage()
    assert storage.data_ptr() == x.data_ptr()
    assert storage.resize_(6).size() == 6
    assert [storage.is_shared(), storage.is_pinned(), storage.is_cuda] == [False] * 3
    with pytest.raises(NotImplementedError, match="convert a tensor"):
        storage.type("torch.DoubleStorage")


def test_legacy_classes_are_told_by_dtype():
    storage = rl.LongStorage([1, 2])
    assert isinstance(storage, rl.LongStorage)
    assert not isinstance(storage, rl.FloatStorage)
    assert isinstance(storage, rl.TypedStorage)
    assert rl.LongTensor(storage).tolist() == [1, 2]
    assert (rl.TypedStorage().size(), rl.DoubleStorage(3).nbytes()) == (0, 24)


def test_edits_of_a_storage_spare_what_a_graph_has_saved():
    x = rl.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    z = (y * y).sum()
    y.untyped_storage().fill_(0)
    z.backward()
    assert x.grad.tolist() == [2, 4]


MADE = [
    lambda: rl.zeros(3, 4),
    lambda: rl.empty(3, 4),
    lambda: rl.tensor([[1.0], [2.0]]),
    lambda: rl.arange(6.0).view(2, 3),
    lambda: rl.ones(3, 4) + 1,
    lambda: rl.ones(2, 2) @ rl.ones(2, 2),
    lambda: rl.nn.Parameter(rl.empty(2, 2)).data,
]
LOOKED_AT = [
    lambda x: x.detach(),
    lambda x: x[0],
    lambda x: x.view(-1),
    lambda x: x.unbind(),
    lambda x: x.data,
    lambda x: x.numpy(),
]


@pytest.mark.parametrize("look", LOOKED_AT)
@pytest.mark.parametrize("make", MADE)
def test_memory_that_no_graph_needs_stays_where_it_is(make, look):
    for _ in range(14):  # by Python, and by what has been learnt
        x = make()
        place = address(x._a)
        seen = look(x)
        x.add_(1)
        assert address(x._a) == place
        del seen


def test_memory_that_a_graph_needs_moves():
    for _ in range(14):
        w, x = rl.ones(3, requires_grad=True), rl.zeros(3)
        y = (w * x).sum()
        place, seen = address(x._a), x.view(-1)
        seen.add_(1)
        y.backward()
        assert w.grad.tolist() == [0, 0, 0]
        assert x.tolist() == [1, 1, 1]
        assert address(x._a) != place


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
@pytest.mark.parametrize("kind", ["storage", "untyped_storage"])
def test_copies_are_equal_and_apart(copied, kind):
    x = rl.arange(3.0)
    storage = getattr(x, kind)()
    new = copied(storage)
    assert new.tolist() == storage.tolist()
    x.zero_()
    assert new.tolist() != storage.tolist()


def test_foreign_memory_is_not_resized():
    memory = rl.frombuffer(bytearray(8), dtype=rl.float32).untyped_storage()
    with pytest.raises(RuntimeError, match="not resizable"):
        memory.resize_(16)
    with pytest.raises(RuntimeError, match="somebody else"):
        memory.share_memory_()


def test_meta_tensors_have_none():
    with pytest.raises(NotImplementedError, match="no memory"):
        rl.empty(2, device="meta").untyped_storage()
    assert not rl.empty(2, device="meta").is_shared()
    assert rl.empty(2, device="meta").data_ptr() == 0


def test_tensor_on_a_storage_stays_inside():
    from rushlight.tensor.memory import on_storage

    memory = rl.zeros(4).untyped_storage()
    assert on_storage(memory, rl.float32, 1, (3,), (1,)).tolist() == [0, 0, 0]
    with pytest.raises(RuntimeError, match="outside of a storage of 16 bytes"):
        on_storage(memory, rl.float32, 2, (3,), (1,))
