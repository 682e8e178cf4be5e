"""Results too large for the caches are stored past them: a third less memory traffic for simple kernels.

A kernel that does little arithmetic has a second body, `stream`, whose stores are non-temporal.  It is taken
for flat operands from `STREAM_FROM` bytes on, when every output starts on a cache line and none is also an
input. A row kernel has a second loop of its last pass, taken when that is so for every row.
"""

from __future__ import annotations

from ...runtime.ir import Function, Module, Value, i1, i64, ptr, void
from .. import policy
from ..graph import Graph
from . import frame
from .dispatch import stride_place, word

STREAM_FROM = 48 << 20  # bytes of all operands: beyond the last-level cache of most machines
LINE = 64
MOST_NODES = 12  # more make the second body cost more to compile than it brings


def wants_stream(graph: Graph, lanes: int, sizes: list[int]) -> bool:
    """Whether a kernel gets the second body: memory is its limit, and its vectors are whole registers."""
    work = sum(policy.COSTS.get(node.op, 0) for node in graph.nodes)
    return len(graph.nodes) <= MOST_NODES and work <= 400 and all(lanes * size >= 16 for size in sizes)


def finish_stream(f: Function) -> None:
    """Non-temporal stores are seen by other threads only after a fence."""
    if f.module.level in ("avx512", "avx2"):
        f.call("llvm.x86.sse.sfence", void)


def add_choose_body(module: Module) -> None:
    """Put the body that suits the operands into the frame."""
    with module.function("choose_body", exported=False, site=ptr) as f:
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        f.store(word(f, description, frame.DESC_BODY), f.site, frame.FRAME_BODY)
        stream = word(f, description, frame.DESC_STREAM)
        flat = word(f, f.site, frame.FRAME_RANK).equals(1)
        with f.when((stream.equals(0) | (flat ^ 1)) | f.call("is_small", i1, f.site)):
            f.ret()
        outputs = word(f, description, frame.DESC_OUTPUTS)
        with f.loop(0, outputs) as out:
            place = word(f, f.site, frame.FRAME_DATA, out)
            contiguous = _stride(f, out, f.constant(i64, 0)).equals(
                word(f, description, frame.DESC_SIZES, out)
            )
            with f.when((place & (LINE - 1)).differs(0) | (contiguous ^ 1)):
                f.ret()
            inputs = f.loop(outputs, word(f, description, frame.DESC_OPERANDS))
            with inputs as k, f.when(word(f, f.site, frame.FRAME_DATA, k).equals(place)):
                f.ret()
        f.store(stream, f.site, frame.FRAME_BODY)


def add_rows_stream(module: Module) -> None:
    """Whether the results of a row kernel are stored past the caches."""
    with module.function("rows_stream", i64, exported=False, site=ptr) as f:
        no = f.constant(i64, 0)
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        last = word(f, f.site, frame.FRAME_RANK) - 1
        size = f.variable(i64, 0)
        with f.loop(0, word(f, description, frame.DESC_OPERANDS)) as k:
            element = word(f, description, frame.DESC_SIZES, k)
            own = f.variable(i64, element)
            whole = k < word(f, description, frame.DESC_OUTPUTS)
            whole = whole & word(f, description, frame.DESC_PER_ROW, k).equals(0)
            with f.when(whole & (word(f, f.site, frame.FRAME_DATA, k) & (LINE - 1)).differs(0)):
                f.ret(no)
            with f.loop(0, last + 1) as d:
                stride, length = _stride(f, k, d), word(f, f.site, frame.FRAME_DIMS, d)
                step = f.select(d.equals(last), length * element, stride)
                with f.when(whole & (step & (LINE - 1)).differs(0)):
                    f.ret(no)
                with f.when(stride.differs(0)):
                    own.set(own.get() * length)
            size.set(size.get() + own.get())
            with f.loop(0, word(f, description, frame.DESC_OUTPUTS)) as out:
                same = word(f, f.site, frame.FRAME_DATA, out).equals(word(f, f.site, frame.FRAME_DATA, k))
                with f.when(same & out.differs(k)):
                    f.ret(no)
        f.ret((size.get() >= STREAM_FROM).convert("zext", i64))


def add_is_small(module: Module) -> None:
    with module.function("is_small", i1, exported=False, site=ptr) as f:
        description = f.load(ptr, f.site, frame.FRAME_DESC)
        size = f.variable(i64, 0)
        with f.loop(0, word(f, description, frame.DESC_OPERANDS)) as k:
            size.set(size.get() + word(f, description, frame.DESC_SIZES, k))
        f.ret(size.get() * word(f, f.site, frame.FRAME_TOTAL) < STREAM_FROM)


def _stride(f: Function, k: Value, dimension: Value) -> Value:
    return f.load(i64, stride_place(f.site, k, dimension))
