"""Convolutions whose taps look at places that the data says: `deform_conv2d`."""

from __future__ import annotations

import math
from typing import Any

import rushlight as rl
from rushlight import nn
from rushlight.nn import functional as F

from ..transforms.geometry import pair


def deform_conv2d(
    input: Any,
    offset: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = (1, 1),
    padding: Any = (0, 0),
    dilation: Any = (1, 1),
    mask: Any = None,
) -> Any:
    """A convolution each of whose taps is moved by `offset` [N, 2 * groups * taps, H', W'] (y, x).

    `mask` [N, groups * taps, H', W'] weighs what the taps find; outside of the input they find 0.
    """
    batch, channels = input.shape[:2]
    taps = weight.shape[2] * weight.shape[3]
    out = _output_size(input, weight, *map(pair, (stride, padding, dilation)))
    groups = offset.shape[1] // (2 * taps)
    _check_shapes(input, offset, weight, mask, (groups, taps, out))
    y, x = _places(weight, out, *map(pair, (stride, padding, dilation)), input.dtype)
    moves = offset.reshape(batch * groups, taps, 2, *out)
    grid = rl.stack(
        [_unit(x + moves[:, :, 1], input.shape[3]), _unit(y + moves[:, :, 0], input.shape[2])], dim=-1
    )
    maps = input.reshape(batch * groups, channels // groups, *input.shape[2:])
    flat = grid.reshape(batch * groups, taps * out[0], out[1], 2)
    found = F.grid_sample(maps, flat, mode="bilinear", padding_mode="zeros", align_corners=False)
    found = found.reshape(batch, groups, channels // groups, taps, *out)
    if mask is not None:
        found = found * mask.reshape(batch, groups, 1, taps, *out)
    return _weighed(found.reshape(batch, channels, taps, -1), weight, out, bias)


def _output_size(input: Any, weight: Any, stride: Any, padding: Any, dilation: Any) -> tuple[int, int]:
    height, width = (
        (size + 2 * p - d * (k - 1) - 1) // s + 1
        for size, k, s, p, d in zip(input.shape[2:], weight.shape[2:], stride, padding, dilation)
    )
    if min(height, width) <= 0:
        raise RuntimeError(f"deform_conv2d: the output would have no pixels, its size is {(height, width)}")
    return height, width


def _check_shapes(input: Any, offset: Any, weight: Any, mask: Any, sizes: Any) -> None:
    groups, taps, out = sizes
    batch, channels = input.shape[:2]
    if groups == 0 or channels % groups or channels % weight.shape[1]:
        raise RuntimeError(
            f"deform_conv2d: offset {tuple(offset.shape)} and weight {tuple(weight.shape)} do not divide the "
            f"channels of the input {tuple(input.shape)}; offset has 2 * groups * {taps} of them"
        )
    wanted = {"offset": (offset, 2 * groups * taps), "mask": (mask, groups * taps)}
    for name, (tensor, count) in wanted.items():
        if tensor is not None and tuple(tensor.shape) != (batch, count, *out):
            raise RuntimeError(
                f"deform_conv2d: {name} is to be of shape {(batch, count, *out)}, got {tuple(tensor.shape)}"
            )


def _places(weight: Any, out: Any, stride: Any, padding: Any, dilation: Any, dtype: Any) -> tuple[Any, Any]:
    """Rows and columns [taps, H', W'] that the taps look at before they are moved."""
    across = [
        rl.arange(kernel, dtype=dtype)[:, None] * d + rl.arange(size, dtype=dtype) * s - p
        for kernel, size, s, p, d in zip(weight.shape[2:], out, stride, padding, dilation)
    ]
    shape = (*weight.shape[2:], *out)
    rows, columns = across[0][:, None, :, None], across[1][None, :, None, :]
    return rows.expand(shape).reshape(-1, *out), columns.expand(shape).reshape(-1, *out)


def _unit(places: Any, size: int) -> Any:
    """Places in pixels as `grid_sample` wants them, -1 to 1 from edge to edge."""
    return (places * 2 + 1) / size - 1


def _weighed(found: Any, weight: Any, out: Any, bias: Any) -> Any:
    batch, channels, taps, pixels = found.shape
    groups = channels // weight.shape[1]
    columns = found.reshape(batch, groups, weight.shape[1] * taps, pixels)
    rows = weight.reshape(groups, weight.shape[0] // groups, -1)
    result = (rows @ columns).reshape(batch, weight.shape[0], *out)
    return result if bias is None else result + bias.reshape(1, -1, 1, 1)


class DeformConv2d(nn.Module):
    """`deform_conv2d` as a module; the offsets come with the input."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"in_channels {in_channels} and out_channels {out_channels} must be divisible by groups "
                f"{groups}"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = tuple(pair(kernel_size))
        self.stride = tuple(pair(stride))
        self.padding = tuple(pair(padding))
        self.dilation = tuple(pair(dilation))
        self.groups = groups
        self.weight = nn.Parameter(rl.empty(out_channels, in_channels // groups, *self.kernel_size))
        self.bias = nn.Parameter(rl.empty(out_channels)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws weights and bias as those of a convolution."""
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.weight[0].numel())
            nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Any, offset: Any, mask: Any = None) -> Any:
        steps = (self.stride, self.padding, self.dilation)
        return deform_conv2d(input, offset, self.weight, self.bias, *steps, mask)

    def __repr__(self) -> str:
        told = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        )
        usual = {"padding": (0, 0), "dilation": (1, 1), "groups": 1}
        told += "".join(f", {k}={getattr(self, k)}" for k, v in usual.items() if getattr(self, k) != v)
        return f"{type(self).__name__}({told}{', bias=False' if self.bias is None else ''})"
