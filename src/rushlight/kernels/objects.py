"""Builtins that work on Python's objects, for the few places where Python's own overhead is the cost."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np

from ..runtime import builtin, native, session, watch

DESCRIPTOR_MEMBER = 24  # where a slot's descriptor has its PyMemberDef, after the object's header
MEMBER_OFFSET = 16  # and where that has the offset of the slot
PYARRAY_NEW = 93  # the place of `PyArray_New` in numpy's table of functions
TP_NEW = 65  # the number of `tp_new` for PyType_GetSlot

_kept: list[Any] = []  # what generated code has the addresses of


def load(
    name: str,
    builtins: tuple[str, ...],
    write: Callable[[Any, Any], None],
    *,
    slots: Mapping[type, tuple[str, ...]],
    constants: Mapping[str, Any],
) -> list[Callable[..., Any]]:
    """The builtins that `write(module, places)` defines: see `load_code`."""
    code = load_code(name, write, slots=slots, constants=constants)
    return [builtin.fastcall(code.address[each], each, owner=code) for each in builtins]


def load_code(
    name: str,
    write: Callable[[Any, Any], None],
    *,
    slots: Mapping[type, tuple[str, ...]],
    constants: Mapping[str, Any],
    numbers: Mapping[str, int] | None = None,
    symbols: Mapping[str, int] | None = None,
) -> native.loader.Code:
    """What `write(module, places)` defines, with the addresses of `constants`, and `numbers`, put into it.

    `slots` are those that it looks at, by class. Raises `Unavailable` where there can be no such thing.
    """
    from .llvm import frame, objects

    if not (answer := session.available()):
        raise session.Unavailable(answer.reason)
    if sys.implementation.name != "cpython" or not getattr(sys, "_is_gil_enabled", lambda: True)():
        raise session.Unavailable("it is written for CPython with its lock")
    frame.check_layouts()
    check_layouts()
    found = tuple((slot, _place_of(cls, slot)) for cls, names in slots.items() for slot in names)
    places = objects.Places(found, tuple.__basicsize__)
    known = {**_common(), **constants}
    words = {**{k: v if k == "object_new" else id(v) for k, v in known.items()}, **(numbers or {})}
    code = native.module(
        name,
        (places, *words),
        lambda: _text(write, places, words),
        writers=(write.__module__,),
        symbols={**array_symbols(), **(symbols or {})},
    )
    _kept.append(known)
    for constant, number in words.items():
        ctypes.c_uint64.from_address(code.address[constant]).value = number
    return code


@cache
def array_symbols() -> dict[str, int]:
    """The function of numpy's C interface that makes an array, for `native.module`."""
    umath = getattr(np, "_core", None) or np.core
    table = ctypes.pythonapi.PyCapsule_GetPointer
    table.restype, table.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    address = table(umath._multiarray_umath._ARRAY_API, None) + 8 * PYARRAY_NEW
    return {"PyArray_New": ctypes.c_uint64.from_address(address).value}


def for_arrays(
    name: str,
    dtype: str,
    write: Callable[[str, int], str],
    builtins: tuple[str, ...],
) -> tuple[Callable[..., Any], ...]:
    """The builtins of `write(dtype, vector_bytes)`, which take arrays of a type and make others."""
    from .llvm import frame

    frame.check_layouts()
    width = session.host().vector_bytes
    code = native.module(
        f"{name}_{dtype}",
        (dtype, width),
        lambda: write(dtype, width),
        writers=(write.__module__,),
        symbols=array_symbols(),
    )
    for constant, thing in (("ndarray_type", np.ndarray), ("none", None), ("true", True)):
        ctypes.c_uint64.from_address(code.address[constant]).value = id(thing)
    shown = {made: f"{name}_{made}" for made in builtins}
    return tuple(
        watch.watched(builtin.fastcall(code.address[made], shown[made], owner=code), shown[made])
        for made in builtins
    )


@cache
def check_layouts() -> None:
    """Raise `Unavailable` unless tuples, lists and counts of references are as generated code reads them."""
    thing = np.empty(1)
    group, listed = (None, thing), [None, np.empty(1)]
    word, size = ctypes.c_uint64.from_address, object.__basicsize__
    seen = {
        "lengths": (word(id(group) + size).value, word(id(listed) + size).value),
        "items": (word(id(group) + tuple.__basicsize__ + 8).value,),
        # whoever holds an array counts: generated code writes to those that only it can reach
        "references": (_count(id(listed[1])), _count(id(thing))),
    }
    expected = {"lengths": (2, 2), "items": (id(thing),), "references": (1, 2)}
    if wrong := [what for what in seen if seen[what] != expected[what]]:
        raise session.Unavailable(f"objects of Python {sys.version} do not have their {wrong} as it is known")


def _count(address: int) -> int:
    return ctypes.c_uint32.from_address(address).value


def _text(write: Callable[[Any, Any], None], places: Any, constants: Iterable[str]) -> str:
    from ..runtime.ir import Module

    module = Module()
    for name in constants:
        module.variable(name, "ptr", "null", exported=True)
    write(module, places)
    return module.text()


def _common() -> dict[str, Any]:
    get_slot = ctypes.pythonapi.PyType_GetSlot
    get_slot.restype, get_slot.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_int]
    return {
        "none": None,
        "true": True,
        "false": False,
        "zero": 0,
        "one": 1,
        "no_arguments": (),
        "object_new": get_slot(object, TP_NEW),
        "ndarray_type": np.ndarray,
    }


def _place_of(cls: type, name: str) -> int:
    """The offset of a slot in the objects of a class; found where CPython keeps it, and tried out."""
    descriptor = cls.__dict__[name]
    word = ctypes.c_uint64.from_address
    member = word(id(descriptor) + object.__basicsize__ + DESCRIPTOR_MEMBER).value
    offset = word(member + MEMBER_OFFSET).value
    sample, mark = object.__new__(cls), object()
    setattr(sample, name, mark)
    if not object.__basicsize__ <= offset < cls.__basicsize__ or word(id(sample) + offset).value != id(mark):
        raise session.Unavailable(f"slots of {cls.__name__} are not where they are expected")
    return offset
