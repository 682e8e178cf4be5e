"""Operators that learn whole calls: what Python has done for some arguments is done at once for their like.

Arguments are alike when the tensors have the same types, shapes and layouts, and the options are the same.
For many operators that settles what is to be done, whatever the values: which memory to look at (views),
where each element goes (flip, cat, pad), which loop or kernel to run (sums, softmax). A call that has come
some times is run once more with a look at what it does, and from then on a builtin does it. Nothing but time
depends on that: what is learnt gives the very same bits, or it is not learnt.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd.modes import no_grad
from ..lang import witness
from ..lang.movement import address
from ..runtime import settings
from .core import CPU, QUICK, Tensor, wrap
from .device import get_default_device
from .dtype import get_default_dtype, int64

if TYPE_CHECKING:
    from ..kernels.learnt import Table

CALLS_BEFORE = 8  # of an operator, until it looks for calls that are alike
MOST_LESSONS = 200  # an operator whose calls keep changing does not go on learning
MOST_MOVED = 1 << 13  # elements of a result that are moved one by one
MOST_OPERANDS = 40  # of a kernel
MOST_BYTES = 1 << 20  # of a result; for larger ones the time of a call does not matter
MOST_CONSTANT = 1 << 14  # bytes of a result that is the same each time
CONSTANT = ("constant", "constant like")  # does the shape of a tensor matter?
FIRST_NUMBER = 1 << 40  # of elements that are numbered to see where they go


class Learner:
    """What an operator has learnt: `look(*arguments)` answers as `llvm.learnt` says."""

    def __init__(self, op: Any, scope: dict[str, Any], run: Callable[..., Any], recorded: bool) -> None:
        self.op, self.scope, self.run = op, scope, run
        self.recorded = recorded  # does the caller record what comes as a bare array?
        self.calls = self.lessons = 0
        self.table: Table | None = None
        scope["learnt"], scope["learn"] = self._count, self.learn
        settings.when_changed.append(self._start_over)

    def _count(self, *arguments: Any) -> None:
        self.calls += 1
        if self.calls == CALLS_BEFORE and settings.kernel_mode != "off":
            from ..kernels import learnt

            if self.table is None:
                self.table = learnt.table(self.op.name)
            self.scope["learnt"] = None if self.table is None else self.table.call

    def _start_over(self) -> None:
        self.calls = self.lessons = 0
        self.scope["learnt"], self.scope["learn"] = self._count, self.learn
        if self.table is not None:
            self.table.forget()

    def learn(self, *arguments: Any) -> Any:
        """Does a call in Python, and has the builtin do its like from now on."""
        table = self.table
        key = table.last()  # type: ignore[union-attr]
        self.lessons += 1
        if self.lessons == MOST_LESSONS:
            self.scope["learn"] = self.run
        witness.notes = notes = []
        try:
            result = self.run(*arguments)
        finally:
            witness.notes = None
        if self.op.learns in CONSTANT:
            lesson = _as_constant(self.op, arguments, result)
        else:
            lesson = _lesson(arguments, result, notes, self.run if self.op.learns == "moves" else None)
        if lesson is not None:
            lesson["when_recorded"] = self._when_recorded(lesson)
            table.teach(key, **lesson)  # type: ignore[union-attr]
            # words are told by their addresses; tensors are not to live longer because of it
            table.kept.append([a for a in arguments if type(a) is str])  # type: ignore[union-attr]
            with no_grad():
                again = table.call(*arguments)  # type: ignore[union-attr]
            if not _same(again, result):
                table.unlearn(key)  # type: ignore[union-attr]
        return result

    def _when_recorded(self, lesson: dict[str, Any]) -> int:
        from ..kernels.learnt import BARE, RECORDING_MATTERS_NOT, REFUSED, VIEW

        if not getattr(self.op, "differentiable", True):
            return RECORDING_MATTERS_NOT
        if not self.recorded or lesson["in_tuple"]:
            return REFUSED
        return RECORDING_MATTERS_NOT if lesson["kind"] == VIEW else BARE


def _same(again: Any, result: Any) -> bool:
    """Are these the same tensors, to the bit? Other looks at one memory are not read: it may be large."""
    if type(again) is not type(result):
        return False
    pairs = zip(again, result) if type(result) is tuple else ((again, result),)
    return all(
        a.dtype is b.dtype and a._a.shape == b._a.shape and a._a.strides == b._a.strides
        and (address(a._a) == address(b._a) or a._a.tobytes() == b._a.tobytes())
        for a, b in pairs
    )  # fmt: skip


def _lesson(
    arguments: tuple, result: Any, notes: list[Any], moves: Callable[..., Any] | None
) -> dict[str, Any] | None:
    """What the builtin is to do for such arguments; None where that is not known. `moves` is the function
    itself if all it does is to move elements.
    """
    from ..kernels.learnt import MOST_RESULTS, is_known

    tensors = [t for a in arguments for t in (a if type(a) in (tuple, list) else (a,)) if type(t) in QUICK]
    results = result if type(result) is tuple else (result,)
    if not results or not tensors or not all(type(t) is Tensor and t._a.size for t in results):
        return None
    if len(results) > MOST_RESULTS or not all(is_known(t._a) for t in (*results, *tensors)):
        return None
    kind = {"in_tuple": type(result) is tuple}
    if all(t._s is not None and t._s is tensors[0]._s and t._base is not None for t in results):
        found = _as_views(tensors, results)
    elif any(t._s is not None or t._a.nbytes > MOST_BYTES or not _in_rows(t._a) for t in results):
        found = None
    elif notes:
        found = _as_noted(tensors, results, notes[0]) if len(notes) == 1 else None
    else:
        found = _as_moves(moves, arguments, tensors, results) if moves else None
    return None if found is None else {**kind, **found}


def _in_rows(array: np.ndarray) -> bool:
    return array.flags.c_contiguous


def _as_views(tensors: list[Tensor], results: tuple) -> dict[str, Any] | None:
    """Other looks at the memory of the only tensor."""
    from ..kernels.learnt import VIEW, output

    if len(tensors) > 1:
        return None
    start = address(tensors[0]._a)
    return {"kind": VIEW, "outputs": [output(t._a, t.dtype, address(t._a) - start) for t in results]}


def _as_noted(tensors: list[Tensor], results: tuple, note: Any) -> dict[str, Any] | None:
    """One loop or one kernel, whose results are those of the call."""
    if type(note) is witness.Fold:
        return _as_fold(tensors, results, note)
    return _as_call(tensors, results, note)


# ---- factories


class Factory:
    """What a learner is told of a factory."""

    differentiable = False

    def __init__(self, name: str, learns: str) -> None:
        self.name, self.learns = name, learns


def constant(function: Callable[..., Tensor], learns: str = "constant") -> Callable[..., Tensor]:
    """A factory whose results follow from its arguments: what is often asked for is copied."""
    scope: dict[str, Any] = {}

    def run(_: Any, *arguments: Any) -> Tensor:
        if len(arguments) > 1 and arguments[-2] is OPTION:
            return function(*arguments[:-2], dtype=arguments[-1])
        return function(*arguments)

    @wraps(function)
    def call(*args: Any, **options: Any) -> Tensor:
        look = scope["learnt"]
        if look is not None and get_default_device() is CPU:
            if not options:
                given = (get_default_dtype(), *args)
            elif len(options) == 1 and "dtype" in options:
                given = (get_default_dtype(), *args, OPTION, options["dtype"])
            else:
                return function(*args, **options)
            t = look(*given)
            if t is not None:
                return t if t is not False else scope["learn"](*given)
        return function(*args, **options)

    Learner(Factory(function.__name__, learns), scope, run, recorded=False)
    return call


OPTION = "dtype"


def _as_constant(op: Any, arguments: tuple, result: Any) -> dict[str, Any] | None:
    """A copy of what came this time."""
    from ..kernels.learnt import FILL, MOVE, is_known, output

    if type(result) is not Tensor or result._rg or result._s is not None or not result._a.size:
        return None
    tensors = [t for a in arguments for t in (a if type(a) in (tuple, list) else (a,)) if type(t) in QUICK]
    array = result._a
    if (tensors and op.learns == "constant") or not _in_rows(array) or not is_known(array):
        return None
    if array.nbytes > MOST_CONSTANT:
        return None
    part = {"source": FILL, "offset": 0, "count": array.nbytes}
    shown = output(array, result.dtype)
    return {"kind": MOVE, "in_tuple": False, "outputs": [shown], "parts_at": [part], "fill": array.copy()}


def _is_memory_of(array: Any, other: Any) -> bool:
    return type(array) is np.ndarray and array.nbytes == other.nbytes and address(array) == address(other)


def _as_fold(tensors: list[Tensor], results: tuple, note: witness.Fold) -> dict[str, Any] | None:
    from ..kernels.learnt import FOLD, output
    from ..kernels.quick import loop_of

    x, out = note.array, results[0]._a
    if len(results) > 1 or not _in_rows(x) or not _is_memory_of(x, tensors[0]._a) or x.dtype != out.dtype:
        return None
    if type(note.result) is np.ndarray and not _is_memory_of(note.result, out):
        return None
    around = _joined(x.shape, note.axes)
    loop = loop_of(note.ufunc, f"{x.dtype.char}{x.dtype.char}->{x.dtype.char}")
    if around is None or loop is None or (note.divisor and x.dtype.char not in "fd"):
        return None
    outer, count, inner = around
    return {
        "kind": FOLD, "outputs": [output(out, results[0].dtype)],
        "loop": loop[0], "loop_data": loop[1], "outer": outer, "count": count, "inner": inner,
        "skip": note.ufunc.identity is None, "initial": _initial(note.ufunc, x.dtype),
        "divisor": note.divisor,
    }  # fmt: skip


def _initial(ufunc: Any, dtype: np.dtype) -> int:
    """The bits of what numpy begins with: for sums of floats that is not the same zero in all versions."""
    if ufunc.identity is None:
        return 0
    probe = [-0.0] if ufunc is np.add and dtype.kind == "f" else []
    first = np.asarray(ufunc.reduce(np.array(probe, dtype), dtype=dtype))
    return int.from_bytes(first.tobytes().ljust(8, b"\0")[:8], "little", signed=True)


def _joined(shape: tuple[int, ...], axes: Any) -> tuple[int, int, int] | None:
    """How many elements there are outside, along and inside of the axes, which must lie behind each other."""
    n = len(shape)
    wanted = range(n) if axes is None else [a % n for a in (axes if type(axes) is tuple else (axes,))]
    long = [d for d in range(n) if shape[d] > 1]
    places = [k for k, d in enumerate(long) if d in wanted]
    if places and places[-1] - places[0] != len(places) - 1:
        return None
    sizes = [1, 1, 1]
    for k, d in enumerate(long):
        sizes[1 if k in places else 0 if not places or k < places[0] else 2] *= shape[d]
    return tuple(sizes)  # type: ignore[return-value]


def _as_call(tensors: list[Tensor], results: tuple, note: witness.Called) -> dict[str, Any] | None:
    from ..kernels.learnt import LAUNCH, output

    results_made = note.made[: len(results)]
    made = note.made
    if len(made) < len(results) or not all(map(_is_memory_of, results_made, [t._a for t in results])):
        return None
    if not all(_in_rows(a) for a in made):
        return None
    arrays = [*(t._a for t in (*tensors, *results)), *made[len(results) :]]
    operands = [_operand(each, arrays, len(tensors)) for each in note.arguments]
    if len(operands) > MOST_OPERANDS or None in operands:
        return None
    return {
        "kind": LAUNCH, "parts_at": operands, "kernel": note.kernel,
        "outputs": [output(t._a, t.dtype) for t in results],
        "others": [output(a, None) for a in made[len(results) :]],
    }  # fmt: skip


def _operand(thing: Any, arrays: list[np.ndarray], given: int) -> dict[str, Any] | None:
    """Where an operand comes from: an array of a tensor, one that is made for the call, or an object."""
    from ..kernels.learnt import OBJECT, Kept

    if type(thing) is not np.ndarray:
        return {"source": OBJECT, "object": Kept(thing)}
    for k, array in enumerate(arrays):
        offset = address(thing) - address(array)
        if 0 <= offset < _extent(array):
            alike = thing.shape == array.shape and thing.strides == array.strides
            return {
                "source": k if k < given else given - 1 - k,
                "whole": alike and thing.dtype == array.dtype and not offset,
                "rank": thing.ndim, "dims": thing.shape, "strides": thing.strides,
                "number": thing.dtype.num, "offset": offset,
            }  # fmt: skip
    return None


def _extent(array: np.ndarray) -> int:
    """How many bytes there are from the first element to the end of the last."""
    return sum((n - 1) * s for n, s in zip(array.shape, array.strides)) + array.itemsize * bool(array.size)


# ---- elements that move


def _as_moves(
    run: Callable[..., Any], arguments: tuple, tensors: list[Tensor], results: tuple
) -> dict[str, Any] | None:
    """Where each element comes from, found out by moving numbered ones."""
    from ..kernels.learnt import FILL, MOVE, SOURCE_BITS, output

    out = results[0]._a
    if len(results) > 1 or len(tensors) >= FILL or any(t.dtype is not results[0].dtype for t in tensors):
        return None
    if sum(t._a.size for t in tensors) > 8 * MOST_MOVED or out.size > 8 * MOST_MOVED:
        return None
    entries = _entries(run, arguments, tensors, out.shape)
    if entries is None:
        return None
    there = entries >= 0
    fills = np.unique(out.reshape(-1)[~there].view(f"V{out.itemsize}")) if not there.all() else ()
    if len(fills) > 1:
        return None
    common = {"kind": MOVE, "outputs": [output(out, results[0].dtype)]}
    breaks = np.flatnonzero(np.diff(entries) != out.itemsize << SOURCE_BITS) + 1
    if there.all() and len(breaks) <= max(3, out.size // 16):
        starts = [0, *breaks.tolist()]
        lengths = np.diff([*starts, out.size]).tolist()
        parts = [
            {"source": e & FILL, "offset": e >> SOURCE_BITS, "count": n * out.itemsize}
            for e, n in zip(entries[starts].tolist(), lengths)
        ]
        return {**common, "parts_at": parts}
    if out.size > MOST_MOVED or out.itemsize not in (1, 2, 4, 8) or entries.max() >= 1 << 32:
        return None
    the_map = np.where(there, entries, FILL).astype(np.uint32)
    fill = int.from_bytes(fills[0].tobytes().ljust(8, b"\0"), "little", signed=True) if len(fills) else 0
    return {**common, "map": the_map, "parts": out.size, "fill": fill}


def _entries(
    run: Callable[..., Any], arguments: tuple, tensors: list[Tensor], shape: tuple[int, ...]
) -> np.ndarray | None:
    """For each element of the result, its place in bytes and its tensor's number; -1 for none."""
    count = 0

    def numbered(value: Any) -> Any:
        nonlocal count
        if type(value) in (tuple, list):
            return type(value)(map(numbered, value))
        if type(value) not in QUICK:
            return value
        numbers = np.empty_like(value._a, np.int64, subok=False)
        numbers[...] = FIRST_NUMBER + count
        for d, (length, stride) in enumerate(zip(value._a.shape, value._a.strides)):
            steps = np.arange(length).reshape((-1,) + (1,) * (value._a.ndim - 1 - d))
            numbers += steps * (stride << _source_bits())
        count += 1
        return wrap(numbers, int64)

    if any(stride < 0 for t in tensors for stride in t._a.strides):
        return None  # places before the first element would look like none
    with no_grad():
        made = run(*map(numbered, arguments))
    if type(made) is not Tensor or made._a.shape != shape or made.dtype is not int64:
        return None
    entries = made._a.reshape(-1) - FIRST_NUMBER
    if entries.max() >= FIRST_NUMBER >> 1:  # a fill value that looks like a place
        return None
    return np.where(entries >= 0, entries, -1)


def _source_bits() -> int:
    from ..kernels.learnt import SOURCE_BITS

    return SOURCE_BITS
