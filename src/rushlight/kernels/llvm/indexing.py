"""Elements taken from, put to or added where an array of indices says, one place after the other.

Three arrays are walked together: the far one, whose axis the indices name; the near one, which has an element
for each index; and the indices. Along that axis the far one's step is an index away, along all other axes the
three have steps of their own (zero where one is repeated). The innermost axis is either a row that one index
names, moved in vectors, or has an index for each element.
"""

from __future__ import annotations

from ...runtime.ir import Function, Value, i64, ptr
from .blocked import Kernel, Words
from .lowering import MEMORY

AXES = 5
WORDS = (
    *("far", "near", "index", "outside", "scratch", "threads", "shared_bytes", "slot_bytes"),
    *("tasks", "size", "jump"),  # the length of the axis that is named, and its step in the far array
    *(f"{name}{k}" for name in ("length", "far_step", "near_step", "index_step") for k in range(AXES)),
)


class _Elements:
    """A dtype, and the vectors of it."""

    def __init__(self, dtype: str, vector_bytes: int) -> None:
        self.type = MEMORY[dtype]
        self.size = self.type.size
        self.lanes = vector_bytes // self.size


def indexing_ir(mode: str, dtype: str, rows: bool, level: str, vector_bytes: int) -> str:
    """`mode` is take (near from far), put or add (near to far); `rows` moves rows without gaps."""
    kernel = Kernel(_Elements(dtype, vector_bytes), WORDS)  # type: ignore[arg-type]
    kernel.module.level = level
    with kernel.phase("move", "tasks") as (f, words, task, _):
        _Walk(f, words, kernel, mode, rows).all_of(task)
    return kernel.finish()


class _Walk:
    """The loops of one task: its share of the first axis, all of the others."""

    def __init__(self, f: Function, words: Words, kernel: Kernel, mode: str, rows: bool) -> None:
        self.f, self.words, self.mode, self.rows = f, words, mode, rows
        self.type, self.size, self.lanes = kernel.machine.type, kernel.machine.size, kernel.machine.lanes

    def all_of(self, task: Value) -> None:
        length, tasks = self.words["length0"], self.words["tasks"]
        places = tuple(self.words[name] for name in ("far", "near", "index"))
        low, high = length * task // tasks, length * (task + 1) // tasks
        with self.f.loop(low, high) as k:
            self._inside(1, self._moved(places, 0, k))

    def _inside(self, axis: int, places: tuple[Value, ...]) -> None:
        if axis == AXES - 1:
            (self._row if self.rows else self._elements)(*places)
            return
        with self.f.loop(0, self.words[f"length{axis}"]) as k:
            self._inside(axis + 1, self._moved(places, axis, k))

    def _moved(self, places: tuple[Value, ...], axis: int, k: Value) -> tuple[Value, ...]:
        steps = (self.words[f"{name}_step{axis}"] for name in ("far", "near", "index"))
        return tuple(place + k * step for place, step in zip(places, steps))

    def _elements(self, far: Value, near: Value, index: Value) -> None:
        f, words, axis = self.f, self.words, AXES - 1
        steps = [words[f"{name}_step{axis}"] for name in ("far", "near", "index")]
        size, jump = words["size"], words["jump"]
        with f.loop(0, words[f"length{axis}"]) as k:
            start, there, at = (place + k * step for place, step in zip((far, near, index), steps))
            named = self._named(at, size)
            with f.when(named.compare("ult", size)):
                self._move(start + named * jump, there, 1)
            self._note(named, size)

    def _row(self, far: Value, near: Value, index: Value) -> None:
        f, length, size = self.f, self.words[f"length{AXES - 1}"], self.words["size"]
        named = self._named(index, size)
        with f.when(named.compare("ult", size)):
            start = far + named * self.words["jump"]
            whole = length & -self.lanes
            with f.loop(0, whole, self.lanes) as k:
                self._move(start + k * self.size, near + k * self.size, self.lanes)
            with f.loop(whole, length) as k:
                self._move(start + k * self.size, near + k * self.size, 1)
        self._note(named, size)

    def _named(self, place: Value, size: Value) -> Value:
        """The index there, counted from the front."""
        index = self.f.load(i64, place.convert("inttoptr", ptr))
        return self.f.select(index < 0, index + size, index)

    def _note(self, named: Value, size: Value) -> None:
        with self.f.when(named.compare("uge", size)):
            self.f.store(self.f.constant(i64, 1), self.words.pointer("outside"), atomic="monotonic", align=8)

    def _move(self, far: Value, near: Value, lanes: int) -> None:
        f, type = self.f, self.type.vector(lanes)
        far, near = (place.convert("inttoptr", ptr) for place in (far, near))
        if self.mode == "take":
            f.store(f.load(type, far), near)
        elif self.mode == "put":
            f.store(f.load(type, near), far)
        else:
            f.store(f.load(type, far) + f.load(type, near), far)
