"""Worker processes: started, heard, and stopped, whatever happens to them."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import pickle
import signal
import socket
import sys
import time
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.context import BaseContext
from typing import Any
from weakref import WeakSet

from .channel import Channel, wait_for
from .interrupts import interrupts_wait
from .loop import Job, serve, warm_up
from .transfer import Unpacker

GLANCE = 0.5  # seconds between looks whether the workers are alive, should no message tell
FAREWELL = 5.0  # seconds for workers to end what they are at


def checked_context(given: Any) -> BaseContext:
    """The context that a name stands for."""
    if isinstance(given, str):
        methods = multiprocessing.get_all_start_methods()
        if given not in methods:
            raise ValueError(
                f"multiprocessing_context option should specify a valid start method in {methods}, but got "
                f"multiprocessing_context={given!r}"
            )
        return multiprocessing.get_context(given)
    if not isinstance(given, BaseContext):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string specifying the "
            f"start method, but got multiprocessing_context={given}"
        )
    return given


def usual_context() -> BaseContext:
    """What the program has set, else fork on Linux: it is quick, and the dataset need not be copied."""
    chosen = multiprocessing.get_start_method(allow_none=True)
    if chosen is None and sys.platform.startswith("linux"):
        chosen = "fork"
    return multiprocessing.get_context(chosen)


@contextmanager
def _quiet_fork() -> Iterator[None]:
    """Without the warning of Python 3.12 on: threads of kernels are safe to fork, see runtime/pool.py.

    Older versions have none, and `catch_warnings` makes them show all other warnings again.
    """
    if sys.version_info < (3, 12):
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


class Worker:
    """A worker process as its parent sees it."""

    def __init__(self, context: BaseContext, job: Job) -> None:
        ours, theirs = socket.socketpair()
        self.channel = Channel(ours)
        self.inbox: deque[tuple] = deque()
        self.unpacker = Unpacker()
        self.process = context.Process(target=serve, args=(theirs, job), daemon=True)  # type: ignore[attr-defined]
        try:
            with _quiet_fork():
                self.process.start()
        except BaseException as error:
            self.channel.close()
            _explain_pickling(error, context)
            raise
        finally:
            theirs.close()

    def send(self, *task: Any) -> None:
        """Gives the worker something to do, and back the memory that is free again."""
        self.channel.post(pickle.dumps((*task, self.unpacker.returned()), 5))

    def take_in(self) -> None:
        """Moves what has arrived to the inbox."""
        for data, file in self.channel.received():
            self.inbox.append((*pickle.loads(data), file))
        self.channel.flush()

    def hang_up(self) -> None:
        """Ends the conversation; what has come and was not looked at is dropped."""
        self.channel.close()
        for *_, file in self.inbox:
            if file is not None:
                os.close(file)
        self.inbox.clear()

    def is_gone(self) -> bool:
        """Has the process ended, though nobody told it to?"""
        return self.channel.is_over or not self.process.is_alive()

    def epitaph(self) -> str:
        """How the process ended."""
        self.process.join(1)
        code, pid = self.process.exitcode, self.process.pid
        if code is not None and code < 0:
            name = signal.strsignal(-code) or f"signal {-code}"
            hint = " (out of memory?)" if -code == getattr(signal, "SIGKILL", 9) else ""
            return f"DataLoader worker (pid {pid}) is killed by signal: {name}{hint}."
        how = "closed its connection" if code is None else f"ended with exit code {code}"
        return f"DataLoader worker (pid(s) {pid}) exited unexpectedly: it {how}."


def _explain_pickling(error: BaseException, context: BaseContext) -> None:
    method = context.get_start_method()
    unpicklable = isinstance(error, (pickle.PicklingError, AttributeError, TypeError))
    if method != "fork" and unpicklable and hasattr(error, "add_note"):
        error.add_note(
            f"The start method {method!r} sends the dataset, collate_fn and worker_init_fn to each worker by "
            "pickle: define them at the top level of a module, or use multiprocessing_context='fork'."
        )


class Crew:
    """The workers of one DataLoader iterator."""

    def __init__(self, context: BaseContext | None, jobs: Sequence[Job]) -> None:
        context = context or usual_context()
        self.workers: list[Worker] = []
        self._owner = os.getpid()
        _crews.add(self)
        warm_up()
        try:
            with interrupts_wait():
                for job in jobs:
                    self.workers.append(Worker(context, job))
        except BaseException:
            self.stop(farewell=0)
            raise

    def listen(self, seconds: float) -> None:
        """Waits for messages at most this long; raises if a worker is gone."""
        wait_for([w.channel for w in self.workers], seconds)
        for w in self.workers:
            w.take_in()
        gone = [w for w in self.workers if w.channel.is_over]
        if not gone and seconds and not any(w.inbox for w in self.workers):
            gone = [w for w in self.workers if w.is_gone()]
        if gone:
            raise RuntimeError(" ".join(w.epitaph() for w in gone))

    def stop(self, farewell: float = FAREWELL) -> None:
        """Ends the workers: asks first, then insists."""
        workers, self.workers = self.workers, []
        if self._owner != os.getpid():  # a forked child: they are its siblings
            return
        for w in workers:
            w.hang_up()
        deadline = time.monotonic() + farewell
        for insist in (None, "terminate", "kill"):
            for w in workers:
                if insist and w.process.is_alive():
                    getattr(w.process, insist)()
            for w in workers:
                w.process.join(max(0.0, deadline - time.monotonic()))
            deadline = time.monotonic() + 1
        for w in workers:
            if not w.process.is_alive():
                w.process.close()


_crews: WeakSet[Crew] = WeakSet()


@atexit.register
def _stop_all() -> None:
    """At the end of the program, before multiprocessing takes the same processes down without a word."""
    for crew in list(_crews):
        crew.stop(farewell=0)


__all__ = ["GLANCE", "Crew", "checked_context", "usual_context"]
