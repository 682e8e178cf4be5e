"""Images, sequences and volumes at another size: interpolate, upsample."""

from __future__ import annotations

import math

from .. import lang
from ..lang.resample import Resampling
from ..warned import warn
from .adaptive_pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from .declare import composite, operator
from .shapes import shape_of
from .spatial import expect_tensors

ALONG = {
    "linear": ("linear", 1),
    "bilinear": ("linear", 2),
    "trilinear": ("linear", 3),
    "bicubic": ("cubic", 2),
}
NEAREST = ("nearest", "nearest-exact")
AREA = {1: adaptive_avg_pool1d, 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}
MODES = "nearest | linear | bilinear | bicubic | trilinear | area | nearest-exact"


@operator(name="_resample", method=False, out=False)
def resample(input: Array, plan):
    """The last dimensions at other sizes."""
    return lang.resample(input, plan)


@operator(name="_resample_back", method=False, out=False)
def resample_back(g: Array, plan):
    """The transpose of a resampling."""
    return lang.resample_back(g, plan)


resample.gradient(input=lambda g, plan: lang.resample_back(g, plan))
resample_back.gradient(g=lambda h, plan: lang.resample(h, plan))


def _kind(input, size=None, scale_factor=None, mode="nearest", *_, **options):
    """The node of a mode in so many dimensions, such as UpsampleBilinear2DBackward0."""
    name = "".join(part.capitalize() for part in mode.split("-"))
    return f"Upsample{name}{input.ndim - 2}DBackward0"


@composite(namespace="nn.functional", method=False, out=False, node=_kind)
def interpolate(
    input,
    size=None,
    scale_factor=None,
    mode="nearest",
    align_corners=None,
    recompute_scale_factor=None,
    antialias=False,
):
    """The input at another `size`, or larger by `scale_factor`, by one of several kinds of interpolation."""
    expect_tensors("interpolate", input=input)
    _check_mode(mode, align_corners)
    sizes = shape_of(input)[2:]
    wanted, factors = _wanted(
        sizes, size, scale_factor, recompute_scale_factor or (mode == "area" and scale_factor is not None)
    )
    if antialias and not (mode in ("bilinear", "bicubic") and input.ndim == 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor as "
            f"input; got mode '{mode}' and "
            f"an input of shape {list(shape_of(input))}"
        )
    _check_dimensions(input, mode)
    if mode == "area":
        return AREA[len(sizes)](input, wanted)
    _check_sizes(input, wanted)
    return _resampled(input, wanted, factors, mode, bool(align_corners), antialias)


def _check_mode(mode, align_corners):
    if mode in (*NEAREST, "area"):
        if align_corners is not None:
            raise ValueError(
                "align_corners option can only be set with the interpolating modes: linear | bilinear | "
                "bicubic | trilinear; "
                f"mode '{mode}' has none"
            )
    elif mode not in ALONG:
        raise NotImplementedError(f"interpolate: unknown mode '{mode}'; it is one of {MODES}")


def _wanted(sizes, size, scale_factor, recompute):
    """The sizes of the result, and the scale factors where they say how far apart the new elements are."""
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined, but interpolate got both")
    if size is None and scale_factor is None:
        raise ValueError("either size or scale_factor should be defined; interpolate got neither")
    given = _for_each(
        size if scale_factor is None else scale_factor,
        sizes,
        "size" if scale_factor is None else "scale_factor",
    )
    if scale_factor is None:
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        if not all(isinstance(n, int) or hasattr(n, "__index__") for n in given):
            raise TypeError(
                "expected size to be one of int or Tuple[int] or Tuple[int, int] or Tuple[int, int, int], "
                f"but got size={size}"
            )
        return tuple(int(n) for n in given), None
    factors = tuple(float(f) for f in given)
    wanted = tuple(math.floor(n * f) for n, f in zip(sizes, factors))
    return wanted, None if recompute else factors


def _for_each(given, sizes, what):
    if not isinstance(given, (list, tuple)):
        return (given,) * len(sizes)
    if len(given) != len(sizes):
        raise ValueError(
            f"Input and {what} must have the same number of spatial dimensions, but got input with spatial "
            f"dimensions of {list(sizes)} and "
            f"{what} of {list(given)}. Please provide input tensor in (N, C, d1, d2, ...,dK) format and "
            f"{what} in (o1, o2, ...,oK) format."
        )
    return tuple(given)


def _check_dimensions(input, mode):
    ndim = input.ndim
    if ndim not in (3, 4, 5):
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {ndim}D) for the modes: {MODES} "
            f"(got {mode})"
        )
    if mode in ALONG and ALONG[mode][1] != ndim - 2:
        raise NotImplementedError(
            f"Got {ndim}D input, but {mode} mode needs {ALONG[mode][1] + 2}D input: (images, channels, "
            f"sizes); for {ndim}D there is "
            f"{[m for m, (_, n) in ALONG.items() if n == ndim - 2]}"
        )
    pixels = input.dtype.name == "uint8" and mode in (*NEAREST, "bilinear", "bicubic")
    if input.dtype.category != 2 and not pixels:
        raise NotImplementedError(
            f'"interpolate" with mode "{mode}" not implemented for {input.dtype.name}; convert the input '
            "first: x.float()"
        )


def _check_sizes(input, wanted):
    shape = shape_of(input)
    if min(wanted) < 1 or min(shape[2:]) < 1:
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input {list(shape[2:])} and output "
            f"{list(wanted)}"
        )
    if shape[1] == 0:
        raise RuntimeError(
            f"Non-empty {input.ndim}D data tensor expected but got a tensor with sizes {list(shape)}"
        )


def _resampled(input, wanted, factors, mode, align_corners, antialias):
    along = mode if mode in NEAREST else ALONG[mode][0]
    sizes = shape_of(input)[2:]
    plan = []
    for size, count, factor in zip(sizes, wanted, factors or [None] * len(sizes)):
        step = (
            size / count
            if factor is None or _snaps(size, count, along, antialias, len(sizes))
            else 1.0 / factor
        )
        plan.append(Resampling(size, count, along, step, align_corners, antialias))
    return resample(input, tuple(plan))


def _snaps(size, count, along, antialias, dimensions):
    """Does the ratio of the sizes count although a scale factor was given? In these cases PyTorch's does."""
    if along == "nearest":
        return dimensions == 2 and count in (size, 2 * size)
    return count == size and (along == "linear" or antialias)


@composite(namespace="nn.functional", method=False, out=False)
def upsample(input, size=None, scale_factor=None, mode="nearest", align_corners=None):
    """An older name of `interpolate`."""
    warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.")
    return interpolate(input, size, scale_factor, mode, align_corners)


@composite(namespace="nn.functional", method=False, out=False)
def upsample_nearest(input, size=None, scale_factor=None):
    """`interpolate` with mode "nearest"."""
    warn(
        "`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.",
    )
    return interpolate(input, size, scale_factor, mode="nearest")


@composite(namespace="nn.functional", method=False, out=False)
def upsample_bilinear(input, size=None, scale_factor=None):
    """`interpolate` with mode "bilinear" and aligned corners."""
    warn(
        "`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.",
    )
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)
