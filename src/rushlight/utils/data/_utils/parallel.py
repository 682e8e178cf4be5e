"""The DataLoader's iterator over batches that worker processes load ahead."""

from __future__ import annotations

import sys
import time
from itertools import cycle
from typing import TYPE_CHECKING, Any

from ..dataloader import _BaseDataLoaderIter
from .loop import DATA, END, RESTART, Job
from .processes import GLANCE, Crew

if TYPE_CHECKING:
    from ..dataloader import DataLoader


class _MultiProcessingDataLoaderIter(_BaseDataLoaderIter):
    """Hands each worker batches to load in turn, and the batches on in the order of the sampler.

    Tasks have serial numbers. A worker does its tasks in order, so what it sends next is known.
    """

    _crew: Crew | None = None

    def __init__(self, loader: DataLoader) -> None:
        super().__init__(loader)
        self._count = loader.num_workers
        self._ahead = (loader.prefetch_factor or 0) * self._count
        if not self._ahead:
            raise AssertionError("prefetch_factor must be greater than 0 for loading with worker processes")
        self._in_order = loader.in_order
        self._keeps_workers = loader.persistent_workers
        self._failure: str | None = None
        self._serial = 0
        self._crew = Crew(loader.multiprocessing_context, [self._job(loader, i) for i in range(self._count)])
        self._begin(loader)

    def _job(self, loader: DataLoader, number: int) -> Job:
        return Job(
            dataset=self._dataset,
            is_stream=self._is_stream,
            in_batches=loader._auto_collation,
            collate_fn=loader.collate_fn,
            drop_last=loader.drop_last,
            init_fn=loader.worker_init_fn,
            base_seed=self._base_seed,
            id=number,
            num_workers=self._count,
        )

    def _reset(self, loader: DataLoader) -> None:
        """Starts over with the same workers; what they still load for the last time is thrown away."""
        for w in self._crew.workers:  # type: ignore[union-attr]
            w.send(RESTART, None)
        self._begin(loader)

    def _begin(self, loader: DataLoader) -> None:
        # the second one at the first time: PyTorch makes it too, and a sampler may draw numbers for it
        self._sampler_iter = iter(self._index_sampler)
        self._announced, self._num_yielded = loader._IterableDataset_len_called, 0
        self._first_serial = self._serial
        self._tasks: dict[int, int] = {}  # the worker of each batch that is to come
        self._load = [0] * self._count  # tasks of each worker
        self._has_more = [True] * self._count  # a worker's stream may end before the others'
        self._turns = cycle(range(self._count))
        for _ in range(self._ahead):
            self._assign()

    def _assign(self) -> None:
        """Gives the next batch to a worker, if there is one more."""
        try:
            indices = next(self._sampler_iter)
        except StopIteration:
            return
        worker = self._whose_turn()
        if worker is None:
            return
        self._tasks[self._serial] = worker
        self._load[worker] += 1
        self._crew.workers[worker].send(self._serial, indices)  # type: ignore[union-attr]
        self._serial += 1

    def _whose_turn(self) -> int | None:
        for _ in range(self._count):
            worker = next(self._turns)
            if self._has_more[worker]:
                has_room = self._load[worker] < self._ahead // sum(self._has_more)
                if self._in_order or has_room:
                    return worker
        return None

    # ---- what comes back

    def _next_data(self) -> Any:
        if self._failure is not None:
            raise RuntimeError(self._failure)
        while (worker := self._expected()) is not None:
            serial, kind, parcel, file = self._crew.workers[worker].inbox.popleft()  # type: ignore[union-attr]
            unpacker = self._crew.workers[worker].unpacker  # type: ignore[union-attr]
            if serial < self._first_serial:
                unpacker.discard(parcel, file)
                continue
            del self._tasks[serial]
            if kind == END:
                self._has_more[worker] = False
                self._assign()
                continue
            self._load[worker] -= 1
            data = unpacker.unpack(parcel, file)
            self._assign()
            if kind == DATA:
                return data
            data.reraise()
        if not self._keeps_workers:
            self._shutdown_workers()
        raise StopIteration

    def _expected(self) -> int | None:
        """The worker whose message is next, once it has come; None if there is nothing more to come."""
        if self._is_stream:
            self._tasks = {serial: w for serial, w in self._tasks.items() if self._has_more[w]}
        if not self._tasks:
            return None
        expected = next(iter(self._tasks.values())) if self._in_order else None
        deadline = time.monotonic() + self._timeout if self._timeout else None
        seconds = 0.0
        while True:
            self._listen(seconds)
            found = self._first_with_message() if expected is None else expected
            if found is not None and self._crew.workers[found].inbox:  # type: ignore[union-attr]
                return found
            seconds = GLANCE if deadline is None else min(GLANCE, deadline - time.monotonic())
            if seconds <= 0:
                raise RuntimeError(self._late(expected))

    def _late(self, expected: int | None) -> str:
        whom = "any worker" if expected is None else f"worker {expected}"
        return (
            f"DataLoader timed out after {self._timeout} seconds: no batch came from {whom} in that time; "
            "give it more with timeout=, or look what the dataset waits for"
        )

    def _first_with_message(self) -> int | None:
        return next((i for i, w in enumerate(self._crew.workers) if w.inbox), None)  # type: ignore[union-attr]

    def _listen(self, seconds: float) -> None:
        try:
            self._crew.listen(seconds)  # type: ignore[union-attr]
        except RuntimeError as error:
            self._failure = str(error)
            self._crew.stop(farewell=0)  # type: ignore[union-attr]
            raise

    # ---- the end

    @property
    def is_broken(self) -> bool:  # type: ignore[override]
        """Is a new iterator needed, because a worker is gone?"""
        return self._failure is not None

    def _workers(self) -> list:
        return self._crew.workers if self._crew else []

    def _shutdown_workers(self) -> None:
        """Ends the worker processes."""
        if self._crew is not None:
            self._crew.stop()

    def __del__(self) -> None:
        if not sys.is_finalizing():  # at the end of the program multiprocessing ends them
            self._shutdown_workers()


__all__ = ["_MultiProcessingDataLoaderIter"]
