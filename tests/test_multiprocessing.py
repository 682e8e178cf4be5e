"""`rushlight.multiprocessing`: Python's, with `spawn` and its errors."""

import os
import signal

import pytest

import rushlight
from rushlight import multiprocessing as mp

forks = pytest.mark.skipif("fork" not in mp.get_all_start_methods(), reason="nothing forks here")


def fill(index, shared):
    shared[index] = index + 1


def fail(index):
    if index == 1:
        raise KeyError("no such thing")


def die(index):
    os.kill(os.getpid(), signal.SIGKILL)


@forks
def test_shared_memory_is_the_same_in_all_processes():
    shared = rushlight.zeros(2).share_memory_()
    mp.spawn(fill, (shared,), nprocs=2)
    assert shared.tolist() == [1, 2]


@forks
def test_an_exception_arrives_with_its_traceback():
    with pytest.raises(mp.ProcessRaisedException, match="no such thing") as caught:
        mp.spawn(fail, nprocs=2, start_method="fork")
    assert caught.value.error_index == 1
    assert "in fail" in str(caught.value)


@forks
def test_a_killed_process_is_an_error():
    with pytest.raises(mp.ProcessExitedException, match="terminated with signal 9"):
        mp.spawn(die, nprocs=1, start_method="fork")


def test_the_names_of_pythons_own():
    assert {"Process", "Queue", "Pool", "set_start_method"} <= set(dir(mp))
    assert mp.get_sharing_strategy() in mp.get_all_sharing_strategies()
