"""Convolutions of few multiplications: one module for each type, whatever the sizes.

What each tap sees is a row of a matrix with a column for each pixel of each image; the rest is products of
small matrices. Sizes, strides, dilations and dimensions are all in the call's table: rows of pixels, what
taps and rows add to a place in the padded image, and where its rows are.
"""

from __future__ import annotations

from ...runtime.ir import Function, Module, Value, i64, ptr, void
from .blocked import LINE, Machine, Words, transpose

# the table: counts, and bytes wherever a step or a place in memory is meant; then the three lists of offsets
TABLE = (
    *("groups", "images", "channels", "outputs", "taps", "pixels", "rows", "row_length", "step"),
    *("input_rows", "input_width", "is_padded", "padded_bytes", "pitch", "patches", "sums"),
    *("image_bytes", "output_bytes", "channels_bytes", "outputs_bytes", "weights_bytes"),
    *("channel_numbers", "output_numbers"),
)
# the arrays of a call, before scratch and table, with their steps from one group to the next; some may be
# null: a bias, or what nobody wants
LAYER, BACK = ("out", "x", "weight", "bias"), ("of_x", "of_weight", "of_bias", "g", "x", "weight")
IMAGE, RESULT, WEIGHT = "channels_bytes", "outputs_bytes", "weights_bytes"
CALLS = {
    "forward": dict(zip(LAYER, (RESULT, IMAGE, WEIGHT, "output_numbers"))),
    "input": dict(zip(LAYER, (IMAGE, RESULT, WEIGHT, "channel_numbers"))),
    "back": dict(zip(BACK, (IMAGE, WEIGHT, "output_numbers", RESULT, IMAGE, WEIGHT))),
    "transposed_back": dict(zip(BACK, (RESULT, WEIGHT, "channel_numbers", IMAGE, RESULT, WEIGHT))),
}
TILES = ((4, (2, 1)), (1, (4, 1)))  # rows of a product at once, with so many vectors of each
DOTS = {16: (4, 4), 8: (2, 4), 4: (2, 2), 2: (1, 2)}  # sums at once, as many as there are lanes


def few_ir(dtype: str, vector_bytes: int) -> str:
    module, machine = Module(), Machine(dtype, vector_bytes)
    _copy_row(module, machine)
    _clear(module, machine)
    _see(module, machine)
    _put_back(module, machine)
    _rows(module, machine, "outputs_in", into_matrix=True)
    _rows(module, machine, "outputs_out", into_matrix=False)
    for rows, vectors in TILES:
        for count in vectors:
            _tile(module, machine, rows, count)
    _multiply(module, machine)
    _dots(module, machine)
    _plane_sums(module, machine)
    for kind, write in (
        ("forward", _forward),
        ("input", _input),
        ("back", _back),
        ("transposed_back", _transposed_back),
    ):
        arguments = dict.fromkeys((*CALLS[kind], "scratch"), ptr)
        with module.function(kind, exported=False, block=ptr, **arguments) as f:
            write(f, machine, _Table(f))
        _run(module, kind)
    return module.text()


class _Table(Words):
    """The table of a call, inside a function whose argument is `block`, with its lists."""

    def __init__(self, f: Function) -> None:
        super().__init__(f, TABLE)

    def of_tap(self, k: Value) -> Value:
        return self._listed(k)

    def of_row(self, k: Value) -> Value:
        return self._listed(self["taps"] + k)

    def of_input(self, k: Value) -> Value:
        return self._listed(self["taps"] + self["rows"] + k)

    def _listed(self, k: Value) -> Value:
        return self.f.load(i64, self.f.block.offset((k + len(TABLE)) * 8))


def _run(module: Module, kind: str) -> None:
    """One group of channels after the other."""
    steps = CALLS[kind].values()
    with module.function(f"run_{kind}", block=ptr) as f:
        *arrays, scratch, table = (f.load(ptr, f.block, 8 * k) for k in range(len(steps) + 2))
        first = ((scratch.convert("ptrtoint", i64) + (LINE - 1)) & -LINE).convert("inttoptr", ptr)

        def word(name: str) -> Value:
            return f.load(i64, table, 8 * TABLE.index(name))

        with f.loop(0, word("groups")) as group:
            places = [
                f.select(_is_null(place), place, place.offset(group * word(step)))
                for place, step in zip(arrays, steps)
            ]
            f.call(kind, void, table, *places, first)


def _is_null(place: Value) -> Value:
    return place.convert("ptrtoint", i64).equals(0)


# ---- what is done, for one group


def _forward(f: Function, m: Machine, words: _Table) -> None:
    patches, sums = _matrices(f, words)
    f.call("see", void, f.block, f.x, f.scratch, patches)
    _by_taps(f, m, words, f.weight, patches, sums, f.bias)
    f.call("outputs_out", void, f.block, f.out, sums)


def _input(f: Function, m: Machine, words: _Table) -> None:
    patches, sums = _matrices(f, words)
    f.call("outputs_in", void, f.block, f.x, sums)
    _by_outputs(f, m, words, f.weight, sums, patches)
    f.call("put_back", void, f.block, f.out, f.scratch, patches, f.bias)


def _back(f: Function, m: Machine, words: _Table) -> None:
    patches, sums = _matrices(f, words)
    _clear_ends(f, m, words, sums, "outputs")
    f.call("outputs_in", void, f.block, f.g, sums)
    with f.when(_is_null(f.of_weight) ^ 1):
        _clear_ends(f, m, words, patches, "taps")
        f.call("see", void, f.block, f.x, f.scratch, patches)
        f.call("dots", void, f.block, sums, patches, f.of_weight)
    with f.when(_is_null(f.of_x) ^ 1):
        _by_outputs(f, m, words, f.weight, sums, patches)
        f.call("put_back", void, f.block, f.of_x, f.scratch, patches, f.constant(ptr, 0))
    with f.when(_is_null(f.of_bias) ^ 1):
        sizes = words["outputs"], words["pixels"], words["output_bytes"]
        f.call("plane_sums", void, f.block, f.g, f.of_bias, *sizes)


def _transposed_back(f: Function, m: Machine, words: _Table) -> None:
    patches, sums = _matrices(f, words)
    _clear_ends(f, m, words, patches, "taps")
    f.call("see", void, f.block, f.g, f.scratch, patches)
    with f.when(_is_null(f.of_weight) ^ 1):
        _clear_ends(f, m, words, sums, "outputs")
        f.call("outputs_in", void, f.block, f.x, sums)
        f.call("dots", void, f.block, sums, patches, f.of_weight)
    with f.when(_is_null(f.of_x) ^ 1):
        _by_taps(f, m, words, f.weight, patches, sums, f.constant(ptr, 0))
        f.call("outputs_out", void, f.block, f.of_x, sums)
    with f.when(_is_null(f.of_bias) ^ 1):
        sizes = words["channels"], words["input_rows"] * words["input_width"], words["image_bytes"]
        f.call("plane_sums", void, f.block, f.g, f.of_bias, *sizes)


def _matrices(f: Function, words: _Table) -> tuple[Value, Value]:
    """A row for each tap, and one for each output."""
    return f.scratch.offset(words["patches"]), f.scratch.offset(words["sums"])


def _clear_ends(f: Function, m: Machine, words: _Table, matrix: Value, rows: str) -> None:
    """Zeros beyond the last pixel of each row, which is summed up."""
    with f.loop(1, words[rows] + 1) as row:
        m.store(f, m.zero(f), matrix.offset(row * words["pitch"] - m.bytes))


def _by_taps(f: Function, m: Machine, words: _Table, *arrays: Value) -> None:
    """The outputs, of what the taps see."""
    weight, patches, sums, bias = arrays
    steps = words["taps"] * m.size, f.constant(i64, m.size)
    sizes = words["outputs"], words["taps"], words["pitch"]
    f.call("multiply", void, weight, *steps, patches, sums, *sizes, bias)


def _by_outputs(f: Function, m: Machine, words: _Table, *arrays: Value) -> None:
    """What goes back to the taps, of the outputs."""
    weight, sums, patches = arrays
    steps = f.constant(i64, m.size), words["taps"] * m.size
    sizes = words["taps"], words["outputs"], words["pitch"]
    f.call("multiply", void, weight, *steps, sums, patches, *sizes, f.constant(ptr, 0))


# ---- between images and matrices


def _copy_row(module: Module, m: Machine) -> None:
    arguments = {"source": ptr, "target": ptr, "count": i64}
    with (
        module.function("copy_row", exported=False, inline=True, **arguments) as f,
        f.loop(0, f.count, m.lanes) as at,
    ):
        mask = m.below(f, f.count - at)
        m.store(f, m.load(f, f.source.offset(at * m.size), 0, mask), f.target.offset(at * m.size), 0, mask)


def _clear(module: Module, m: Machine) -> None:
    """Zeros for the padded image, which is whole vectors."""
    with (
        module.function("clear", exported=False, target=ptr, size=i64) as f,
        f.loop(0, f.size, m.bytes) as at,
    ):
        m.store(f, m.zero(f), f.target.offset(at))


def _see(module: Module, m: Machine) -> None:
    """What each tap sees of the pixels of all images."""
    with module.function("see", exported=False, block=ptr, x=ptr, padded=ptr, patches=ptr) as f:
        words = _Table(f)
        is_padded = words["is_padded"].differs(0)
        with f.when(is_padded):
            f.call("clear", void, f.padded, words["padded_bytes"])
        with f.loop(0, words["images"]) as n:
            image = f.x.offset(n * words["image_bytes"])
            with f.when(is_padded), f.loop(0, words["channels"] * words["input_rows"]) as row:
                source = image.offset(row * words["input_width"] * m.size)
                f.call("copy_row", void, source, f.padded.offset(words.of_input(row)), words["input_width"])
            seen = f.select(is_padded, f.padded, image)
            first = f.patches.offset(n * words["pixels"] * m.size)
            with f.loop(0, words["taps"]) as k, f.loop(0, words["rows"]) as row:
                source = seen.offset(words.of_tap(k) + words.of_row(row))
                target = first.offset(k * words["pitch"] + row * words["row_length"] * m.size)
                with f.either(words["step"].equals(m.size)) as (side_by_side, apart):
                    with side_by_side:
                        f.call("copy_row", void, source, target, words["row_length"])
                    with apart, f.loop(0, words["row_length"]) as at:
                        element = f.load(m.scalar, source.offset(at * words["step"]))
                        f.store(element, target.offset(at * m.size))


def _put_back(module: Module, m: Machine) -> None:
    """Adds up what each tap gives to the images."""
    arguments = {"out": ptr, "padded": ptr, "patches": ptr, "bias": ptr}
    with module.function("put_back", exported=False, block=ptr, **arguments) as f:
        words = _Table(f)
        length = words["row_length"]
        with f.loop(0, words["images"]) as n:
            f.call("clear", void, f.padded, words["padded_bytes"])
            first = f.patches.offset(n * words["pixels"] * m.size)
            with f.loop(0, words["taps"]) as k, f.loop(0, words["rows"]) as row:
                target = f.padded.offset(words.of_tap(k) + words.of_row(row))
                source = first.offset(k * words["pitch"] + row * length * m.size)
                with f.either(words["step"].equals(m.size)) as (side_by_side, apart):
                    with side_by_side, f.loop(0, length, m.lanes) as at:
                        mask = m.below(f, length - at)
                        place = target.offset(at * m.size)
                        added = m.load(f, place, 0, mask) + m.load(f, source.offset(at * m.size), 0, mask)
                        m.store(f, added, place, 0, mask)
                    with apart, f.loop(0, length) as at:
                        place = target.offset(at * words["step"])
                        f.store(f.load(m.scalar, place) + f.load(m.scalar, source.offset(at * m.size)), place)
            _take_image(f, m, words, f.out.offset(n * words["image_bytes"]))


def _take_image(f: Function, m: Machine, words: _Table, image: Value) -> None:
    """The image without its padding, with a number for each channel added to it."""
    width, rows = words["input_width"], words["input_rows"]
    with f.loop(0, words["channels"]) as c:
        start = f.variable(m.vector, m.zero(f))
        with f.when(_is_null(f.bias) ^ 1):
            start.set(m.spread(f, f.bias.offset(c * m.size)))
        with f.loop(c * rows, (c + 1) * rows) as row, f.loop(0, width, m.lanes) as at:
            mask = m.below(f, width - at)
            source = f.padded.offset(words.of_input(row) + at * m.size)
            target = image.offset((row * width + at) * m.size)
            m.store(f, m.load(f, source, 0, mask) + start.get(), target, 0, mask)


def _rows(module: Module, m: Machine, name: str, into_matrix: bool) -> None:
    """Planes of the result as rows of a matrix, images side by side; or back."""
    with module.function(name, exported=False, block=ptr, planes=ptr, matrix=ptr) as f:
        words = _Table(f)
        with f.loop(0, words["images"]) as n, f.loop(0, words["outputs"]) as o:
            plane = words["pixels"] * m.size
            places = (
                f.planes.offset(n * words["output_bytes"] + o * plane),
                f.matrix.offset(o * words["pitch"] + n * plane),
            )
            f.call("copy_row", void, *(places if into_matrix else places[::-1]), words["pixels"])


# ---- products


def _tile(module: Module, m: Machine, rows: int, vectors: int) -> None:
    """Some rows of `a` by some vectors of columns of `b`."""
    places = {"a": ptr, "b": ptr, "c": ptr, "first": ptr}
    steps = {"down": i64, "across": i64, "start_step": i64, "inner": i64, "pitch": i64}
    with module.function(f"tile{rows}x{vectors}", exported=False, inline=False, **places, **steps) as f:
        starts = [m.spread(f, f.first.offset(f.start_step * r)) for r in range(rows)]
        sums = [[f.variable(m.vector, start) for _ in range(vectors)] for start in starts]
        lines = [f.a.offset(f.down * r) for r in range(rows)]
        with f.loop(0, f.inner) as k:
            row = f.b.offset(k * f.pitch)
            columns = [m.load(f, row, v * m.bytes) for v in range(vectors)]
            for line, totals in zip(lines, sums):
                element = m.spread(f, line.offset(k * f.across))
                for column, total in zip(columns, totals):
                    total.set(f.fma(element, column, total.get()))
        for r, totals in enumerate(sums):
            for v, total in enumerate(totals):
                m.store(f, total.get(), f.c.offset(f.pitch * r), v * m.bytes)


def _multiply(module: Module, m: Machine) -> None:
    """c = a b, with a number for each row where there are some; b and c are rows of whole vectors."""
    arguments = {"a": ptr, "down": i64, "across": i64, "b": ptr, "c": ptr}
    sizes = {"rows": i64, "inner": i64, "pitch": i64, "bias": ptr}
    with module.function("multiply", exported=False, **arguments, **sizes) as f:
        nothing = f.stack(m.size)
        f.store(f.constant(m.scalar, 0), nothing)
        has_none = _is_null(f.bias)
        start = f.select(has_none, nothing, f.bias)
        start_step = f.select(has_none, f.constant(i64, 0), m.size)
        row_low: Value = f.constant(i64, 0)
        for rows, vectors in TILES:
            row_high, low = f.rows & -rows, f.constant(i64, 0)
            for count in vectors:
                high = f.pitch - f.pitch % (count * m.bytes)
                with f.loop(low, high, count * m.bytes) as at, f.loop(row_low, row_high, rows) as r:
                    f.call(
                        f"tile{rows}x{count}",
                        void,
                        *(f.a.offset(r * f.down), f.b.offset(at), f.c.offset(r * f.pitch + at)),
                        *(start.offset(r * start_step), f.down, f.across, start_step, f.inner, f.pitch),
                    )
                low = high
            row_low = row_high


def _dots(module: Module, m: Machine) -> None:
    """Each row of one matrix times each of another: the weights' gradient."""
    rows, columns = DOTS[m.lanes]
    with module.function("dots", exported=False, block=ptr, g=ptr, patches=ptr, out=ptr) as f:
        words = _Table(f)
        outputs, taps, pitch = words["outputs"], words["taps"], words["pitch"]
        with f.loop(0, outputs, rows) as o, f.loop(0, taps, columns) as k:
            left = [f.g.offset(f.minimum(o + r, outputs - 1) * pitch) for r in range(rows)]
            right = [f.patches.offset(f.minimum(k + c, taps - 1) * pitch) for c in range(columns)]
            sums = [f.variable(m.vector, m.zero(f)) for _ in range(rows * columns)]
            with f.loop(0, pitch, m.bytes) as at:
                lines, rows_seen = ([m.load(f, place.offset(at)) for place in side] for side in (left, right))
                for number, total in enumerate(sums):
                    r, c = divmod(number, columns)
                    total.set(f.fma(lines[r], rows_seen[c], total.get()))
            found = _across(f, [total.get() for total in sums])
            for r in range(rows):
                turned = [(k + r * columns) % m.lanes for k in range(m.lanes)]
                valid = f.select(o + r < outputs, f.minimum(taps - k, columns), f.constant(i64, 0))
                place = f.out.offset(((o + r) * taps + k) * m.size)
                m.store(f, f.shuffle(found, None, turned), place, 0, m.below(f, valid))


def _across(f: Function, sums: list[Value]) -> Value:
    """The sum of the lanes of each of as many vectors as there are lanes."""
    parts = transpose(f, sums)
    while len(parts) > 1:
        parts = [a + b for a, b in zip(parts[::2], parts[1::2])]
    return parts[0]


def _plane_sums(module: Module, m: Machine) -> None:
    """The sum over the planes of all images of each channel: the bias's gradient."""
    arguments = {"planes": ptr, "out": ptr, "count": i64, "pixels": i64, "image_bytes": i64}
    with module.function("plane_sums", exported=False, block=ptr, **arguments) as f:
        words = _Table(f)
        with f.loop(0, f.count) as c:
            total = f.variable(m.vector, m.zero(f))
            with f.loop(0, words["images"]) as n, f.loop(0, f.pixels, m.lanes) as at:
                place = f.planes.offset(n * f.image_bytes + (c * f.pixels + at) * m.size)
                total.set(total.get() + m.load(f, place, 0, m.below(f, f.pixels - at)))
            lanes = [f.extract(total.get(), lane) for lane in range(m.lanes)]
            while len(lanes) > 1:
                lanes = [a + b for a, b in zip(lanes[::2], lanes[1::2])]
            f.store(lanes[0], f.out.offset(c * m.size))
