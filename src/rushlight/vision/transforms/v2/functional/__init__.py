"""The functions of the second version, with a kernel for each kind of input."""

from ...convert import pil_to_tensor, to_pil_image
from ...functional import get_image_size, to_tensor
from ...interpolation import InterpolationMode
from ._boxes import (
    clamp_bounding_boxes,
    clamp_keypoints,
    convert_bounding_box_format,
    sanitize_bounding_boxes,
    sanitize_keypoints,
)
from ._colour import *  # noqa: F403
from ._dispatch import is_pure_tensor, kernel_for, register_kernel, video_kernels
from ._numbers import *  # noqa: F403
from ._pixels import *  # noqa: F403
from ._places import *  # noqa: F403
from ._sizes import *  # noqa: F403
from ._warps import *  # noqa: F403

globals().update(video_kernels(globals()))
