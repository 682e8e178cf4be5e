"""Normalisation of each sample by itself."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from .. import functional as F
from .. import init
from ..module import Module
from .parts import Described, add_parameters


def _shape(given: Any) -> tuple[int, ...]:
    return (int(given),) if isinstance(given, Integral) else tuple(given)


class LayerNorm(Module):
    """The last dimensions, of shape `normalized_shape`, with mean 0 and variance 1; then scaled and
    shifted.
    """

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = affine = elementwise_affine
        add_parameters(
            self, device, dtype, weight=shape if affine else None, bias=shape if affine and bias else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Scales by one and shifts by zero."""
        if self.elementwise_affine:
            init.ones_(self.weight)
            if self.bias is not None:
                init.zeros_(self.bias)

    def forward(self, input: Any) -> Any:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """The last dimensions, of shape `normalized_shape`, with mean square 1; then scaled."""

    def __init__(
        self,
        normalized_shape: Any,
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        add_parameters(self, device, dtype, weight=shape if elementwise_affine else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Scales by one."""
        if self.elementwise_affine:
            init.ones_(self.weight)

    def forward(self, x: Any) -> Any:
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """Groups of channels with mean 0 and variance 1; then each channel scaled and shifted."""

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_channels % num_groups != 0:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        size = (num_channels,)
        add_parameters(
            self, device, dtype, weight=size if affine else None, bias=size if affine and bias else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Scales by one and shifts by zero."""
        if self.affine:
            init.ones_(self.weight)
            if self.bias is not None:
                init.zeros_(self.bias)

    def forward(self, input: Any) -> Any:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LocalResponseNorm(Described):
    """Each value divided by a power of the squares of `size` neighbouring channels."""

    _shown = ("alpha", "beta", "k")

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Any) -> Any:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, {super().extra_repr()}"


class CrossMapLRN2d(LocalResponseNorm):
    """LocalResponseNorm of pictures as Lua Torch had it: a window as wide to the left as to the right.

    As in PyTorch, the first channel goes on counting in all windows to its right.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1) -> None:
        super().__init__(size, alpha, beta, k)

    def forward(self, input: Any) -> Any:
        if input.dim() != 4:
            raise ValueError(f"CrossMapLRN2d: Expected input to be 4D, got {input.dim()}D instead.")
        side = (self.size - 1) // 2
        squares = input * input
        first = F.pad(
            squares[:, :1].expand(-1, max(input.shape[1] - side - 1, 0), -1, -1),
            (0, 0, 0, 0, min(side + 1, input.shape[1]), 0),
        )
        windows = F.pad(squares, (0, 0, 0, 0, side, side)).unfold(1, 2 * side + 1, 1).sum(-1)
        return input * (self.k + self.alpha / self.size * (windows + first)) ** -self.beta


__all__ = ["CrossMapLRN2d", "GroupNorm", "LayerNorm", "LocalResponseNorm", "RMSNorm"]
