"""Integers in the same order as the elements of an array, and the places of short rows of them in order.

Keys are signed, of 32 bits or, for elements of 64, of 64. All NaN have the largest key, both zeros the same;
`flip` of -1 turns the order around. A short row is put in order by counting, for each key, how many come
before it: many at once, and without a jump.
"""

from __future__ import annotations

from typing import NamedTuple

from ...runtime.ir import (
    Function,
    Module,
    Type,
    Value,
    Variable,
    constant,
    i1,
    i8,
    i16,
    i32,
    i64,
    lane_numbers,
    ptr,
)

RANKED_VECTORS = 13  # vectors of keys that a row has at most to be put in order by counting
STRIDE = 4  # keys that are looked at in one step


class Element(NamedTuple):
    """How elements of a type lie in memory, and the type of their keys."""

    name: str
    stored: Type
    kind: str  # signed, unsigned or float

    @property
    def key(self) -> Type:
        return i64 if self.stored is i64 else i32


_SIZES = {8: i8, 16: i16, 32: i32, 64: i64}
_KINDS = {"i": "signed", "u": "unsigned", "f": "float"}
_NAMES = "u8 i8 u8 i16 u16 i32 u32 i64 u64 i64 u64 f32 f64".split()  # noqa: SIM905  by numpy's type numbers
ELEMENTS = {
    number: Element(name, _SIZES[int(name[1:])], _KINDS[name[0]])
    for number, name in [*enumerate(_NAMES), (23, "f16")]
}


def ranked_most(key_bytes: int, vector_bytes: int) -> int:
    """The longest row that is put in order by counting."""
    return RANKED_VECTORS * vector_bytes // key_bytes


def add_keys(module: Module, element: Element, vector_bytes: int) -> None:
    """`keys_NAME(x, keys, count, flip)`"""
    lanes, size = vector_bytes // element.key.size, element.stored.size
    names = {"x": ptr, "keys": ptr, "count": i64, "flip": element.key}
    with module.function(f"keys_{element.name}", exported=False, **names) as f:
        whole = f.count & -lanes
        for step, low, high in ((lanes, f.constant(i64, 0), whole), (1, whole, f.count)):
            with f.loop(low, high, step) as k:
                bits = f.load(element.stored.vector(step), f.x.offset(k * size))
                key = _key(f, element, bits) ^ f.splat(f.flip, step)
                f.store(key, f.keys.offset(k * element.key.size))


def _key(f: Function, element: Element, bits: Value) -> Value:
    width, sign = element.stored.bits, 1 << (element.stored.bits - 1)
    if element.kind == "unsigned":
        return bits.convert("zext", element.key) if width < 32 else bits ^ -sign
    if element.kind == "float":
        most, infinity = sign - 1, _INFINITIES[width]
        one_zero = f.select(bits.equals(-sign), constant(bits.type, 0), bits)
        turned = one_zero ^ ((one_zero >> (width - 1)) & most)
        bits = f.select((bits & most) > infinity, constant(bits.type, most), turned)
    return bits.convert("sext", element.key)


_INFINITIES = {16: 0x7C00, 32: 0x7F800000, 64: 0x7FF0000000000000}


def add_bounds(module: Module, key: Type, lanes: int) -> None:
    """`bounds_KEY(keys, count, out)` writes the smallest and the largest of some keys."""
    with module.function(f"bounds_{key}", exported=False, keys=ptr, count=i64, out=ptr) as f:
        first, whole = f.load(key, f.keys), f.count & -lanes
        wide = [f.variable(key.vector(lanes), f.splat(first, lanes)) for _ in range(2)]
        both = [f.variable(key, first) for _ in range(2)]
        with f.loop(0, whole, lanes) as k:
            _stretch(f, wide, f.load(key.vector(lanes), f.keys.offset(k * key.size)))
        for lane in range(lanes):
            _stretch(f, both[:1], f.extract(wide[0].get(), lane))
            both[1].set(f.maximum(both[1].get(), f.extract(wide[1].get(), lane)))
        with f.loop(whole, f.count) as k:
            _stretch(f, both, f.load(key, f.keys.offset(k * key.size)))
        for k, bound in enumerate(both):
            f.store(bound.get().convert("sext", i64), f.out, 8 * k)


def _stretch(f: Function, bounds: list, found: Value) -> None:
    for bound, choose in zip(bounds, (f.minimum, f.maximum)):
        bound.set(choose(bound.get(), found))


def add_ascends(module: Module, key: Type, lanes: int) -> None:
    """`ascends_KEY(keys, count)`: are they in order already?"""
    with module.function(f"ascends_{key}", i1, exported=False, keys=ptr, count=i64) as f:
        whole = ((f.count - 1) & -lanes) + 1
        for step, low, high in ((lanes, f.constant(i64, 1), whole), (1, whole, f.count)):
            with f.loop(low, high, step) as k:
                type = key.vector(step)
                before, after = (f.load(type, f.keys.offset((k - back) * key.size)) for back in (1, 0))
                with f.when(any_of(f, before > after)):
                    f.ret(f.constant(i1, 0))
        f.ret(f.constant(i1, 1))


def any_of(f: Function, mask: Value) -> Value:
    if mask.type.lanes == 1:
        return mask
    name = f"llvm.vector.reduce.or.v{mask.type.lanes}i1"
    f.module.declare(name, f"declare i1 @{name}({mask.type})")
    return f.value(i1, f"call i1 @{name}({mask})")


def add_ranks(module: Module, key: Type, lanes: int) -> None:
    """`ranks_KEY(keys, count, ranks)`: where each key comes in the order, the first of equals first.

    There is room for a vector behind the keys.
    """
    vector, stride = key.vector(lanes), min(STRIDE, lanes)
    with module.function(f"ranks_{key}", exported=False, keys=ptr, count=i64, ranks=ptr) as f:
        f.store(f.constant(vector, (1 << (key.bits - 1)) - 1), f.keys.offset(f.count * key.size))
        end, ranks = (f.count + (lanes - 1)) & -lanes, f.variable(vector)
        with f.loop(0, f.count, lanes) as at:
            own = f.load(vector, f.keys.offset(at * key.size))
            ranks.set(0)
            for low, high, name in ((f.constant(i64, 0), at, "sle"), (at + lanes, end, "slt")):
                with f.loop(low, high, stride) as k:
                    for j in range(stride):
                        _count(ranks, _key_at(f, key, k + j, lanes).compare(name, own))
            for j in range(lanes):
                other, later = _key_at(f, key, at + j, lanes), _lanes_after(f, j, lanes)
                _count(ranks, (other < own) | (other.equals(own) & later))
            f.store(ranks.get(), f.ranks.offset(at * key.size))


def _key_at(f: Function, key: Type, k: Value, lanes: int) -> Value:
    return f.splat(f.load(key, f.keys.offset(k * key.size)), lanes)


def _lanes_after(f: Function, lane: int, lanes: int) -> Value:
    numbers = lane_numbers(i32.vector(lanes))
    return f.value(i1.vector(lanes), f"icmp sgt {numbers}, splat (i32 {lane})")


def _count(ranks: Variable, first: Value) -> None:
    ranks.set(ranks.get() - first.convert("sext", ranks.type.scalar))
