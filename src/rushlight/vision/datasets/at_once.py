"""Whole batches of samples where the transform is one of plain arithmetic: no picture is made in between."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import get_default_dtype
from ...tensor.core import wrap
from ...tensor.dtype import float32
from ..transforms import Compose, Normalize, ToTensor


def steps_of(transform: Any) -> list[Normalize] | None:
    """The normalisations after a ToTensor, if a transform is no more than that."""
    steps = transform.transforms if type(transform) is Compose else [transform]
    if not steps or type(steps[0]) is not ToTensor or any(type(s) is not Normalize for s in steps[1:]):
        return None
    return list(steps[1:])


def tensors(pixels: np.ndarray, transform: Any) -> list[Any] | None:
    """A tensor for each picture of [N, C, H, W] bytes, as `transform` makes it, or None."""
    steps = steps_of(transform)
    if steps is None or pixels.dtype != np.uint8 or get_default_dtype() is not float32:
        return None
    values = np.true_divide(pixels, np.float32(255), dtype=np.float32)
    for step in steps:
        mean, std = (np.asarray(v, np.float32).reshape(-1, 1, 1) for v in (step.mean, step.std))
        if len(mean) not in (1, values.shape[1]) or len(std) not in (1, values.shape[1]) or not std.all():
            return None
        values = (values - mean) / std
    return [wrap(value, float32) for value in values]
