"""Tensors and parameters in a pickle: the functions that PyTorch's files call to rebuild them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..nn.parameter import Parameter
from ..tensor import pickling
from ..tensor.core import Tensor
from ..tensor.dtype import dtype
from ..tensor.memory import TypedStorage, UntypedStorage, on_storage
from .builders import Builder, builder, lengths, refuse
from .errors import LoadError, told


def _tensor(memory: UntypedStorage, dt: dtype, offset: Any, size: Any, stride: Any) -> Tensor:
    shape, strides = lengths(size, "sizes"), lengths(stride, "strides")
    if type(offset) is not int or offset < 0 or len(shape) != len(strides):
        raise LoadError(
            f"a tensor has the offset {told(offset)}, {len(shape)} sizes and {len(strides)} strides"
        )
    if memory.device.type == "meta":
        return pickling.rebuild_meta(Tensor, dt, shape, strides, False, None)
    return on_storage(memory, dt, offset, shape, strides)


@builder("torch._utils._rebuild_tensor")
def rebuild_tensor(storage: Any, offset: Any, size: Any, stride: Any) -> Tensor:
    if not isinstance(storage, TypedStorage):
        raise LoadError(f"a tensor is to lie on a {type(storage).__name__}, which is no storage of a type")
    return _tensor(storage.untyped(), storage.dtype, offset, size, stride)


def _finished(t: Tensor, requires_grad: Any, metadata: Any) -> Tensor:
    if metadata:
        t = _resolved(t, metadata)
    if requires_grad:
        t.requires_grad = True
    return t


def _resolved(t: Tensor, metadata: Any) -> Tensor:
    """The values meant by PyTorch's marks "conj" and "neg" on memory that is to be read differently."""
    if type(metadata) is not dict or not set(metadata) <= {"conj", "neg"}:
        raise LoadError(f"a tensor has marks that are not known: {told(metadata)}")
    if t.numel() * t.itemsize > t.untyped_storage().nbytes():
        raise LoadError(
            "an expanded tensor with a mark for conjugation is not loaded: its values would not fit"
        )
    if metadata.get("conj"):
        t = t.conj().clone()
    return -t if metadata.get("neg") else t


@builder("torch._utils._rebuild_tensor_v2")
def rebuild_tensor_v2(
    storage: Any,
    offset: Any,
    size: Any,
    stride: Any,
    requires_grad: Any,
    backward_hooks: Any,
    metadata: Any = None,
) -> Tensor:
    return _finished(rebuild_tensor(storage, offset, size, stride), requires_grad, metadata)


@builder("torch._utils._rebuild_tensor_v3")
def rebuild_tensor_v3(
    storage: Any,
    offset: Any,
    size: Any,
    stride: Any,
    requires_grad: Any,
    backward_hooks: Any,
    dt: Any,
    metadata: Any = None,
) -> Tensor:
    if not isinstance(storage, TypedStorage | UntypedStorage) or not isinstance(dt, dtype):
        raise LoadError(f"a tensor is to lie on a {type(storage).__name__}, with the dtype {told(dt)}")
    return _finished(_tensor(storage.untyped(), dt, offset, size, stride), requires_grad, metadata)


@builder("torch._utils._rebuild_meta_tensor_no_storage")
def rebuild_meta_tensor(dt: Any, size: Any, stride: Any, requires_grad: Any) -> Tensor:
    if not isinstance(dt, dtype):
        raise LoadError(f"a tensor without data has the dtype {told(dt)}")
    shape, strides = lengths(size, "sizes"), lengths(stride, "strides")
    return _finished(pickling.rebuild_meta(Tensor, dt, shape, strides, False, None), requires_grad, None)


@builder("torch._utils._rebuild_parameter")
def rebuild_parameter(data: Any, requires_grad: Any, backward_hooks: Any) -> Tensor:
    if not isinstance(data, Tensor):
        raise LoadError(f"a parameter is to be made of a {type(data).__name__}")
    return Parameter(data, bool(requires_grad))


@builder("torch._utils._rebuild_parameter_with_state")
def rebuild_parameter_with_state(data: Any, requires_grad: Any, backward_hooks: Any, state: Any) -> Tensor:
    return attach(rebuild_parameter(data, requires_grad, backward_hooks), state)


@builder("torch._tensor._rebuild_from_type_v2")
def rebuild_from_type(build: Any, cls: Any, arguments: Any, state: Any) -> Tensor:
    """A tensor of a subclass, or with attributes."""
    if not isinstance(build, Builder) or type(arguments) is not tuple:
        raise LoadError(f"a tensor is to be made by {told(build)}")
    t = build.make(*arguments)
    if not isinstance(t, Tensor) or not isinstance(cls, type) or not issubclass(cls, Tensor):
        raise LoadError(f"a {type(t).__name__} is to become a {told(cls)}, which is no class of tensors")
    if type(t) is not cls and cls is not Tensor:
        t.__class__ = cls
    if state is None:
        return t
    if any("__setstate__" in vars(base) for base in cls.__mro__):
        raise LoadError(f"{cls.__qualname__} has a __setstate__ of its own, which loading does not run")
    return attach(t, state)


@builder("torch._utils._rebuild_device_tensor_from_numpy")
def rebuild_from_numpy(data: Any, dt: Any, where: Any, requires_grad: Any) -> Tensor:
    from ..tensor.interop import from_numpy

    if not isinstance(data, np.ndarray) or not isinstance(dt, dtype):
        raise LoadError(f"a tensor is to be made of a {type(data).__name__} and the dtype {told(dt)}")
    return _finished(from_numpy(data).to(dt), requires_grad, None)  # type: ignore[attr-defined]


@builder("torch._utils._rebuild_device_tensor_from_cpu_tensor")
def rebuild_from_cpu(data: Any, dt: Any, where: Any, requires_grad: Any) -> Tensor:
    if not isinstance(data, Tensor) or not isinstance(dt, dtype):
        raise LoadError(f"a tensor is to be made of a {type(data).__name__} and the dtype {told(dt)}")
    return _finished(data.to(dt), requires_grad, None)  # type: ignore[attr-defined]


def attach(t: Tensor, state: Any) -> Tensor:
    """Gives a tensor the attributes that it was saved with."""
    slots = None
    if type(state) is tuple and len(state) == 2:
        state, slots = state
    if slots or not (state is None or type(state) is dict):
        raise LoadError("a tensor has a state of an unknown form")
    t.__dict__.update({k: v for k, v in (state or {}).items() if k not in pickling._OWN})
    return t


refuse("torch._utils._rebuild_sparse_tensor", "a sparse tensor, which is not there; save x.to_dense()")
refuse("torch._utils._rebuild_qtensor", "a quantized tensor, which is not there; save x.dequantize()")
refuse("torch._utils._rebuild_nested_tensor", "a nested tensor, which is not there; save a list of its parts")
refuse(
    "torch._utils._rebuild_wrapper_subclass",
    "a tensor of a wrapper class, which is not there; save its parts",
)
