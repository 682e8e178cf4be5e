"""Initial values: each function fills a tensor in place and returns it, with PyTorch's numbers from the same
seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

from ..autograd.modes import no_grad
from ..ops.operator import OPERATORS
from ..tensor.core import Tensor
from ..tensor.factories import empty_like
from ..warned import warn

LINEAR = {"linear", *(f"conv{t}{n}d" for t in ("", "_transpose") for n in (1, 2, 3)), "sigmoid"}


def calculate_gain(nonlinearity: str, param: Any = None) -> float:
    """How much a non-linearity wants its weights enlarged, so that the spread of values stays the same."""
    if nonlinearity in LINEAR:
        return 1
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    gains = {"tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 3.0 / 4}
    if nonlinearity not in gains:
        known = sorted({*LINEAR, *gains, "leaky_relu"})
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}; there are {known}")
    return gains[nonlinearity]


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """How many values each output is made of, and how many outputs each value goes to."""
    shape = tensor.shape
    if len(shape) < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions; "
            f"this one has shape {tuple(shape)}"
        )
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    mode = mode.lower()
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    fans = _calculate_fan_in_and_fan_out(tensor)
    return fans[0] if mode == "fan_in" else fans[1]


# ---- one value everywhere


@no_grad()
def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fills with `val`."""
    return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Fills with ones."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fills with zeros."""
    return constant_(tensor, 0.0)


# ---- draws


@no_grad()
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Draws evenly from [a, b)."""
    return tensor.uniform_(a, b, generator=generator)


@no_grad()
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Draws from the normal distribution."""
    return tensor.normal_(mean, std, generator=generator)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Draws evenly with the spread that keeps both values and gradients level (Glorot and Bengio, 2010)."""
    bound = gain * math.sqrt(2.0 / sum(_calculate_fan_in_and_fan_out(tensor))) * math.sqrt(3.0)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Draws normally with the spread that keeps both values and gradients level (Glorot and Bengio, 2010)."""
    std = gain * math.sqrt(2.0 / sum(_calculate_fan_in_and_fan_out(tensor)))
    return normal_(tensor, 0.0, std, generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Draws evenly with the spread that keeps values level through rectifiers (He et al., 2015)."""
    if _nothing_to_fill(tensor):
        return tensor
    std = calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode))
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Draws normally with the spread that keeps values level through rectifiers (He et al., 2015)."""
    if _nothing_to_fill(tensor):
        return tensor
    std = calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode))
    return normal_(tensor, 0, std, generator)


def _nothing_to_fill(tensor: Tensor) -> bool:
    if 0 in tensor.shape:
        warn("Initializing zero-element tensors is a no-op")
        return True
    return False


@no_grad()
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Any = None,
) -> Tensor:
    """Draws from the normal distribution between `a` and `b`."""
    if tensor.is_meta:
        return tensor
    if mean < a - 2 * std or mean > b + 2 * std:
        warn(
            f"trunc_normal_: mean {mean} is more than 2 std ({std}) away from [{a}, {b}], so the values may "
            "not "
            "be spread as wanted",
        )
    share = _normal_below((b - mean) / std) - _normal_below((a - mean) / std)
    draw = _redraw_outliers if share > 0.3 else _reject_by_height
    return draw(tensor, mean, std, a, b, generator)


def _normal_below(x: float) -> float:
    return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0


def _redraw_outliers(tensor: Any, mean: float, std: float, a: float, b: float, generator: Any) -> Tensor:
    """Draws normally until all values are in range: quick when most are."""
    low, high = tensor.new_tensor(a).item(), tensor.new_tensor(b).item()
    tensor.normal_(mean, std, generator=generator)
    while (outside := (tensor < low) | (tensor > high)).any():
        again = empty_like(tensor).normal_(mean, std, generator=generator)
        tensor.copy_(OPERATORS["where"].call(outside, again, tensor))
    return tensor


def _reject_by_height(tensor: Any, mean: float, std: float, a: float, b: float, generator: Any) -> Tensor:
    """Draws evenly in the range, and keeps a value as often as the bell is high there."""
    top = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
    accept = empty_like(tensor)

    def refused(candidates: Any) -> Any:
        height = candidates.clone().sub_(mean).div_(std).pow_(2).mul_(-0.5).sub_(top)
        return accept.uniform_(generator=generator).log_().gt(height)

    pending = refused(tensor.uniform_(a, b, generator=generator))
    while pending.any():
        candidates = empty_like(tensor).uniform_(a, b, generator=generator)
        tensor.copy_(OPERATORS["where"].call(pending, candidates, tensor))
        pending = pending & refused(candidates)
    return tensor


# ---- structured matrices


@no_grad()
def eye_(tensor: Tensor) -> Tensor:
    """Makes a matrix the identity."""
    if tensor.dim() != 2:
        raise ValueError(
            f"Only tensors with 2 dimensions are supported; eye_ was given shape {tuple(tensor.shape)}"
        )
    tensor.zero_()
    tensor.diagonal().fill_(1)
    return tensor


@no_grad()
def dirac_(tensor: Any, groups: int = 1) -> Tensor:
    """Makes a convolution's weight pass its input on: a one in the middle of each channel's own window."""
    if tensor.dim() not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if tensor.shape[0] % groups != 0:
        raise ValueError(f"dim 0 must be divisible by groups: {tensor.shape[0]} channels for {groups} groups")
    per_group = tensor.shape[0] // groups
    middle = tuple(n // 2 for n in tensor.shape[2:])
    tensor.zero_()
    for group in range(groups):
        for channel in range(min(per_group, tensor.shape[1])):
            one = (group * per_group + channel, channel, *middle)
            tensor[one] = 1
    return tensor


@no_grad()
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """Makes a matrix with orthogonal rows (or columns) of length `gain` (Saxe et al., 2013)."""
    if tensor.dim() < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.numel() == 0 or tensor.is_meta:
        return tensor
    rows = tensor.shape[0]
    cols = tensor.numel() // rows
    drawn = tensor.new_empty((rows, cols)).normal_(0, 1, generator=generator)
    q, r = OPERATORS["linalg.qr"].call(drawn.t() if rows < cols else drawn)
    q = q * r.diagonal().sign()  # without this Q would not be drawn evenly
    tensor.copy_((q.t() if rows < cols else q).reshape(tensor.shape))
    return tensor.mul_(gain)


@no_grad()
def sparse_(tensor: Any, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """Draws a matrix normally, with a share `sparsity` of each column zero."""
    if tensor.dim() != 2:
        raise ValueError(
            f"Only tensors with 2 dimensions are supported; sparse_ was given shape {tuple(tensor.shape)}"
        )
    if tensor.is_meta:
        return tensor
    from ..tensor.sampling import randperm

    rows, cols = tensor.shape
    zeros = math.ceil(sparsity * rows)
    tensor.normal_(0, std, generator=generator)
    for column in range(cols):
        order: Any = randperm(rows)
        tensor[order[:zeros], column] = 0
    return tensor


# ---- names of former times


def _old_name(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    new, old = function.__name__, function.__name__[:-1]

    @wraps(function)
    def renamed(*args: Any, **kwargs: Any) -> Tensor:
        warn(f"`nn.init.{old}` is now deprecated in favor of `nn.init.{new}`.", FutureWarning)
        return function(*args, **kwargs)

    renamed.__name__ = old
    return renamed


uniform = _old_name(uniform_)
normal = _old_name(normal_)
constant = _old_name(constant_)
eye = _old_name(eye_)
dirac = _old_name(dirac_)
xavier_uniform = _old_name(xavier_uniform_)
xavier_normal = _old_name(xavier_normal_)
kaiming_uniform = _old_name(kaiming_uniform_)
kaiming_normal = _old_name(kaiming_normal_)
orthogonal = _old_name(orthogonal_)
sparse = _old_name(sparse_)
