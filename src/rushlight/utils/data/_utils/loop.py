"""What a worker process does: fetches the batches that it is told to, until nobody listens any more."""

from __future__ import annotations

import os
import pickle
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ....runtime import pool
from ....tensor.generator import manual_seed
from . import worker
from .channel import Channel, wait_for
from .errors import ExceptionWrapper
from .fetch import Fetch, fetch_of
from .interrupts import interrupts_as_usual
from .transfer import Packer, Parcel

RESTART = -1  # in place of a serial number: go through the stream from the beginning
DATA, END, ERROR = "data", "end", "error"
GLANCE = 1.0  # seconds between looks whether the parent is alive
MOURNING = 2.0  # seconds to end what one is at after its death


class Job(NamedTuple):
    """What a worker has to know."""

    dataset: Any
    is_stream: bool
    in_batches: bool
    collate_fn: Any
    drop_last: bool
    init_fn: Callable[[int], None] | None
    base_seed: int
    id: int
    num_workers: int

    def fetch(self) -> Fetch:
        return fetch_of(self.dataset, self.is_stream, self.in_batches, self.collate_fn, self.drop_last)


def warm_up() -> None:
    """Does once what each forked worker would have to do for itself."""
    pool.get_num_threads()
    np.random.SeedSequence(0)


def serve(end: Any, job: Job) -> None:
    """The life of a worker process."""
    channel, parent = Channel(end), os.getppid()
    try:
        interrupts_as_usual()
        threading.Thread(target=_outlive_not, args=(parent,), daemon=True).start()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the program's own handler is for the program
        _prepare(job)
        _Server(channel, job).run()
    except KeyboardInterrupt:  # the parent has it too, and says so
        pass
    finally:
        channel.close()


def _outlive_not(parent: int) -> None:
    """Ends this process soon after its parent, whatever the dataset is waiting for."""
    while os.getppid() == parent:
        time.sleep(GLANCE)
    time.sleep(MOURNING)
    os._exit(1)


def _prepare(job: Job) -> None:
    """One thread, and random numbers of its own."""
    pool.set_num_threads(1)
    seed = job.base_seed + job.id
    random.seed(seed)
    manual_seed(seed)
    words = [job.id, job.base_seed & 0xFFFFFFFF, job.base_seed >> 32, 0]
    np.random.seed(np.random.SeedSequence(words).generate_state(4))
    worker._become(worker.WorkerInfo(job.id, job.num_workers, seed, job.dataset))


class _Server:
    def __init__(self, channel: Channel, job: Job) -> None:
        self.channel, self.job = channel, job
        self.packer = Packer()
        self.parent = os.getppid()
        self.where = f"in DataLoader worker process {job.id}"
        self.has_ended = False
        self.fetch: Fetch | None = None
        self.failure: ExceptionWrapper | None = None

    def run(self) -> None:
        self._begin()
        for serial, indices, returned in self._tasks():
            self.packer.take_back(returned)
            if serial == RESTART:
                self._restart()
            elif not self.has_ended:
                self._answer(serial, indices)

    def _begin(self) -> None:
        try:
            if self.job.init_fn is not None:
                self.job.init_fn(self.job.id)
            self.fetch = self.job.fetch()
        except Exception:
            self.failure = ExceptionWrapper(where=self.where)

    def _restart(self) -> None:
        self.has_ended = False
        if self.failure is None:
            try:
                self.fetch = self.job.fetch()
            except Exception:
                self.failure = ExceptionWrapper(where=self.where)

    def _tasks(self) -> Iterator[Any]:
        while not self.channel.is_over and os.getppid() == self.parent:
            wait_for([self.channel], GLANCE)
            for data, _ in self.channel.received():
                yield pickle.loads(data)

    def _answer(self, serial: int, indices: Any) -> None:
        file = None
        try:
            kind, content, file = self._loaded(indices)
        except Exception:
            failure = ExceptionWrapper(where=self.where)
            kind, content = ERROR, Parcel(pickle.dumps(failure.portable()))
        self._send(pickle.dumps((serial, kind, content), 5), file)

    def _loaded(self, indices: Any) -> tuple[str, Parcel, int | None]:
        if self.failure is not None:
            return ERROR, Parcel(pickle.dumps(self.failure.portable())), None
        try:
            batch = self.fetch(indices)  # type: ignore[misc]
        except StopIteration:
            if not self.job.is_stream:
                raise
            self.has_ended = True
            return END, Parcel(None), None
        return (DATA, *self.packer.pack(batch))

    def _send(self, data: bytes, file: int | None) -> None:
        """Waits for the parent to read, as long as there is one."""
        self.channel.post(data, file)
        while self.channel.has_unsent and os.getppid() == self.parent:
            wait_for([self.channel], GLANCE)
            self.channel.flush()


__all__ = ["DATA", "END", "ERROR", "RESTART", "Job", "serve", "warm_up"]
