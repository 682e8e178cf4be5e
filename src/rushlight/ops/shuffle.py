"""Channels made of pixels, pixels made of channels, and channels in another order."""

from __future__ import annotations

from .. import lang
from .alias import alias
from .declare import composite
from .shapes import shape_of
from .spatial import expect_tensors


def _checked(name, what, value, input):
    """The factor and the shape of the input."""
    expect_tensors(name, input=input)
    shape = shape_of(input)
    if len(shape) < 3:
        raise RuntimeError(
            f"{name} expects input to have at least 3 dimensions, but got input with {len(shape)} "
            f"dimension(s): {list(shape)}"
        )
    if value < 1:
        raise RuntimeError(f"{name} expects a positive {what}, but got {value}")
    return int(value), shape


@composite(method=False, out=False, node="PixelShuffleBackward0")
def pixel_shuffle(input, upscale_factor):
    """Images `upscale_factor` times as high and wide, whose pixels come from as many squared channels."""
    r, shape = _checked("pixel_shuffle", "upscale_factor", upscale_factor, input)
    *lead, channels, height, width = shape
    if channels % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
            "upscale_factor, but "
            f"input.size(-3)={channels} is not divisible by {r * r}"
        )
    n = len(lead)
    parts = lang.reshape(input, (*lead, channels // (r * r), r, r, height, width))
    order = (*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return lang.reshape(lang.permute(parts, order), (*lead, channels // (r * r), height * r, width * r))


@composite(method=False, out=False)
def pixel_unshuffle(input, downscale_factor):
    """The opposite of `pixel_shuffle`: each square of pixels becomes channels."""
    r, shape = _checked("pixel_unshuffle", "downscale_factor", downscale_factor, input)
    *lead, channels, height, width = shape
    for name, size, dim in (("height", height, -2), ("width", width, -1)):
        if size % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but "
                f"input.size({dim})={size} is not divisible by {r}"
            )
    n = len(lead)
    parts = lang.reshape(input, (*lead, channels, height // r, r, width // r, r))
    order = (*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return lang.reshape(lang.permute(parts, order), (*lead, channels * r * r, height // r, width // r))


@composite(method=False, out=False, node="ChannelShuffleBackward0")
def channel_shuffle(input, groups):
    """The channels of all groups interleaved: first of each, second of each, ..."""
    groups, shape = _checked("channel_shuffle", "number of groups", groups, input)
    if shape[1] % groups:
        raise RuntimeError(
            f"channel_shuffle: Number of channels must be divisible by groups. Got {shape[1]} channels and "
            f"{groups} groups."
        )
    parts = lang.reshape(input, (shape[0], groups, shape[1] // groups, *shape[2:]))
    return lang.reshape(lang.transpose(parts, 1, 2), shape)


@composite(method=False, out=False)
def native_channel_shuffle(input, groups):
    """`channel_shuffle` under another name."""
    return channel_shuffle(input, groups)


for _call in (pixel_shuffle, pixel_unshuffle, channel_shuffle, native_channel_shuffle):
    alias(_call, f"nn.functional.{_call.__name__}")
