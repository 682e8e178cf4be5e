"""Pickles objects as PyTorch does: its names for our classes, and storages as records beside the pickle."""

from __future__ import annotations

import copyreg
import io
import pickle
from collections import OrderedDict
from collections.abc import Callable
from types import FunctionType
from typing import Any, ClassVar

from ..nn.module import Module
from ..nn.parameter import Parameter
from ..nn.uninitialized import UninitializedTensorMixin
from ..tensor.core import Tensor
from ..tensor.device import device
from ..tensor.dtype import DTYPES, dtype
from ..tensor.generator import Generator
from ..tensor.layout import layout, memory_format
from ..tensor.legacy import TYPE_NAMES
from ..tensor.memory import TypedStorage, UntypedStorage, bytes_of, storage_name
from ..tensor.pickling import attributes, geometry, plain_class
from ..tensor.size import Size
from .modules import exported
from .names import is_ours, pytorch_name

DEFAULT_PROTOCOL = 2
UINT8 = DTYPES["uint8"]
PLAIN = {str, int, float, bool, tuple, list, dict, OrderedDict, type(None)}  # nothing special about them
_Python = pickle._Pickler  # type: ignore[attr-defined]  # the one in Python: it lets us choose names


class Named:
    """A class or function of PyTorch's that a file names."""

    __slots__ = ("module", "name")

    def __init__(self, path: str) -> None:
        self.module, _, self.name = path.rpartition(".")

    def __call__(self) -> Any:
        raise TypeError(f"{self.module}.{self.name} is only a name")


REBUILD = {
    name: Named(f"torch._utils._rebuild_{name}")
    for name in ("tensor_v2", "tensor_v3", "parameter", "parameter_with_state", "meta_tensor_no_storage")
}
REBUILD_TYPE = Named("torch._tensor._rebuild_from_type_v2")
GET_LAYOUT = Named("torch.serialization._get_layout")
UNTYPED = Named("torch.storage.UntypedStorage")
STORAGE, CPU_NAME = "storage", "cpu"
TUPLES = (b"", pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3)


class Record:
    """The memory of a storage, to be written beside the pickle."""

    __slots__ = ("data", "dtype", "key", "owner")

    def __init__(self, key: str, data: Any, owner: Any, dt: dtype | None) -> None:
        self.key, self.data, self.owner, self.dtype = key, data, owner, dt


class Pickler(_Python):
    """Writes a pickle into memory, and collects the storages that it refers to."""

    def __init__(self, protocol: int = DEFAULT_PROTOCOL, view_metadata: bool = False) -> None:
        self.buffer = io.BytesIO()
        super().__init__(self.buffer, protocol)
        self.records: dict[int, Record] = {}  # by id of what owns the memory
        self.view_metadata = view_metadata  # the old format has one more field
        self.names: dict[str, Named] = {}
        self.codes: dict[int, bytes] = {}  # by id of what is in the file many times: its opcode there
        self.kinds: dict[dtype, Named] = {}  # the storages that the file has named

    def pickled(self, obj: Any) -> bytes:
        self.dump(obj)
        return self.buffer.getvalue()

    # ---- names

    def save_global(self, obj: Any, name: str | None = None) -> None:
        if isinstance(obj, Named):
            self.save_named(obj)
        elif isinstance(obj, dtype):
            self.save_named(Named(f"torch.{obj.name}"))
        elif is_ours(obj):
            self.save_named(Named(".".join(pytorch_name(obj))))
        else:
            super().save_global(obj, name)

    def save_named(self, named: Named) -> None:
        named = self.names.setdefault(f"{named.module}.{named.name}", named)
        found = self.memo.get(id(named))
        if found is not None:
            self.write(self.get(found[0]))
            return
        if self.proto >= 4:
            self.save(named.module)
            self.save(named.name)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + f"{named.module}\n{named.name}\n".encode())
        self.memoize(named)

    def save_type(self, obj: Any) -> Any:
        if is_ours(obj):
            return self.save_global(obj)
        return super().save_type(obj)

    # ---- objects

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) in PLAIN or type(obj) is Tensor:
            return NotImplemented
        if isinstance(obj, Tensor) and _as_inherited(type(obj), Tensor):
            return self.tensor(obj)
        if isinstance(obj, Module) and _as_inherited(type(obj), Module):
            return self.module(obj)
        reduce = REDUCERS.get(type(obj))
        return reduce(obj) if reduce is not None else NotImplemented

    def module(self, m: Module) -> tuple:
        state = exported(m, m.__getstate__())
        if self.proto < 2:
            return copyreg._reconstructor, (type(m), object, None), state  # type: ignore[attr-defined]
        return _new_object, (type(m),), state

    def tensor(self, t: Tensor) -> Any:
        if isinstance(t, UninitializedTensorMixin):
            return type(t), (t.requires_grad,)
        cls, state = plain_class(t), attributes(t)
        build, arguments = self.plain_tensor(t)
        if cls is Parameter:
            data = _Reduced(build, arguments)
            flags = (t.requires_grad, OrderedDict())
            if state is None:
                return REBUILD["parameter"], (data, *flags)
            return REBUILD["parameter_with_state"], (data, *flags, state)
        if cls is Tensor and state is None:
            return build, arguments
        return REBUILD_TYPE, (build, cls, arguments, state)

    def plain_tensor(self, t: Tensor) -> tuple[Named, tuple]:
        """The function and the arguments that make the tensor, apart from its class."""
        requires_grad = t._rg and plain_class(t) is not Parameter
        if t.is_meta:
            shape, strides = tuple(t._a.shape), t.stride()  # type: ignore[attr-defined]
            return REBUILD["meta_tensor_no_storage"], (t.dtype, shape, strides, requires_grad)
        record = self.record(t)
        typed = t.dtype.name in TYPE_NAMES and record.dtype in (None, t.dtype)
        if record.dtype is None and typed:
            record.dtype = t.dtype
        arguments = (_Stored(record, t.dtype if typed else None), *geometry(t), requires_grad, OrderedDict())
        if typed:
            return REBUILD["tensor_v2"], arguments
        record.dtype = record.dtype or UINT8
        return REBUILD["tensor_v3"], (*arguments, t.dtype)

    # ---- plain tensors, of which files have thousands: their opcodes without the detours of `save`

    def save_tensor(self, t: Tensor) -> None:
        """Writes a tensor."""
        record = self.quick_record(t)
        if record is None:
            self.save_reduce(*self.tensor(t), obj=t)
            return
        offset, shape, strides = geometry(t)
        write = self.write
        self.again(REBUILD["tensor_v2"])
        write(pickle.MARK + pickle.MARK)
        for part in (STORAGE, self.kind_of(t.dtype), record.key, CPU_NAME):
            self.again(part)
        self.save_long(record.data.size // t.dtype.itemsize)
        if self.view_metadata:
            write(pickle.NONE)
        write(pickle.TUPLE + self.numbered() + pickle.BINPERSID)
        self.save_long(offset)
        self.numbers(shape)
        self.numbers(strides)
        write(pickle.NEWTRUE if t._rg else pickle.NEWFALSE)
        self.again(OrderedDict)
        write(pickle.EMPTY_TUPLE + pickle.REDUCE + self.numbered())
        write(pickle.TUPLE + self.numbered() + pickle.REDUCE)
        self.memoize(t)

    def numbered(self) -> bytes:
        """Takes the next number for something that nothing will refer to, as PyTorch's pickler does."""
        number = len(self.memo)
        self.memo[-number - 1] = (number, None)
        return pickle.MEMOIZE if self.proto >= 4 else self.put(number)

    def quick_record(self, t: Tensor) -> Record | None:
        """The storage of a tensor without anything special, else None."""
        if self.proto < 2 or t.is_meta or t.dtype.name not in TYPE_NAMES or attributes(t):
            return None
        record = self.record(t)
        if record.dtype is None:
            record.dtype = t.dtype
        return record if record.dtype is t.dtype else None

    def again(self, obj: Any) -> None:
        """Writes what comes many times: in full at first, then as a reference."""
        code = self.codes.get(id(obj))
        if code is None:
            self.save(obj)
            self.codes[id(obj)] = self.get(self.memo[id(obj)][0])
        else:
            self.write(code)

    def kind_of(self, dt: dtype) -> Named:
        """The class of storages of a dtype."""
        found = self.kinds.get(dt)
        if found is None:
            path = f"torch.{storage_name(dt)}"
            found = self.kinds[dt] = self.names.setdefault(path, Named(path))
        return found

    def numbers(self, values: tuple[int, ...]) -> None:
        """Writes a tuple of numbers."""
        if len(values) > 3:
            self.write(pickle.MARK)
        for value in values:
            self.save_long(value)
        if values:
            self.write((TUPLES[len(values)] if len(values) <= 3 else pickle.TUPLE) + self.numbered())
        else:
            self.write(pickle.EMPTY_TUPLE)

    # ---- storages

    def record(self, t: Tensor) -> Record:
        owner = t if t._s is None else t._s
        found = self.records.get(id(owner))
        if found is None:
            found = self.records[id(owner)] = Record(str(len(self.records)), bytes_of(t._a), owner, None)
        return found

    def persistent_id(self, obj: Any) -> Any:
        if type(obj) in PLAIN:
            return None
        if isinstance(obj, (TypedStorage, UntypedStorage)):
            record = self.record(obj.untyped()._bytes)
            dt = obj.dtype if isinstance(obj, TypedStorage) and obj.dtype.name in TYPE_NAMES else None
            record.dtype = record.dtype or dt or UINT8
            obj = _Stored(record, dt)
        if not isinstance(obj, _Stored):
            return None
        record, dt = obj.record, obj.dtype
        kind = UNTYPED if dt is None else self.kind_of(dt)
        count = record.data.size // (1 if dt is None else dt.itemsize)
        more = (None,) if self.view_metadata else ()
        return (STORAGE, kind, record.key, CPU_NAME, count, *more)

    dispatch: ClassVar[dict] = {
        **_Python.dispatch,
        type: save_type,
        FunctionType: save_global,
        Named: save_named,
        Tensor: save_tensor,
    }


class _Stored:
    """The place of a storage in a pickle."""

    __slots__ = ("dtype", "record")

    def __init__(self, record: Record, dt: dtype | None) -> None:
        self.record, self.dtype = record, dt


class _Reduced:
    """What a call makes, inside of another call's arguments."""

    __slots__ = ("arguments", "build")

    def __init__(self, build: Named, arguments: tuple) -> None:
        self.build, self.arguments = build, arguments

    def __reduce__(self) -> tuple:
        return self.build, self.arguments


def _new_object(cls: type) -> Any:
    raise TypeError("stands for the opcode of new objects")


_new_object.__name__ = "__newobj__"  # what pickle looks for


def _as_inherited(cls: type, base: type) -> bool:
    """Has the class left pickling as `base` has it?"""
    names = ("__reduce__", "__reduce_ex__")
    return all(getattr(cls, name) is getattr(base, name) for name in names)


def _generator(g: Generator) -> tuple:
    return Named("torch._C.Generator"), (device("cpu"),), (g.initial_seed(), None, g.get_state())


def _no_format(x: memory_format) -> Any:
    raise TypeError(f"cannot pickle {x!r}: PyTorch's files have no memory formats; save its name")


REDUCERS: dict[type, Callable[[Any], Any]] = {
    Generator: _generator,
    dtype: lambda x: x.name,
    Size: lambda x: (Named("torch.Size"), (tuple(x),)),
    device: lambda x: (Named("torch.device"), (x.type,) if x.index is None else (x.type, x.index)),
    layout: lambda x: (GET_LAYOUT, (f"torch.{x.name}",)),
    memory_format: _no_format,
}
