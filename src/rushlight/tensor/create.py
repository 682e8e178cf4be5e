"""Tensors from data: lists, numbers, arrays, other tensors."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np

from ..quiet import quiet
from ..warned import warn
from .core import META, Tensor, wrap
from .dtype import COMPLEX, bool_, dtype, get_default_dtype, int64, of_numpy, promote_types
from .numbers import tell_of_lost_gradient
from .options import checked_device, checked_dtype, checked_pinning

PLAIN = {bool, int, float, complex}
SEQUENCES = (list, tuple, range)


def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    """A new tensor with a copy of `data`: a number, nested lists of numbers, an array or a tensor.

    The dtype is that of the data: int64 for integers, the default floating point type for floats.
    """
    dt = None if dtype is None else checked_dtype("tensor", dtype)
    t = _copied(data, dt)
    if pin_memory:
        checked_pinning(pin_memory)
    if checked_device(device if device is not None or not isinstance(data, Tensor) else data.device) is META:
        from .meta import as_meta

        t = as_meta(t)
    if requires_grad:
        t.requires_grad = True
    return t


def _copied(data: Any, dt: dtype | None) -> Tensor:
    kind = type(data)
    if kind is float and dt is None:
        d = get_default_dtype()
        return wrap(np.array(data, d.np), d)
    if isinstance(data, Tensor):
        return _of_tensor(data, dt)
    if isinstance(data, np.ndarray):
        return _of_array(data, dt)
    return wrap(*array_of(data, dt))


def _of_tensor(data: Tensor, dt: dtype | None) -> Tensor:

    warn(
        "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
        "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).",
        UserWarning,
    )
    if data.is_meta:
        from .meta import as_meta

        return as_meta(wrap(data._a, dt or data.dtype))
    return _converted(data._a, data.dtype, dt)


def _of_array(data: np.ndarray, dt: dtype | None) -> Tensor:
    check_strides(data)
    return _converted(data, of_numpy(data.dtype), dt)


def _converted(a: np.ndarray, own: dtype, dt: dtype | None) -> Tensor:
    from ..lang import cast

    if dt is None or dt is own:
        return wrap(np.array(a, order="K", subok=False), own)
    return wrap(np.asarray(cast(np.asarray(a), dt.np)), dt)


def check_strides(array: np.ndarray) -> None:
    """Tensors look at memory forwards, in whole elements."""
    if array.flags.c_contiguous:
        return
    if any(s < 0 for s in array.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative strides "
            "are not supported. "
            "Make a copy first: array.copy()"
        )
    if any(s % array.itemsize for s in array.strides):
        raise ValueError(
            "given numpy array strides not a multiple of the element byte size. Copy the numpy array to "
            "reallocate the memory."
        )


# ---- numbers and nested sequences


def array_of(data: Any, dt: dtype | None = None, what: str = "tensor") -> tuple[np.ndarray, dtype]:
    """The array for a number or nested sequences of numbers, and its dtype (inferred when `dt` is None)."""
    kinds = _leaf_types(data) if isinstance(data, SEQUENCES) else {type(data)}
    if kinds <= PLAIN:
        return _of_plain(data, kinds, dt)
    return _of_anything(data, dt, what)


def _leaf_types(data: Any) -> set[type]:
    if type(data) is range:
        return {int}
    kinds = set(map(type, data))
    if kinds.isdisjoint(SEQUENCES):
        return kinds
    nested = [x for x in data if isinstance(x, SEQUENCES)]
    return kinds.difference(SEQUENCES) | _leaf_types(list(chain.from_iterable(nested)))


def _of_plain(data: Any, kinds: set[type], dt: dtype | None) -> tuple[np.ndarray, dtype]:
    inferred = _inferred(kinds)
    target = dt or inferred
    if target.is_complex is False and complex in kinds and target is not bool_:
        raise TypeError(
            f"must be real number, not complex: the data is complex and dtype is {target}; use "
            "dtype=torch.complex64"
        )
    if inferred is int64 and target.category < 2:
        return _of_integers(data, target), target
    wide = np.bool_ if inferred is bool_ else np.complex128 if inferred.category == COMPLEX else np.float64
    try:
        a = np.array(data, wide)
    except (ValueError, TypeError, OverflowError) as error:
        raise _explained(data, error) from None
    return _narrowed(a, target), target


def _inferred(kinds: set[type]) -> dtype:
    if complex in kinds:
        return get_default_dtype().to_complex()
    if float in kinds or not kinds:
        return get_default_dtype()
    return int64 if int in kinds else bool_


def _of_integers(data: Any, target: dtype) -> np.ndarray:
    try:
        a = np.array(data, np.uint64 if target.name == "uint64" else np.int64)
    except OverflowError:
        if target is bool_:
            return np.array(data, object).astype(bool)
        if target.name == "uint64":  # negative numbers wrap round
            return np.array(data, np.int64).astype(np.uint64)
        raise ValueError(
            f"Overflow when unpacking long long: an integer does not fit into {target}; use "
            "dtype=torch.float64, "
            "or torch.uint64 for numbers up to 2**64 - 1"
        ) from None
    except (ValueError, TypeError) as error:
        raise _explained(data, error) from None
    return _narrowed(a, target)


def _narrowed(a: np.ndarray, target: dtype) -> np.ndarray:
    """Numbers in the type asked for; what does not fit an integer type is refused."""
    if a.dtype == target.np:
        return a
    if target.category != 1:
        with quiet:
            return a.astype(np.float32).astype(target.np) if target.reduced else a.astype(target.np)
    if a.dtype.kind != "b" and a.size:
        info = np.iinfo(target.np)
        low = -info.max if not target.is_signed else info.min
        if not (a.min() >= low and a.max() <= info.max):
            worst = a.max() if a.max() > info.max else a.min()
            raise RuntimeError(
                f"value cannot be converted to type {target.name} without overflow: {worst} is not in "
                f"[{info.min}, {info.max}]; "
                "use a wider dtype, such as torch.int64"
            )
    return a.astype(np.int64).astype(target.np) if a.dtype.kind == "f" else a.astype(target.np)


def _explained(data: Any, error: Exception) -> Exception:
    """Which sequence has another length than its neighbours."""
    shape: list[int] = []
    x = data
    while isinstance(x, SEQUENCES):
        shape.append(len(x))
        if not len(x):
            break
        x = x[0]
    found = _misfit(data, shape, 0)
    return found or type(error)(str(error))


def _misfit(data: Any, shape: list[int], depth: int) -> Exception | None:
    if depth == len(shape):
        if isinstance(data, SEQUENCES):
            return TypeError(
                f"'{type(data).__name__}' object cannot be interpreted as a number at dim {depth}: "
                "expected a number there"
            )
        return None
    if not isinstance(data, SEQUENCES):
        return TypeError(
            f"not a sequence at dim {depth}: expected {shape[depth]} numbers in a list, got {data!r}"
        )
    if len(data) != shape[depth]:
        return ValueError(
            f"expected sequence of length {shape[depth]} at dim {depth} (got {len(data)}); the rows of a "
            "tensor have one length: "
            "pad them first (torch.nn.utils.rnn.pad_sequence)"
        )
    return next((m for x in data if (m := _misfit(x, shape, depth + 1)) is not None), None)


def _of_anything(data: Any, dt: dtype | None, what: str) -> tuple[np.ndarray, dtype]:
    """Data with numpy's numbers, arrays or tensors in it, or objects that know how to be an array."""
    if isinstance(data, (str, bytes)):
        raise TypeError(
            f"new(): invalid data type '{type(data).__name__}'; {what}() takes numbers, lists of numbers "
            "and arrays"
        )
    if isinstance(data, np.generic):
        return _converted_pair(np.asarray(data), dt)
    if not isinstance(data, SEQUENCES):
        a = _as_array(data)
        if a is not None:
            return _converted_pair(np.array(a), dt)
        if not _is_sequence(data):
            raise RuntimeError(
                f"Could not infer dtype of {type(data).__name__}: {what}() takes numbers, lists of numbers "
                "and arrays"
            )
        return array_of(list(data), dt, what)
    own: set[dtype] = set()
    plain = _plain_copy(data, own, what)
    kinds = _leaf_types(plain)
    if dt is None:
        dt = get_default_dtype() if not own else _promoted(own)
    return _of_plain(plain, kinds, dt)


def _promoted(dtypes: set[dtype]) -> dtype:
    found = None
    for d in dtypes:
        found = d if found is None else promote_types(found, d)
    return found  # type: ignore[return-value]


def _plain_copy(data: Any, own: set[dtype], what: str) -> Any:
    """Nested lists of Python numbers; their dtypes go to `own`."""
    if type(data) in PLAIN:
        own.add(_inferred({type(data)}))
        return data
    if isinstance(data, SEQUENCES):
        return [_plain_copy(x, own, what) for x in data]
    if isinstance(data, np.generic) and data.dtype.kind in "biufc":
        own.add(of_numpy(data.dtype))
        return data.item()
    if isinstance(data, Tensor):
        if data._a.size != 1:
            raise ValueError(
                "only one element tensors can be converted to Python scalars, but one in the list has "
                f"shape {list(data._a.shape)}; "
                "use torch.stack(list) or torch.cat(list)"
            )
        own.add(data.dtype)
        tell_of_lost_gradient(data)
        return data.item()
    if isinstance(data, np.ndarray):
        own.add(of_numpy(data.dtype))
        return data.tolist()
    return _plain_stranger(data, own, what)


def _plain_stranger(data: Any, own: set[dtype], what: str) -> Any:
    if isinstance(data, (str, bytes)):
        raise ValueError(
            f"too many dimensions '{type(data).__name__}': {what}() takes numbers, but there is {data!r} "
            "in the list"
        )
    a = _as_array(data)
    if a is not None:
        own.add(of_numpy(a.dtype))
        return a.tolist()
    for kind in (int, float, complex):
        if isinstance(data, kind):
            own.add(_inferred({kind}))
            return kind(data)
    if _is_sequence(data):
        return [_plain_copy(x, own, what) for x in data]
    raise RuntimeError(
        f"Could not infer dtype of {type(data).__name__}: {what}() takes numbers, lists of numbers and arrays"
    )


def _converted_pair(a: np.ndarray, dt: dtype | None) -> tuple[np.ndarray, dtype]:
    t = _converted(a, of_numpy(a.dtype), dt)
    return t._a, t.dtype


def _as_array(data: Any) -> np.ndarray | None:
    """What an object that offers itself as an array holds."""
    if hasattr(data, "__array__") or hasattr(data, "__array_interface__"):
        return np.asarray(data)
    if hasattr(data, "__dlpack__"):
        return np.from_dlpack(data)
    return None


def _is_sequence(data: Any) -> bool:
    return (
        hasattr(data, "__len__")
        and hasattr(data, "__getitem__")
        and not isinstance(data, (dict, set, frozenset))
    )


# ---- without copying where that is possible


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` as a tensor: itself if it is one, on the same memory if it is an array, else a new one."""
    dt = None if dtype is None else checked_dtype("as_tensor", dtype)
    if isinstance(data, Tensor):
        return data.to(device=device, dtype=dt) if device is not None or dt is not None else data
    if isinstance(data, np.ndarray):
        from .interop import from_numpy

        if data.flags.writeable:
            return from_numpy(data).to(device=checked_device(device), dtype=dt)
        return tensor(data, dtype=dt, device=device)
    return tensor(data, dtype=dt, device=device)


def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Tensor:
    """`obj` as a tensor, on its own memory where that is possible and `copy` is not True."""
    dt = None if dtype is None else checked_dtype("asarray", dtype)
    t = _shared(obj)
    if t is None:
        if copy is False:
            raise ValueError(
                f"can't alias arbitrary sequence: a {type(obj).__name__} is copied to become a tensor; "
                "leave copy=False away"
            )
        t = tensor(obj, dtype=dt, device=device)
    else:
        target = checked_device(device) if device is not None else t.device
        if copy is False and (target is not t.device or (dt is not None and dt is not t.dtype)):
            raise ValueError(
                f"can't alias tensor with dtype '{t.dtype}' as dtype '{dt or t.dtype}' on '{target}'; "
                "leave copy=False away"
            )
        t = t.to(device=target, dtype=dt, copy=bool(copy))
        if t._node is not None and not requires_grad:
            t = t.detach()
    if requires_grad and not t._rg:
        t = t.detach() if t is obj else t
        t.requires_grad = True
    return t.detach() if t._rg and not requires_grad else t


def _shared(obj: Any) -> Tensor | None:
    from . import interop

    if isinstance(obj, Tensor):
        return obj
    if isinstance(obj, np.ndarray):
        return interop.from_numpy(obj)
    if hasattr(obj, "__dlpack__"):
        return interop.from_dlpack(obj)
    if not isinstance(obj, (*SEQUENCES, str, bytes)) and interop.is_buffer(obj):
        return interop.frombuffer(obj, dtype=of_numpy(np.asarray(obj).dtype))
    return None


def scalar_tensor(
    s: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor without dimensions, of the default floating point type unless `dtype` says otherwise."""
    return tensor(
        s,
        dtype=dtype or get_default_dtype(),
        device=device,
        requires_grad=requires_grad,
        pin_memory=pin_memory,
    )


__all__ = ["array_of", "as_tensor", "asarray", "check_strides", "scalar_tensor", "tensor"]
