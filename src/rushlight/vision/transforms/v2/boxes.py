"""Transforms of boxes and points: their formats, kept inside, sorted out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rushlight.utils.pytree import tree_flatten, tree_unflatten

from ... import tv_tensors
from ...tv_tensors import CLAMPING_MODES
from . import functional as F
from ._queries import as_tensors, get_bounding_boxes, get_keypoints, labels_getter_of
from ._transform import Transform
from .functional._boxes import valid_boxes, valid_points


class _OfBoxes(Transform):
    _transformed_types = (tv_tensors.BoundingBoxes,)


class ConvertBoundingBoxFormat(_OfBoxes):
    """Boxes in another format."""

    def __init__(self, format: Any) -> None:
        super().__init__()
        self.format = format

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.convert_bounding_box_format(inpt, new_format=self.format)


class ClampBoundingBoxes(_OfBoxes):
    """Boxes kept within their canvas."""

    def __init__(self, clamping_mode: str | None = "auto") -> None:
        super().__init__()
        self.clamping_mode = clamping_mode

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.clamp_bounding_boxes(inpt, clamping_mode=self.clamping_mode)


class SetClampingMode(_OfBoxes):
    """Boxes that are clamped so from here on: "soft", "hard", or None for not at all."""

    def __init__(self, clamping_mode: str | None) -> None:
        super().__init__()
        if clamping_mode not in CLAMPING_MODES:
            raise ValueError(f"clamping_mode is 'soft', 'hard' or None, got {clamping_mode!r}")
        self.clamping_mode = clamping_mode

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return tv_tensors.wrap(inpt.clone(), like=inpt, clamping_mode=self.clamping_mode)


class ClampKeyPoints(Transform):
    """Points kept within their canvas."""

    _transformed_types = (tv_tensors.KeyPoints,)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.clamp_keypoints(inpt)


class _Sanitize(Transform):
    """Only what is valid of a sample, and of its labels (and masks) what belongs to that."""

    _with_masks = False

    def __init__(self, labels_getter: Callable[[Any], Any] | str | None, **limits: float) -> None:
        super().__init__()
        for name, value in limits.items():
            setattr(self, name, value)
        self.labels_getter = labels_getter
        self._labels_getter = labels_getter_of(labels_getter)

    def _valid(self, flat_inputs: list[Any]) -> tuple[Any, Any]:
        """The boxes or points, and which of them are valid."""
        raise NotImplementedError

    def forward(self, *inputs: Any) -> Any:
        sample = inputs if len(inputs) > 1 else inputs[0]
        labels = as_tensors(self._labels_getter(sample)) or ()
        leaves, spec = tree_flatten(sample)
        things, valid = self._valid(leaves)
        for label in labels:
            if label.shape[0] != things.shape[0]:
                raise ValueError(
                    f"there are {things.shape[0]} {type(things).__name__}, but {label.shape[0]} labels"
                )
        params = {"valid": valid, "labels": labels, "things": things}
        return tree_unflatten([self.transform(leaf, params) for leaf in leaves], spec)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if any(inpt is label for label in params["labels"]):
            return inpt[params["valid"]]
        is_mask = self._with_masks and isinstance(inpt, tv_tensors.Mask)
        fits = is_mask and inpt.shape[0] == len(params["valid"])
        if not fits and type(inpt) is not type(params["things"]):
            return inpt
        return tv_tensors.wrap(tv_tensors.plain(inpt)[params["valid"]], like=inpt)


class SanitizeBoundingBoxes(_Sanitize):
    """The sample without boxes that are too small or reach out of the picture, and without their labels."""

    _with_masks = True
    min_size: float
    min_area: float

    def __init__(self, min_size: float = 1.0, min_area: float = 1.0, labels_getter: Any = "default") -> None:
        super().__init__(labels_getter, min_size=min_size, min_area=min_area)
        if min_size < 1 or min_area < 1:
            raise ValueError(f"min_size and min_area must be >= 1, got {min_size} and {min_area}")

    def _valid(self, flat_inputs: list[Any]) -> tuple[Any, Any]:
        boxes = get_bounding_boxes(flat_inputs)
        plain = tv_tensors.plain(boxes)
        return boxes, valid_boxes(plain, boxes.format, boxes.canvas_size, self.min_size, self.min_area)


class SanitizeKeyPoints(_Sanitize):
    """The sample without points (or groups of them) that lie outside of the picture."""

    def __init__(self, labels_getter: Any = None) -> None:
        super().__init__(labels_getter)

    def _valid(self, flat_inputs: list[Any]) -> tuple[Any, Any]:
        points = get_keypoints(flat_inputs)
        return points, valid_points(tv_tensors.plain(points), points.canvas_size)
