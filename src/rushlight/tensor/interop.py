"""Tensors and numpy: sharing memory both ways."""

from __future__ import annotations

from typing import Any

import numpy as np

from .core import Tensor, wrap
from .dtype import of_numpy
from .storage import storage_of


def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor on the memory of a numpy array: a change of one is a change of the other."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__}); use torch.tensor(...) for lists and numbers")
    if any(s < 0 for s in array.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative strides are not supported. "
            "Make a copy first: array.copy()"
        )
    array = np.asarray(array)
    t = wrap(array.view(np.ndarray), of_numpy(array.dtype))
    storage_of(t).pin()
    return t


def numpy(self: Tensor, *, force: bool = False) -> np.ndarray:
    """The values as a numpy array on the same memory."""
    if self._rg and not force:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
    if self.dtype.reduced and self.dtype.name != "float16":
        raise TypeError(f"Got unsupported ScalarType {self.dtype.name}: numpy has no such type; use x.float().numpy()")
    storage_of(self).pin()
    return self._a[...]


Tensor.numpy = numpy  # type: ignore[attr-defined]
