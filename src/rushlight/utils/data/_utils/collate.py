"""Batches from samples: `default_collate` joins them, `default_convert` only makes tensors of arrays."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from ....ops.join import stack
from ....tensor.core import Tensor, wrap
from ....tensor.create import as_tensor, tensor
from ....tensor.dtype import float64, of_numpy

CollateMap = dict[Any, Callable[..., Any]]
TEXT_AND_OBJECTS = "SUO"  # kinds of arrays that tensors cannot hold


def default_convert(data: Any) -> Any:
    """`data` with a tensor in place of each array; containers stay, tuples become lists."""
    if isinstance(data, Tensor):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return data if data.dtype.kind in TEXT_AND_OBJECTS else as_tensor(data)
    if isinstance(data, Mapping):
        return _mapping_like(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _sequence_like(data, [default_convert(x) for x in data])
    return data


def default_collate(batch: Sequence[Any]) -> Any:
    """One sample with a new first dimension, from a list of samples of one structure.

    Tensors and arrays are stacked, numbers become tensors, text stays a list; mappings, named tuples and
    sequences are collated entry by entry and keep their type (but tuples become lists).
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def collate(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Any:
    """Like `default_collate`, with functions by type of one's own: f(batch, collate_fn_map=...)."""
    first = batch[0]
    kind = type(first)
    if collate_fn_map is not None:
        function = collate_fn_map.get(kind) or _inherited(collate_fn_map, first)
        if function is not None:
            return function(batch, collate_fn_map=collate_fn_map)
    if isinstance(first, Mapping):
        columns = {key: collate(_column(batch, key), collate_fn_map=collate_fn_map) for key in first}
        return _mapping_like(first, columns)
    if isinstance(first, Sequence):
        _check_lengths(batch, len(first))
        return _sequence_like(
            first, [collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch)]
        )
    raise TypeError(
        f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {kind}; "
        "convert it in the dataset, or give the DataLoader a collate_fn(samples) that joins such samples"
    )


def _inherited(collate_fn_map: CollateMap, first: Any) -> Callable[..., Any] | None:
    return next((f for cls, f in collate_fn_map.items() if isinstance(first, cls)), None)


def _column(batch: Sequence[Any], key: Any) -> list:
    try:
        return [sample[key] for sample in batch]
    except KeyError as error:
        position = next(i for i, sample in enumerate(batch) if key not in sample)
        raise KeyError(
            f"sample 0 of the batch has the key {key!r}, but sample {position} has only "
            f"{list(batch[position])}"
        ) from error


def _check_lengths(batch: Sequence[Any], length: int) -> None:
    for i, sample in enumerate(batch):
        if len(sample) != length:
            raise RuntimeError(
                "each element in list of batch should be of equal size: sample 0 has "
                f"{length} entries, sample {i} has {len(sample)}; pad them, or give the DataLoader a "
                "collate_fn that knows what to do"
            )


def _mapping_like(model: Any, entries: dict) -> Any:
    """A mapping with these entries, of the class of `model` and with its other properties if that can be."""
    if type(model) is dict:
        return entries
    try:
        if not isinstance(model, MutableMapping):
            return type(model)(entries)  # type: ignore[call-arg]
        clone = copy.copy(model)
        clone.update(entries)
        return clone
    except TypeError:  # a class that cannot be copied or made this way
        return entries


def _sequence_like(model: Any, entries: list) -> Any:
    """A sequence with these entries, of the class of `model` if that can be; a list in place of a tuple."""
    if isinstance(model, tuple):
        return type(model)(*entries) if hasattr(model, "_fields") else entries
    if type(model) is list:
        return entries
    try:
        if not isinstance(model, MutableSequence):
            return type(model)(entries)  # type: ignore[call-arg]
        clone = copy.copy(model)
        for i, entry in enumerate(entries):
            clone[i] = entry
        return clone
    except TypeError:  # range, for instance
        return entries


# ---- by type of sample


def collate_tensor_fn(batch: Sequence[Tensor], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    """Tensors of one shape along a new first dimension."""
    if batch[0].is_sparse or batch[0].is_nested:
        raise RuntimeError(
            "the default collate_fn makes no batches of sparse or nested tensors; give the DataLoader a "
            "collate_fn, or turn the samples into ordinary tensors with .to_dense()"
        )
    return stack(batch if type(batch) is list else list(batch))


def collate_numpy_array_fn(batch: Sequence[np.ndarray], *, collate_fn_map: CollateMap | None = None) -> Any:
    """Arrays become tensors and are stacked."""
    first = batch[0]
    if first.dtype.kind in TEXT_AND_OBJECTS:
        raise TypeError(
            "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found an "
            f"array of {first.dtype}; store text as lists and numbers in an array of numbers"
        )
    ours = collate_fn_map is None or collate_fn_map.get(Tensor) is collate_tensor_fn
    if ours and all(a.dtype == first.dtype and a.shape == first.shape for a in batch):
        return wrap(np.stack(batch), of_numpy(first.dtype))
    return collate([as_tensor(a) for a in batch], collate_fn_map=collate_fn_map or default_collate_fn_map)


def collate_numpy_scalar_fn(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    """numpy's numbers keep their type."""
    return as_tensor(np.array(batch) if len(set(map(type, batch))) == 1 else batch)


def collate_float_fn(batch: Sequence[float], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    """Python's floats keep their precision."""
    return tensor(batch, dtype=float64)


def collate_int_fn(batch: Sequence[int], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    """Whole numbers, or truth values."""
    return tensor(batch)


def collate_str_fn(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Sequence[Any]:
    """Text stays as it is."""
    return batch


default_collate_fn_map: CollateMap = {
    Tensor: collate_tensor_fn,
    np.ndarray: collate_numpy_array_fn,
    (np.bool_, np.number, np.object_): collate_numpy_scalar_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}
_AS_SHIPPED = dict(default_collate_fn_map)


def stacks_tensors(collate_fn: Any) -> bool:
    """Does this function do to tensors what `default_collate` does unless the user has changed it?"""
    return collate_fn is default_collate and default_collate_fn_map == _AS_SHIPPED


__all__ = ["collate", "default_collate", "default_collate_fn_map", "default_convert", "stacks_tensors"]
