"""The function that makes a batch from what the sampler gives: `fetch(indices)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from ....tensor.core import Tensor, wrap
from ..dataset import Subset, TensorDataset, batch_getter
from .collate import stacks_tensors

Fetch = Callable[[Any], Any]


def fetch_of(dataset: Any, is_stream: bool, in_batches: bool, collate_fn: Any, drop_last: bool) -> Fetch:
    """How batches of this dataset are made."""
    if is_stream:
        return _from_stream(dataset, in_batches, collate_fn, drop_last)
    if not in_batches:
        return lambda index: collate_fn(dataset[index])
    if stacks_tensors(collate_fn) and _path_to_rows(dataset) is not None:
        return _from_rows(dataset, collate_fn)
    return _from_samples(dataset, collate_fn)


def _from_samples(dataset: Any, collate_fn: Any) -> Fetch:
    at_once = batch_getter(dataset)
    if at_once is not None:
        return lambda indices: collate_fn(at_once(indices))
    return lambda indices: collate_fn([dataset[i] for i in indices])


def _from_stream(dataset: Any, in_batches: bool, collate_fn: Any, drop_last: bool) -> Fetch:
    samples = iter(dataset)
    if not in_batches:
        return lambda _: collate_fn(next(samples))
    ended = False

    def fetch(places: Sequence[Any]) -> Any:
        nonlocal ended
        batch = [] if ended else list(islice(samples, len(places)))
        ended = len(batch) < len(places)
        if not batch or (drop_last and ended):
            raise StopIteration
        return collate_fn(batch)

    return fetch


# ---- rows of tensors, without a sample ever being made


def _path_to_rows(dataset: Any) -> tuple[list[Subset], TensorDataset] | None:
    """The subsets, from outside in, round a TensorDataset, if it is that what a dataset is."""
    subsets = []
    while type(dataset) is Subset:
        subsets.append(dataset)
        dataset = dataset.dataset
    cls = type(dataset)
    if not isinstance(dataset, TensorDataset) or batch_getter(dataset) is not None:
        return None
    return (subsets, dataset) if cls.__getitem__ is TensorDataset.__getitem__ else None


def _from_rows(dataset: Any, collate_fn: Any) -> Fetch:
    """Takes the rows of each tensor in one go. Tensors are asked for at each batch: they may have changed."""
    subsets, source = _path_to_rows(dataset)  # type: ignore[misc]
    by_samples = _from_samples(dataset, collate_fn)

    def fetch(indices: Any) -> Any:
        places = indices
        for subset in subsets:
            places = [subset.indices[i] for i in places]
        batch = []
        if len(places) == 1 and type(i := places[0]) is int:
            for t in source.tensors:
                if type(t) is not Tensor or t._rg:
                    return by_samples(indices)
                batch.append(wrap(t._a[i, None].copy(), t.dtype))
            return batch
        rows = np.asarray(places)
        if rows.dtype.kind not in "iu" or rows.ndim != 1:
            return by_samples(indices)
        for t in source.tensors:
            if type(t) is not Tensor or t._rg:
                return by_samples(indices)
            batch.append(wrap(t._a.take(rows, 0), t.dtype))
        return batch

    return fetch


__all__ = ["fetch_of"]
