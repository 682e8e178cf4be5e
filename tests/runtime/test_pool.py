"""Every chunk runs exactly once: any number of threads, nested, from many Python threads, after forks."""

import ctypes
import math
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from rushlight import runtime
from rushlight.runtime import ir, native, pool
from support.paths import run_python

pytestmark = pytest.mark.skipif(not runtime.available(), reason=runtime.available().reason)


def counting_ir():
    """`count` adds one to its chunk's counter; `repeat` runs it many times, `nest` inside another job."""
    module = ir.Module()
    with module.function("count", exported=False, counters=ir.ptr, chunk=ir.i64, thread=ir.i64) as f:
        f.atomic("add", f.counters.offset(f.chunk * 8), 1, "monotonic")
    with module.function("outer", exported=False, counters=ir.ptr, chunk=ir.i64, thread=ir.i64) as f:
        f.call(pool.PARALLEL_FOR, ir.void, ir.Value(f, ir.ptr, "@count"), f.counters, f.constant(ir.i64, 16))
    for name, body in (("repeat", "@count"), ("nest", "@outer")):
        with module.function(name, counters=ir.ptr, times=ir.i64, chunks=ir.i64) as f, f.loop(0, f.times):
            f.call(pool.PARALLEL_FOR, ir.void, ir.Value(f, ir.ptr, body), f.counters, f.chunks)
    return module.text()


@pytest.fixture(scope="module")
def counting():
    symbols = {pool.PARALLEL_FOR: pool.parallel_for_address()}
    code = native.module("counting", (counting_ir(),), counting_ir, symbols=symbols)
    arguments = (None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    return code.function("repeat", *arguments), code.function("nest", *arguments)


@pytest.fixture(autouse=True)
def same_threads_afterwards():
    before = pool.get_num_threads()
    yield
    pool.set_num_threads(before)


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
@pytest.mark.parametrize("chunks", [0, 1, 2, 17, 300])
def test_every_chunk_runs_once(counting, threads, chunks):
    pool.set_num_threads(threads)
    counters = np.zeros(chunks + 1, np.int64)
    counting[0](counters.ctypes.data, 300, chunks)
    np.testing.assert_array_equal(counters[:chunks], 300)
    assert counters[chunks] == 0


def test_more_chunks_than_the_pool_counts_run_on_one_thread(counting):
    pool.set_num_threads(2)
    counters = np.zeros(40_000, np.int64)
    counting[0](counters.ctypes.data, 2, 40_000)
    np.testing.assert_array_equal(counters, 2)


def test_nested_jobs_run(counting):
    pool.set_num_threads(2)
    counters = np.zeros(16, np.int64)
    counting[1](counters.ctypes.data, 100, 8)
    np.testing.assert_array_equal(counters, 800)


def test_python_threads_share_the_pool(counting):
    pool.set_num_threads(2)
    tables = [np.zeros(50, np.int64) for _ in range(4)]

    def work(table):
        for _ in range(200):
            counting[0](table.ctypes.data, 20, 50)

    threads = [threading.Thread(target=work, args=(table,)) for table in tables]
    for thread in threads:
        thread.start()
    for count in (1, 3, 2):
        time.sleep(0.01)
        pool.set_num_threads(count)  # while jobs are running
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(tables, 4000)


def test_workers_start_with_the_first_job_and_stop_when_told(counting):
    pool.set_num_threads(3)
    assert pool.threads_started() == 0
    counters = np.zeros(8, np.int64)
    counting[0](counters.ctypes.data, 1, 8)
    assert pool.threads_started() == 2
    pool.set_num_threads(1)
    assert pool.threads_started() == 0


def test_sleeping_workers_burn_no_time(counting):
    pool.set_num_threads(2)
    counters = np.zeros(8, np.int64)
    counting[0](counters.ctypes.data, 10, 8)
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.1
    counting[0](counters.ctypes.data, 10, 8)
    np.testing.assert_array_equal(counters, 20)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_children_after_a_fork_have_a_pool_of_their_own(counting):
    pool.set_num_threads(2)
    counters = np.zeros(20, np.int64)
    counting[0](counters.ctypes.data, 10, 20)
    for _ in range(5):
        child = os.fork()
        if child == 0:
            mine = np.zeros(20, np.int64)
            counting[0](mine.ctypes.data, 100, 20)
            os._exit(0 if (mine == 100).all() and pool.threads_started() == 1 else 1)
        counting[0](counters.ctypes.data, 10, 20)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    np.testing.assert_array_equal(counters, 60)


@pytest.mark.parametrize("count", [0, -1, 1.5, "2", True])
def test_wrong_numbers_of_threads_are_refused(count):
    with pytest.raises(ValueError, match="positive whole number"):
        pool.set_num_threads(count)


def test_environment_and_affinity_limit_the_threads(monkeypatch):
    monkeypatch.setenv("RUSHLIGHT_NUM_THREADS", "5")
    assert pool.default_num_threads() == 5
    monkeypatch.delenv("RUSHLIGHT_NUM_THREADS")
    monkeypatch.setenv("OMP_NUM_THREADS", "3,2")
    assert pool.default_num_threads() == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(pool, "cpus_allowed", lambda: {0, 1, 2, 3})
    monkeypatch.setattr(pool, "container_limit", lambda: 1.5)
    assert pool.default_num_threads() == 2


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({}, math.inf),
        ({"cpu.max": "max 100000"}, math.inf),
        ({"cpu.max": "150000 100000"}, 1.5),
        ({"cpu.max": "400000 100000", "a/b/cpu.max": "max 100000", "a/cpu.max": "200000 100000"}, 2),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, math.inf),
        ({"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}, 0.5),
        ({"cpu.max": "nonsense"}, math.inf),
    ],
)
def test_the_limits_of_all_control_groups_count(tmp_path, files, limit):
    own = tmp_path / "self"
    own.write_text("1:cpu:/other\n0::/a/b\n")
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    assert pool.container_limit(str(tmp_path), str(own)) == limit


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs affinity")
def test_a_process_on_one_cpu_has_one_thread():
    program = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); import rushlight"
    program += "; print(rushlight.get_num_threads())"
    variables = {"OMP_NUM_THREADS": "", "RUSHLIGHT_NUM_THREADS": ""}
    assert run_python("-c", program, **variables).stdout == "1\n"


def test_the_serial_pool_has_the_same_interface():
    code = native.module("serial pool", (), pool.pool_ir.serial_ir)
    seen = []
    body = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(
        lambda argument, chunk, thread: seen.append((argument, chunk, thread))
    )
    run = code.function(pool.PARALLEL_FOR, None, type(body), ctypes.c_void_p, ctypes.c_int64)
    run(body, 77, 3)
    assert seen == [(77, 0, 0), (77, 1, 0), (77, 2, 0)]


def test_a_process_with_workers_exits_cleanly():
    program = """
import numpy as np
from rushlight import kernels, runtime
runtime.set_num_threads(2)
x = kernels.input_node(0, "float32")
exp = kernels.elementwise(kernels.Node("exp", (x,), "float32"), name="exp")
a = np.zeros(1 << 20, np.float32)
assert (exp(a, a) == 1).all()
"""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_does_not_wait_for_the_parents_threads(counting):
    """A fork while another thread compiles: its locks are free in the child."""
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with native._lock, pool._lock:
            entered.set()
            leave.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait(10)
    child = os.fork()
    if child == 0:
        native.module("counting", (counting_ir(),), counting_ir, symbols={})
        os._exit(0)
    for _ in range(200):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        time.sleep(0.05)
    else:
        os.kill(child, 9)
        os.waitpid(child, 0)
    leave.set()
    holder.join()
    assert done == child
    assert status == 0
