"""Kernels under many Python threads, in forked workers, beside signals: all results right, no hang."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from rushlight import kernels
from rushlight.kernels import Node, input_node
from rushlight.runtime import get_num_threads, memory, set_num_threads

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)
X, Y = input_node(0, "float32"), input_node(1, "float32")


def chain():
    scaled = Node("add", (Node("mul", (X, 2.0), "float32"), Y), "float32")
    return kernels.elementwise(Node("maximum", (scaled, X), "float32"), name="chain")


def total():
    return kernels.rowwise(Node("sum", (X,), "float32"), name="sum")


def compute(seed, rounds):
    """Both kinds of kernels on large and small arrays; the number of wrong results."""
    random = np.random.default_rng(seed)
    wrong = 0
    for _ in range(rounds):
        a, b = random.normal(size=(2, int(random.choice([50, 3000, 300_000])))).astype(np.float32)
        out = chain()(memory.empty(a.shape, np.float32), a, b)
        wrong += not np.array_equal(out, np.maximum(a * 2 + b, a))
        whole = np.ones((int(random.choice([3, 400])), 1000), np.float32)
        wrong += not (total()(np.empty((len(whole), 1), np.float32), whole) == 1000).all()
    return wrong


@pytest.fixture(autouse=True)
def two_threads():
    before = get_num_threads()
    set_num_threads(2)
    yield
    set_num_threads(before)


def test_eight_python_threads():
    wrong = []
    threads = [threading.Thread(target=lambda k=k: wrong.append(compute(k, 60))) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [0] * 8


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_forked_workers_compute():
    """As a DataLoader's workers do, while the parent computes on."""
    compute(0, 5)
    with multiprocessing.get_context("fork").Pool(3) as workers:
        waiting = workers.starmap_async(compute, [(k, 30) for k in range(6)])
        assert compute(9, 60) == 0
        assert waiting.get(timeout=60) == [0] * 6


def test_an_interrupt_arrives_between_kernels():
    program = """
import numpy as np, sys
from rushlight import kernels, runtime
runtime.set_num_threads(2)
x = kernels.input_node(0, "float32")
sin = kernels.elementwise(kernels.Node("sin", (x,), "float32"), name="sin")
a = np.ones(1 << 22, np.float32)
sin(a, a)
try:
    print("ready", flush=True)
    while True:
        sin(a, a)
except KeyboardInterrupt:
    print("interrupted", sin(a, a) is a, flush=True)
"""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    command = [sys.executable, "-c", program]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (out, err, process.returncode) == ("interrupted True\n", "", 0)


def test_kernels_are_compiled_once_for_all_threads(monkeypatch):
    from rushlight.kernels.llvm import build

    built, real = [], build.BUILDERS["elementwise"]
    monkeypatch.setitem(
        build.BUILDERS, "elementwise", lambda graph, name: built.append(name) or real(graph, name)
    )
    node = Node("sub", (Node("mul", (X, 3.25), "float32"), Y), "float32")
    made = []
    threads = [
        threading.Thread(target=lambda: made.append(kernels.elementwise(node, name="once"))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built == ["once"]
    assert len(set(map(id, made))) == 1
