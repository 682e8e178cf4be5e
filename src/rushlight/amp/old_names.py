"""The names that mixed precision had before `torch.amp`: a module of them for each device."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..tensor.dtype import dtype
from ..warned import warn
from . import autocast_mode, grad_scaler


def _deprecated(old: str, new: str) -> None:
    warn(f"`torch.{old}` is deprecated. Please use `torch.{new}` instead.", FutureWarning)


def autocast_for(device_type: str) -> type:
    """`torch.<device>.amp.autocast`."""

    class autocast(autocast_mode.autocast):
        """`torch.amp.autocast` for this kind of device."""

        def __init__(
            self, enabled: bool = True, dtype: dtype | None = None, cache_enabled: bool = True
        ) -> None:
            _deprecated(f"{device_type}.amp.autocast(args...)", f"amp.autocast('{device_type}', args...)")
            super().__init__(device_type, dtype or autocast_mode.DEVICES[device_type], enabled, cache_enabled)

    return autocast


def scaler_for(device_type: str) -> type:
    """`torch.<device>.amp.GradScaler`."""

    class GradScaler(grad_scaler.GradScaler):
        """`torch.amp.GradScaler` for this kind of device."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            _deprecated(f"{device_type}.amp.GradScaler(args...)", f"amp.GradScaler('{device_type}', args...)")
            super().__init__(device_type, *args, **kwargs)

    return GradScaler


def decorator_for(device_type: str, decorator: Callable[..., Any]) -> Callable[..., Any]:
    """`custom_fwd` or `custom_bwd` of a device."""

    @functools.wraps(decorator)
    def call(function: Any = None, **options: Any) -> Any:
        name = decorator.__name__
        _deprecated(f"{device_type}.amp.{name}(args...)", f"amp.{name}(args..., device_type='{device_type}')")
        return decorator(function, device_type=device_type, **options)

    return call
