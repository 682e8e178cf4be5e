"""Tables of what an element-wise operator can do at once, for the builtins of `llvm.quick`."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from ..runtime import builtin, native, session, settings, watch
from ..tensor.dtype import DTYPES
from .llvm import quick
from .llvm.quick import HEADER_WORDS, MOST_OPERANDS, ROW

MOST_ROWS = 32
LOOPS = 4  # words of a ufunc object after its header: operands (two), identity, then the loops


class Table:
    """What an operator of `count` operands can do at once; empty until it is taught."""

    def __init__(self, name: str, count: int) -> None:
        self.name, self.count = name, count
        self.words = np.zeros(HEADER_WORDS + MOST_ROWS * len(ROW), np.int64)
        self.kept: list[Any] = []
        self.found: list[Callable[[Any, Any], None]] = []  # told of the builtins when there are some

    def forget(self) -> None:
        self.words[0] = 0

    def teach(
        self,
        kinds: Sequence[Any],
        kernel: Any,
        result: np.dtype,
        dtype: Any = None,
        least: int = 0,
        below: int = sys.maxsize,
        records: bool = False,
        constant: float | None = None,
        loop: tuple[int, int] | None = None,
        whole: bool | None = None,
    ) -> None:
        """From now on, operands of these kinds are done at once, by a kernel or by a loop of numpy's.

        A kind is a dtype, numpy's dtype or None for a number. It is for `least` elements of all operands and
        more, `below` some number of them.
        """
        row = int(self.words[0])
        if row == MOST_ROWS or len(kinds) > MOST_OPERANDS or settings.debug_level >= watch.LEVEL:
            return
        if row == 0 and not self._start():
            return
        first = next(getattr(k, "np", k) for k in kinds if k is not None)
        owner = getattr(kernel, "__self__", None)
        known = {
            **{f"kind{k}": _kind(kind) for k, kind in enumerate(kinds)},
            "least": least,
            "below": below,
            "description": 0 if loop else owner.description,
            "kernel": 0 if loop else id(owner),
            "loop": loop[0] if loop else 0,
            "loop_data": loop[1] if loop else 0,
            "dtype": 0 if dtype is None else id(dtype),
            "number": result.num,
            "item": result.itemsize,
            "records": records,
            "whole": first.kind in "iu" if whole is None else whole,
            "ranked": depends_on_ranks({k for k in kinds if k is not None}),
            "has_constant": constant is not None,
            "constant": struct.unpack("q", struct.pack("d", constant or 0.0))[0],
        }
        start = HEADER_WORDS + row * len(ROW)
        self.words[start : start + len(ROW)] = [known.get(name, 0) for name in ROW]
        self.kept += [kinds, kernel, dtype]
        self.words[0] = row + 1

    def _start(self) -> bool:
        code = load()
        if code is None:
            return False
        made = [
            builtin.fastcall(code.address[f"{kind}{self.count}"], self.name, owner=self.words)
            for kind in ("run", "into")
        ]
        for tell in self.found:
            tell(*made)
        return True


def depends_on_ranks(types: set[Any]) -> bool:
    """May the type of the result be another one where some tensors have no dimensions?

    Not where one type alone is of the highest category, as a float beside integers.
    """
    if len(types) < 2:
        return False
    categories = [DTYPES[np.dtype(getattr(t, "np", t)).name].category for t in types]
    return categories.count(max(categories)) > 1


def _kind(kind: Any) -> int:
    if kind is None:
        return 0
    return kind.num + 1 if isinstance(kind, np.dtype) else id(kind)


@cache
def load() -> native.loader.Code | None:
    """The code of the builtins, or None where there can be none."""
    from ..autograd.modes import state
    from ..autograd.native import SLOTS
    from ..nn.parameter import Parameter
    from ..tensor.core import Tensor
    from . import attributes, lending, objects
    from .llvm import dispatch

    constants = {
        "tensor_type": Tensor, "parameter_type": Parameter, "float_type": float, "int_type": int,
        "state": state, "name_grad": sys.intern("grad"),
    }  # fmt: skip
    attributes.install()
    try:
        new_array = lending.load().code.address["new_array"]
        symbols = {"rl_call": dispatch.load().address["rl_call"], "new_array": new_array}
        code = objects.load_code(
            "quick",
            quick.add_quick,
            slots={Tensor: SLOTS[Tensor]},
            constants=constants,
            symbols=symbols,
        )
    except session.Unavailable as reason:
        settings.log(1, f"element-wise operators stay with Python: {reason}")
        return None
    return code


def loop_of(ufunc: Any, kinds: str) -> tuple[int, int] | None:
    """The address of numpy's own loop for types such as "f->f", and what it is called with."""
    import ctypes

    if not isinstance(ufunc, np.ufunc) or kinds not in ufunc.types:
        return None
    words = (ctypes.c_uint64 * 8).from_address(id(ufunc) + object.__basicsize__)
    index = ufunc.types.index(kinds)
    return tuple(ctypes.c_uint64.from_address(words[k] + 8 * index).value for k in (2, 3))  # type: ignore[return-value]
