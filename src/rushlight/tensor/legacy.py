"""The constructors of PyTorch's early days: torch.Tensor(2, 3), torch.FloatTensor([1, 2]) and their like."""

from __future__ import annotations

from typing import Any

import numpy as np

from .core import CPU, Tensor, wrap
from .create import array_of
from .device import device
from .dtype import DTYPES, dtype, get_default_dtype, set_default_dtype
from .layout import strided
from .options import checked_dtype, no_such_device, sizes
from .size import Size

TYPE_NAMES = {
    "float32": "FloatTensor", "float64": "DoubleTensor", "float16": "HalfTensor",
    "bfloat16": "BFloat16Tensor", "uint8": "ByteTensor", "int8": "CharTensor", "int16": "ShortTensor",
    "int32": "IntTensor", "int64": "LongTensor", "bool": "BoolTensor",
    "complex64": "ComplexFloatTensor", "complex128": "ComplexDoubleTensor",
}  # fmt: skip


class tensortype(type):
    """The class of `torch.FloatTensor` and its like: types that are told by dtype and device."""

    dtype: dtype
    device: device

    def __instancecheck__(cls, instance: Any) -> bool:
        return (
            isinstance(instance, Tensor)
            and instance.dtype is cls.dtype
            and instance.device.type == cls.device.type
        )

    def __call__(cls, *args: Any, **kwargs: Any) -> Tensor:
        if cls.device.type != "cpu":
            raise TypeError(
                f"type {cls.__module__}.{cls.__name__} not available. {no_such_device(cls.device)}"
            )
        return _construct(f"{cls.__name__}", cls.dtype, args, kwargs)

    def __repr__(cls) -> str:
        return f"<class '{type_path(cls)}'>"


def type_path(cls: Any) -> str:
    """'torch.FloatTensor' or 'torch.cuda.FloatTensor'."""
    return f"torch.{cls.__name__}" if cls.device.type == "cpu" else f"torch.{cls.device.type}.{cls.__name__}"


def _make_type(name: str, dt: dtype, where: device) -> Any:
    module = "rushlight" if where is CPU else f"rushlight.{where.type}"
    doc = f"Legacy constructor of {dt} tensors; new code calls rushlight.tensor or rushlight.empty."
    members = {
        "dtype": dt,
        "device": where,
        "layout": strided,
        "is_cuda": where is not CPU,
        "is_sparse": False,
    }
    return tensortype(name, (), {"__module__": module, "__doc__": doc, **members})


TYPES = {name: _make_type(name, DTYPES[d], CPU) for d, name in TYPE_NAMES.items()}
CUDA_TYPES = {name: _make_type(name, DTYPES[d], device("cuda")) for d, name in TYPE_NAMES.items()}


# ---- constructing


def legacy_tensor(cls: type, *args: Any, **kwargs: Any) -> Tensor:
    """`torch.Tensor(...)`, also of subclasses."""
    t = _construct("Tensor", None, args, kwargs)
    return t if cls is Tensor else t.as_subclass(cls)  # type: ignore[attr-defined]


def _construct(name: str, own: dtype | None, args: tuple, kwargs: dict[str, Any]) -> Tensor:
    """Sizes give uninitialised memory, sequences and arrays give their values, a tensor its own memory."""
    where = kwargs.pop("device", None)
    if where is not None and device(where).type != "cpu":
        raise RuntimeError(
            f"legacy constructor expects device type: cpu but device type: {device(where).type} was passed"
        )
    for key in ("size", "data"):
        if key in kwargs:
            args = (Size(kwargs.pop(key)) if key == "size" else kwargs.pop(key), *args)
    if kwargs:
        raise TypeError(
            f"new() got an unexpected keyword argument '{next(iter(kwargs))}'; it takes sizes, or one "
            "sequence or tensor"
        )
    dt = own or get_default_dtype()
    if len(args) == 1 and not _is_size(args[0]):
        return _from_data(name, args[0], own, dt)
    shape = (
        sizes("new", tuple(args[0]) if len(args) == 1 and isinstance(args[0], Size) else args)
        if args
        else (0,)
    )
    return wrap(np.empty(shape, dt.np), dt)


def _is_size(x: Any) -> bool:
    return isinstance(x, (int, Size, np.integer)) and not isinstance(x, bool)


def _from_data(name: str, data: Any, own: dtype | None, dt: dtype) -> Tensor:
    if isinstance(data, Tensor):
        if own is not None and data.dtype is not own:
            raise TypeError(
                f"expected {own} (got {data.dtype}): {name}(tensor) shares memory, so the types must "
                f"agree; use x.to({own})"
            )
        return data.detach()
    if isinstance(data, np.ndarray):
        return wrap(np.array(data, dt.np, order="K"), dt)
    if isinstance(data, (bool, float, complex)):
        raise TypeError(
            f"new(): data must be a sequence (got {type(data).__name__}); for one number, write "
            f"torch.tensor({data!r})"
        )
    if not isinstance(data, (str, bytes)) and type(data).__name__.endswith("Storage"):
        return data.as_tensor()
    array, _ = array_of(data, dt if dt.category > 1 else None, "new")
    return wrap(array if array.dtype == dt.np else array.astype(dt.np), dt)


def new(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """A tensor of this type, as the legacy constructors make it."""
    return _construct("new", self.dtype, args, kwargs)


# ---- the names of types


def type_name(t: Tensor) -> str:
    """'torch.FloatTensor' for a float32 tensor."""
    name = TYPE_NAMES.get(t.dtype.name, f"{t.dtype.name.title()}Tensor")
    return f"torch.{name}" if t.device is CPU else f"torch.{t.device.type}.{name}"


def dtype_of_type(given: Any) -> dtype:
    """The dtype meant by torch.int64, torch.LongTensor or 'torch.LongTensor'."""
    if isinstance(given, str):
        known = {type_path(t): t for t in (*TYPES.values(), *CUDA_TYPES.values())}
        known["torch.Tensor"] = TYPES[TYPE_NAMES[get_default_dtype().name]]
        if given not in known:
            raise ValueError(
                f"invalid type: '{given}'; the types are {', '.join(type_path(t) for t in TYPES.values())}"
            )
        given = known[given]
    if given is Tensor:
        return get_default_dtype()
    if isinstance(given, tensortype):
        if given.device is not CPU:
            raise no_such_device(given.device)
        return given.dtype
    return checked_dtype("type", given)


def set_default_tensor_type(t: Any) -> None:
    """Makes the type of Python floats that of `t`, such as torch.DoubleTensor."""
    set_default_dtype(dtype_of_type(t))


# ---- Variable


class _VariableType(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)

    def __call__(cls, data: Any = None, requires_grad: bool = False, volatile: bool | None = None) -> Tensor:
        if data is None:
            return wrap(np.empty(0, get_default_dtype().np), get_default_dtype())
        if not isinstance(data, Tensor):
            raise TypeError(
                f"Variable data has to be a tensor, but got {type(data).__name__}; make one with "
                "torch.tensor(...)"
            )
        t = data.detach()
        t.requires_grad = bool(requires_grad)
        return t


class Variable(metaclass=_VariableType):
    """A tensor: the two are one. `Variable(x, requires_grad=True)` is `x.detach().requires_grad_()`."""


def as_subclass(self: Tensor, cls: type) -> Tensor:
    """This tensor as an instance of a subclass: the same memory, the same place in the graph."""
    if not (isinstance(cls, type) and issubclass(cls, Tensor)):
        raise RuntimeError(f"as_subclass expects a subclass of Tensor, got {cls!r}")
    t = self.view_as(self) if self._rg and hasattr(self, "view_as") else self.detach()
    t.__class__ = cls
    return t


Tensor.new, Tensor.as_subclass = new, as_subclass  # type: ignore[attr-defined]
__all__ = ["TYPES", "Variable", "as_subclass", "legacy_tensor", "set_default_tensor_type", "tensortype"]
