"""Running sums, products and extremes along the middle one of three axes.

Columns are scanned many at once, in vectors; rows (an innermost axis of one) several at once, so that the
additions of one need not wait for each other. float32 sums and products run in float64.
"""

from __future__ import annotations

from ...runtime.ir import Function, Value, Variable, f64, i1, i64, ptr
from .blocked import Kernel
from .lowering import MEMORY, first_lanes, load, store

EXTREMES = ("max", "min")
VECTORS = 4  # of columns that a task scans at once
ROWS = 8
WORDS = (
    *("out", "places", "x", "scratch", "threads", "shared_bytes", "slot_bytes"),
    *("tasks", "length", "inner", "blocks"),
    "items",  # blocks of columns or of rows, or for extremes rows, which the tasks share
    *(f"{name}_{kind}" for name in ("out", "x") for kind in ("outer", "step")),
    "outer",
)


class _Lanes:
    def __init__(self, dtype: str, vector_bytes: int) -> None:
        self.dtype, self.type = dtype, MEMORY[dtype]
        self.size, self.lanes = self.type.size, vector_bytes // 8


def scanning_ir(op: str, dtype: str, columns: bool, level: str, vector_bytes: int) -> str:
    """`op` is add, mul, max or min; the last two write where the extreme is, too."""
    kernel = Kernel(_Lanes(dtype, vector_bytes), WORDS)  # type: ignore[arg-type]
    kernel.module.level = level
    with kernel.phase("scan", "tasks") as (f, w, task, _):
        low, high = (w["items"] * k // w["tasks"] for k in (task, task + 1))
        with f.loop(low, high) as item:
            if columns:
                _columns(f, kernel, op, item)
            elif op in EXTREMES:
                _extreme_row(f, kernel, op, item)
            else:
                _rows(f, kernel, op, item * ROWS)
    return kernel.finish()


def _columns(f: Function, kernel: Kernel, op: str, item: Value) -> None:
    w, lanes = kernel.words(f), kernel.machine.lanes
    outer, first = item // w["blocks"], item % w["blocks"] * (VECTORS * lanes)
    left = w["inner"] - first
    with f.either(left >= VECTORS * lanes) as (whole, part):
        for arm, masks in ((whole, None), (part, left)):
            with arm:
                chains = [_column(f, kernel, op, outer, first, k * lanes, masks) for k in range(VECTORS)]
                _scan(f, w["length"], chains)


def _rows(f: Function, kernel: Kernel, op: str, row: Value) -> None:
    w = kernel.words(f)
    with f.either(w["outer"] - row >= ROWS) as (whole, part):
        with whole:
            _scan(f, w["length"], [_Chain(f, kernel, op, row + k, None) for k in range(ROWS)])
        with part, f.loop(row, w["outer"]) as one:
            _scan(f, w["length"], [_Chain(f, kernel, op, one, None)])


def _extreme_row(f: Function, kernel: Kernel, op: str, row: Value) -> None:
    """One row, a vector at a time as long as nothing in it reaches the extreme so far."""
    length, lanes = kernel.words(f)["length"], kernel.machine.lanes
    chain, wide = _Chain(f, kernel, op, row, None), _Chain(f, kernel, op, row, None, lanes=lanes)
    chain.start()
    whole = ((length - 1) & -lanes) + 1
    with f.loop(1, whole, lanes) as k, f.either(wide.any_reaches(k, chain)) as (some, none):
        with some, f.loop(k, k + lanes) as one:
            chain.step(one)
        with none:
            wide.repeat(k, chain)
    with f.loop(whole, length) as k:
        chain.step(k)


def _column(f: Function, kernel: Kernel, op: str, outer: Value, first: Value, k: int, left: Value | None):
    lanes = kernel.machine.lanes
    mask = None if left is None else first_lanes(f, f.maximum(left - k, 0), lanes)
    return _Chain(f, kernel, op, outer, first + k, mask, lanes)


def _scan(f: Function, length: Value, chains: list[_Chain]) -> None:
    for chain in chains:
        chain.start()
    with f.loop(1, length) as k:
        for chain in chains:
            chain.step(k)


def _any(f: Function, lanes: int) -> str:
    name = f"llvm.vector.reduce.or.v{lanes}i1"
    f.module.declare(name, f"declare i1 @{name}(<{lanes} x i1>)")
    return name


class _Chain:
    """One running value, or a vector of them from column `column` on."""

    def __init__(
        self, f: Function, kernel: Kernel, op: str, outer, column, mask=None, lanes: int = 1
    ) -> None:
        self.f, self.op, self.mask, self.lanes, self.dtype = f, op, mask, lanes, kernel.machine.dtype
        self.size, words = kernel.machine.size, kernel.words(f)
        self.steps = words["out_step"], words["x_step"]
        at = 0 if column is None else column * self.size
        self.out_at, self.x_at = outer * words["out_outer"] + at, words["x"] + outer * words["x_outer"] + at
        self.out, self.places = words["out"], words["places"]
        self.extreme = op in EXTREMES
        self.running: Variable
        self.where: Variable

    def start(self) -> None:
        value = self._load(self.f.constant(i64, 0))
        self.running = self.f.variable(value.type, value)
        if self.extreme:
            self.where = self.f.variable(i64.vector(self.lanes), self.f.constant(i64.vector(self.lanes), 0))
        self._store(self.f.constant(i64, 0))

    def step(self, k: Value) -> None:
        value, before = self._load(k), self.running.get()
        if self.extreme:
            taken = self._reaches(value, before)
            self.where.set(self.f.select(taken, self.f.splat(k, self.lanes), self.where.get()))
            self.running.set(self.f.select(taken, value, before))
        else:
            self.running.set(before + value if self.op == "add" else before * value)
        self._store(k)

    def any_reaches(self, k: Value, best: _Chain) -> Value:
        """Does one of the elements from `k` on reach what the other chain has so far?"""
        f, value = self.f, self._load(k)
        reached = self._reaches(value, f.splat(best.running.get(), self.lanes))
        return f.value(i1, f"call i1 @{_any(f, self.lanes)}({reached})")

    def repeat(self, k: Value, best: _Chain) -> None:
        """The same result from `k` on."""
        self.running, self.where = (
            self.f.variable(v.type.vector(self.lanes), self.f.splat(v.get(), self.lanes))
            for v in (best.running, best.where)
        )
        self._store(k)

    def _reaches(self, value: Value, best: Value) -> Value:
        """At least as far as the best; NaN always is."""
        name = "ge" if self.op == "max" else "le"
        if value.type.kind != "float":
            return value.compare("s" + name, best)
        return value.compare("o" + name, best) | value.compare("uno", value)

    def _load(self, k: Value) -> Value:
        place = (self.x_at + k * self.steps[1]).convert("inttoptr", ptr)
        value = load(self.f, place, self.dtype, self.lanes, self.mask)
        return value if self.extreme or self.dtype != "float32" else value.convert("fpext", f64)

    def _store(self, k: Value) -> None:
        f, at, value = self.f, self.out_at + k * self.steps[0], self.running.get()
        if not self.extreme and self.dtype == "float32":
            value = value.convert("fptrunc", MEMORY["float32"])
        store(f, value, (self.out + at).convert("inttoptr", ptr), self.dtype, self.mask)
        if self.extreme:
            place = (self.places + at * (8 // self.size)).convert("inttoptr", ptr)
            store(f, self.where.get(), place, "int64", self.mask)
