"""Attention in tiles: a block of queries meets block after block of keys, and no score leaves the cache.

The products are those of `matmul`: packed panels, tiles in registers. Of each query there is kept what its
largest score is so far, and the sum of the weights; a larger score scales down what was summed before. Keys
that come after all queries of a tile are left out where the mask is causal.
"""

from __future__ import annotations

from collections.abc import Callable

from ...runtime.ir import Function, Type, Value, i64, ptr, void
from .blocked import Kernel, Machine, Words
from .maths.exponential import exp
from .matmul import Tile, choose_tile, pack_lines, pack_lines_function, tile_functions

MOST_DIMS = 3  # of the batch
SIDES = ("out", "query", "key", "value", "mask")
INFINITY = float("inf")

# the call's words: arrays, then sizes; bytes wherever a step or a place in memory is meant
WORDS = (
    *("out", "query", "key", "value", "mask", "stats", "scratch", "threads", "shared_bytes", "slot_bytes"),
    *("matrices", "queries", "keys", "size", "value_size", "causal", "scale"),
    *("query_tasks", "tasks", "task_queries", "block_keys", "pitch", "sums_pitch"),
    *("left_at", "right_at", "scores_at", "weights_at", "sums_at"),
    *(f"{side}_row" for side in SIDES),
    *(f"length{d}" for d in range(MOST_DIMS)),
    *(f"{side}{d}" for side in SIDES for d in range(MOST_DIMS)),
)


def attention_ir(dtype: str, vector_bytes: int, sums: int) -> str:
    """The module with `run(block)`; `stats` gets each query's largest score, then all sums' inverses."""
    kernel = Kernel(Machine(dtype, vector_bytes), WORDS)
    tile = Tile(kernel.machine, sums, 2)
    tile_functions(kernel, tile)
    pack_lines_function(kernel)
    _weigh(kernel, tile)
    _finish_row(kernel)
    _task(kernel, tile)
    return kernel.finish()


def matrix_of(words: Words, side: str, number: Value) -> Value:
    """Where a side's matrix of that number starts."""
    place, rest = words.pointer(side), number
    for d in reversed(range(MOST_DIMS)):
        place = place.offset(rest % words[f"length{d}"] * words[f"{side}{d}"])
        rest = rest // words[f"length{d}"]
    return place


class Block:
    """Sizes of a block of keys and of queries that meet: what of it a causal mask leaves."""

    def __init__(self, f: Function, words: Words, query: Value, key: Value, queries: Value, keys: Value):
        self.f, self.query, self.key, self.queries, self.keys = f, query, key, queries, keys
        self.causal = words["causal"].differs(0)

    def seen(self, query: Value) -> Value:
        """How many of the keys a query of the block may see."""
        f = self.f
        before = f.maximum(f.minimum(query + (self.query - self.key) + 1, self.keys), 0)
        return f.select(self.causal, before, self.keys)

    def first_query(self, key: Value) -> Value:
        """The first query of the block that may see a key."""
        f = self.f
        return f.select(self.causal, f.maximum(key + (self.key - self.query), 0), f.constant(i64, 0))


def rows_of(f: Function, low: Value | int, high: Value, tile: Tile):
    """The first rows of all tiles, from the one that `low` is in."""
    low = low if isinstance(low, Value) else f.constant(i64, low)
    return f.loop(low // tile.rows * tile.rows, high, tile.rows)


# ---- a task: some queries of one matrix


def _task(kernel: Kernel, tile: Tile) -> None:
    m = kernel.machine
    with kernel.phase("task", "tasks") as (f, words, number, mine):
        matrix, query = number // words["query_tasks"], number % words["query_tasks"] * words["task_queries"]
        queries = f.minimum(words["queries"] - query, words["task_queries"])
        left, stats = mine.offset(words["left_at"]), mine.offset(tile.line)
        for j in range(tile.vectors):
            m.store(f, m.zero(f), mine, j * m.bytes)
        _start(f, m, words, mine, stats, queries)
        source = matrix_of(words, "query", matrix).offset(query * words["query_row"])
        pack_rows(
            f, tile, left, source, (words["query_row"], f.constant(i64, m.size)), queries, words["size"]
        )
        end = f.select(words["causal"].differs(0), f.minimum(words["keys"], query + queries), words["keys"])
        done = f.variable(i64, 0)
        with f.forever() as blocks:
            key = done.get()
            blocks.leave_if(key >= end)
            keys = f.minimum(end - key, words["block_keys"])
            block = Block(f, words, query, key, queries, keys)
            _scores(f, tile, words, block, mine, left, matrix)
            _weights(f, tile, words, block, mine, stats, matrix)
            _values(f, tile, words, block, mine, matrix)
            done.set(key + keys)
        _results(f, m, words, mine, stats, matrix, query, queries)


def _start(f: Function, m: Machine, words: Words, mine: Value, stats: Value, queries: Value) -> None:
    """No score yet, and sums of zero."""
    with f.loop(0, queries) as row:
        place = stats.offset(row * (2 * m.size))
        f.store(f.constant(m.scalar, -INFINITY), place)
        f.store(f.constant(m.scalar, 0), place, m.size)
        sums = mine.offset(words["sums_at"] + row * words["sums_pitch"])
        with f.loop(0, words["sums_pitch"], m.bytes) as at:
            m.store(f, m.zero(f), sums.offset(at))


def pack_rows(
    f: Function,
    tile: Tile,
    target: Value,
    source: Value,
    steps: tuple[Value, Value],
    rows: Value,
    depth: Value,
) -> None:
    """Panels of rows as the left side of a product; `steps` are those down and across."""
    m = tile.machine
    with f.loop(0, rows, tile.rows) as row:
        lines = f.minimum(rows - row, tile.rows)
        into = target.offset(row * tile.row_bytes(depth))
        line_steps = f.constant(i64, m.bytes), f.constant(i64, tile.rows * m.bytes)
        pack_lines(f, into, line_steps, source.offset(row * steps[0]), steps, (lines, lines, depth))


def pack_columns(
    f: Function, tile: Tile, target: Value, source: Value, steps: tuple, depth: Value, lanes: Value
) -> None:
    """A panel of columns as the right side of a product; `steps` are those down and across."""
    line_steps = f.constant(i64, tile.line), f.constant(i64, tile.machine.bytes)
    sizes = tile.padded(depth), depth, f.minimum(lanes, tile.columns)
    pack_lines(f, target, line_steps, source, steps, sizes)


def _scores(
    f: Function, tile: Tile, words: Words, block: Block, mine: Value, left: Value, matrix: Value
) -> None:
    m = tile.machine
    keys = matrix_of(words, "key", matrix).offset(block.key * words["key_row"])
    right, scores = mine.offset(words["right_at"]), mine.offset(words["scores_at"])
    zero, size = f.constant(i64, 0), f.constant(i64, m.size)
    with f.loop(0, block.keys, tile.columns) as column:
        source, lanes = keys.offset(column * words["key_row"]), block.keys - column
        pack_columns(f, tile, right, source, (size, words["key_row"]), words["size"], lanes)
        with rows_of(f, block.first_query(column), block.queries, tile) as row:
            out = scores.offset(row * words["pitch"] + column * m.size)
            a = left.offset(row * tile.row_bytes(words["size"]))
            sizes = tile.padded(words["size"]), lanes
            choose_tile(f, tile, block.queries - row, (a, right, out, mine, zero, words["pitch"], *sizes))


def _weights(
    f: Function, tile: Tile, words: Words, block: Block, mine: Value, stats: Value, matrix: Value
) -> None:
    """Scores become weights, in lines as the left side of the next product."""
    m = tile.machine
    mask = matrix_of(words, "mask", matrix).offset(block.query * words["mask_row"] + block.key * m.size)
    with f.loop(0, block.queries) as row:
        line = row // tile.rows * (words["block_keys"] * (tile.rows * m.size)) + row % tile.rows * m.bytes
        last = f.minimum(row // tile.rows * tile.rows + (tile.rows - 1), block.queries - 1)
        here = f.variable(ptr, 0)
        with f.when(words["mask"].differs(0)):
            here.set(mask.offset(row * words["mask_row"]))
        places = (
            mine.offset(words["scores_at"] + row * words["pitch"]),
            mine.offset(words["weights_at"] + line),
            here.get(),
            stats.offset(row * (2 * m.size)),
            mine.offset(words["sums_at"] + row * words["sums_pitch"]),
        )
        f.call("weigh", void, *places, f.block, block.seen(row), block.seen(last))


def _values(f: Function, tile: Tile, words: Words, block: Block, mine: Value, matrix: Value) -> None:
    """Adds the weighted values of the block to the sums."""
    m = tile.machine
    values = matrix_of(words, "value", matrix).offset(block.key * words["value_row"])
    right, pitch = mine.offset(words["right_at"]), words["sums_pitch"]
    steps = words["value_row"], f.constant(i64, m.size)
    with f.loop(0, words["value_size"], tile.columns) as column:
        lanes = words["value_size"] - column
        pack_columns(f, tile, right, values.offset(column * m.size), steps, block.keys, lanes)
        with rows_of(f, 0, block.queries, tile) as row:
            last = f.minimum(row + (tile.rows - 1), block.queries - 1)
            a = mine.offset(words["weights_at"] + row * (words["block_keys"] * m.size))
            out = mine.offset(words["sums_at"] + row * pitch + column * m.size)
            depth = tile.padded(block.seen(last))
            choose_tile(f, tile, block.queries - row, (a, right, out, out, pitch, pitch, depth, lanes))


def _results(
    f: Function,
    m: Machine,
    words: Words,
    mine: Value,
    stats: Value,
    matrix: Value,
    query: Value,
    queries: Value,
) -> None:
    place = matrix * words["queries"] + query
    kept = words.pointer("stats").offset(place * m.size)
    inverses = kept.offset(words["matrices"] * words["queries"] * m.size)
    out = matrix_of(words, "out", matrix).offset(query * words["out_row"])
    with f.loop(0, queries) as row:
        sums = mine.offset(words["sums_at"] + row * words["sums_pitch"])
        own = stats.offset(row * (2 * m.size))
        places = out.offset(row * words["out_row"]), sums, own
        f.call(
            "finish_row",
            void,
            *places,
            kept.offset(row * m.size),
            inverses.offset(row * m.size),
            words["value_size"],
        )


# ---- rows


def _weigh(kernel: Kernel, tile: Tile) -> None:
    """One query's scores to weights: exp(score - largest so far); what was summed before is scaled to that.

    `seen` keys count; weights up to `extent` are written, zero after those.
    """
    m = kernel.machine
    places = {"scores": ptr, "weights": ptr, "mask": ptr, "stats": ptr, "sums": ptr, "block": ptr}
    with kernel.module.function("weigh", exported=False, inline=False, **places, seen=i64, extent=i64) as f:
        words = kernel.words(f)
        before = f.load(m.scalar, f.stats)
        largest = _largest(f, m, words, before)
        safe = f.select(largest.equals(-INFINITY), f.constant(m.scalar, 0), largest)
        shift = f.splat(safe, m.lanes)
        total = f.variable(m.vector, 0)
        with f.loop(0, f.extent, m.lanes) as at:
            inside = m.below(f, f.seen - at)
            weight = exp(f, m.load(f, f.scores.offset(at * m.size)) - shift)
            weight = f.select(inside, weight, m.zero(f))
            total.set(total.get() + weight)
            m.store(f, weight, f.weights.offset(at // m.lanes * (tile.rows * m.bytes)))
        shrink = f.extract(exp(f, f.splat(before - safe, m.lanes)), 0)
        f.store(largest, f.stats)
        kept = f.load(m.scalar, f.stats, m.size) * shrink
        f.store(kept + folded(f, total.get(), lambda a, b: a + b), f.stats, m.size)
        with f.when(largest.differs(before)):
            factor = f.splat(shrink, m.lanes)
            with f.loop(0, words["sums_pitch"], m.bytes) as at:
                m.store(f, m.load(f, f.sums.offset(at)) * factor, f.sums.offset(at))


def _largest(f: Function, m: Machine, words: Words, before: Value) -> Value:
    """The largest score so far; scores are scaled, and what the mask says is added."""
    scale = f.splat(f.load(m.scalar, words.f.block, 8 * words.names.index("scale")), m.lanes)
    largest, masked = f.variable(m.vector, -INFINITY), f.mask.convert("ptrtoint", i64).differs(0)
    with f.loop(0, f.seen, m.lanes) as at:
        inside = m.below(f, f.seen - at)
        place = f.scores.offset(at * m.size)
        score = f.variable(m.vector, m.load(f, place) * scale)
        with f.when(masked):
            score.set(score.get() + m.load(f, f.mask.offset(at * m.size), 0, inside))
        m.store(f, score.get(), place)
        score = f.select(inside, score.get(), f.constant(m.vector, -INFINITY))
        largest.set(larger(f, largest.get(), score))
    return larger(f, before, folded(f, largest.get(), lambda a, b: larger(f, a, b)))


def larger(f: Function, a: Value, b: Value) -> Value:
    return f.select(a > b, a, b)


def folded(f: Function, vector: Value, combine: Callable[[Value, Value], Value]) -> Value:
    """All lanes as one number."""
    while vector.type.lanes > 2:
        half = vector.type.lanes // 2
        low, high = range(half), range(half, 2 * half)
        vector = combine(f.shuffle(vector, None, low), f.shuffle(vector, None, high))
    return combine(f.extract(vector, 0), f.extract(vector, 1))


def _finish_row(kernel: Kernel) -> None:
    """Sums over the sum of the weights; a query that sees no key gets zeros."""
    m = kernel.machine
    places: dict[str, Type] = {"out": ptr, "sums": ptr, "stats": ptr, "kept": ptr, "inverse": ptr}
    with kernel.module.function("finish_row", exported=False, inline=False, **places, size=i64) as f:
        largest, total = f.load(m.scalar, f.stats), f.load(m.scalar, f.stats, m.size)
        blind = total.equals(0)  # else the largest score has weight one
        one, zero = f.constant(m.scalar, 1), f.constant(m.scalar, 0)
        inverse = f.select(blind, zero, one / total)
        f.store(f.select(blind, zero, largest), f.kept)
        f.store(inverse, f.inverse)
        factor = f.splat(inverse, m.lanes)
        with f.loop(0, f.size, m.lanes) as at:
            inside = m.below(f, f.size - at)
            m.store(f, m.load(f, f.sums.offset(at * m.size)) * factor, f.out.offset(at * m.size), 0, inside)
