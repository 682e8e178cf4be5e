"""The recording of operators and the way back through the graph as generated code, where kernels can be had.

Python's own functions do the same and do it until a program has gone back a few times: then `functions` holds
the builtins, and the operators that have been written so far are told.
"""

from __future__ import annotations

import sys
from _heapq import heappop, heappush
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..runtime import settings
from ..tensor.core import Tensor
from ..tensor.storage import Storage
from .node import RELEASED, Node, next_sequence
from .sums import added

PASSES_BEFORE = 10  # a program that goes back less often needs no generated code
SLOTS = {
    Tensor: ("_a", "_base", "_grad", "_hooks", "_node", "_out", "_rg", "_s", "dtype"),
    Node: ("edges", "leases", "outputs", "saved", "sequence"),
    Storage: ("_lease", "_members", "_prune_at", "owner"),
}


class Functions(NamedTuple):
    """The builtins."""

    wrap: Callable[..., Any]
    node: Callable[..., Any]
    record: Callable[..., Any]
    view: Callable[..., Any]
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
    from ..kernels import attributes
    from ..runtime.session import Unavailable

    try:
        _use(_load())
        attributes.install()
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
    from ..kernels import objects
    from ..nn.parameter import Parameter
    from ..ops.operator import OperatorNode
    from ..ops.viewing import view_of

    names = {f"name_{n}": sys.intern(n) for n in ("apply", "check", "release", "hooks", "prehooks", "prune")}
    constants = {
        "tensor_type": Tensor, "parameter_type": Parameter, "node_type": Node, "released": RELEASED,
        "python_view": view_of, "shape": sys.intern("shape"), "next_sequence": next_sequence,
        "heappush": heappush, "heappop": heappop, "added": added,
        "float32": np.dtype("float32"), "float64": np.dtype("float64"), **names,
    }  # fmt: skip
    slots = {**SLOTS, OperatorNode: ("shapes",)}
    return Functions(*objects.load("graph", Functions._fields, _write, slots=slots, constants=constants))


def _write(module: Any, places: Any) -> None:
    from ..kernels.llvm.recording import add_recording
    from ..kernels.llvm.walking import add_walking

    add_recording(module, places)
    add_walking(module, places)
