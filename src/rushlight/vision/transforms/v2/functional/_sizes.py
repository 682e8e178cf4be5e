"""How large something is: pictures, masks, videos, and what lies on a canvas."""

from __future__ import annotations

from typing import Any

import rushlight as rl

from ....tv_tensors import BoundingBoxes, Image, KeyPoints, Mask, Video
from ... import functional as v1
from ._dispatch import PIL, dispatched, register


@dispatched
def get_dimensions(inpt: Any) -> list[int]:  # type: ignore[empty-body]
    """Channels, height and width of a picture or of those of a video."""


@dispatched
def get_num_channels(inpt: Any) -> int:  # type: ignore[empty-body]
    """The number of channels of a picture or of those of a video."""


@dispatched
def get_size(inpt: Any) -> list[int]:  # type: ignore[empty-body]
    """Height and width of a picture, of a mask, or of the canvas of boxes and points."""


@dispatched
def get_num_frames(inpt: Any) -> int:  # type: ignore[empty-body]
    """The number of pictures of a video."""


@register(get_dimensions, rl.Tensor, Image, Video, PIL, wraps=False)
def get_dimensions_image(image: Any) -> list[int]:
    """Channels, height and width of a picture."""
    return v1.get_dimensions(image)


@register(get_num_channels, rl.Tensor, Image, Video, PIL, wraps=False)
def get_num_channels_image(image: Any) -> int:
    """The number of channels of a picture."""
    return v1.get_dimensions(image)[0]


@register(get_size, rl.Tensor, Image, Video, Mask, PIL, wraps=False)
def get_size_image(image: Any) -> list[int]:
    """Height and width of a picture."""
    return v1.get_dimensions(image)[1:]


def get_size_mask(mask: Any) -> list[int]:
    """Height and width of a mask."""
    return get_size_image(mask)


@register(get_num_frames, rl.Tensor, Video, wraps=False)
def get_num_frames_video(video: Any) -> int:
    """The number of pictures of a video."""
    return video.shape[-4]


def get_size_bounding_boxes(bounding_box: BoundingBoxes) -> list[int]:
    """Height and width of the canvas of boxes."""
    return list(bounding_box.canvas_size)


def get_size_keypoints(keypoints: KeyPoints) -> list[int]:
    """Height and width of the canvas of points."""
    return list(keypoints.canvas_size)


# these ask the input itself, not the plain tensor that kernels otherwise see
get_size.kernels[BoundingBoxes] = get_size_bounding_boxes
get_size.kernels[KeyPoints] = get_size_keypoints
get_image_num_channels = get_num_channels
