"""Arrays, scalars and dtypes of numpy in a pickle: made from checked descriptions, never from objects."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from .errors import LoadError, told

PLAIN = re.compile(r"[?bBhHiIlLqQefdgFDGSUV]|[biufcSUV][0-9]{1,9}|bool")
_dtype_class = type(np.dtype)


def dtype(code: Any, align: Any = False, copy: Any = True) -> np.dtype:
    """A dtype of plain numbers or text; a copy, because its byte order is set afterwards."""
    if isinstance(code, type) and issubclass(code, np.generic):
        code = np.dtype(code).str
    if type(code) is not str or not PLAIN.fullmatch(code.lstrip("<>=|")):
        raise LoadError(
            f"numpy arrays of dtype {told(code)} are not loaded; those of numbers, bools and fixed-length "
            "text are"
        )
    return np.dtype(code, False, True)  # type: ignore[call-overload]


def set_dtype(made: np.dtype, state: Any) -> np.dtype:
    """Gives a dtype the byte order of a pickled state."""
    plain = type(state) is tuple and len(state) == 8 and state[0] == 3 and state[2:5] == (None, None, None)
    if not plain or state[1] not in ("<", ">", "=", "|"):
        raise LoadError(f"a numpy dtype with the state {told(state)} is not loaded; plain ones are")
    sizes = (made.itemsize, made.alignment) if made.kind in "SUV" else (-1, -1)  # as numpy writes them
    made.__setstate__((3, state[1], None, None, None, *sizes, 0))  # type: ignore[attr-defined]
    return made


def empty_array(cls: Any, shape: Any = (0,), code: Any = b"b") -> np.ndarray:
    """An array that gets its contents as a state."""
    if cls is not np.ndarray:
        raise LoadError("an instance of a subclass of numpy.ndarray is not loaded; save np.asarray(x)")
    return np.empty(0, np.int8)


def set_array(made: np.ndarray, state: Any) -> np.ndarray:
    """Gives an array its shape, dtype and contents."""
    if type(state) is not tuple or len(state) not in (4, 5):
        raise LoadError("a numpy array has a state of an unknown form")
    shape, kind, fortran, raw = state[-4:]
    _check(shape, kind, raw)
    made.__setstate__((1, shape, kind, bool(fortran), raw))  # type: ignore[attr-defined]
    return made


def from_buffer(raw: Any, kind: Any, shape: Any, order: Any = "C", axes: Any = None) -> np.ndarray:
    """An array as pickle protocol 5 has it."""
    if type(shape) is int:
        shape = (shape,)
    _check(shape, kind, raw)
    if order not in ("C", "F") or axes is not None:
        raise LoadError(f"a numpy array has an unknown memory order {told(order)}")
    return np.frombuffer(bytes(raw), kind).reshape(shape, order=order).copy(order="K")


def _check(shape: Any, kind: Any, raw: Any) -> None:
    if not isinstance(kind, np.dtype) or kind.hasobject or kind.fields or kind.subdtype:
        raise LoadError("a numpy array of objects or records is not loaded; arrays of plain numbers are")
    if type(shape) is not tuple or not all(type(n) is int and n >= 0 for n in shape):
        raise LoadError(f"a numpy array has the shape {told(shape)}")
    if type(raw) not in (bytes, bytearray) or len(raw) != math.prod(shape) * kind.itemsize:
        raise LoadError(f"a numpy array of shape {shape} and {kind} comes with contents of another size")


def scalar(kind: Any, raw: Any) -> Any:
    """A number of numpy's."""
    _check((), kind, raw)
    return np.frombuffer(bytes(raw), kind)[0]


def scalar_type(name: str) -> type | None:
    """np.float32 and its like, np.ndarray; None for other names."""
    found = np.ndarray if name == "ndarray" else np.sctypeDict.get(name)
    return found if found is not None and found is not np.object_ else None
