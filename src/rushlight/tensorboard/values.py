"""What users hand to the writer (tensors, arrays, lists, numbers) as numpy arrays; and Pillow."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np


def to_array(value: Any) -> np.ndarray:
    """The numbers of a tensor, an array, a list or a number."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if str(value.dtype).rpartition(".")[2] in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):
            value = value.float()
        value = value.numpy()
    array = np.asarray(value)
    if array.dtype == object or array.dtype.kind in "US":
        raise TypeError(f"expected a tensor, an array or numbers; got {type(value).__name__}: {value!r:.60}")
    return array


def to_number(value: Any) -> float:
    """The one number in something."""
    array = to_array(value)
    if array.size != 1:
        raise ValueError(
            f"add_scalar takes one number, and this has shape {array.shape}; reduce it first, as with .mean()"
        )
    return float(array.reshape(()))


def pillow() -> ModuleType:
    """The module PIL.Image."""
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        if error.name != "PIL":
            raise
        raise ModuleNotFoundError(
            "pictures for TensorBoard need Pillow: pip install pillow", name="PIL"
        ) from None
    return Image
