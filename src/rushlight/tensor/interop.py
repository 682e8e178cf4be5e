"""Tensors and the rest of the world: numpy, buffers and DLPack, on shared memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..warned import warn
from .core import Tensor, wrap
from .create import check_strides
from .dtype import of_numpy
from .options import checked_dtype
from .storage import Storage, storage_of

CPU_DEVICE = (1, 0)  # DLPack's name for main memory


class _Alias:
    """Somebody else's memory, offered as an array that may be written to and ends where it says."""

    def __init__(self, array: np.ndarray) -> None:
        self.keep = array
        start = array.__array_interface__["data"][0]
        self.__array_interface__ = {
            **array.__array_interface__,
            "data": (start, False),
            "strides": array.strides,
        }


def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor on the memory of a numpy array: a change of one is a change of the other."""
    if not isinstance(array, np.ndarray):
        raise TypeError(
            f"expected np.ndarray (got {type(array).__name__}); use torch.tensor(...) for lists and numbers"
        )
    dt = of_numpy(array.dtype)
    check_strides(array)
    if not array.flags.writeable:
        _warn_read_only("NumPy array")
    return _sharing(array, dt)


def _sharing(array: np.ndarray, dt: Any) -> Tensor:
    if type(array.base) is np.ndarray or type(array) is not np.ndarray:
        array = _cut_off(array)
    t = wrap(array if array.base is None else array[...], dt)
    t._s = Storage(t, pinned=True)
    return t


def _cut_off(array: np.ndarray) -> np.ndarray:
    """The array as if it owned its part of the memory, so that a tensor on it sees no more than it."""
    if array.dtype.isbuiltin != 1 or not array.flags.writeable:
        return array.view(np.ndarray)
    return np.asarray(_Alias(array))


def _warn_read_only(what: str) -> None:
    warn(
        f"The given {what} is not writable, and tensors have no such mark: writing to this one will raise. "
        "Copy the data first if the tensor is to be changed: torch.tensor(...)",
        UserWarning,
    )


def numpy(self: Tensor, *, force: bool = False) -> np.ndarray:
    """The values as a numpy array on the same memory."""
    if self._rg and not force:
        raise RuntimeError(
            "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
        )
    if self.is_meta:
        raise TypeError("can't convert meta device type tensor to numpy: it has no data")
    if self.dtype.reduced and self.dtype.name != "float16":
        raise TypeError(
            f"Got unsupported ScalarType {self.dtype.name}: numpy has no such type; use x.float().numpy()"
        )
    storage_of(self).pin()
    return self._a[...]


def to_array(self: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
    """What np.asarray(x) gives."""
    array = numpy(self)
    if dtype is not None and array.dtype != dtype:
        if copy is False:
            raise ValueError(
                f"a tensor of {self.dtype} becomes an array of {np.dtype(dtype)} only by a copy, and "
                "copy=False was given"
            )
        return array.astype(dtype)
    return array.copy() if copy else array


def from_wrapped(self: Tensor, array: np.ndarray, context: Any = None, return_scalar: bool = False) -> Any:
    """What numpy's functions of a tensor give: a tensor again."""
    array = np.asarray(array)
    return from_numpy(array if array.flags.writeable else array.copy())


# ---- buffers


def is_buffer(obj: Any) -> bool:
    """Does `obj` offer its memory?"""
    try:
        memoryview(obj)
    except TypeError:
        return False
    return True


def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A one-dimensional tensor on the memory of a buffer, from `offset` bytes on."""
    dt = checked_dtype("frombuffer", dtype)
    if not is_buffer(buffer):
        raise ValueError(f"object does not implement Python buffer protocol: {type(buffer).__name__}")
    count = _checked_count(memoryview(buffer).nbytes, dt.itemsize, count, offset)
    array = np.frombuffer(buffer, dt.np, count, offset)
    if not array.flags.writeable:
        _warn_read_only("buffer")
    t = wrap(array, dt)
    t._s = Storage(t, pinned=True)
    if requires_grad:
        t.requires_grad = True
    return t


def _checked_count(length: int, size: int, count: int, offset: int) -> int:
    if length <= 0 or count == 0:
        raise ValueError(f"both buffer length ({length}) and count ({count}) must not be 0")
    if not 0 <= offset < length:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({length} "
            "bytes) minus 1"
        )
    if count > 0:
        if offset + count * size > length:
            raise ValueError(
                f"requested buffer length ({count} * {size} bytes) after offset ({offset} bytes) must not "
                "be greater than "
                f"actual buffer length ({length} bytes)"
            )
        return count
    if (length - offset) % size:
        raise ValueError(
            f"buffer length ({length - offset} bytes) after offset ({offset} bytes) must be a multiple of "
            f"element size ({size})"
        )
    return (length - offset) // size


# ---- DLPack


class _Capsule:
    """A bare DLPack capsule with the methods of an object that makes one."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **_: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return CPU_DEVICE


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor on the memory of another library's array."""
    if isinstance(ext_tensor, Tensor):
        return ext_tensor.clone() if copy else ext_tensor.detach()  # type: ignore[attr-defined]
    source = ext_tensor if hasattr(ext_tensor, "__dlpack__") else _Capsule(ext_tensor)
    array = np.from_dlpack(source)
    if not array.flags.writeable:
        array = np.asarray(_Alias(array))
    t = _sharing(array, of_numpy(array.dtype))
    return t.clone() if copy else t  # type: ignore[attr-defined]


def to_dlpack(
    self: Tensor,
    *,
    stream: Any = None,
    max_version: Any = None,
    dl_device: Any = None,
    copy: bool | None = None,
) -> Any:
    """This memory for another library that knows DLPack."""
    if self._rg:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if stream not in (None, -1):
        raise AssertionError(f"stream should be None on the CPU, got {stream!r}")
    array = self._a.copy() if copy else numpy(self)
    return array.__dlpack__()


def dlpack_device(self: Tensor) -> tuple[int, int]:
    """Where this tensor's memory is, in DLPack's terms."""
    if self.is_meta:
        raise ValueError("Unknown device type meta for Dlpack: a meta tensor has no memory")
    return CPU_DEVICE


def _no_cuda_interface(self: Tensor) -> Any:
    raise AttributeError(
        "Can't get __cuda_array_interface__ on non-CUDA tensor type; this tensor is on the CPU: "
        "np.asarray(x) takes it"
    )


Tensor.numpy, Tensor.__array__, Tensor.__array_wrap__ = numpy, to_array, from_wrapped  # type: ignore[attr-defined]
Tensor.__dlpack__, Tensor.__dlpack_device__ = to_dlpack, dlpack_device  # type: ignore[attr-defined]
Tensor.__cuda_array_interface__ = property(_no_cuda_interface)  # type: ignore[attr-defined]
