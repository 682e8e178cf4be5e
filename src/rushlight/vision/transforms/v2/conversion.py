"""From pictures and arrays to tensors that say what they are, back, and from one type of numbers to
another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import rushlight as rl

from ....warned import warn
from ... import tv_tensors
from ...pictures import is_pil
from .. import convert
from . import functional as F
from ._transform import Transform
from .functional import is_pure_tensor


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray)


def _is_picture(value: Any) -> bool:
    return is_pure_tensor(value) or isinstance(value, (tv_tensors.Image, tv_tensors.Video))


class ToImage(Transform):
    """Pictures, arrays [H, W, C] and tensors as `tv_tensors.Image`; no number changes."""

    _transformed_types = (is_pure_tensor, is_pil, _is_array)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.to_image(inpt)


class ToTensor(Transform):
    """Pictures and arrays [H, W, C] as tensors [C, H, W] of fractions; `ToImage` and `ToDtype` say it
    better.
    """

    _transformed_types = (is_pil, _is_array)

    def __init__(self) -> None:
        warn(
            "v2.ToTensor is kept for old programs; "
            "Compose([ToImage(), ToDtype(torch.float32, scale=True)]) does the same",
        )
        super().__init__()

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return convert.to_tensor(inpt)


class PILToTensor(Transform):
    """A picture as a tensor [C, H, W] of its own type of pixels."""

    _transformed_types = (is_pil,)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.pil_to_tensor(inpt)


class ToPILImage(Transform):
    """A tensor [C, H, W] or an array [H, W, C] as a picture."""

    _transformed_types = (is_pure_tensor, tv_tensors.Image, _is_array)

    def __init__(self, mode: str | None = None) -> None:
        super().__init__()
        self.mode = mode

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.to_pil_image(tv_tensors.plain(inpt), mode=self.mode)


class ToPureTensor(Transform):
    """Tensors that no longer say what they are."""

    _transformed_types = (tv_tensors.TVTensor,)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return tv_tensors.plain(inpt)


class ConvertImageDtype(Transform):
    """The same light in another type of pixels."""

    _functional, _options = staticmethod(F.to_dtype), ("dtype",)

    def __init__(self, dtype: Any = rl.float32) -> None:
        super().__init__()
        self.dtype = dtype

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"scale": True}


class ToDtype(Transform):
    """Another type of numbers; with `scale` the light of pictures stays the same.

    A mapping gives a dtype (None for none) for each type of tensor, and "others" for those not named.
    """

    _transformed_types = (rl.Tensor,)

    def __init__(self, dtype: Any, scale: bool = False) -> None:
        super().__init__()
        if not isinstance(dtype, (rl.dtype, Mapping)):
            raise ValueError(f"ToDtype: dtype is a dtype or a mapping of types to dtypes, got {type(dtype)}")
        self.dtype = dtype
        self.scale = scale

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        dtype = self._wanted(inpt)
        if dtype is not None:
            return self._call_kernel(F.to_dtype, inpt, dtype=dtype, scale=self.scale)
        if isinstance(self.dtype, Mapping) and self.scale and _is_picture(inpt):
            warn("ToDtype: scale has no effect on pictures, for which no dtype is given")
        return inpt

    def _wanted(self, inpt: Any) -> Any:
        if not isinstance(self.dtype, Mapping):
            return self.dtype if _is_picture(inpt) else None
        kind = type(inpt) if type(inpt) in self.dtype else "others"
        if kind not in self.dtype:
            raise ValueError(f'ToDtype: no dtype is given for {type(inpt)}; "others": None lets it pass')
        return self.dtype[kind]
