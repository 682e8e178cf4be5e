"""Large arrays reuse memory as soon as nothing refers to it, and not before."""

import gc
import os
import threading

import numpy as np
import pytest

from rushlight.runtime import memory

LARGE = (1000, 1000)


@pytest.fixture(autouse=True)
def clean():
    gc.collect()
    memory.trim()
    yield
    memory.trim()


def test_memory_returns_when_the_last_view_goes():
    first = memory.empty(LARGE, np.float32)
    place = first.ctypes.data
    view = first[10:, ::2].T
    del first
    second = memory.empty(LARGE, np.float32)
    assert second.ctypes.data != place
    del view
    third = memory.empty(LARGE, np.float32)
    assert third.ctypes.data == place


def test_exported_buffers_keep_the_memory():
    array = memory.empty(LARGE, np.float32)
    place = array.ctypes.data
    exported = memoryview(array)
    del array
    assert memory.empty(LARGE, np.float32).ctypes.data != place
    exported.release()
    memory.trim()


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "bool", "complex64"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (0, 5), (1 << 19,), (700, 700), (100, 3, 5000)])
def test_arrays_are_ordinary(shape, dtype):
    array = memory.empty(shape, dtype)
    assert type(array) is np.ndarray
    assert (array.shape, array.dtype) == (shape, np.dtype(dtype))
    assert array.flags.c_contiguous
    assert array.flags.writeable
    if array.nbytes >= memory.FROM_BYTES:
        assert array.ctypes.data % 64 == 0
    array[...] = 1
    assert (array == 1).all()


def test_the_cache_is_bounded():
    cache = memory.Cache(10 << 20)
    leases = [cache.lend(3 << 20) for _ in range(6)]
    assert cache.held == 0
    del leases
    gc.collect()
    assert 0 < cache.held <= 10 << 20
    assert cache.trim(4 << 20) > 0
    assert cache.held <= 4 << 20


def test_sizes_round_up_by_an_eighth_at_most():
    for size in (1 << 16, (1 << 16) + 1, 100_000, 12_345_678, (1 << 30) + 1):
        assert size <= memory.block_size(size) <= max(size * 9 // 8 + memory.PAGE, size)
        assert memory.block_size(size) % memory.PAGE == 0


def test_what_cannot_be_had_is_a_memory_error():
    with pytest.raises(MemoryError, match="cannot allocate"):
        memory.empty((1 << 50,), np.float64)


def test_threads_never_share_a_block():
    errors = []

    def work(number):
        for _ in range(300):
            array = memory.empty((1 << 17,), np.int32)
            array[::4096] = number
            if not (array[::4096] == number).all():
                errors.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


def test_calls_work_in_the_same_memory_but_never_at_once():
    first = memory.scratch(3 << 20)
    place = first.ctypes.data
    second = memory.scratch(1 << 20)
    assert not np.may_share_memory(first, second)
    memory.end_scratch(first)
    memory.end_scratch(second)
    for size in (1000, 3 << 20):
        again = memory.scratch(size)
        assert again.ctypes.data == place
        assert again.nbytes >= size
        memory.end_scratch(again)
    larger = memory.scratch(memory.MOST_SCRATCH + 1)
    memory.end_scratch(larger)
    del first, second, again, larger
    memory.trim()
    assert memory.cached_bytes() == 0


def test_trim_says_how_much_it_freed():
    array = memory.empty(LARGE, np.float32)
    size = memory.block_size(array.nbytes)
    del array
    assert memory.cached_bytes() == size
    assert memory.trim() == size
    assert memory.cached_bytes() == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_its_own_copy():
    held = memory.empty(LARGE, np.float32)
    held.fill(1)
    returned = memory.empty(LARGE, np.float64)  # goes back to the cache before the fork
    del returned
    child = os.fork()
    if child == 0:
        held.fill(2)
        memory.empty(LARGE, np.float64).fill(3)
        os._exit(0)
    taken = memory.empty(LARGE, np.float64)
    taken.fill(4)
    assert os.waitpid(child, 0)[1] == 0
    assert (held == 1).all()
    assert (taken == 4).all()
