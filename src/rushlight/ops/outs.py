"""What `out=` must be for operators that move elements: of the same type, and no part of an argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import lang
from ..tensor.core import Tensor
from ..tensor.inplace import check_overlap


def guard_out(call: Callable[..., Any], same_type: bool = True) -> Callable[..., Any]:
    """Makes a composite refuse an `out=` that shares memory with its arguments or has another type."""
    operator = call.operator  # type: ignore[attr-defined]

    def check(out: Tensor, args: Any, kwargs: dict) -> None:
        refuse_sharing(operator.name, out, [*args, *kwargs.values()])
        first = args[0] if args else kwargs.get("input")
        if same_type and isinstance(first, Tensor) and out.dtype is not first.dtype:
            raise RuntimeError(
                f"{operator.name}(): Expected out tensor to have dtype {first.dtype.name}, but got "
                f"{out.dtype.name} instead; leave out= away and convert the result"
            )

    operator.check_out = check
    return call


def refuse_sharing(name: str, out: Tensor, arguments: list[Any]) -> None:
    """PyTorch writes while it still reads, so it refuses this; programs are to behave alike."""
    if not out._a.size:
        return
    check_overlap(out._a, name)
    for v in arguments:
        for t in v if isinstance(v, (list, tuple)) else (v,):
            if isinstance(t, Tensor) and (t is out or lang.share_memory(t._a, out._a)):
                raise RuntimeError(
                    "unsupported operation: some elements of the input tensor and the written-to tensor "
                    "refer to a single memory location "
                    f"({name}, out=). Please clone() the tensor before performing the operation."
                )
