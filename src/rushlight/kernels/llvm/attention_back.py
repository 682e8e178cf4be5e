"""The gradients of attention in tiles: weights are computed again, block by block, from what was kept.

Blocks lie with their keys down and their queries across, so that what is known of each query lies along the
lanes. With weights P and scores' slopes S of a block, values get P dO, keys S Q, and queries S^T K.
"""

from __future__ import annotations

from ...runtime.ir import Function, Value, i64, ptr, void
from .attention import MOST_DIMS, Block, folded, matrix_of, pack_columns, pack_rows, rows_of
from .blocked import Kernel, Machine, Words
from .maths.exponential import exp
from .matmul import Tile, choose_tile, pack_lines, pack_lines_function, tile_functions

SIDES = ("query", "key", "value", "mask", "out", "g", "of_query", "of_key", "of_value")
WORDS = (
    *("query", "key", "value", "mask", "out", "g", "of_query", "of_key", "of_value", "stats"),
    *("scratch", "threads", "shared_bytes", "slot_bytes"),
    *("tasks", "queries", "keys", "size", "value_size", "causal", "scale"),
    *("block_queries", "block_keys", "pitch"),
    *("key_at", "value_at", "right_at", "scores_at", "slopes_at", "mask_at"),
    *("weights_at", "steep_at", "turned_at", "deltas_at"),
    *(f"{side}_row" for side in SIDES),
    *(f"length{d}" for d in range(MOST_DIMS)),
    *(f"{side}{d}" for side in SIDES for d in range(MOST_DIMS)),
)


def attention_back_ir(dtype: str, vector_bytes: int, sums: int) -> str:
    """The module with `run(block)`: one task for each matrix of the batch."""
    kernel = Kernel(Machine(dtype, vector_bytes), WORDS)
    tile = Tile(kernel.machine, sums, 2)
    tile_functions(kernel, tile)
    pack_lines_function(kernel)
    _deltas(kernel)
    _slopes(kernel, tile)
    _task(kernel, tile)
    return kernel.finish()


class _Here:
    """What a task knows: its words, its scratch and the places of its matrices."""

    def __init__(self, f: Function, tile: Tile, words: Words, mine: Value, matrix: Value) -> None:
        self.f, self.tile, self.words, self.mine, self.matrix = f, tile, words, mine, matrix
        self.m = tile.machine
        self.item = f.constant(i64, self.m.size)

    def at(self, name: str) -> Value:
        return self.mine.offset(self.words[f"{name}_at"])

    def row(self, side: str, row: Value) -> Value:
        """Row `row` of a side."""
        return matrix_of(self.words, side, self.matrix).offset(row * self.words[f"{side}_row"])

    def steps(self, side: str) -> tuple[Value, Value]:
        """Down and across."""
        return self.words[f"{side}_row"], self.item


def _task(kernel: Kernel, tile: Tile) -> None:
    m = kernel.machine
    with kernel.phase("task", "tasks") as (f, words, matrix, mine):
        here = _Here(f, tile, words, mine, matrix)
        for j in range(tile.vectors):
            m.store(f, m.zero(f), mine, j * m.bytes)
        zero = f.constant(i64, 0)
        places = here.at("deltas"), here.row("g", zero), here.row("out", zero)
        sizes = words["g_row"], words["out_row"], words["queries"], words["value_size"]
        f.call("deltas", void, *places, *sizes)
        done = f.variable(i64, 0)
        with f.forever() as blocks:
            key = done.get()
            blocks.leave_if(key >= words["keys"])
            keys = f.minimum(words["keys"] - key, words["block_keys"])
            pack_rows(f, tile, here.at("key"), here.row("key", key), here.steps("key"), keys, words["size"])
            pack_rows(
                f,
                tile,
                here.at("value"),
                here.row("value", key),
                here.steps("value"),
                keys,
                words["value_size"],
            )
            _all_queries(here, key, keys)
            done.set(key + keys)


def _all_queries(here: _Here, key: Value, keys: Value) -> None:
    """A block of keys meets all blocks of queries that may see some of it, one of them at least."""
    f, words = here.f, here.words
    size = words["block_queries"]
    last = (words["queries"] - 1) // size * size
    first = f.minimum(f.select(words["causal"].differs(0), key // size * size, f.constant(i64, 0)), last)
    done = f.variable(i64, first)
    with f.forever() as blocks:
        query = done.get()
        blocks.leave_if(query >= words["queries"])
        block = Block(f, words, query, key, f.minimum(words["queries"] - query, size), keys)
        _scores_and_slopes(here, block)
        fresh = query.equals(first)
        _of_rows(here, block, "weights", "g", "of_value", words["value_size"], fresh)
        _of_rows(here, block, "steep", "query", "of_key", words["size"], fresh)
        _of_queries(here, block)
        done.set(query + block.queries)


def _scores_and_slopes(here: _Here, block: Block) -> None:
    """The products of keys with queries and of values with gradients, then weights and slopes from them."""
    f, words, m = here.f, here.words, here.m
    for left, side, into in (("key", "query", "scores"), ("value", "g", "slopes")):
        _products(here, block, left, side, into)
    with f.when(words["mask"].differs(0)):
        source = here.row("mask", block.query).offset(block.key * m.size)
        steps = words["pitch"], f.constant(i64, m.bytes)
        strides = here.item, words["mask_row"]
        pack_lines(f, here.at("mask"), steps, source, strides, (block.keys, block.keys, block.queries))
    place = here.matrix * words["queries"] + block.query
    largest = words.pointer("stats").offset(place * m.size)
    inverse = largest.offset(words["tasks"] * words["queries"] * m.size)
    delta = here.at("deltas").offset(block.query * m.size)
    tile_bytes = words["block_queries"] * (here.tile.rows * m.size)
    with f.loop(0, block.keys) as row:
        line = row // here.tile.rows * tile_bytes + row % here.tile.rows * m.bytes
        step = row * words["pitch"]
        mask = f.variable(ptr, 0)
        with f.when(words["mask"].differs(0)):
            mask.set(here.at("mask").offset(step))
        places = here.at("scores").offset(step), here.at("slopes").offset(step), mask.get()
        targets = here.at("weights").offset(line), here.at("steep").offset(line)
        seen = block.first_query(row), block.queries
        f.call("slopes", void, *places, *targets, largest, inverse, delta, f.block, *seen)


def _products(here: _Here, block: Block, left: str, side: str, into: str) -> None:
    f, tile, words = here.f, here.tile, here.words
    depth = words["size" if left == "key" else "value_size"]
    zero, right, pitch = f.constant(i64, 0), here.at("right"), words["pitch"]
    with f.loop(0, block.queries, tile.columns) as column:
        lanes = block.queries - column
        source = here.row(side, block.query + column)
        pack_columns(f, tile, right, source, (here.item, words[f"{side}_row"]), depth, lanes)
        seen = block.seen(column + (tile.columns - 1))
        with rows_of(f, 0, seen, tile) as row:
            a = here.at(left).offset(row * tile.row_bytes(depth))
            out = here.at(into).offset(row * pitch + column * here.m.size)
            sizes = tile.padded(depth), lanes
            choose_tile(f, tile, block.keys - row, (a, right, out, here.mine, zero, pitch, *sizes))


def _of_rows(here: _Here, block: Block, left: str, side: str, into: str, width: Value, fresh: Value) -> None:
    """What the block's keys or values get: added to what is there unless it is fresh."""
    f, tile, words, m = here.f, here.tile, here.words, here.m
    right, out_row = here.at("right"), words[f"{into}_row"]
    with f.loop(0, width, tile.columns) as column:
        source, lanes = here.row(side, block.query).offset(column * m.size), width - column
        pack_columns(f, tile, right, source, here.steps(side), block.queries, lanes)
        with rows_of(f, 0, block.keys, tile) as row:
            skipped = f.minimum(block.first_query(row), block.queries) & -m.lanes
            a = here.at(left).offset(row * (words["block_queries"] * m.size) + skipped * (tile.rows * m.size))
            b = right.offset(skipped * tile.line)
            out = here.row(into, block.key + row).offset(column * m.size)
            first, first_row = f.select(fresh, here.mine, out), f.select(fresh, f.constant(i64, 0), out_row)
            sizes = tile.padded(block.queries) - skipped, lanes
            choose_tile(f, tile, block.keys - row, (a, b, out, first, first_row, out_row, *sizes))


def _of_queries(here: _Here, block: Block) -> None:
    """What the block's queries get; the first block of keys starts their sums."""
    f, tile, words, m = here.f, here.tile, here.words, here.m
    turned, right, out_row = here.at("turned"), here.at("right"), words["of_query_row"]
    strides = here.item, words["pitch"]
    fresh = block.key.equals(0)
    with rows_of(f, 0, block.queries, tile) as row:
        lines = f.minimum(block.queries - row, tile.rows)
        seen = block.seen(row + lines - 1)
        steps = f.constant(i64, m.bytes), f.constant(i64, tile.rows * m.bytes)
        into = turned.offset(row * (words["block_keys"] * m.size))
        pack_lines(f, into, steps, here.at("slopes").offset(row * m.size), strides, (lines, lines, seen))
    with f.loop(0, words["size"], tile.columns) as column:
        lanes = words["size"] - column
        source = here.row("key", block.key).offset(column * m.size)
        pack_columns(f, tile, right, source, here.steps("key"), block.keys, lanes)
        with rows_of(f, 0, block.queries, tile) as row:
            last = f.minimum(row + (tile.rows - 1), block.queries - 1)
            a = turned.offset(row * (words["block_keys"] * m.size))
            out = here.row("of_query", block.query + row).offset(column * m.size)
            first, first_row = f.select(fresh, here.mine, out), f.select(fresh, f.constant(i64, 0), out_row)
            sizes = tile.padded(block.seen(last)), lanes
            choose_tile(f, tile, block.queries - row, (a, right, out, first, first_row, out_row, *sizes))


# ---- rows


def _deltas(kernel: Kernel) -> None:
    """For each query the sum of its gradient times its result: what its scores share of the slope."""
    m = kernel.machine
    arguments = {"deltas": ptr, "g": ptr, "out": ptr, "g_row": i64, "out_row": i64, "rows": i64, "size": i64}
    function = kernel.module.function("deltas", exported=False, inline=False, **arguments)
    with function as f, f.loop(0, f.rows) as row:
        total = f.variable(m.vector, 0)
        with f.loop(0, f.size, m.lanes) as at:
            inside = m.below(f, f.size - at)
            g = m.load(f, f.g.offset(row * f.g_row + at * m.size), 0, inside)
            out = m.load(f, f.out.offset(row * f.out_row + at * m.size), 0, inside)
            total.set(f.fma(g, out, total.get()))
        f.store(folded(f, total.get(), lambda a, b: a + b), f.deltas.offset(row * m.size))


def _slopes(kernel: Kernel, tile: Tile) -> None:
    """One key's weights and slopes for the queries from `low` to `high`, zero for those before.

    Both go in lines to `weights` and `steep`, the slopes also over what was in their row.
    """
    m = kernel.machine
    names = ("scores", "slopes", "mask", "weights", "steep", "largest", "inverse", "delta", "block")
    places = dict.fromkeys(names, ptr)
    with kernel.module.function("slopes", exported=False, inline=False, **places, low=i64, high=i64) as f:
        scale = f.splat(f.load(m.scalar, f.block, 8 * WORDS.index("scale")), m.lanes)
        masked = f.mask.convert("ptrtoint", i64).differs(0)
        with f.loop(0, f.high, m.lanes) as at:
            here, line = at * m.size, at // m.lanes * (tile.rows * m.bytes)
            inside = m.below(f, f.high - at)
            seen = inside & (m.below(f, f.low - at) ^ 1)
            score = f.variable(m.vector, m.load(f, f.scores.offset(here)) * scale)
            with f.when(masked):
                score.set(score.get() + m.load(f, f.mask.offset(here)))
            largest, inverse, delta = (
                m.load(f, place.offset(here), 0, inside) for place in (f.largest, f.inverse, f.delta)
            )
            weight = f.select(seen, exp(f, score.get() - largest) * inverse, m.zero(f))
            slope = weight * (m.load(f, f.slopes.offset(here)) - delta) * scale
            slope = f.select(seen, slope, m.zero(f))
            m.store(f, weight, f.weights.offset(line))
            for place in (f.steep.offset(line), f.slopes.offset(here)):
                m.store(f, slope, place)
