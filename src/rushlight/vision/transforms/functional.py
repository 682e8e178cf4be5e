"""Each transform as a function, for pictures of Pillow's and for tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import rushlight as rl

from ...warned import warn
from ..pictures import is_pil
from . import _functional_pil as on_picture
from . import _functional_tensor as on_tensor
from . import _tensor_colour as colour
from . import _tensor_warps as warp
from .convert import convert_image_dtype, normalize, pil_to_tensor, to_pil_image, to_tensor  # noqa: F401
from .geometry import inverse_affine, margins_of, pair, perspective_coefficients, resized
from .interpolation import InterpolationMode, checked_mode

NEAREST, BILINEAR = InterpolationMode.NEAREST, InterpolationMode.BILINEAR


def get_dimensions(img: Any) -> list[int]:
    """Channels, height and width of a picture."""
    return (on_picture if is_pil(img) else on_tensor).get_dimensions(img)


def get_image_size(img: Any) -> list[int]:
    """Width and height of a picture."""
    _, height, width = get_dimensions(img)
    return [width, height]


def get_image_num_channels(img: Any) -> int:
    """The number of channels of a picture."""
    return get_dimensions(img)[0]


# ---- shape


def hflip(img: Any) -> Any:
    """The picture in a mirror."""
    return (on_picture if is_pil(img) else on_tensor).hflip(img)


def vflip(img: Any) -> Any:
    """The picture upside down."""
    return (on_picture if is_pil(img) else on_tensor).vflip(img)


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """A window of the picture; what lies outside of the picture is 0."""
    return (on_picture if is_pil(img) else on_tensor).crop(img, top, left, height, width)


def center_crop(img: Any, output_size: Any) -> Any:
    """The middle of the picture; a smaller picture is filled up with 0."""
    wanted_h, wanted_w = pair(output_size, "output_size")
    _, height, width = get_dimensions(img)
    if wanted_w > width or wanted_h > height:
        x, y = max(wanted_w - width, 0), max(wanted_h - height, 0)
        img = pad(img, [x // 2, y // 2, (x + 1) // 2, (y + 1) // 2])
        _, height, width = get_dimensions(img)
        if (wanted_w, wanted_h) == (width, height):
            return img
    top = round((height - wanted_h) / 2.0)
    left = round((width - wanted_w) / 2.0)
    return crop(img, top, left, wanted_h, wanted_w)


def five_crop(img: Any, size: Any) -> tuple[Any, ...]:
    """Four corners and the middle of the picture."""
    h, w = pair(size)
    _, height, width = get_dimensions(img)
    if w > width or h > height:
        raise ValueError(f"five_crop: size {(h, w)} is more than the picture of {(height, width)}")
    bottom, right = height - h, width - w
    corners = [crop(img, top, left, h, w) for top in (0, bottom) for left in (0, right)]
    return (*corners, center_crop(img, [h, w]))


def ten_crop(img: Any, size: Any, vertical_flip: bool = False) -> tuple[Any, ...]:
    """`five_crop` of the picture and of its mirror image."""
    return five_crop(img, size) + five_crop((vflip if vertical_flip else hflip)(img), size)


def pad(img: Any, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> Any:
    """The picture with a margin: one width, two (left and right, top and bottom), or four from left on."""
    modes = ("constant", "edge", "reflect", "symmetric")
    if padding_mode not in modes:
        raise ValueError(f"pad: padding_mode is one of {', '.join(modes)}, got {padding_mode!r}")
    return (on_picture if is_pil(img) else on_tensor).pad(img, margins_of(padding), fill, padding_mode)


def resize(
    img: Any,
    size: Any,
    interpolation: Any = BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    """The picture at another size: (height, width), or one number for the shorter side."""
    mode = checked_mode(interpolation)
    wanted = [size] if isinstance(size, int) else list(size)
    if len(wanted) not in (1, 2):
        raise ValueError(f"resize: size is an int or a sequence of 1 or 2, got {len(wanted)} of them")
    if max_size is not None and len(wanted) != 1:
        raise ValueError("resize: max_size goes with a size of one number, for the shorter side")
    _, height, width = get_dimensions(img)
    target = resized((height, width), wanted, max_size)
    if target == (height, width):
        return img
    if is_pil(img):
        if antialias is False:
            warn("pictures of Pillow's are always smoothed: antialias=False has no effect")
        return on_picture.resize(img, target, mode)
    return on_tensor.resize(img, target, mode, antialias)


def resized_crop(
    img: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Any,
    interpolation: Any = BILINEAR,
    antialias: bool | None = True,
) -> Any:
    """A window of the picture, brought to `size`."""
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


# ---- colour


def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """The light of each pixel, in one channel or the same in three."""
    if is_pil(img):
        return to_grayscale(img, num_output_channels)
    return colour.rgb_to_grayscale(img, num_output_channels)


def to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """`rgb_to_grayscale` for pictures of Pillow's."""
    if not is_pil(img):
        raise TypeError(
            f"to_grayscale: expected a picture of Pillow's, got {type(img)}; see rgb_to_grayscale"
        )
    if num_output_channels not in (1, 3):
        raise ValueError(f"num_output_channels is 1 or 3, got {num_output_channels}")
    return on_picture.to_grayscale(img, num_output_channels)


def adjust_brightness(img: Any, brightness_factor: float) -> Any:
    """The picture darker (down to 0) or brighter (1 leaves it)."""
    return (on_picture if is_pil(img) else colour).adjust_brightness(img, brightness_factor)


def adjust_contrast(img: Any, contrast_factor: float) -> Any:
    """The picture flatter (0 is all grey) or harsher (1 leaves it)."""
    return (on_picture if is_pil(img) else colour).adjust_contrast(img, contrast_factor)


def adjust_saturation(img: Any, saturation_factor: float) -> Any:
    """The picture paler (0 is black and white) or more colourful (1 leaves it)."""
    return (on_picture if is_pil(img) else colour).adjust_saturation(img, saturation_factor)


def adjust_hue(img: Any, hue_factor: float) -> Any:
    """The picture with its colours moved round the circle, by -0.5 to 0.5 of it."""
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"adjust_hue: hue_factor is from -0.5 to 0.5, got {hue_factor}")
    return (on_picture if is_pil(img) else colour).adjust_hue(img, hue_factor)


def adjust_gamma(img: Any, gamma: float, gain: float = 1) -> Any:
    """gain * light ** gamma, where light is from 0 to 1."""
    if gamma < 0:
        raise ValueError(f"adjust_gamma: gamma of {gamma} is negative")
    return (on_picture if is_pil(img) else colour).adjust_gamma(img, gamma, gain)


def adjust_sharpness(img: Any, sharpness_factor: float) -> Any:
    """The picture blurred (0) or sharper (1 leaves it)."""
    return (on_picture if is_pil(img) else colour).adjust_sharpness(img, sharpness_factor)


def invert(img: Any) -> Any:
    """The negative of the picture."""
    return (on_picture if is_pil(img) else colour).invert(img)


def posterize(img: Any, bits: int) -> Any:
    """The picture with so many bits a channel."""
    if not 0 <= bits <= 8:
        raise ValueError(f"posterize: bits are from 0 to 8, got {bits}")
    return (on_picture if is_pil(img) else colour).posterize(img, bits)


def solarize(img: Any, threshold: float) -> Any:
    """The picture with all that is as bright as `threshold` turned to its negative."""
    return (on_picture if is_pil(img) else colour).solarize(img, threshold)


def autocontrast(img: Any) -> Any:
    """Each channel stretched to the full range."""
    return (on_picture if is_pil(img) else colour).autocontrast(img)


def equalize(img: Any) -> Any:
    """Each channel with its values spread, so that all are used about as often."""
    return (on_picture if is_pil(img) else colour).equalize(img)


# ---- warps


def shear_of(shear: Any) -> list[float]:
    if isinstance(shear, (int, float)):
        return [shear, 0.0]
    if not isinstance(shear, (list, tuple)):
        raise TypeError(f"affine: shear is a number or a sequence of 1 or 2, got {type(shear).__name__}")
    if len(shear) not in (1, 2):
        raise ValueError(f"affine: shear is a number or a sequence of 1 or 2, got {len(shear)} of them")
    return [shear[0], shear[-1]]


def affine(
    img: Any,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: Any,
    interpolation: Any = NEAREST,
    fill: Any = None,
    center: Sequence[float] | None = None,
) -> Any:
    """The picture turned clockwise by `angle` degrees, scaled, sheared (degrees) and moved (pixels)."""
    if len(translate) != 2:
        raise ValueError(f"affine: translate is a pair, got {translate!r}")
    if scale <= 0.0:
        raise ValueError(f"affine: scale is to be positive, got {scale}")
    mode, shear = checked_mode(interpolation), shear_of(shear)
    _, height, width = get_dimensions(img)
    if is_pil(img):
        middle = [width * 0.5, height * 0.5] if center is None else center
        return on_picture.affine(img, inverse_affine(middle, angle, translate, scale, shear), mode, fill)
    middle = _from_middle(center, width, height)
    return warp.affine(img, inverse_affine(middle, angle, translate, scale, shear), mode, fill)


def _from_middle(center: Any, width: int, height: int) -> list[float]:
    return [0.0, 0.0] if center is None else [center[0] - width * 0.5, center[1] - height * 0.5]


def rotate(
    img: Any,
    angle: float,
    interpolation: Any = NEAREST,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Any = None,
) -> Any:
    """The picture turned counter-clockwise by `angle` degrees."""
    mode = checked_mode(interpolation)
    if is_pil(img):
        return on_picture.rotate(img, angle, mode, expand, center, fill)
    _, height, width = get_dimensions(img)
    matrix = inverse_affine(_from_middle(center, width, height), -angle, [0.0, 0.0], 1.0, [0.0, 0.0])
    return warp.rotate(img, matrix, mode, expand, fill)


def perspective(
    img: Any, startpoints: Any, endpoints: Any, interpolation: Any = BILINEAR, fill: Any = None
) -> Any:
    """The picture seen so that its four `startpoints` come to lie on the `endpoints`."""
    coefficients = perspective_coefficients(startpoints, endpoints)
    on = on_picture if is_pil(img) else warp
    return on.perspective(img, coefficients, checked_mode(interpolation), fill)


def gaussian_blur(img: Any, kernel_size: Any, sigma: Any = None) -> Any:
    """The picture under a bell-shaped blur, its widths (x, y) in pixels."""
    kernel = pair(kernel_size, "kernel_size")
    if min(kernel) <= 0 or any(k % 2 == 0 for k in kernel):
        raise ValueError(f"gaussian_blur: kernel_size is of odd positive numbers, got {kernel}")
    if sigma is None:
        sigma = [k * 0.15 + 0.35 for k in kernel]
    elif isinstance(sigma, (int, float)):
        sigma = [float(sigma)] * 2
    sigma = [float(sigma[0]), float(sigma[-1])]
    if min(sigma) <= 0:
        raise ValueError(f"gaussian_blur: sigma is to be positive, got {sigma}")
    if is_pil(img):
        return to_pil_image(warp.gaussian_blur(pil_to_tensor(img), kernel, sigma), mode=img.mode)
    return warp.gaussian_blur(img, kernel, sigma)


def elastic_transform(img: Any, displacement: Any, interpolation: Any = BILINEAR, fill: Any = None) -> Any:
    """The picture with each pixel fetched from a place that `displacement` [1, H, W, 2] says."""
    if not isinstance(displacement, rl.Tensor):
        raise TypeError(f"elastic_transform: displacement should be a Tensor, got {type(displacement)}")
    _, height, width = get_dimensions(img)
    if tuple(displacement.shape) != (1, height, width, 2):
        raise ValueError(
            f"elastic_transform: displacement should be of shape {(1, height, width, 2)}, "
            f"got {tuple(displacement.shape)}"
        )
    mode = checked_mode(interpolation)
    if is_pil(img):
        return to_pil_image(warp.elastic(pil_to_tensor(img), displacement, mode, fill), mode=img.mode)
    return warp.elastic(img, displacement, mode, fill)


def erase(img: Any, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Any:
    """The tensor with the rectangle of size (h, w) at (i, j) set to `v`."""
    if not isinstance(img, rl.Tensor):
        raise TypeError(f"erase: img should be a Tensor, got {type(img)}")
    result = img if inplace else img.clone()
    result[..., i : i + h, j : j + w] = v
    return result
