"""Tensors of a given size: zeros, ones, full, empty, eye, and those like another tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..lang.memory import filled
from ..runtime import memory
from .core import CPU, META, Tensor, wrap
from .device import get_default_device
from .dtype import dtype, get_default_dtype, of_scalar
from .layout import empty_like as array_like
from .layout import order_of, permuted
from .learnt import constant
from .options import (
    checked_device,
    checked_dtype,
    checked_format,
    checked_layout,
    checked_pinning,
    make,
    sizes,
)

MISSING: Any = object()
Maker = Callable[[Any, Any], np.ndarray]


def _uninitialised(shape: Any, np_dtype: Any) -> np.ndarray:
    return memory.empty(shape, np_dtype)


def _ones(shape: Any, np_dtype: Any) -> np.ndarray:
    return filled(shape, np_dtype, 1)


def _maker_on(device: Any, maker: Any) -> Any:
    """How memory is made on a device: on meta nothing is written to it."""
    if checked_device(device) is not META:
        return maker
    from .meta import untouched

    return untouched


def is_unset(options: dict[str, Any]) -> bool:
    """Is None all that is given?"""
    return all(value is None for value in options.values())


def sized(name: str, maker: Maker, doc: str, formats: bool = False) -> Callable[..., Tensor]:
    """A factory that takes the size as separate numbers or as one tuple."""

    def call(*size: Any, **options: Any) -> Tensor:
        if size and (not options or is_unset(options)) and get_default_device() is CPU:
            shape = sizes(name, size)
            dt = get_default_dtype()
            return wrap(maker(shape, dt.np), dt)
        if "size" in options:
            size = (options.pop("size"),)
        elif not size:
            raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
        shape = sizes(name, size)
        order = (
            order_of(checked_format(name, options.pop("memory_format", None)), len(shape))
            if formats
            else None
        )
        fresh = _maker_on(options.get("device"), maker)
        if order is not None:
            return make(name, lambda dt: permuted(shape, order, dt.np, fresh), **options)
        return make(name, lambda dt: fresh(shape, dt.np), **options)

    call.__name__ = call.__qualname__ = name
    call.__module__ = "rushlight"
    call.__doc__ = doc
    return call


zeros = constant(sized("zeros", np.zeros, "A tensor of zeros of the given size."))
ones = constant(sized("ones", _ones, "A tensor of ones of the given size."))
empty = sized(
    "empty", _uninitialised, "A tensor of the given size with whatever the memory held before.", formats=True
)


@constant
def full(size: Any, fill_value: Any, *, out: Tensor | None = None, **options: Any) -> Tensor:
    """A tensor of the given size with `fill_value` everywhere; its type gives the dtype."""
    if not isinstance(size, (tuple, list)):
        raise TypeError(
            f"full(): argument 'size' (position 1) must be tuple of ints, not {type(size).__name__}"
        )
    shape, value, own = sizes("full", (size,)), *_number("full", fill_value)
    fill = _maker_on(options.get("device"), None)
    return make(
        "full",
        lambda dt: fill(shape, dt.np) if fill else filled(shape, dt.np, value_in(value, dt)),
        default=own,
        out=out,
        **options,
    )


def _number(name: str, value: Any) -> tuple[Any, dtype]:
    """A fill value as a Python number, and the dtype it stands for."""
    if isinstance(value, Tensor):
        if value._a.ndim:
            raise RuntimeError(
                f"{name}(): fill_value must be a number or a 0-dimensional tensor, got shape "
                f"{list(value._a.shape)}"
            )
        return value.detach().item(), value.dtype
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, (bool, int, float, complex)):
        raise TypeError(
            f"{name}(): argument 'fill_value' (position 2) must be Number, not {type(value).__name__}"
        )
    return value, of_scalar(value)


def value_in(value: Any, dt: dtype) -> Any:
    """A Python number for an array of `dt`; a RuntimeError when it does not fit."""
    if dt.category == 0:
        return bool(value)
    if dt.category == 1:
        return _integer_in(value, dt)
    if isinstance(value, complex) and dt.category == 2:
        if value.imag:
            raise RuntimeError(
                f"value cannot be converted to type {dt.name} without overflow: {value} is complex; use a "
                "complex dtype"
            )
        return value.real
    return value


def _integer_in(value: Any, dt: dtype) -> int:
    info = np.iinfo(dt.np)
    if isinstance(value, complex) and not value.imag:
        value = value.real
    low = info.min if dt.is_signed else -info.max
    if isinstance(value, complex) or not low <= value <= info.max:
        raise RuntimeError(
            f"value cannot be converted to type {dt.name} without overflow: {value} is not in [{info.min}, "
            f"{info.max}]; use a wider dtype"
        )
    value = int(value)
    return value if value >= info.min else value + info.max + 1


@constant
def eye(n: int, m: int | None = None, *, out: Tensor | None = None, **options: Any) -> Tensor:
    """A matrix with ones on the diagonal and zeros elsewhere."""
    for name, count in (("n", n), ("m", m)):
        if count is not None and count < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {count}")
    return make("eye", lambda dt: np.eye(n, m, dtype=dt.np), out=out, **options)


def empty_strided(size: Any, stride: Any, **options: Any) -> Tensor:
    """Uninitialised memory seen with the given size and strides (counted in elements)."""
    shape, strides = sizes("empty_strided", (size,)), tuple(stride)
    if len(shape) != len(strides):
        raise RuntimeError(
            f"empty_strided: dimensionality of sizes ({len(shape)}) must match dimensionality of strides "
            f"({len(strides)})"
        )
    if strides and min(strides) < 0:
        raise RuntimeError(f"empty_strided: negative strides are not supported, got {list(strides)}")

    fresh = _maker_on(options.get("device"), _uninitialised)

    def fill(dt: dtype) -> np.ndarray:
        extent = sum((n - 1) * s for n, s in zip(shape, strides)) + 1 if 0 not in shape else 0
        return np.ndarray(
            shape, dt.np, fresh((extent,), dt.np), 0, tuple(s * dt.np.itemsize for s in strides)
        )

    return make("empty_strided", fill, **options)


def empty_permuted(size: Any, physical_layout: Any, **options: Any) -> Tensor:
    """Uninitialised dense memory whose dimensions lie in the order of `physical_layout`, outermost first."""
    shape, order = sizes("empty_permuted", (size,)), tuple(physical_layout)
    if len(order) != len(shape):
        raise RuntimeError(
            "Number of dimensions in size does not match the length of the physical_layout; got "
            f"{len(shape)} and {len(order)}"
        )
    for i, d in enumerate(order):
        if not 0 <= d < len(shape):
            raise RuntimeError(
                f"Dimension out of range (expected to be between 0 and {len(shape) - 1}, but got {d} at "
                f"index {i})"
            )
    if len(set(order)) < len(order):
        raise RuntimeError(f"Duplicate dim not allowed in the physical_layout: {list(order)}")
    return make("empty_permuted", lambda dt: permuted(shape, order, dt.np), **options)


# ---- like another tensor


def like(name: str, maker: Maker, doc: str) -> Callable[..., Tensor]:
    """A factory that takes size, dtype, device and order in memory from a tensor."""

    def call(
        input: Tensor,
        *,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        pin_memory: bool = False,
        requires_grad: bool = False,
        memory_format: Any = None,
    ) -> Tensor:
        return make_like(name, input, maker, dtype, layout, device, pin_memory, requires_grad, memory_format)

    call.__name__ = call.__qualname__ = name
    call.__module__ = "rushlight"
    call.__doc__ = doc
    return call


def make_like(
    name: str,
    input: Tensor,
    maker: Maker,
    dtype: Any,
    layout: Any,
    device: Any,
    pinned: Any,
    requires_grad: bool,
    fmt: Any,
) -> Tensor:
    """A tensor of the size of `input`, and of its dtype, device and order in memory by default."""
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    dt = input.dtype if dtype is None else checked_dtype(name, dtype)
    checked_layout(name, layout)
    checked_pinning(pinned)
    target = input.device if device is None else checked_device(device)
    t = wrap(array_like(input._a, dt.np, checked_format(name, fmt), maker=_maker_on(target, maker)), dt)
    if target is META:
        from .meta import as_meta

        t = as_meta(t)
    if requires_grad:
        t.requires_grad = True
    return t


zeros_like = constant(like("zeros_like", np.zeros, "Zeros of the size and type of `input`."), "constant like")
ones_like = constant(like("ones_like", _ones, "Ones of the size and type of `input`."), "constant like")
empty_like = like("empty_like", _uninitialised, "Uninitialised memory of the size and type of `input`.")


def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """`fill_value` everywhere, in the size and type of `input`."""
    value, _ = _number("full_like", fill_value)
    dt = checked_dtype("full_like", dtype) if dtype is not None else getattr(input, "dtype", None)

    def maker(shape: Any, np_dtype: Any) -> np.ndarray:
        return filled(shape, np_dtype, value_in(value, dt))  # type: ignore[arg-type]

    return make_like(
        "full_like", input, maker, dtype, layout, device, pin_memory, requires_grad, memory_format
    )


# ---- methods: the dtype and the device of a tensor


def _of_own_kind(self: Tensor, options: dict[str, Any]) -> dict[str, Any]:
    if options.get("dtype") is None:
        options["dtype"] = self.dtype
    if options.get("device") is None:
        options["device"] = self.device
    return options


def new_zeros(self: Tensor, *size: Any, **options: Any) -> Tensor:
    """Zeros of another size, of this tensor's type."""
    return zeros(*size, **_of_own_kind(self, options))


def new_ones(self: Tensor, *size: Any, **options: Any) -> Tensor:
    """Ones of another size, of this tensor's type."""
    return ones(*size, **_of_own_kind(self, options))


def new_empty(self: Tensor, *size: Any, **options: Any) -> Tensor:
    """Uninitialised memory of another size, of this tensor's type."""
    return empty(*size, **_of_own_kind(self, options))


def new_full(self: Tensor, size: Any, fill_value: Any, **options: Any) -> Tensor:
    """`fill_value` everywhere, in another size, of this tensor's type."""
    return full(size, fill_value, **_of_own_kind(self, options))


def new_empty_strided(self: Tensor, size: Any, stride: Any, **options: Any) -> Tensor:
    """Uninitialised memory with the given size and strides, of this tensor's type."""
    return empty_strided(size, stride, **_of_own_kind(self, options))


def new_tensor(self: Tensor, data: Any, **options: Any) -> Tensor:
    """A copy of `data`, of this tensor's type."""
    from .create import tensor

    return tensor(data, **_of_own_kind(self, options))


for _method in (new_zeros, new_ones, new_empty, new_full, new_empty_strided, new_tensor):
    setattr(Tensor, _method.__name__, _method)
