"""Tables of the calls that an operator has learnt, for the builtin of `llvm.learnt`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..runtime import builtin, native, session, settings
from . import lending, objects
from .llvm import learnt
from .llvm.learnt import FOLD, LAUNCH, MOVE, VIEW

__all__ = ["BARE", "FOLD", "LAUNCH", "MOVE", "OBJECT", "RECORDING_MATTERS_NOT", "REFUSED", "VIEW", "Table"]
BARE, REFUSED, RECORDING_MATTERS_NOT = learnt.BARE, learnt.REFUSED, learnt.RECORDING_MATTERS_NOT
OBJECT, MOST_RESULTS = learnt.OBJECT, learnt.MOST_RESULTS
FILL = (1 << learnt.SOURCE_BITS) - 1  # the source of an entry that is the fill value
SOURCE_BITS = learnt.SOURCE_BITS
LAST_TYPE = 23  # of numpy's numbers of types; others do not come from a number alone


class Kept(NamedTuple):
    """Any object that a record has the address of."""

    thing: Any


class Table:
    """What one operator has learnt; `call` is its builtin."""

    def __init__(self, name: str) -> None:
        self.words = np.zeros(learnt.TABLE_WORDS, np.int64)
        self.kept: list[Any] = []  # records stay: a thread may be at one while another is put in its place
        self.call: Callable[..., Any] = builtin.fastcall(load().address["learnt"], name, owner=self.words)

    def forget(self) -> None:
        self.words[learnt.FIRST_SLOT :] = 0

    def last(self) -> tuple[int, np.ndarray]:
        """The slot and the words of the call that was answered with False."""
        length = int(self.words[learnt.LAST_LENGTH])
        start = learnt.LAST_WORDS
        return int(self.words[learnt.LAST_SLOT]), self.words[start : start + length].copy()

    def teach(
        self,
        key: tuple[int, np.ndarray],
        outputs: Sequence[Mapping[str, Any]],
        others: Sequence[Mapping[str, Any]] = (),
        **known: Any,
    ) -> None:
        """From now on calls of these words are done as `known` says; `others` are made for that, and gone."""
        slot, words = key
        made = [*outputs, *others]
        record = {**known, "length": len(words), "words": words, "outputs": len(outputs), "made": len(made)}
        record["places"] = self._block(learnt.PLACE, made)
        if "parts_at" in record:
            layout = learnt.OPERAND if known["kind"] == LAUNCH else learnt.PART
            record["parts"] = len(record["parts_at"])
            record["parts_at"] = self._block(layout, record["parts_at"])
        self._slot(slot)[learnt.RECORD] = self._block(learnt.ROW, [record]).ctypes.data

    def unlearn(self, key: tuple[int, np.ndarray]) -> None:
        """These words were not for learning; they count as seen."""
        self._slot(key[0])[learnt.RECORD] = 0

    def _slot(self, number: int) -> np.ndarray:
        start = learnt.FIRST_SLOT + number * learnt.SLOT_WORDS
        return self.words[start : start + learnt.SLOT_WORDS]

    def _block(self, layout: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Words laid out row after row: numbers, and the addresses of arrays and objects, which are kept."""
        made = np.zeros((max(1, len(rows)), len(layout)), np.int64)
        for k, row in enumerate(rows):
            for d, name in enumerate(layout):
                made[k, d] = self._word(row.get(name, 0))
        self.kept.append(made)
        return made

    def _word(self, value: Any) -> int:
        if isinstance(value, (int, np.integer)):
            return int(value)
        self.kept.append(value)
        if type(value) is Kept:
            return id(value.thing)
        if isinstance(value, tuple):
            value = np.array(value, np.int64)
            self.kept.append(value)
        return value.ctypes.data if isinstance(value, np.ndarray) else id(value)


def output(array: np.ndarray, dtype: Any, offset: int = 0) -> dict[str, Any]:
    """What a record says of a result."""
    return {
        "dtype": dtype,
        "number": array.dtype.num,
        "item": array.itemsize,
        "rank": array.ndim,
        "dims": array.shape,
        "strides": array.strides,
        "offset": offset,
        "bytes": array.nbytes,
    }


def is_known(array: np.ndarray) -> bool:
    """May it be made of the number of its type?"""
    return array.dtype.num <= LAST_TYPE and array.dtype.kind in "?biufc" and array.dtype.isnative


@cache
def load() -> native.loader.Code:
    """The code of the builtin; raises `Unavailable` where there can be none."""
    from ..autograd.modes import state
    from ..autograd.native import SLOTS
    from ..nn.parameter import Parameter
    from ..tensor.core import Tensor
    from ..tensor.dtype import dtype
    from ..tensor.size import Size
    from ..tensor.storage import storage_of

    constants = {
        "tensor_type": Tensor, "parameter_type": Parameter, "size_type": Size, "dtype_type": dtype,
        "float_type": float, "int_type": int, "bool_type": bool, "str_type": str, "none_type": type(None),
        "list_type": list, "tuple_type": tuple, "state": state, "name_grad": sys.intern("grad"),
        "storage_of": storage_of, "name_prune": sys.intern("prune"),
        "slice_type": slice, "ellipsis": Ellipsis,
    }  # fmt: skip
    slots = {name: SLOTS[name] for name in SLOTS if name.__name__ in ("Tensor", "Storage")}
    symbols = {"new_array": lending.load().code.address["new_array"]}
    return objects.load_code("learnt", learnt.add_learnt, slots=slots, constants=constants, symbols=symbols)


def table(name: str) -> Table | None:
    """A new table, or None where there is no generated code."""
    try:
        return Table(name)
    except session.Unavailable as reason:
        settings.log(1, f"no calls are learnt: {reason}")
        return None
