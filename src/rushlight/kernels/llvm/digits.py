"""Long rows in order, digit by digit: keys lie beside their places, and a pass moves them to where their
digit belongs.

A row is described by its site. There are as many digits as the range of the keys needs. Keys of 64 bits are
cut to the first 32 that differ; those that are equal then are put in order among each other, and where they
are too many, whole keys are moved after all. Every step is parted, so that threads can share a row.
"""

from __future__ import annotations

from typing import NamedTuple

from ...runtime import pool
from ...runtime.ir import Function, Module, Type, Value, i1, i32, i64, ptr, void
from .dispatch import put, word
from .order_keys import ELEMENTS

SITE_WORDS = """
x values places length flip kind near far base shift mask source parts tables stage
""".split()  # noqa: SIM905
SITE = {name: 8 * k for k, name in enumerate(SITE_WORDS)}
SITE_BYTES = 8 * len(SITE_WORDS)
STAGES = ("keys", "count", "move", "narrow", "finish")
FEW_BITS, MANY_BITS = 8, 11  # of a digit, in rows that fit the second-level cache and in others
MANY_FROM = 1 << 15  # elements of such rows
TABLE_BYTES = 4 << MANY_BITS
WIDE_BYTES, NARROW_BYTES = 32, 8  # of scratch for each element of a row
PLACE = (1 << 32) - 1  # the bits of a narrow key beside its place that hold the place
PASS = {"source": ptr, "table": ptr, "low": i64, "high": i64, "base": i64, "shift": i64, "mask": i64}
SETTLED = 4  # steps for each element that putting equal narrow keys in order may take


class Source(NamedTuple):
    """What a pass reads: keys as they were made, or keys beside their places."""

    name: str
    key: Type
    kept: bool

    @property
    def record(self) -> Type:
        return i64 if self.key is i32 else i64.vector(2)

    @property
    def size(self) -> int:
        return self.record.size if self.kept else self.key.size

    def digit(self, f: Function, k: Value) -> Value:
        at = f.source.offset(k * self.size)
        if not self.kept:
            bits = f.load(self.key, at) - f.base.convert("trunc", self.key)
            bits = bits.convert("zext", i64)
        else:
            bits = f.load(i64, at).lshr(32 if self.key is i32 else 0)
        return bits.lshr(f.shift) & f.mask

    def read(self, f: Function, k: Value) -> Value:
        """The key beside its place."""
        at = f.source.offset(k * self.size)
        if self.kept:
            return f.load(self.record, at, 0, 8)
        key = f.load(self.key, at) - f.base.convert("trunc", self.key)
        if self.key is i32:
            return (key.convert("zext", i64) << 32) | k
        pair = f.value(self.record, f"insertelement {self.record} poison, {key}, i32 0")
        return f.value(self.record, f"insertelement {pair}, {k}, i32 1")


SOURCES = tuple(Source(f"{n}_{k}", k, n == "records") for n in ("keys", "records") for k in (i32, i64))


def add_long(module: Module) -> None:
    """`long(site)`"""
    for source in SOURCES:
        _count(module, source)
        _move(module, source)
    _offsets(module)
    _finish(module)
    _settle(module)
    _stage(module)
    _all_stages(module)
    _long(module)


def site(f: Function, name: str) -> Value:
    return word(f, f.site, SITE[name])


def pointer(f: Function, name: str) -> Value:
    return f.load(ptr, f.site, SITE[name])


def set_site(f: Function, place: Value, **words: Value | int) -> None:
    for name, value in words.items():
        put(f, value, place, SITE[name])


def spread(f: Function, pair, low: Value, high: Value) -> None:
    """Puts elements into the order: `pair(k)` is a place in it and where the element is now."""
    values, places, x = (pointer(f, name) for name in ("values", "places", "x"))
    for element in {e.stored.text: e for e in ELEMENTS.values()}.values():
        type = element.stored
        right = f.variable(i1, 0)
        for number, other in ELEMENTS.items():
            if other.stored is type:
                right.set(right.get() | site(f, "kind").equals(number))
        with f.when(right.get() & values.convert("ptrtoint", i64).differs(0)), f.loop(low, high) as k:
            there, here = pair(k)
            f.store(f.load(type, x.offset(here * type.size)), values.offset(there * type.size))
    with f.loop(low, high) as k:
        there, here = pair(k)
        f.store(here, places.offset(there * 8))


# ---- one digit


def _count(module: Module, source: Source) -> None:
    """How often each digit occurs from `low` to `high`."""
    with module.function(f"count_{source.name}", exported=False, **PASS) as f:
        with f.loop(0, f.mask + 1) as k:
            f.store(f.constant(i32, 0), f.table.offset(k * 4))
        with f.loop(f.low, f.high) as k:
            place = f.table.offset(source.digit(f, k) * 4)
            f.store(f.load(i32, place) + 1, place)


def _move(module: Module, source: Source) -> None:
    """Puts what lies from `low` to `high` where the table says that its digit goes next."""
    with (
        module.function(f"move_{source.name}", exported=False, **PASS, target=ptr) as f,
        f.loop(f.low, f.high) as k,
    ):
        place = f.table.offset(source.digit(f, k) * 4)
        next = f.load(i32, place)
        f.store(next + 1, place)
        there = f.target.offset(next.convert("zext", i64) * source.record.size)
        f.store(source.read(f, k), there, 0, 8)


def _offsets(module: Module) -> None:
    """Where the first of each digit goes, in each part; false where all have the same digit."""
    names = {"tables": ptr, "parts": i64, "mask": i64, "length": i64}
    with module.function("offsets", i1, exported=False, **names) as f:
        running, useful, length = f.variable(i32, 0), f.variable(i1, 1), f.length.convert("trunc", i32)
        with f.loop(0, f.mask + 1) as digit:
            before = running.get()
            with f.loop(0, f.parts) as part:
                place = f.tables.offset(part * TABLE_BYTES + digit * 4)
                count = f.load(i32, place)
                f.store(running.get(), place)
                running.set(running.get() + count)
            useful.set(useful.get() & (running.get() - before).differs(length))
        f.ret(useful.get())


def _finish(module: Module) -> None:
    """Elements and places in order, from keys beside their places."""
    for source in SOURCES[2:]:
        with module.function(f"finish_{source.name}", exported=False, site=ptr, low=i64, high=i64) as f:
            near = pointer(f, "near")

            def pair(k: Value, source=source, near=near, f=f) -> tuple[Value, Value]:
                found = f.load(i64, near.offset(k * source.size), source.size - 8)
                return k, found & PLACE

            spread(f, pair, f.low, f.high)


# ---- the stages of a long row


def _stage(module: Module) -> None:
    """A part of what the site says is to be done."""
    with module.function("stage", exported=False, site=ptr, part=i64, thread=i64) as f:
        length, parts = site(f, "length"), site(f, "parts")
        low, high = (length * k // parts for k in (f.part, f.part + 1))
        table = pointer(f, "tables").offset(f.part * TABLE_BYTES)
        near = pointer(f, "near")
        for number, name in enumerate(STAGES):
            with f.when(site(f, "stage").equals(number)):
                if name in ("count", "move"):
                    _pass(f, name, near, table, low, high)
                elif name == "keys":
                    for key in (i32, i64):
                        with f.when(site(f, "source").equals(int(key is i64))):
                            _first_stage(f, key, near, table, low, high)
                elif name == "narrow":
                    _narrow(f, near, low, high)
                else:
                    for k, source in enumerate(SOURCES[2:]):
                        with f.when(site(f, "source").equals(2 + k)):
                            f.call(f"finish_{source.name}", void, f.site, low, high)


def _first_stage(f: Function, key: Type, near: Value, table: Value, low: Value, high: Value) -> None:
    for number, element in ELEMENTS.items():
        if element.key is key:
            with f.when(site(f, "kind").equals(number)):
                x, flip = pointer(f, "x").offset(low * element.stored.size), site(f, "flip")
                keys, count = near.offset(low * key.size), high - low
                f.call(f"keys_{element.name}", void, x, keys, count, flip.convert("trunc", key))
                f.call(f"bounds_{key}", void, keys, count, table)


def _pass(f: Function, name: str, near: Value, table: Value, low: Value, high: Value) -> None:
    digit = [site(f, word) for word in ("base", "shift", "mask")]
    target = [pointer(f, "far")] if name == "move" else []
    for number, source in enumerate(SOURCES):
        with f.when(site(f, "source").equals(number)):
            f.call(f"{name}_{source.name}", void, near, table, low, high, *digit, *target)


def _narrow(f: Function, near: Value, low: Value, high: Value) -> None:
    """The bits from `shift` on of keys of 64 bits, as keys of 32."""
    base, shift, far = site(f, "base"), site(f, "shift"), pointer(f, "far")
    with f.loop(low, high) as k:
        bits = (f.load(i64, near.offset(k * 8)) - base).lshr(shift)
        f.store(bits.convert("trunc", i32), far.offset(k * 4))


def _all_stages(module: Module) -> None:
    """All parts of a stage, by one thread or by as many."""
    with module.function("do", exported=False, site=ptr, stage=i64) as f:
        put(f, f.stage, f.site, SITE["stage"])
        with f.either(site(f, "parts").equals(1)) as (alone, together):
            with alone:
                f.call("stage", void, f.site, f.constant(i64, 0), f.constant(i64, 0))
            with together:
                f.call(pool.PARALLEL_FOR, void, Value(f, ptr, "@stage"), f.site, site(f, "parts"))


def do(f: Function, name: str) -> None:
    f.call("do", void, f.site, f.constant(i64, STAGES.index(name)))


def _long(module: Module) -> None:
    with module.function("long", exported=False, site=ptr) as f:
        do(f, "keys")
        low, high = (f.variable(i64, word(f, pointer(f, "tables"), 8 * k)) for k in range(2))
        with f.loop(1, site(f, "parts")) as part:
            table = pointer(f, "tables").offset(part * TABLE_BYTES)
            low.set(f.minimum(low.get(), word(f, table, 0)))
            high.set(f.maximum(high.get(), word(f, table, 8)))
        wide = site(f, "source").equals(1)
        for key in (i32, i64):
            with f.when(wide.equals(int(key is i64))):
                near, length = pointer(f, "near"), site(f, "length")
                with f.when(f.call(f"ascends_{key}", i1, near, length)):
                    spread(f, lambda k: (k, k), f.constant(i64, 0), length)
                    f.ret()
        put(f, low.get(), f.site, SITE["base"])
        bits = 64 - _leading_zeros(f, high.get() - low.get())
        with f.when(wide ^ 1):
            _digits(f, bits)
        with f.when(wide):
            _long_wide(f, bits)
        do(f, "finish")


def _long_wide(f: Function, bits: Value) -> None:
    """Keys of 64 bits: first by the first 32 that differ, which is mostly all that there is to do."""
    keys, length, base = site(f, "near"), site(f, "length"), site(f, "base")
    put(f, f.maximum(bits - 32, 0), f.site, SITE["shift"])
    do(f, "narrow")
    set_site(f, f.site, near=site(f, "far"), far=keys + length * 8, base=0, source=0)
    _digits(f, f.minimum(bits, 32))
    with f.when(bits > 32):
        near = pointer(f, "near")
        with f.when(f.call("settle", i1, keys.convert("inttoptr", ptr), near, length) ^ 1):
            set_site(f, f.site, near=keys, far=keys + length * (WIDE_BYTES // 2), base=base, source=1)
            _digits(f, bits)


def _settle(module: Module) -> None:
    """Puts those in order whose narrow keys are equal, by the whole ones; false where it takes too long."""
    with module.function("settle", i1, exported=False, keys=ptr, records=ptr, length=i64) as f:
        left = f.variable(i64, f.length * SETTLED + SETTLED)

        def record(k: Value) -> Value:
            return f.load(i64, f.records.offset(k * 8))

        def whole(found: Value) -> Value:
            return f.load(i64, f.keys.offset((found & PLACE) * 8))

        with f.loop(1, f.length) as k, f.when(record(k).lshr(32).equals(record(k - 1).lshr(32))):
            moved, at = record(k), f.variable(i64, k)
            with f.forever() as steps:
                steps.leave_if(at.get() < 1)
                before = record(at.get() - 1)
                steps.leave_if(before.lshr(32).differs(moved.lshr(32)))
                steps.leave_if(whole(before) <= whole(moved))
                f.store(before, f.records.offset(at.get() * 8))
                at.set(at.get() - 1)
            f.store(moved, f.records.offset(at.get() * 8))
            left.set(left.get() - (k - at.get()))
            with f.when(left.get() < 0):
                f.ret(f.constant(i1, 0))
        f.ret(f.constant(i1, 1))


def _leading_zeros(f: Function, value: Value) -> Value:
    return f.call("llvm.ctlz.i64", i64, value, f.constant(i1, 0))


def _digits(f: Function, bits: Value) -> None:
    length = site(f, "length")
    most = f.select(length >= MANY_FROM, f.constant(i64, MANY_BITS), FEW_BITS)
    passes = f.maximum((bits + most - 1) // most, 1)
    wide = (bits + passes - 1) // passes
    put(f, (f.constant(i64, 1) << wide) - 1, f.site, SITE["mask"])
    with f.loop(0, passes) as number:
        put(f, number * wide, f.site, SITE["shift"])
        do(f, "count")
        tables, parts, mask = pointer(f, "tables"), site(f, "parts"), site(f, "mask")
        useful = f.call("offsets", i1, tables, parts, mask, length)
        with f.when(useful | number.equals(0)):
            do(f, "move")
            near, far, source = (site(f, name) for name in ("near", "far", "source"))
            set_site(f, f.site, near=far, far=near, source=source | 2)
