"""DataLoader: goes through a dataset in batches, in this process or with the help of others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any, Generic, TypeVar

from ...warned import warn
from ._utils.collate import default_collate, default_convert
from ._utils.fetch import fetch_of
from ._utils.worker import get_worker_info
from .dataset import Dataset, IterableDataset
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler, draw_seed

T_co = TypeVar("T_co", covariant=True)
FIXED = {"batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"}
BATCHES_AHEAD = 2  # of each worker, unless prefetch_factor says otherwise


class _DatasetKind:
    Map = 0
    Iterable = 1


class _InfiniteConstantSampler(Sampler):
    """Streams need no indices, only to be asked again and again."""

    def __iter__(self) -> Iterator[None]:
        return repeat(None)


class DataLoader(Generic[T_co]):
    """Batches of a dataset: `for batch in DataLoader(dataset, batch_size=32, shuffle=True)`.

    dataset: a Dataset, an IterableDataset, or anything with `__getitem__` and `__len__`.
    batch_size, drop_last: samples in a batch; None loads single samples; whether a shorter rest is left out.
    shuffle, sampler, batch_sampler: the order; `batch_sampler` gives lists of indices.
    num_workers: processes that load batches ahead; 0 loads in this process.
    collate_fn: makes a batch of a list of samples; `default_collate` if not given.
    generator: the random numbers of the order and of the workers' seeds; the default stream if not given.
    timeout: the most seconds to wait for a worker (0: for ever).
    worker_init_fn: called as f(worker number) in each worker before it loads.
    prefetch_factor: batches that each worker prepares in advance (2).
    persistent_workers: keep the workers for the next iteration.
    multiprocessing_context: "fork", "spawn", "forkserver" or a context of the module multiprocessing.
    in_order: False hands out batches as they become ready.
    """

    dataset: Dataset[T_co]
    batch_size: int | None
    num_workers: int
    drop_last: bool
    timeout: float
    prefetch_factor: int | None
    _ready = False

    def __init__(
        self,
        dataset: Dataset[T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Any = None,
        batch_sampler: Any = None,
        num_workers: int = 0,
        collate_fn: Callable[[list], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        if num_workers and prefetch_factor is None:
            prefetch_factor = BATCHES_AHEAD
        self.dataset, self.num_workers, self.prefetch_factor = dataset, num_workers, prefetch_factor
        self.pin_memory, self.pin_memory_device = pin_memory, pin_memory_device
        self.timeout, self.worker_init_fn, self.in_order = timeout, worker_init_fn, in_order
        self.multiprocessing_context = multiprocessing_context
        is_stream = isinstance(dataset, IterableDataset)
        self._dataset_kind = _DatasetKind.Iterable if is_stream else _DatasetKind.Map
        if is_stream:
            _check_stream_order(shuffle, sampler, batch_sampler)
        _check_order(batch_size, shuffle, sampler, batch_sampler, drop_last)
        if batch_sampler is not None:
            batch_size = None
        if sampler is None:
            sampler = _default_sampler(dataset, is_stream, shuffle, generator)
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size, self.drop_last = batch_size, drop_last
        self.sampler, self.batch_sampler, self.generator = sampler, batch_sampler, generator
        self.collate_fn = collate_fn or (default_collate if self._auto_collation else default_convert)
        self.persistent_workers = persistent_workers
        self._IterableDataset_len_called: int | None = None
        self._iterator: Any = None
        self._ready = True
        self.check_worker_number_rationality()

    @property
    def multiprocessing_context(self) -> Any:
        """How worker processes are started; None stands for the usual way."""
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, given: Any) -> None:
        if given is not None:
            if not self.num_workers:
                raise ValueError(
                    "multiprocessing_context can only be used with multi-process loading (num_workers > 0), "
                    f"but got num_workers={self.num_workers}"
                )
            from ._utils.processes import checked_context

            given = checked_context(given)
        self._context = given

    def __setattr__(self, name: str, value: Any) -> None:
        if self._ready and name in FIXED:
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized; make "
                "another one"
            )
        super().__setattr__(name, value)

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def __iter__(self) -> _BaseDataLoaderIter:
        if not self.persistent_workers:
            return self._get_iterator()
        if self._iterator is None or self._iterator.is_broken:
            self._iterator = self._get_iterator()
        else:
            self._iterator._reset(self)
        return self._iterator

    def _get_iterator(self) -> _BaseDataLoaderIter:
        if self.num_workers == 0:
            return _SingleProcessDataLoaderIter(self)
        from ._utils.parallel import _MultiProcessingDataLoaderIter

        return _MultiProcessingDataLoaderIter(self)

    def __len__(self) -> int:
        if self._dataset_kind == _DatasetKind.Map:
            return len(self._index_sampler)
        count = self._IterableDataset_len_called = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return count
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)

    def check_worker_number_rationality(self) -> None:
        """Warns if there are to be more workers than CPUs."""
        if not self.num_workers:
            return
        cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        if cpus is None or self.num_workers > cpus:
            warn(
                f"This DataLoader will create {self.num_workers} worker processes in total, but this process "
                f"may use {cpus or 'an unknown number of'} CPUs. More workers than CPUs rather slow loading "
                "down; lower num_workers if that is so",
            )


# ---- checks


def _check_workers(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool
) -> None:
    if num_workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; use num_workers=0 to disable multiprocessing, got "
            f"{num_workers}"
        )
    if timeout < 0:
        raise ValueError(f"timeout option should be non-negative, got {timeout}")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing: with num_workers=0 nothing "
            f"is loaded ahead; leave out prefetch_factor={prefetch_factor}, or ask for workers"
        )
    if prefetch_factor is not None and prefetch_factor < 0:
        raise ValueError(f"prefetch_factor option should be non-negative, got {prefetch_factor}")
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


def _check_stream_order(shuffle: Any, sampler: Any, batch_sampler: Any) -> None:
    """A stream has its own order."""
    given = {"shuffle": shuffle or None, "sampler": sampler, "batch_sampler": batch_sampler}
    for name, value in given.items():
        if value is not None:
            raise ValueError(
                f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={value}"
                "; the order of a stream is up to its __iter__"
            )


def _check_order(batch_size: Any, shuffle: Any, sampler: Any, batch_sampler: Any, drop_last: bool) -> None:
    if sampler is not None and shuffle:
        raise ValueError(
            "sampler option is mutually exclusive with shuffle: the sampler decides on the order"
        )
    if batch_sampler is not None:
        if batch_size != 1 or shuffle or sampler is not None or drop_last:
            raise ValueError(
                "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
                ": it decides on all of them"
            )
    elif batch_size is None and drop_last:
        raise ValueError(
            "batch_size=None option disables auto-batching and is mutually exclusive with drop_last"
        )


def _default_sampler(dataset: Any, is_stream: bool, shuffle: Any, generator: Any) -> Sampler:
    if is_stream:
        return _InfiniteConstantSampler()
    return RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)


# ---- iterators


class _BaseDataLoaderIter:
    """One way through the data."""

    is_broken = False

    def __init__(self, loader: DataLoader) -> None:
        if loader.pin_memory:
            warn(
                "pin_memory=True has no effect: there is no accelerator whose transfers it could speed up",
            )
        self._dataset, self._timeout = loader.dataset, loader.timeout
        self._is_stream = loader._dataset_kind == _DatasetKind.Iterable
        self._index_sampler = loader._index_sampler
        self._sampler_iter = iter(self._index_sampler)
        self._base_seed = draw_seed(loader.generator)
        self._announced = loader._IterableDataset_len_called
        self._num_yielded = 0

    def __iter__(self) -> _BaseDataLoaderIter:
        return self

    def __next__(self) -> Any:
        data = self._next_data()
        self._num_yielded += 1
        if self._announced is not None and self._num_yielded > self._announced:
            self._warn_of_length()
        return data

    def _next_data(self) -> Any:
        raise NotImplementedError

    def _warn_of_length(self) -> None:
        """Streams may have a length, which `len(loader)` has told somebody."""
        warn(
            f"Length of IterableDataset {self._dataset} was reported to be {self._announced} (when accessing "
            f"len(dataloader)), but {self._num_yielded} samples have been fetched. Correct its __len__"
            + (
                "; with workers, see that each of them goes through its own part only" * bool(self._workers())
            ),
        )

    def _workers(self) -> list:
        return []

    def __len__(self) -> int:
        return len(self._index_sampler)

    def __getstate__(self) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} cannot be pickled: it is bound to this process; pickle the DataLoader"
        )


class _SingleProcessDataLoaderIter(_BaseDataLoaderIter):
    """Loads each batch when it is asked for."""

    def __init__(self, loader: DataLoader) -> None:
        super().__init__(loader)
        if self._timeout:
            raise AssertionError(
                f"timeout={self._timeout} is for worker processes, and this DataLoader has num_workers=0"
            )
        self._fetch = fetch_of(
            self._dataset, self._is_stream, loader._auto_collation, loader.collate_fn, loader.drop_last
        )

    def _next_data(self) -> Any:
        return self._fetch(next(self._sampler_iter))

    def __next__(self) -> Any:
        data = self._fetch(next(self._sampler_iter))
        self._num_yielded += 1
        if self._announced is not None and self._num_yielded > self._announced:
            self._warn_of_length()
        return data


def __getattr__(name: str) -> Any:
    if name == "_MultiProcessingDataLoaderIter":  # brings multiprocessing with it
        from ._utils.parallel import _MultiProcessingDataLoaderIter

        return _MultiProcessingDataLoaderIter
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]
