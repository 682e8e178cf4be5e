"""What a program can ask about the worker process that it runs in."""

from __future__ import annotations

from typing import Any, NamedTuple


class WorkerInfo(NamedTuple):
    """A worker process of a DataLoader: its number, how many there are, its seed, its copy of the dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_worker_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """Which worker process of a DataLoader this is; None in the main process.

    For streams that share their work out: each worker goes through the samples whose turn it is.
    """
    return _worker_info


def _become(info: WorkerInfo) -> None:
    global _worker_info
    _worker_info = info


__all__ = ["WorkerInfo", "get_worker_info"]
