"""Generated code as a real CPython builtin: 30 to 40 ns a call instead of 600 through ctypes."""

from __future__ import annotations

import ctypes

METH_FASTCALL = 0x0080


class _MethodDefinition(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("documentation", ctypes.c_char_p),
    ]


def fastcall(address: int, name: str, owner: object = None, doc: str | None = None):
    """A builtin that calls `PyObject *address(PyObject *owner, PyObject *const *args, Py_ssize_t count)`.

    `owner` becomes the builtin's `__self__` and lives as long as it.
    """
    text = f"{name}(*args)\n--\n\n{doc}" if doc else None
    definition = _MethodDefinition(name.encode(), address, METH_FASTCALL, text.encode() if text else None)
    # builtins point to their definition until they are gone themselves, at the very end of the interpreter
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(definition))
    new = ctypes.pythonapi.PyCFunction_NewEx
    new.restype = ctypes.py_object
    new.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
    return new(ctypes.addressof(definition), owner, None)
