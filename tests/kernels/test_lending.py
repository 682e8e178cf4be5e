"""Memory of middle-sized results: on cache lines, kept for the next one, never shared by two."""

import gc
import os
import threading

import numpy as np
import pytest

import rushlight as rl
from rushlight.runtime import available, memory
from support.paths import run_python

pytestmark = pytest.mark.skipif(not available(), reason="no kernels on this machine")
SIZES = [4096, 4097, 5000, 8191, 8192, 12345, 65536, 100_000, 500_001, 1 << 20]


@pytest.fixture(autouse=True)
def taught():
    x = rl.ones(5000)
    for _ in range(3):
        x + x


def test_on_cache_lines_and_kept():
    for n in SIZES:
        x = rl.rand(n)
        place = (x + x)._a.ctypes.data
        assert place % 64 == 0
        assert (x + x)._a.ctypes.data == place


def test_no_two_share_memory():
    draw, living = np.random.default_rng(0), []
    for _ in range(400):
        x = rl.rand(int(draw.choice(SIZES)))
        living.append((x * 2, x._a * 2))
        if len(living) > 30:
            living.pop(int(draw.integers(0, 30)))
    for found, wanted in living:
        np.testing.assert_array_equal(found._a, wanted)


def test_whoever_holds_the_array_holds_the_memory():
    x = rl.rand(10_000)
    array, part = (x + 1).numpy(), (x + 2)[5:].view(-1)
    wanted = x._a + 1, x._a[5:] + 2
    for _ in range(20):
        x * 3
    gc.collect()
    np.testing.assert_array_equal(array, wanted[0])
    np.testing.assert_array_equal(part.numpy(), wanted[1])


def test_trimmed():
    x = rl.rand(10_000)
    del x
    y = rl.rand(10_000) + 1
    del y
    memory.trim()
    assert (rl.rand(10_000) + 1).numel() == 10_000


def test_threads():
    wrong = []

    def work(seed):
        draw = np.random.default_rng(seed)
        for _ in range(200):
            x = rl.tensor(draw.random(int(draw.choice(SIZES[:7])), np.float32))
            y, z = x * 2, x + 1
            if not (np.array_equal(y._a, x._a * 2) and np.array_equal(z._a, x._a + 1)):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_after_a_fork():
    x = rl.rand(10_000)
    y = x * 2
    child = os.fork()
    if child == 0:
        z = x * 3
        y.add_(1.0)
        os._exit(0 if np.array_equal(z._a, x._a * 3) and np.array_equal(y._a, x._a * 2 + 1) else 1)
    assert os.waitpid(child, 0)[1] == 0
    np.testing.assert_array_equal(y._a, x._a * 2)


OUTLIVING = """
import contextvars
import rushlight
held = [(rushlight.rand(10_000) * 2)._a for _ in range(60)]
contextvars.ContextVar("held").set(held)
assert type(held[-1].base).__name__ == "PyCapsule"
"""


def test_arrays_may_outlive_everything_else():
    """What the interpreter drops last is given back by code that must still be there."""
    done = run_python("-c", OUTLIVING)
    assert done.returncode == 0, done.stderr
