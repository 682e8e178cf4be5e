"""Tensors that say what they are: pictures, masks, boxes."""

from __future__ import annotations

from enum import Enum
from typing import Any

import rushlight as rl

from .pictures import is_pil
from .transforms.convert import pil_to_tensor

KEPT = ("clone", "detach", "requires_grad_")  # methods whose result is still what the tensor was


class TVTensor(rl.Tensor):
    """A tensor that says what it is; results of operators are plain tensors."""

    def __new__(cls, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: Any = None) -> Any:
        tensor = pil_to_tensor(data) if is_pil(data) else rl.as_tensor(data, dtype=dtype, device=device)
        if requires_grad is not None:
            tensor = tensor.detach().requires_grad_(requires_grad)
        return cls._shaped(tensor).as_subclass(cls)

    @classmethod
    def _shaped(cls, tensor: Any) -> Any:
        return tensor

    def to(self, *args: Any, **kwargs: Any) -> Any:
        return wrap(plain(self).to(*args, **kwargs), like=self)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = super().__torch_function__(func, types, args, kwargs or {})
        is_kept = getattr(func, "__name__", "") in KEPT and args and isinstance(args[0], cls)
        if is_kept:
            return wrap(result, like=args[0]) if isinstance(result, rl.Tensor) else result
        return plain(result)


def plain(value: Any) -> Any:
    """A tensor without its kind; other values as they are."""
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(plain(v) for v in value)
    return value.as_subclass(rl.Tensor) if isinstance(value, TVTensor) else value


def wrap(tensor: Any, *, like: Any, **kwargs: Any) -> Any:
    """A tensor as what another one is."""
    result = tensor.as_subclass(type(like))
    for name, value in {**vars(like), **kwargs}.items():
        setattr(result, name, value)
    return result


class Image(TVTensor):
    """A picture [..., C, H, W]."""

    @classmethod
    def _shaped(cls, tensor: Any) -> Any:
        if tensor.ndim < 2:
            raise ValueError(f"Image: a picture has at least two dimensions, got shape {tuple(tensor.shape)}")
        return tensor[None] if tensor.ndim == 2 else tensor


class Video(TVTensor):
    """Pictures in time [..., T, C, H, W]."""


class Mask(TVTensor):
    """What belongs to things in a picture, [..., H, W]."""


class BoundingBoxFormat(Enum):
    """How boxes are written."""

    XYXY = "XYXY"
    XYWH = "XYWH"
    CXCYWH = "CXCYWH"


class BoundingBoxes(TVTensor):
    """Boxes [N, 4] in a picture of size `canvas_size` (height, width)."""

    format: BoundingBoxFormat
    canvas_size: tuple[int, int]

    def __new__(cls, data: Any, *, format: Any, canvas_size: tuple[int, int], **options: Any) -> Any:  # type: ignore[misc]
        boxes = super().__new__(cls, data, **options)
        boxes.format = BoundingBoxFormat[format.upper()] if isinstance(format, str) else format
        boxes.canvas_size = canvas_size
        return boxes
