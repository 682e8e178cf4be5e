"""The recording of operators and the way back through the graph as generated code, where kernels can be had.

Python's own functions do the same and do it until a program has gone back a few times: then `functions` holds
the builtins, and the operators that have been written so far are told.
"""

from __future__ import annotations

import ctypes
import sys
from _heapq import heappop, heappush
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..runtime import settings
from ..tensor.core import Tensor
from ..tensor.storage import Storage
from .node import RELEASED, Node, next_sequence

PASSES_BEFORE = 10  # a program that goes back less often needs no generated code
SOURCES = (
    "rushlight.runtime.ir",
    "rushlight.kernels.llvm.frame",
    "rushlight.kernels.llvm.objects",
    "rushlight.kernels.llvm.recording",
    "rushlight.kernels.llvm.walking",
)
SLOTS = {
    Tensor: ("_a", "_base", "_grad", "_hooks", "_node", "_out", "_rg", "_s", "dtype"),
    Node: ("edges", "leases", "outputs", "saved", "sequence"),
    Storage: ("_lease",),
}
DESCRIPTOR_MEMBER = 24  # where a slot's descriptor has its PyMemberDef, after the object's header
MEMBER_OFFSET = 16  # and where that has the offset of the slot
TP_NEW = 65  # the number of `tp_new` for PyType_GetSlot


class Functions(NamedTuple):
    """The builtins."""

    wrap: Callable[..., Any]
    node: Callable[..., Any]
    record: Callable[..., Any]
    advance: Callable[..., Any]
    deposit: Callable[..., Any]


functions: Functions | None = None
told: list[Callable[[Functions | None], None]] = []  # called when there are functions, or none any more
_passes = 0


def passed() -> Functions | None:
    """Counts a pass through a graph; the builtins once there were enough of them."""
    global _passes
    _passes += 1
    if _passes == PASSES_BEFORE and settings.kernel_mode != "off":
        start()
    return functions


def start() -> None:
    """Has generated code from now on, if it can be had."""
    from ..runtime.session import Unavailable

    try:
        _use(_load())
    except Unavailable as reason:
        settings.log(1, f"the graph stays with Python: {reason}")


def forget() -> None:
    """Starts over: the kernel mode has changed."""
    global _passes
    _passes = 0
    _use(None)


def _use(new: Functions | None) -> None:
    global functions
    functions = new
    for tell in told:
        tell(new)


settings.when_changed.append(forget)


def _load() -> Functions:
    from ..kernels.llvm import frame, objects
    from ..runtime import builtin, native, session

    if not (answer := session.available()):
        raise session.Unavailable(answer.reason)
    if sys.implementation.name != "cpython" or not getattr(sys, "_is_gil_enabled", lambda: True)():
        raise session.Unavailable("it is written for CPython with its lock")
    frame.check_layouts()
    slots = tuple((name, _place_of(cls, name)) for cls, names in _slots().items() for name in names)
    places = objects.Places(slots, tuple.__basicsize__)
    code = native.module("graph", (places,), lambda: _text(places), sources=SOURCES)
    _kept[:] = constants = _constants()
    for name, thing in constants:
        ctypes.c_uint64.from_address(code.address[name]).value = thing if name == "object_new" else id(thing)
    return Functions(*(builtin.fastcall(code.address[name], name, owner=code) for name in Functions._fields))


_kept: list[tuple[str, Any]] = []  # what generated code has the addresses of


def _text(places: Any) -> str:
    from ..kernels.llvm.recording import add_recording
    from ..kernels.llvm.walking import add_walking
    from ..runtime.ir import Module

    module = Module()
    for name, _ in _constants():
        module.variable(name, "ptr", "null", exported=True)
    add_recording(module, places)
    add_walking(module, places)
    return module.text()


def _slots() -> dict[type, tuple[str, ...]]:
    from ..ops.operator import OperatorNode

    return {**SLOTS, OperatorNode: ("shapes",)}


def _constants() -> list[tuple[str, Any]]:
    """The objects that generated code knows, by name."""
    from ..nn.parameter import Parameter

    get_slot = ctypes.pythonapi.PyType_GetSlot
    get_slot.restype, get_slot.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_int]
    names = {f"name_{n}": sys.intern(n) for n in ("apply", "check", "release", "hooks", "prehooks")}
    return list(
        {
            "none": None, "true": True, "false": False, "zero": 0, "one": 1, "no_arguments": (),
            "object_new": get_slot(object, TP_NEW), "ndarray_type": np.ndarray, "tensor_type": Tensor,
            "parameter_type": Parameter, "node_type": Node, "released": RELEASED,
            "shape": sys.intern("shape"), "next_sequence": next_sequence, "heappush": heappush,
            "heappop": heappop, **names,
        }.items()
    )  # fmt: skip


def _place_of(cls: type, name: str) -> int:
    """The offset of a slot in the objects of a class; found where CPython keeps it, and tried out."""
    from ..runtime.session import Unavailable

    descriptor = cls.__dict__[name]
    word = ctypes.c_uint64.from_address
    member = word(id(descriptor) + object.__basicsize__ + DESCRIPTOR_MEMBER).value
    offset = word(member + MEMBER_OFFSET).value
    sample, mark = object.__new__(cls), object()
    setattr(sample, name, mark)
    if not object.__basicsize__ <= offset < cls.__basicsize__ or word(id(sample) + offset).value != id(mark):
        raise Unavailable(f"slots of {cls.__name__} are not where they are expected")
    return offset
