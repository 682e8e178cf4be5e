"""Puts the methods of `llvm.attributes` in the place of the Python functions that they stand for."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import numpy as np

from ..runtime import session, settings
from . import objects
from .llvm import attributes

METH_FASTCALL_KEYWORDS = 0x0080 | 0x0002
KNOWN = {"int32": 5, "int64": 7, "float32": 11, "float64": 12, "bool": 0}  # as generated code has them


class _Method(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("documentation", ctypes.c_char_p),
    ]


class _Property(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("get", ctypes.c_void_p),
        ("set", ctypes.c_void_p),
        ("documentation", ctypes.c_char_p),
        ("closure", ctypes.c_void_p),
    ]


_kept: list[Any] = []  # definitions, which descriptors point to
_replaced: dict[str, tuple[Any, Any]] = {}  # by name: Python's and the one in its place


def install() -> None:
    """Has generated code answer from now on, unless the mode is off; it can be called again."""
    from ..tensor.core import Tensor

    if settings.kernel_mode == "off":
        return
    if not _replaced:
        try:
            _make()
        except session.Unavailable as reason:
            settings.log(1, f"attributes stay with Python: {reason}")
            return
    for name, (python, made) in _replaced.items():
        if Tensor.__dict__.get(name) is python:  # nobody has put another there
            setattr(Tensor, name, made)


def remove() -> None:
    """Has Python answer again."""
    from ..tensor.core import Tensor

    for name, (python, made) in _replaced.items():
        if Tensor.__dict__.get(name) is made:
            setattr(Tensor, name, python)


def _make() -> None:
    from ..autograd.native import SLOTS
    from ..nn.parameter import Parameter
    from ..tensor.core import Tensor
    from ..tensor.size import Size
    from ..tensor.storage import Storage, storage_of

    if any(np.dtype(name).num != number for name, number in KNOWN.items()):
        raise session.Unavailable("numpy numbers its types in another way here")
    own = Tensor.__dict__
    python = {f"python_{name}": own[name] for name in attributes.METHODS}
    python |= {f"python_{name}": own[name].fget for name in attributes.GETTERS}
    python["python_set_data"] = own["data"].fset
    code = objects.load_code(
        "attributes",
        attributes.add_attributes,
        slots={Tensor: SLOTS[Tensor], Storage: SLOTS[Storage]},
        constants={
            "tensor_type": Tensor,
            "parameter_type": Parameter,
            "size_type": Size,
            "int_type": int,
            "storage_of": storage_of,
            "name_prune": sys.intern("prune"),
            **python,
        },
    )
    for name in attributes.METHODS:
        text = (own[name].__doc__ or "").encode()
        definition = _Method(name.encode(), code.address[f"method_{name}"], METH_FASTCALL_KEYWORDS, text)
        _keep(Tensor, name, definition, ctypes.pythonapi.PyDescr_NewMethod)
    for name in attributes.GETTERS:
        text = (own[name].__doc__ or "").encode()
        setter = code.address.get(f"set_{name}")
        definition = _Property(name.encode(), code.address[f"get_{name}"], setter, text, None)
        _keep(Tensor, name, definition, ctypes.pythonapi.PyDescr_NewGetSet)


def _keep(cls: type, name: str, definition: Any, new: Any) -> None:
    new.restype, new.argtypes = ctypes.py_object, [ctypes.py_object, ctypes.c_void_p]
    _kept.append(definition)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(definition))  # descriptors live as long as the class
    _replaced[name] = cls.__dict__[name], new(cls, ctypes.addressof(definition))


def _follow_mode() -> None:
    if _replaced:
        install() if settings.kernel_mode != "off" else remove()


settings.when_changed.append(_follow_mode)
