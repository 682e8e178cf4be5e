"""What the filters of a convolution with one for each channel get: sums over images and places of a channel.

As in a pool, lanes are neighbouring places of a row, and each tap is a vector of every `step`-th element of a
row of the plane; it is multiplied with the gradient of the places. The sums of an image are added to those of
the images before, so that errors do not grow with the number of all pixels.
"""

from __future__ import annotations

from ...runtime.ir import Function, Value
from .blocked import Kernel, Machine, Words
from .pooling import Masks, Reader, Shape

WORDS = (
    *("out", "x", "g", "bias", "scratch", "threads", "shared_bytes", "slot_bytes"),
    *("images", "channels", "height", "width", "rows", "columns", "row_step", "tap_rows", "top", "left"),
)


def depthwise_weight_ir(dtype: str, vector_bytes: int, shape: Shape) -> str:
    kernel = Kernel(Machine(dtype, vector_bytes), WORDS)
    m, taps = kernel.machine, shape.rows * shape.columns
    with kernel.phase("filter", "channels") as (f, words, channel, mine):
        for tap in range(taps):
            m.store(f, m.zero(f), mine, tap * m.bytes)
        with f.loop(0, words["images"]) as n:
            sums = [f.variable(m.vector, 0) for _ in range(taps)]
            _add_plane(f, m, words, shape, n * words["channels"] + channel, sums)
            for tap, total in enumerate(sums):
                m.store(f, m.load(f, mine, tap * m.bytes) + total.get(), mine, tap * m.bytes)
        place = words.pointer("out").offset(channel * (taps * m.size))
        for tap in range(taps):
            f.store(_total(f, m.load(f, mine, tap * m.bytes)), place, tap * m.size)
    return kernel.finish()


def _add_plane(f: Function, m: Machine, words: Words, shape: Shape, plane: Value, sums: list) -> None:
    width, columns = words["width"], words["columns"]
    x = words.pointer("x").offset(plane * words["height"] * width * m.size)
    g = words.pointer("g").offset(plane * words["rows"] * columns * m.size)
    with f.loop(0, columns, m.lanes) as column:
        first = column * shape.step - words["left"]
        masks = Masks(f, m, shape, width, first)
        kept = m.below(f, columns - column)
        with f.loop(0, words["rows"]) as row:
            gradient = m.load(f, g.offset((row * columns + column) * m.size), 0, kept)
            reader = Reader(f, m, shape, masks, 0.0)
            for r in range(shape.rows):
                at = row * words["row_step"] - words["top"] + words["tap_rows"] * r
                inside = at.compare("ult", words["height"])
                line = x.offset((f.select(inside, at, 0) * width + first) * m.size)
                for c in range(shape.columns):
                    seen = f.select(kept, reader.load(line, inside, (r, c)), m.zero(f))
                    total = sums[r * shape.columns + c]
                    total.set(f.fma(seen, gradient, total.get()))


def _total(f: Function, vector: Value) -> Value:
    """The sum of the lanes, halves at a time."""
    lanes = vector.type.lanes
    while lanes > 2:
        lanes //= 2
        low, high = (f.shuffle(vector, None, list(range(k, k + lanes))) for k in (0, lanes))
        vector = low + high
    return f.extract(vector, 0) + f.extract(vector, 1)
