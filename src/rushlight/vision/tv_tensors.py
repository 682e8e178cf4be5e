"""Tensors that say what they are: pictures, videos, masks, boxes, points."""

from __future__ import annotations

from enum import Enum
from typing import Any

import rushlight as rl
from rushlight.utils.pytree import tree_leaves

from .pictures import is_pil
from .transforms.convert import pil_to_tensor

KEPT = ("clone", "requires_grad_", "pin_memory")  # results of these are what the tensor was
CLAMPING_MODES = (None, "soft", "hard")
_returns_kinds = False


class set_return_type:
    """Says what operators give for tensors of a kind: "Tensor" (as at first), or "TVTensor" for the same
    kind.

    As a context, until its end.
    """

    def __init__(self, return_type: str) -> None:
        global _returns_kinds
        choices = {"tensor": False, "tvtensor": True}
        if return_type.lower() not in choices:
            raise ValueError(f"return_type is 'TVTensor' or 'Tensor', got {return_type!r}")
        self._before, _returns_kinds = _returns_kinds, choices[return_type.lower()]

    def __enter__(self) -> set_return_type:
        return self

    def __exit__(self, *_: Any) -> None:
        global _returns_kinds
        _returns_kinds = self._before


class TVTensor(rl.Tensor):
    """A tensor that says what it is; results of operators are plain tensors."""

    _told: tuple[str, ...] = ()  # what is known beside the numbers

    def __new__(cls, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: Any = None) -> Any:
        return cls._shaped(_tensor(data, dtype, device, requires_grad)).as_subclass(cls)

    @classmethod
    def _shaped(cls, tensor: Any) -> Any:
        return tensor

    @classmethod
    def wrap(cls, tensor: Any, like: Any, **kwargs: Any) -> Any:
        """The tensor as one of this kind; what is known of `like` holds for it, but for what `kwargs` say."""
        result = tensor.as_subclass(cls)
        for name in cls._told:
            setattr(result, name, kwargs.get(name, getattr(like, name)))
        return result

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = super().__torch_function__(func, types, args, kwargs or {})
        is_kept = getattr(func, "__name__", "") in KEPT and args and isinstance(args[0], cls)
        if not (is_kept or _returns_kinds):
            return plain(result)
        like = next(x for x in tree_leaves([args, kwargs]) if isinstance(x, cls))
        return cls._all_wrapped(result, like)

    @classmethod
    def _all_wrapped(cls, result: Any, like: Any) -> Any:
        if isinstance(result, (list, tuple)) and not hasattr(result, "_fields"):
            return type(result)(cls._all_wrapped(part, like) for part in result)
        return cls.wrap(result, like) if isinstance(result, rl.Tensor) else result

    def to(self, *args: Any, **kwargs: Any) -> Any:
        return self.wrap(plain(self).to(*args, **kwargs), self)

    def detach(self) -> Any:
        result = super().detach()
        vars(result).update(vars(self))  # in place of wrap, which may come here itself
        return result

    def __repr__(self, **options: Any) -> str:
        told = ", ".join(f"{name}={getattr(self, name)}" for name in self._told)
        return f"{super().__repr__()[:-1]}, {told})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self.detach().clone().requires_grad_(self.requires_grad)


def _tensor(data: Any, dtype: Any, device: Any, requires_grad: bool | None) -> Any:
    tensor = pil_to_tensor(data) if is_pil(data) else rl.as_tensor(data, dtype=dtype, device=device)
    return tensor if requires_grad is None else tensor.detach().requires_grad_(requires_grad)


def plain(value: Any) -> Any:
    """A tensor without its kind; other values as they are."""
    if isinstance(value, TVTensor):
        return value.as_subclass(rl.Tensor)
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(plain(v) for v in value)
    return value


def wrap(wrappee: Any, *, like: Any, **kwargs: Any) -> Any:
    """A tensor as what another one is; `kwargs` replace what is known of that one."""
    if hasattr(type(like), "wrap"):
        return type(like).wrap(wrappee, like, **kwargs)
    return wrappee.as_subclass(type(like))


class Image(TVTensor):
    """A picture [..., C, H, W]."""

    @classmethod
    def _shaped(cls, tensor: Any) -> Any:
        if tensor.ndim < 2:
            raise ValueError(f"Image: a picture has at least two dimensions, got shape {tuple(tensor.shape)}")
        return tensor[None] if tensor.ndim == 2 else tensor


class Video(TVTensor):
    """Pictures in time [..., T, C, H, W]."""

    @classmethod
    def _shaped(cls, tensor: Any) -> Any:
        if tensor.ndim < 4:
            raise ValueError(f"Video: a video has at least four dimensions, got shape {tuple(tensor.shape)}")
        return tensor


class Mask(TVTensor):
    """What belongs to things in a picture, [..., H, W]."""


class BoundingBoxFormat(Enum):
    """How boxes are written: corners, a corner and sizes or the centre and sizes; R is an angle in degrees.

    XYXYXYXY are the corners of a turned box, from top left on.
    """

    XYXY = "XYXY"
    XYWH = "XYWH"
    CXCYWH = "CXCYWH"
    XYWHR = "XYWHR"
    CXCYWHR = "CXCYWHR"
    XYXYXYXY = "XYXYXYXY"


def box_format(format: BoundingBoxFormat | str) -> BoundingBoxFormat:
    """A format, given as such or by its name."""
    return BoundingBoxFormat[format.upper()] if isinstance(format, str) else format


def is_rotated_bounding_format(format: BoundingBoxFormat | str) -> bool:
    """Is this a format of boxes that may be turned?"""
    if not isinstance(format, (BoundingBoxFormat, str)):
        raise ValueError(f"format is a BoundingBoxFormat or its name, got {type(format)}")
    name = format if isinstance(format, str) else format.value
    return name in ("XYWHR", "CXCYWHR", "XYXYXYXY")


class BoundingBoxes(TVTensor):
    """Boxes [N, 4] in a picture of size `canvas_size` (height, width); [N, 5] or [N, 8] where they are
    turned.
    """

    format: BoundingBoxFormat
    canvas_size: tuple[int, int]
    clamping_mode: str | None
    _told = ("format", "canvas_size", "clamping_mode")

    def __new__(  # type: ignore[misc]
        cls,
        data: Any,
        *,
        format: BoundingBoxFormat | str,
        canvas_size: tuple[int, int],
        clamping_mode: str | None = "soft",
        **options: Any,
    ) -> Any:
        boxes = super().__new__(cls, data, **options)
        boxes.format = box_format(format)
        boxes.canvas_size = canvas_size
        boxes.clamping_mode = clamping_mode
        if clamping_mode not in CLAMPING_MODES:
            raise ValueError(f"clamping_mode is 'soft', 'hard' or None, got {clamping_mode!r}")
        if is_rotated_bounding_format(boxes.format) and not boxes.is_floating_point():
            raise ValueError(f"boxes that may be turned are of floating point numbers, got {boxes.dtype}")
        return boxes

    @classmethod
    def _shaped(cls, tensor: Any) -> Any:
        if tensor.ndim not in (1, 2):
            raise ValueError(f"boxes are [N, 4] (or 5 or 8), got shape {tuple(tensor.shape)}")
        return tensor[None] if tensor.ndim == 1 else tensor

    @classmethod
    def wrap(cls, tensor: Any, like: Any, **kwargs: Any) -> Any:
        if "format" in kwargs:
            kwargs["format"] = box_format(kwargs["format"])
        return super().wrap(tensor, like, **kwargs)


class KeyPoints(TVTensor):
    """Points [..., 2] (x, y) in a picture of size `canvas_size` (height, width)."""

    canvas_size: tuple[int, int]
    _told = ("canvas_size",)

    def __new__(cls, data: Any, *, canvas_size: tuple[int, int], **options: Any) -> Any:  # type: ignore[misc]
        points = super().__new__(cls, data, **options)
        points.canvas_size = canvas_size
        return points

    @classmethod
    def _shaped(cls, tensor: Any) -> Any:
        if tensor.ndim > 1 and tensor.shape[-1] != 2:
            raise ValueError(f"points are [..., 2], got shape {tuple(tensor.shape)}")
        return tensor[None] if tensor.ndim == 1 else tensor
