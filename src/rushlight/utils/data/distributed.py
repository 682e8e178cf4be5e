"""Each process of a distributed training loads its own share of the samples."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ...tensor.generator import Generator
from ...tensor.sampling import randperm
from .sampler import Sampler


class DistributedSampler(Sampler[int]):
    """The indices of one process (`rank`) of `num_replicas`; all have equally many.

    Call `set_epoch(epoch)` before each epoch, else every epoch has the same order.
    """

    def __init__(
        self,
        dataset: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        if num_replicas is None:
            num_replicas = _running_group("num_replicas").get_world_size()
        if rank is None:
            rank = _running_group("rank").get_rank()
        if not 0 <= rank < num_replicas:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset, self.num_replicas, self.rank = dataset, num_replicas, rank
        self.epoch, self.shuffle, self.seed, self.drop_last = 0, shuffle, seed, drop_last
        share = len(dataset) / num_replicas
        self.num_samples = math.floor(share) if drop_last else math.ceil(share)
        self.total_size = self.num_samples * num_replicas

    def __iter__(self) -> Iterator[int]:
        count = len(self.dataset)
        if self.shuffle:
            order = randperm(count, generator=Generator().manual_seed(self.seed + self.epoch)).tolist()  # type: ignore[attr-defined]
        else:
            order = list(range(count))
        if self.total_size > count:  # the first ones come once more
            order = (order * math.ceil(self.total_size / count))[: self.total_size]
        return iter(order[self.rank : self.total_size : self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Makes the next iteration the one of this epoch, in all processes alike."""
        self.epoch = epoch


def _running_group(argument: str) -> Any:
    try:
        from ... import distributed
    except ImportError:
        distributed = None
    if distributed is None or not distributed.is_available():
        raise RuntimeError(
            "Requires distributed package to be available; outside of a distributed training write "
            f"DistributedSampler(dataset, {argument}=...)"
        )
    return distributed


__all__ = ["DistributedSampler"]
