"""Matrix products inside other kernels: rows times packed columns, and sums of outer products over rows.

Packed columns lie as [block][k] vectors, a block being as many columns as a vector has lanes; those that do
not exist are zero. The other side may have rows of any pitch. Each element is one chain of multiplications
and additions in the order of `k`, whatever tile it falls into: the same bits however rows are parted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...runtime.ir import Function, Module, Value, i64, ptr
from .blocked import Machine, pairs, read_planes, transpose

# vectors of a row of a tile and rows of it, the most first: each shape of a tile is time to compile. Eight
# rows of two vectors keep as many sums as four of four, and ask the cache for half as many packed columns
BLOCKS = (2, 1)
ROWS, ROWS_OF_NARROW = (8, 4, 2, 1), (8, 4, 1)
ROWS_OF_FEW, NARROW_ROWS_OF_FEW = (4, 2, 1), (4, 1)  # where there are 16 registers
BLOCKS_OF_ONE_ROW = (8, 4, 1)  # one row alone needs as many sums to keep the multipliers busy
CHUNK = 128  # rows whose outer products are added up before they are added to the result


def _heights(m: Machine, width: int) -> tuple[int, ...]:
    """Rows of a tile of that many vectors, as many as the machine has registers for."""
    if m.bytes == 32:
        return ROWS_OF_FEW if width == BLOCKS[0] else NARROW_ROWS_OF_FEW
    return ROWS if width == BLOCKS[0] else ROWS_OF_NARROW


# ---- packing


def block_size(m: Machine, inner: Value) -> Value:
    """Bytes of a packed block: whole squares are written to it."""
    return (inner + (m.lanes - 1) & -m.lanes) * m.bytes


def pack_rows(f: Function, m: Machine, source: Value, rows: Value, inner: Value, target: Value) -> None:
    """A block of at most `lanes` rows of a matrix as columns: target[k] has element k of each row."""

    def put(k: Value, vector: Value) -> None:
        m.store(f, vector, target.offset(k * m.bytes))

    read_planes(f, m, source, inner * m.size, inner, rows, put)


def pack_columns(
    f: Function, m: Machine, source: Value, pitch: Value, valid: Value, inner: Value, target: Value
) -> None:
    """A block of columns, of which `valid` exist: target[k] has those of row k."""
    mask = m.below(f, valid)
    with f.loop(0, inner) as k:
        m.store(f, m.load(f, source.offset(k * pitch), 0, mask), target.offset(k * m.bytes))


def fill(f: Function, m: Machine, target: Value, size: Value) -> None:
    """Zeros in as many bytes, which are whole vectors."""
    with f.loop(0, size, m.bytes) as at:
        m.store(f, m.zero(f), target.offset(at))


# ---- rows times packed columns


def define_product(module: Module, m: Machine, masked: bool = False, as_is: bool = False) -> None:
    """`out[n] = initial[n] + a[n] times the packed columns`; `initial` of pitch 0 is one row for all.

    Rows of `out` and `initial` are whole vectors; with `masked` those of `out` end after `columns` elements.
    With `as_is` the columns are not packed: rows of them lie `step` bytes apart, and `valid` of each exist.
    """
    places = {"out": ptr, "initial": ptr, "a": ptr, "packed": ptr}
    names = ["out_pitch", "initial_pitch", "a_pitch", "rows", "blocks", "inner", "columns"]
    sizes = dict.fromkeys(names + (["step", "valid"] if as_is else []), i64)
    with module.function("product", exported=False, inline=False, **places, **sizes) as f:
        zero = f.constant(i64, 0)

        def tile(n: Value, b: Value, count: int, width: int) -> None:
            _row_tile(f, m, n, b, count, width, masked, as_is)

        with f.when(f.rows.equals(1)):
            _split(f, f.blocks, BLOCKS_OF_ONE_ROW, lambda b, width: tile(zero, b, 1, width))
            f.ret()
        _split(
            f,
            f.blocks,
            BLOCKS,
            lambda b, width: _split(f, f.rows, _heights(m, width), lambda n, k: tile(n, b, k, width)),
        )


def _split(f: Function, high: Value, steps: Sequence[int], body: Callable[[Value, int], None]) -> None:
    """`body(index, step)` from 0 to `high` in steps as large as fit."""
    low = f.constant(i64, 0)
    for step in steps:
        end = low + (high - low) // step * step if step > 1 else high
        with f.loop(low, end, step) as index:
            body(index, step)
        low = end


def _row_tile(
    f: Function, m: Machine, n: Value, b: Value, count: int, width: int, masked: bool, as_is: bool
) -> None:
    step, block_bytes = (f.step, m.bytes) if as_is else (m.bytes, block_size(m, f.inner))
    there = [m.below(f, f.valid - (b + k) * m.lanes) if as_is else None for k in range(width)]
    masks = [m.below(f, f.columns - (b + k) * m.lanes) if masked else None for k in range(width)]
    start = f.initial.offset(n * f.initial_pitch + b * m.bytes)  # which may be `out`, and end where that does
    sums = [
        [
            f.variable(m.vector, m.load(f, start.offset(f.initial_pitch * r), k * m.bytes, masks[k]))
            for k in range(width)
        ]
        for r in range(count)
    ]
    rows = [f.a.offset((n + r) * f.a_pitch) for r in range(count)]
    columns = [f.packed.offset((b + k) * block_bytes) for k in range(width)]
    with f.loop(0, f.inner) as k:
        vectors = [m.load(f, place.offset(k * step), 0, mask) for place, mask in zip(columns, there)]
        for row, totals in zip(rows, sums):
            element = m.spread(f, row.offset(k * m.size))
            for vector, total in zip(vectors, totals):
                total.set(f.fma(element, vector, total.get()))
    out = f.out.offset(n * f.out_pitch + b * m.bytes)
    for r, totals in enumerate(sums):
        for k, total in enumerate(totals):
            m.store(f, total.get(), out.offset(f.out_pitch * r), k * m.bytes, masks[k])


# ---- rows times rows as they lie


def define_dots(module: Module, m: Machine) -> None:
    """`out[n, j] = initial[n, j] + sum over k of a[n, k] * b[j, k]` for whole vectors of j.

    Where `b` has fewer than those, its last of `units` rows stands for the others. The way for few rows of
    `a`, for which putting `b` in order would cost more than the product.
    """
    places = {"out": ptr, "initial": ptr, "a": ptr, "b": ptr}
    sizes = ("out_pitch", "initial_pitch", "a_pitch", "b_pitch", "rows", "vectors", "units", "inner")
    heights = [h for h in (4, 2, 1) if m.lanes // h >= 4 or h == 1]
    function = module.function("dots", exported=False, inline=False, **places, **dict.fromkeys(sizes, i64))
    with function as f, f.loop(0, f.vectors * m.lanes, m.lanes) as j:

        def tiles(n: Value, height: int) -> None:
            with f.loop(j, j + m.lanes, m.lanes // height) as unit:
                _dot_tile(f, m, n, unit, height)

        _split(f, f.rows, heights, tiles)


def _dot_tile(f: Function, m: Machine, n: Value, unit: Value, height: int) -> None:
    """As many sums as a vector has lanes, `height` rows of them; lanes of each are added up at the end."""
    across = m.lanes // height
    sums = [f.variable(m.vector, 0) for _ in range(m.lanes)]
    a = [f.a.offset((n + r) * f.a_pitch) for r in range(height)]
    b = [f.b.offset(f.minimum(unit + u, f.units - 1) * f.b_pitch) for u in range(across)]

    def add(k: Value, mask: Value | None) -> None:
        right = [m.load(f, row.offset(k * m.size), 0, mask) for row in b]
        for r, row in enumerate(a):
            left = m.load(f, row.offset(k * m.size), 0, mask)
            for u, vector in enumerate(right):
                total = sums[r * across + u]
                total.set(f.fma(left, vector, total.get()))

    whole = f.inner & -m.lanes
    with f.loop(0, whole, m.lanes) as k:
        add(k, None)
    with f.when(whole < f.inner):
        add(whole, m.below(f, f.inner - whole))
    total = _added(transpose(f, [s.get() for s in sums]))
    for r in range(height):
        part = f.shuffle(total, None, list(range(r * across, (r + 1) * across)))
        at = unit * m.size
        start = f.load(part.type, f.initial.offset((n + r) * f.initial_pitch + at), align=m.size)
        f.store(start + part, f.out.offset((n + r) * f.out_pitch + at), align=m.size)


def _added(vectors: list[Value]) -> Value:
    while len(vectors) > 1:
        vectors = [a + b for a, b in pairs(vectors)]
    return vectors[0]


# ---- sums over rows


def define_outer_sums(module: Module, m: Machine) -> None:
    """`out[j, c] = sum over n of a[n, j] * b[n, c]` for `units` j and `columns` c; b has whole vectors.

    The rows come in groups of `group`, the last of which may have fewer, whose starts are `a_jump` and
    `b_jump` apart.
    """
    places = {"out": ptr, "a": ptr, "b": ptr}
    names = ("out_pitch", "a_pitch", "b_pitch", "a_jump", "b_jump", "rows", "group", "units", "columns")
    sizes = dict.fromkeys(names, i64)
    with module.function("outer_sums", exported=False, inline=False, **places, **sizes) as f:
        count = (f.columns + (m.lanes - 1)) // m.lanes
        groups, step = (f.rows + f.group - 1) // f.group, f.maximum(f.constant(i64, CHUNK) // f.group, 1)
        with f.loop(0, groups, step) as low:
            some = low, f.minimum(low + step, groups)
            _split(
                f,
                count,
                BLOCKS,
                lambda b, width: _split(
                    f, f.units, _heights(m, width), lambda j, k: _outer_tile(f, m, some, j, b, k, width)
                ),
            )


def _outer_tile(
    f: Function, m: Machine, groups: tuple[Value, Value], j: Value, b: Value, count: int, width: int
) -> None:
    sums = [[f.variable(m.vector, 0) for _ in range(width)] for _ in range(count)]
    a, columns = f.a.offset(j * m.size), f.b.offset(b * m.bytes)
    with f.loop(*groups) as g, f.loop(0, f.minimum(f.group, f.rows - g * f.group)) as n:
        row, element = columns.offset(g * f.b_jump + n * f.b_pitch), a.offset(g * f.a_jump + n * f.a_pitch)
        vectors = [m.load(f, row, k * m.bytes) for k in range(width)]
        for u, totals in enumerate(sums):
            factor = m.spread(f, element, u * m.size)
            for vector, total in zip(vectors, totals):
                total.set(f.fma(factor, vector, total.get()))
    masks = [m.below(f, f.columns - (b + k) * m.lanes) for k in range(width)]
    for u, totals in enumerate(sums):
        place = f.out.offset((j + u) * f.out_pitch + b * m.bytes)
        with f.when(groups[0] > 0):
            for k, total in enumerate(totals):
                total.set(total.get() + m.load(f, place, k * m.bytes, masks[k]))
        for k, total in enumerate(totals):
            m.store(f, total.get(), place, k * m.bytes, masks[k])
