"""What is done with one element, or a vector of them, that an index names: by each mode of `indexing`."""

from __future__ import annotations

from collections.abc import Callable

from ...runtime.ir import Function, Type, Value, f32, f64, i8, i16, i32, i64

MOVED = (i8, i16, i32, i64, i64.vector(2))
MOVED_KINDS = {str(element.size): element for element in MOVED}
ADDED = {"i8": i8, "i16": i16, "i32": i32, "i64": i64, "f32": f32, "f64": f64}
FOLDED = {"i32": i32, "i64": i64, "f32": f32, "f64": f64}
FOLDS = ("mul", "max", "min")
KINDS = {"take": MOVED_KINDS, "put": MOVED_KINDS, "add": ADDED, **dict.fromkeys(FOLDS, FOLDED)}


def take_element(f: Function, type: Type, far: Value, near: Value) -> None:
    f.store(f.load(type, far, 0, type.scalar.size), near, 0, type.scalar.size)


def put_element(f: Function, type: Type, far: Value, near: Value) -> None:
    take_element(f, type, near, far)


def _add(f: Function, type: Type, far: Value, near: Value) -> None:
    f.store(f.load(type, far) + f.load(type, near), far)


def _mul(f: Function, type: Type, far: Value, near: Value) -> None:
    f.store(f.load(type, far) * f.load(type, near), far)


def _max(f: Function, type: Type, far: Value, near: Value) -> None:
    _extreme(f, type, far, near, "gt")


def _min(f: Function, type: Type, far: Value, near: Value) -> None:
    _extreme(f, type, far, near, "lt")


def _extreme(f: Function, type: Type, far: Value, near: Value, name: str) -> None:
    """What goes beyond what is there takes its place; NaN does, and stays."""
    new, old = f.load(type, near), f.load(type, far)
    if type.kind == "float":
        beyond = new.compare("o" + name, old) | new.compare("uno", new)
    else:
        beyond = new.compare("s" + name, old)
    f.store(f.select(beyond, new, old), far)


Move = Callable[[Function, Type, Value, Value], None]
MOVES: dict[str, Move] = {
    "take": take_element, "put": put_element, "add": _add, "mul": _mul, "max": _max, "min": _min,
}  # fmt: skip
