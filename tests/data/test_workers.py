"""Worker processes: what they load arrives, what goes wrong is told, and nothing is left behind."""

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import rushlight
from data import worker_cases as cases
from rushlight.utils.data import DataLoader, IterableDataset, get_worker_info
from support.paths import SOURCE, run_python

SHARED_MEMORY = Path("/dev/shm")
WITH_TESTS = os.pathsep.join([str(SOURCE), str(Path(__file__).parents[1])])
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and /dev/shm"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create"),  # on a machine with one CPU
]


def named_memory():
    return set(os.listdir(SHARED_MEMORY)) if SHARED_MEMORY.exists() else set()


def open_files():
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture(autouse=True)
def nothing_left_behind():
    before = named_memory()
    yield
    gc.collect()
    assert not multiprocessing.active_children()
    assert named_memory() <= before


def vanish(pids, seconds):
    """Do all these processes end within so many seconds?"""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(Path(f"/proc/{pid}").exists() and not is_zombie(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


def is_zombie(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def check_pictures(batches, count):
    seen = []
    for x, y in batches:
        assert x.shape == (len(y), 40, 40)
        assert (x == y.reshape(-1, 1, 1)).all()
        seen += y.tolist()
    assert sorted(seen) == list(range(count))


# ---- what arrives


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_start_methods(method):
    loader = DataLoader(cases.Pictures(), batch_size=5, num_workers=2, multiprocessing_context=method)
    check_pictures(loader, 12)


def test_batches_that_are_kept_keep_their_values():
    loader = DataLoader(cases.Pictures(60), batch_size=2, num_workers=2, persistent_workers=True)
    kept = list(loader)
    for x, _ in loader:  # memory is used again now, but not that of batches somebody has
        x.fill_(-1)
    check_pictures(kept, 60)
    loader._iterator._shutdown_workers()
    check_pictures(kept, 60)


def test_memory_is_used_again():
    loader = DataLoader(cases.Pictures(200), batch_size=2, num_workers=1, persistent_workers=True)
    for x, _ in loader:
        assert x.storage_offset() == 0
        assert x.untyped_storage().nbytes() == x.numel() * 4
    assert len(loader._iterator._crew.workers[0].unpacker._segments) <= 5


def test_a_batch_may_be_edited():
    loader = DataLoader(cases.Pictures(6), batch_size=2, num_workers=1)
    for x, y in loader:
        w = rushlight.ones(40, 40, requires_grad=True)
        loss = (x * w).sum()
        x += 1
        loss.backward()
        assert (w.grad == float(y.sum())).all()


def test_everything_travels():
    loader = DataLoader(cases.Mixed(), batch_size=2, num_workers=1, collate_fn=cases.mixed_batch)
    (got,), sent = loader, cases.mixed_batch([0, 1])
    assert got.keys() == sent.keys()
    assert got["text"] == sent["text"]
    assert got["indices"] == [0, 1]
    for name in ("half", "truth", "number", "none", "turned", "spread", "leaf", "parameter"):
        assert got[name].dtype is sent[name].dtype
        assert got[name].shape == sent[name].shape
        assert type(got[name]) is type(sent[name])
        assert rushlight.equal(got[name], sent[name])
        assert got[name].requires_grad == sent[name].requires_grad
    assert got["turned"].stride() == sent["turned"].stride()
    np.testing.assert_array_equal(got["array"], sent["array"])
    got["array"][0] = 5
    got["number"] += 1


def test_threads_of_the_parent_do_not_disturb():
    here = [x.item() for x in DataLoader(cases.Calculating())]  # the pool of threads runs now
    assert [x.item() for x in DataLoader(cases.Calculating(), num_workers=2)] == pytest.approx(here)


def test_loading_in_a_thread():
    batches = []
    thread = threading.Thread(target=lambda: batches.extend(DataLoader(cases.Pictures(), 3, num_workers=2)))
    thread.start()
    thread.join(20)
    check_pictures(batches, 12)


def test_messages_of_all_sizes():
    """More than a socket holds, in both directions at once."""
    indices = DataLoader(range(10**6), batch_size=250_000, num_workers=2, collate_fn=list)
    assert [len(x) for x in indices] == 4 * [250_000]
    ahead = DataLoader(range(4000), num_workers=2, prefetch_factor=1500, collate_fn=str)
    assert list(ahead) == [f"[{i}]" for i in range(4000)]
    texts = DataLoader(range(40), num_workers=2, collate_fn=lambda i: ["x" * 3000] * i[0], prefetch_factor=20)
    assert [len(x) for x in texts] == list(range(40))


def test_many_batches_are_kept_in_few_open_files():
    loader = DataLoader(cases.Pictures(150), num_workers=1, prefetch_factor=2)
    before = open_files()
    kept, most = [], 0
    for batch in loader:
        kept.append(batch)
        most = max(most, open_files())
    check_pictures(kept, 150)
    assert most < before + 20


def test_batches_as_they_become_ready():
    loader = DataLoader(cases.Pictures(50), batch_size=3, num_workers=2, in_order=False)
    check_pictures(loader, 50)


def test_two_iterators_at_once():
    loader = DataLoader(cases.Pictures(), batch_size=4, num_workers=1)
    for a, b in zip(loader, loader):
        assert rushlight.equal(a[0], b[0])


def test_persistent_workers_are_the_same_processes():
    loader = DataLoader(cases.Pictures(), batch_size=4, num_workers=2, persistent_workers=True)
    pids = []
    for epoch in range(3):
        for i, _ in enumerate(loader):
            if epoch == 1 and i == 0:
                break  # the rest of the epoch is thrown away
        pids.append([w.process.pid for w in loader._iterator._crew.workers])
    assert pids[0] == pids[1] == pids[2]
    check_pictures(loader, 12)


def test_stream_that_says_a_wrong_length():
    class Stream(IterableDataset):
        def __iter__(self):
            return iter(range(get_worker_info().id * 10, get_worker_info().id * 10 + 4))

        def __len__(self):
            return 4

    loader = DataLoader(Stream(), batch_size=None, num_workers=2)
    assert len(loader) == 4
    with pytest.warns(UserWarning, match="reported to be 4"):
        assert sorted(loader) == [0, 1, 2, 3, 10, 11, 12, 13]


# ---- what goes wrong


def test_exceptions_arrive_with_their_traceback():
    loader = DataLoader(cases.Failing(cases.raise_value_error), num_workers=2)
    it = iter(loader)
    got = [next(it).item() for _ in range(5)]
    with pytest.raises(ValueError, match="no picture 5") as caught:
        next(it)
    text = str(caught.value)
    assert text.startswith("Caught ValueError in DataLoader worker process 1.\nOriginal Traceback")
    assert "raise_value_error" in text
    assert got + [x.item() for x in it] == [0, 1, 2, 3, 4, 6, 7]


@pytest.mark.parametrize(
    ("how", "error", "text"),
    [
        (cases.raise_key_error, KeyError, "KeyError: 'five'"),
        (cases.raise_demanding, RuntimeError, "Caught Demanding in DataLoader worker process 0"),
        (cases.raise_local, LookupError, "only known here"),
    ],
)
def test_kinds_of_exceptions(how, error, text):
    with pytest.raises(error) as caught:
        list(DataLoader(cases.Failing(how), num_workers=1))
    assert text in str(caught.value)
    assert "\n" in str(caught.value)


def test_failing_start_of_a_worker():
    def fail(worker):
        raise OSError(f"worker {worker} has no disk")

    with pytest.raises(OSError, match="worker 0 has no disk"):
        list(DataLoader(cases.Pictures(), num_workers=1, worker_init_fn=fail))


def test_batches_that_cannot_be_sent():
    with pytest.raises(RuntimeError, match=r"grad_fn=<MulBackward0> cannot be sent"):
        list(DataLoader(cases.Mixed(), num_workers=1, collate_fn=cases.unsendable_batch))
    with pytest.raises(Exception, match=r"pickle|local object"):
        list(DataLoader(cases.Mixed(), num_workers=1, collate_fn=lambda _: lambda: 0))


@pytest.mark.parametrize(
    ("how", "text"), [(cases.leave, "exited unexpectedly.*exit code 3"), (cases.be_killed, "signal: Killed")]
)
def test_a_worker_that_dies(how, text):
    it = iter(DataLoader(cases.Failing(how), num_workers=2))
    start = time.monotonic()
    for _ in range(2):  # and again: the rest of the data must not seem to be all
        with pytest.raises(RuntimeError, match=text):
            list(it)
    assert time.monotonic() - start < 2


def test_a_worker_that_is_killed_while_all_wait():
    loader = DataLoader(cases.Failing(cases.sleep_long), num_workers=2, persistent_workers=True)
    it = iter(loader)
    for _ in range(5):
        next(it)
    victim = it._crew.workers[0].process.pid  # not the one that is waited for
    os.kill(victim, signal.SIGKILL)
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=f"pid {victim}.*Killed"):
        next(it)
    assert time.monotonic() - start < 2
    assert next(iter(loader)) == 0  # with new workers
    loader._iterator._crew.stop(farewell=0)


def test_timeout():
    it = iter(DataLoader(cases.Failing(cases.sleep_long), num_workers=2, timeout=0.3))
    with pytest.raises(RuntimeError, match=r"timed out after 0.3 seconds: no batch came from worker 1"):
        list(it)
    it._crew.stop(farewell=0)


def test_workers_have_no_workers():
    with pytest.raises(AssertionError, match="daemonic processes are not allowed to have children"):
        list(DataLoader(cases.Nested(), num_workers=1))


def test_spawn_explains_what_it_needs():
    loader = DataLoader([1], num_workers=1, collate_fn=lambda x: x, multiprocessing_context="spawn")
    with pytest.raises(Exception, match=r"pickle|local object") as caught:
        list(loader)
    if sys.version_info >= (3, 11):
        assert "multiprocessing_context='fork'" in "".join(caught.value.__notes__)


# ---- what is left behind


MANY = """
import gc, multiprocessing, os
from data import worker_cases as cases
from rushlight.utils.data import DataLoader

def files():
    gc.collect()
    return len(os.listdir("/proc/self/fd"))

def load(whole):
    it = iter(DataLoader(cases.Pictures(4), num_workers=1))
    next(it)
    if whole:
        list(it)

load(True)
before = files()
for i in range(200):
    load(i % 2)  # half of them are given up
print(files() - before, multiprocessing.active_children())
"""


def test_many_loaders_one_after_another():
    done = run_python("-c", MANY, PYTHONPATH=WITH_TESTS)
    assert (done.stdout, done.stderr) == ("0 []\n", "")


SCRIPT = """
import sys, time
from data import worker_cases as cases
from rushlight.utils.data import DataLoader
if __name__ == "__main__":
    loader = DataLoader(cases.Failing(cases.sleep_long), num_workers=2, persistent_workers=True,
                        multiprocessing_context=sys.argv[1])
    it = iter(loader)
    for _ in range(5):
        next(it)
    print(*[w.process.pid for w in it._crew.workers], flush=True)
    {then}
"""


def start(tmp_path, then, method="fork"):
    """A program in a group of its own that has two workers, and their pids."""
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.format(then=then))
    process = subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "ignore:This DataLoader will", str(path), method],
        env={**os.environ, "PYTHONPATH": WITH_TESTS},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    return process, [int(pid) for pid in process.stdout.readline().split()]


def test_interrupt_while_workers_start():
    """Half-way through `start`, a process exists that nobody knows of yet."""
    started = []

    class Interrupted(multiprocessing.context.ForkProcess):
        def start(self):
            os.kill(os.getpid(), signal.SIGINT)
            super().start()
            started.append(self.pid)

    context = multiprocessing.context.ForkContext()
    context.Process = Interrupted
    with pytest.raises(KeyboardInterrupt):
        iter(DataLoader(cases.Pictures(), num_workers=2, multiprocessing_context=context))
    assert len(started) == 2
    assert vanish(started, 1)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_interrupt_leaves_nothing(tmp_path, method):
    process, pids = start(tmp_path, "next(it)", method)
    assert len(pids) == 2
    time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert vanish(pids, 1)
    assert errors.count("Traceback") == 1, errors
    assert errors.rstrip().endswith("KeyboardInterrupt")


def test_killed_parent_leaves_nothing(tmp_path):
    process, pids = start(tmp_path, "time.sleep(60)")
    process.kill()
    assert vanish(pids[:1], 3)  # it is idle
    assert vanish(pids[1:], 5)  # it is asleep in the dataset
    process.communicate()


def test_end_of_the_program_is_quiet(tmp_path):
    process, pids = start(tmp_path, "print('done')")
    output, errors = process.stdout.read(), process.communicate(timeout=20)[1]
    assert (output, errors, process.returncode) == ("done\n", "", 0)
    assert vanish(pids, 1)
