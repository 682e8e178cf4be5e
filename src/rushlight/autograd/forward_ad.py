"""Forward mode: derivatives along a direction, computed together with the values.

with dual_level():
    y = f(make_dual(x, direction))
    value, derivative = unpack_dual(y)
"""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

from ..tensor.core import Tensor


class _Open(threading.local):
    def __init__(self) -> None:
        self.levels: list[int] = []


_open = _Open()


class UnpackedDualTensor(NamedTuple):
    """A tensor and its tangent, which is None where there is none."""

    primal: Tensor
    tangent: Tensor | None


def enter_dual_level() -> int:
    """Opens a forward level; at most one may be open (nest `torch.func.jvp` instead)."""
    from ..func.levels import push_level

    if _open.levels:
        raise RuntimeError(
            "Nested forward mode AD is not supported at the moment: a dual level is already open; nest "
            "torch.func.jvp instead"
        )
    _open.levels.append(push_level())
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """Closes the forward level; tangents are gone then."""
    from ..func.levels import pop_level

    if not _open.levels or level not in (None, 0):
        raise RuntimeError("Trying to exit a forward AD level that was not entered; use `with dual_level():`")
    _open.levels.pop()
    pop_level()


class dual_level:
    """A forward level that lasts for a `with` block."""

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *error: object) -> None:
        exit_dual_level()


def _level() -> int:
    if not _open.levels:
        raise RuntimeError(
            "Trying to create or unpack a dual Tensor outside of a forward AD level: do it inside `with "
            "dual_level():`"
        )
    return _open.levels[-1]


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """`tensor` with `tangent`, the direction along which derivatives are taken."""
    from ..func.dual import dual

    here = _level()
    for name, t in (("tensor", tensor), ("tangent", tangent)):
        if not isinstance(t, Tensor):
            raise TypeError(f"make_dual(): {name} must be a Tensor, not {type(t).__name__}")
        if not (t.dtype.is_floating_point or t.dtype.is_complex):
            raise ValueError(f"Expected {name} to be floating point or complex, but got: {t.dtype}")
    if tensor._a.shape != tangent._a.shape:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original Tensor: "
            "the tensor has shape "
            f"{list(tensor._a.shape)}, the tangent {list(tangent._a.shape)}"
        )
    if tensor.dtype is not tangent.dtype:
        raise RuntimeError(
            f"make_dual(): the tensor is {tensor.dtype} and the tangent {tangent.dtype}; they must be of "
            "one type"
        )
    return dual(here, tensor, tangent)


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """A tensor without its tangent, and the tangent."""
    from ..func.dual import Dual

    if not _open.levels:
        return UnpackedDualTensor(tensor, None)
    if isinstance(tensor, Dual) and tensor.level == _open.levels[-1]:
        return UnpackedDualTensor(tensor.value, tensor.tangent)
    return UnpackedDualTensor(tensor, None)


def is_forward_enabled() -> bool:
    """Are tangents computed? They always are."""
    return True


__all__: list[Any] = [
    "UnpackedDualTensor",
    "dual_level",
    "enter_dual_level",
    "exit_dual_level",
    "make_dual",
    "unpack_dual",
]
