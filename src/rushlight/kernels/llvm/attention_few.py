"""Attention for few queries, or for little work: keys and values are read once, as they lie.

A task is all queries of one matrix: their products with all keys, weights from these, then the weights'
products with the values. Putting keys in order, as `attention` does, would cost more than the products.
"""

from __future__ import annotations

from ...runtime.ir import Function, Value, i64, ptr, void
from .attention import INFINITY, MOST_DIMS, SIDES, folded, larger, matrix_of
from .blocked import Kernel, Machine, Words
from .maths.exponential import exp
from .products import define_dots, define_product, fill

WORDS = (
    *("out", "query", "key", "value", "mask", "stats", "scratch", "threads", "shared_bytes", "slot_bytes"),
    *("matrices", "tasks", "queries", "keys", "size", "value_size", "causal", "scale"),
    *("pitch", "zero_bytes", "scores_at"),
    *(f"{side}_row" for side in SIDES),
    *(f"length{d}" for d in range(MOST_DIMS)),
    *(f"{side}{d}" for side in SIDES for d in range(MOST_DIMS)),
)


def attention_few_ir(dtype: str, vector_bytes: int) -> str:
    """The module with `run(block)`; `stats` gets each query's largest score, then all sums' inverses."""
    kernel = Kernel(Machine(dtype, vector_bytes), WORDS)
    m = kernel.machine
    define_dots(kernel.module, m)
    define_product(kernel.module, m, masked=True, as_is=True)
    _weigh(kernel)
    with kernel.phase("task", "tasks") as (f, words, matrix, mine):
        scores = mine.offset(words["scores_at"])
        fill(f, m, mine, words["zero_bytes"])
        _scores(f, m, words, matrix, mine, scores)
        _weights(f, m, words, matrix, scores)
        _values(f, m, words, matrix, mine, scores)
    return kernel.finish()


def _vectors(m: Machine, elements: Value) -> Value:
    return (elements + (m.lanes - 1)) // m.lanes


def _scores(f: Function, m: Machine, words: Words, matrix: Value, zeros: Value, scores: Value) -> None:
    keys, zero = words["keys"], f.constant(i64, 0)
    places = scores, zeros, matrix_of(words, "query", matrix), matrix_of(words, "key", matrix)
    pitches = words["pitch"], zero, words["query_row"], words["key_row"]
    f.call("dots", void, *places, *pitches, words["queries"], _vectors(m, keys), keys, words["size"])


def _weights(f: Function, m: Machine, words: Words, matrix: Value, scores: Value) -> None:
    """Scores become weights, row by row; of the mask there may be one row for all."""
    kept = words.pointer("stats").offset(matrix * words["queries"] * m.size)
    inverses = kept.offset(words["matrices"] * words["queries"] * m.size)
    mask, keys = matrix_of(words, "mask", matrix), words["keys"]
    with f.loop(0, words["queries"]) as row:
        here = f.variable(ptr, 0)
        with f.when(words["mask"].differs(0)):
            here.set(mask.offset(row * words["mask_row"]))
        seen = f.select(words["causal"].differs(0), f.minimum(row + 1, keys), keys)
        places = scores.offset(row * words["pitch"]), here.get(), kept.offset(row * m.size)
        f.call("weigh", void, *places, inverses.offset(row * m.size), f.block, seen)


def _values(f: Function, m: Machine, words: Words, matrix: Value, zeros: Value, weights: Value) -> None:
    size, zero = words["value_size"], f.constant(i64, 0)
    places = matrix_of(words, "out", matrix), zeros, weights, matrix_of(words, "value", matrix)
    sizes = words["queries"], _vectors(m, size), words["keys"], size, words["value_row"], size
    f.call("product", void, *places, words["out_row"], zero, words["pitch"], *sizes)


def _weigh(kernel: Kernel) -> None:
    """One query's scores to weights, of which the first `seen` may differ from zero."""
    m = kernel.machine
    places = dict.fromkeys(("scores", "mask", "kept", "inverse", "block"), ptr)
    with kernel.module.function("weigh", exported=False, inline=False, **places, seen=i64) as f:
        words = kernel.words(f)
        largest = _largest(f, m, words)
        one, zero = f.constant(m.scalar, 1), f.constant(m.scalar, 0)
        safe = f.select(largest.equals(-INFINITY), zero, largest)
        shift, total = f.splat(safe, m.lanes), f.variable(m.vector, 0)
        with f.loop(0, f.seen, m.lanes) as at:
            place = f.scores.offset(at * m.size)
            weight = f.select(m.below(f, f.seen - at), exp(f, m.load(f, place) - shift), m.zero(f))
            total.set(total.get() + weight)
            m.store(f, weight, place)
        whole = folded(f, total.get(), lambda a, b: a + b)
        inverse = f.select(whole.equals(0), zero, one / whole)  # zeros for a query that sees no key
        factor = f.splat(inverse, m.lanes)
        with f.loop(0, words["keys"], m.lanes) as at:
            place = f.scores.offset(at * m.size)
            weight = f.select(m.below(f, f.seen - at), m.load(f, place) * factor, m.zero(f))
            m.store(f, weight, place)
        f.store(safe, f.kept)
        f.store(inverse, f.inverse)


def _largest(f: Function, m: Machine, words: Words) -> Value:
    """The largest score; scores are scaled, and what the mask says is added."""
    scale = f.splat(f.load(m.scalar, f.block, 8 * words.names.index("scale")), m.lanes)
    largest, masked = f.variable(m.vector, -INFINITY), f.mask.convert("ptrtoint", i64).differs(0)
    with f.loop(0, f.seen, m.lanes) as at:
        inside, place = m.below(f, f.seen - at), f.scores.offset(at * m.size)
        score = f.variable(m.vector, m.load(f, place) * scale)
        with f.when(masked):
            score.set(score.get() + m.load(f, f.mask.offset(at * m.size), 0, inside))
        m.store(f, score.get(), place)
        largest.set(larger(f, largest.get(), f.select(inside, score.get(), f.constant(m.vector, -INFINITY))))
    return folded(f, largest.get(), lambda a, b: larger(f, a, b))
