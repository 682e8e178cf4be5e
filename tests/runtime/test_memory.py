"""Large arrays reuse memory as soon as nothing refers to it, and not before."""

import gc
import os
import signal
import threading

import numpy as np
import pytest

import rushlight as rl
from rushlight.runtime import available, memory
from support.paths import run_python

pytestmark = pytest.mark.skipif(not available(), reason="no kernels on this machine: arrays are numpy's")
LARGE = (1000, 1000)


@pytest.fixture
def limit():
    """A function that sets how much is kept; back to what it was at the end."""
    memory.empty(LARGE, np.float32)
    memory.trim()
    kept = memory._lender.limit
    before = kept.value
    yield lambda size: setattr(kept, "value", size)
    kept.value = before


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


def test_the_cache_is_bounded(limit):
    limit(10 << 20)
    arrays = [memory.empty((3 << 20,), np.uint8) for _ in range(6)]
    assert memory.cached_bytes() == 0
    del arrays
    assert 0 < memory.cached_bytes() <= 10 << 20
    assert memory.trim(4 << 20) > 0
    assert memory.cached_bytes() <= 4 << 20


def test_what_was_given_back_longest_ago_goes_first(limit):
    limit(10 << 20)
    first = memory.empty((4 << 20,), np.uint8)
    place = first.ctypes.data
    del first
    second, third = memory.empty((5 << 20,), np.uint8), memory.empty((3 << 20,), np.uint8)
    places = second.ctypes.data, third.ctypes.data
    del second, third
    assert memory.cached_bytes() == 8 << 20  # of two sizes: the first went
    found = memory.empty((5 << 20,), np.uint8), memory.empty((3 << 20,), np.uint8)
    assert tuple(array.ctypes.data for array in found) == places
    assert place not in places


def test_a_very_large_block_serves_for_less(limit):
    """Rather than one more of them is mapped; for ordinary sizes it would be waste."""
    limit(1 << 30)
    memory.empty((120 << 20,), np.uint8)
    held = memory.cached_bytes()
    array = memory.empty((64 << 20,), np.uint8)
    assert memory.cached_bytes() == 0
    del array
    assert memory.cached_bytes() == held
    memory.trim()
    memory.empty((6 << 20,), np.uint8)
    array = memory.empty((5 << 20,), np.uint8)
    assert (array.nbytes, memory.cached_bytes()) == (5 << 20, 6 << 20)


def test_more_than_the_limit_is_not_kept(limit):
    limit(1 << 20)
    memory.empty((2 << 20,), np.uint8)
    assert memory.cached_bytes() == 0


def test_sizes_round_up_by_an_eighth_at_most():
    for size in (1 << 14, (1 << 14) + 1, 100_000, (1 << 17) + 1, 12_345_678, (1 << 27) + 1):
        memory.empty((size,), np.uint8)
        assert size <= memory.trim() <= size * 9 // 8 + 1


def test_what_cannot_be_had_is_a_memory_error():
    for shape in ((1 << 50,), (1 << 44,), (1 << 20, 1 << 25)):
        with pytest.raises(MemoryError, match="Unable to allocate"):
            memory.empty(shape, np.float64)
    with pytest.raises(ValueError, match=r"too big|larger|dimension"):
        memory.empty((1 << 40, 1 << 40), np.float64)
    with pytest.raises(ValueError, match="negative"):
        memory.empty((1 << 20, -1), np.float64)


def test_what_is_unusual_is_as_numpy_makes_it():
    assert memory.empty((3 << 14,), object)[0] is None
    for dtype in (">f4", "<U7", "S9", "M8[s]", [("a", "f4"), ("b", "i8")]):
        assert memory.empty((5000, 3), np.dtype(dtype)).dtype == np.dtype(dtype)
    with pytest.raises(TypeError):
        memory.empty((2.5, 10_000), np.float32)
    assert memory.empty([300, 200], np.float32).shape == (300, 200)
    assert memory.empty(rl.Size([300, 200]), np.float32).shape == (300, 200)


INTERRUPTED = """
import signal, sys
import numpy as np
from rushlight.runtime import memory

class Stop(Exception):
    pass

def stop(*_):
    global sent
    sent += 1
    raise Stop

sent = caught = 0
signal.signal(signal.SIGALRM, stop)
for _ in range(400):
    try:
        signal.setitimer(signal.ITIMER_REAL, 2e-4)
        while True:
            memory.empty((1 << 17,), np.float32).sum()
    except Stop:
        caught += 1
print(sent - caught)
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers")
def test_no_interrupt_is_lost_while_memory_goes_back():
    """Python drops what a signal raises in a `__del__`."""
    done = run_python("-c", INTERRUPTED)
    assert (done.stdout, done.stderr) == ("0\n", "")


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
    size = array.nbytes
    del array
    assert size <= memory.cached_bytes() == memory.trim() <= size * 9 // 8
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
