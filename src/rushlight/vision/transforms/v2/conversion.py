"""From pictures and arrays to tensors that say what they are, and from one type of numbers to another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import rushlight as rl

from ... import tv_tensors
from ...pictures import is_pil
from . import functional as F
from ._transform import Transform, is_pure_tensor


class ToImage(Transform):
    """Pictures, arrays [H, W, C] and tensors as `tv_tensors.Image`; no number changes."""

    def _chosen(self, leaves: list[Any]) -> list[bool]:
        arrays = [isinstance(x, np.ndarray) for x in leaves]
        return [a or b for a, b in zip(arrays, super()._chosen(leaves))]

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        kept = isinstance(inpt, tv_tensors.TVTensor)
        return inpt if kept else F.to_image(inpt)


class ToPureTensor(Transform):
    """Tensors that no longer say what they are."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return tv_tensors.plain(inpt)


class ToDtype(Transform):
    """Another type of numbers; with `scale` the light of pictures stays the same."""

    def __init__(self, dtype: Any, scale: bool = False) -> None:
        super().__init__()
        if not isinstance(dtype, (rl.dtype, Mapping)):
            raise TypeError(f"ToDtype: dtype is a dtype or a mapping of types to dtypes, got {type(dtype)}")
        self.dtype = dtype
        self.scale = scale

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        is_picture = is_pure_tensor(inpt) or isinstance(inpt, (tv_tensors.Image, tv_tensors.Video))
        dtype = self._wanted(inpt, is_picture)
        if dtype is None or is_pil(inpt):
            return inpt
        if is_picture:
            return F.to_dtype(inpt, dtype, scale=self.scale)
        return tv_tensors.wrap(tv_tensors.plain(inpt).to(dtype), like=inpt)

    def _wanted(self, inpt: Any, is_picture: bool) -> Any:
        if not isinstance(self.dtype, Mapping):
            return self.dtype if is_picture else None
        return self.dtype.get(type(inpt), self.dtype.get("others"))
