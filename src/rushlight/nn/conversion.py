"""Changing all of a module at once: `apply`, `to`, `double`, `cuda` and their like."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ..tensor.core import Tensor
from .parameter import Parameter

if TYPE_CHECKING:
    from typing_extensions import Self


class ConversionMixin:
    """What `Module` has for changing the values of all its parameters and buffers."""

    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    children: Callable[[], Iterator[Any]]
    _set_buffer_value: Callable[[str, Any], None]

    def apply(self, fn: Callable[[Any], Any]) -> Self:
        """Calls `fn` with every submodule and then with this module."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replaces the values of all parameters and buffers."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        for name, p in list(self._parameters.items()):
            if p is not None:
                new, grad = fn(p.detach()), p.grad
                p._grad = None
                if new.device is p.device:
                    p.data = new
                else:  # a tensor on another device is another tensor
                    p = Parameter(new, p.requires_grad)
                    setattr(self, name, p)
                if grad is not None:
                    p.grad = fn(grad)
        for name, b in list(self._buffers.items()):
            if b is not None:
                self._set_buffer_value(name, fn(b))
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Moves or converts all parameters and buffers; integers keep their type, and `memory_format=` is for
        those of four or five dimensions.
        """
        device, dt, non_blocking = _to_arguments(args, kwargs)
        layout = kwargs.get("memory_format")

        def convert(t: Tensor) -> Tensor:
            wanted = dt if dt is not None and (t.dtype.is_floating_point or t.dtype.is_complex) else t.dtype
            order = {"memory_format": layout} if layout is not None and t.dim() in (4, 5) else {}
            return t.to(device or t.device, wanted, non_blocking=non_blocking, **order)

        if dt is not None and not (dt.is_floating_point or dt.is_complex):
            raise TypeError(
                f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dt}"
            )
        return self._apply(convert)

    def _apply_to_floats(self, convert: Callable[[Tensor], Tensor]) -> Self:
        return self._apply(lambda t: convert(t) if t.dtype.is_floating_point else t)

    def type(self, dst_type: Any) -> Self:
        """Converts all parameters and buffers."""
        return self._apply(lambda t: t.type(dst_type))

    def float(self) -> Self:
        """Floating point parameters and buffers become float32."""
        return self._apply_to_floats(lambda t: t.float())

    def double(self) -> Self:
        """Floating point parameters and buffers become float64."""
        return self._apply_to_floats(lambda t: t.double())

    def half(self) -> Self:
        """Floating point parameters and buffers become float16."""
        return self._apply_to_floats(lambda t: t.half())

    def bfloat16(self) -> Self:
        """Floating point parameters and buffers become bfloat16."""
        return self._apply_to_floats(lambda t: t.bfloat16())

    def cpu(self) -> Self:
        """Moves everything to the CPU."""
        return self._apply(lambda t: t.cpu())

    def cuda(self, device: Any = None) -> Self:
        """Moves everything to a GPU."""
        return self._apply(lambda t: t.cuda(device))

    def to_empty(self, *, device: Any, recurse: bool = True) -> Self:
        """Moves everything to a device without copying values."""
        from ..tensor.factories import empty_like

        return self._apply(lambda t: empty_like(t, device=device), recurse)

    def share_memory(self) -> Self:
        """Makes the memory of all parameters and buffers visible to other processes."""
        return self._apply(lambda t: t.share_memory_())


def _to_arguments(args: tuple, kwargs: dict) -> tuple[Any, Any, bool]:
    """device, dtype and non_blocking of the many forms of `to`."""
    from ..tensor.device import device as Device
    from ..tensor.dtype import dtype

    device, dt = kwargs.get("device"), kwargs.get("dtype")
    for a in args:
        if isinstance(a, dtype):
            dt = a
        elif isinstance(a, Tensor):
            device, dt = a.device, a.dtype
        elif isinstance(a, (str, int, Device)) and not isinstance(a, bool):
            device = a
    return (None if device is None else Device(device)), dt, bool(kwargs.get("non_blocking", False))


__all__ = ["ConversionMixin"]
